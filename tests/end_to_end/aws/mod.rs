//! Releases on ECS: the built program against a faithful part of AWS, with a real registry, and a service a real Docker engine runs.

mod killed;
mod served;
mod site;

use std::sync::Arc;

use haute_test_services::{BaseImage, Engine, both, require};
use libtest_mimic::Trial;

use crate::images::{lab::Bench, needs};

pub(crate) fn trials() -> Vec<Trial> {
    let bench = Arc::new(Bench::default());
    let with_engine = || {
        let engine = require("a Docker engine (HAUTE_TEST_ENGINE)", Engine::find());
        let base = require("a base image (HAUTE_TEST_BASE)", BaseImage::find());
        both(needs(&bench), both(engine, base))
    };
    [served::trials(with_engine), killed::trials(|| needs(&bench))].into_iter().flatten().collect()
}
