//! Releases as images: the built program against a real registry and a real Docker engine.
//!
//! The tests share one registry and one release, built and proven once. Each has a repository and a clone of the project of
//! its own.

mod archive;
mod builders;
mod credentials;
mod deterministic;
mod evidence;
pub(crate) mod files;
mod interrupted;
pub(crate) mod lab;
mod local;
pub(crate) mod pushed;
pub(crate) mod site;
mod tags;
mod traffic;

use std::sync::Arc;

use haute_test_services::{BaseImage, Engine, Program, Registry, Required, both, require};
use libtest_mimic::Trial;

use crate::requirement::python;
use lab::Bench;

pub(crate) fn trials() -> Vec<Trial> {
    let bench = Arc::new(Bench::default());
    [
        archive::trials(&bench),
        builders::trials(&bench),
        credentials::trials(&bench),
        deterministic::trials(&bench),
        evidence::trials(&bench),
        interrupted::trials(&bench),
        local::trials(&bench),
        tags::trials(&bench),
        traffic::trials(&bench),
        crate::image_checks::trials(&bench),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What every test here needs: a registry, and a Python to build and prove a release with.
pub(crate) fn needs(bench: &Arc<Bench>) -> Required<Arc<Bench>> {
    let python = require("Python 3.11 or newer", python());
    let git = both(python, require("`git`", Program::find("git")));
    both(require("`docker-registry`", Registry::find()), git).map(|_| Arc::clone(bench))
}

/// The same, and an engine with a base image that runs.
fn needs_engine(bench: &Arc<Bench>) -> Required<(Arc<Bench>, (Engine, BaseImage))> {
    let engine = require("a Docker engine (HAUTE_TEST_ENGINE)", Engine::find());
    let base = require("a base image (HAUTE_TEST_BASE)", BaseImage::find());
    both(needs(bench), both(engine, base))
}

/// The same, and a program of this machine.
pub(crate) fn needs_program(bench: &Arc<Bench>, name: &str) -> Required<(Arc<Bench>, Program)> {
    both(needs(bench), require(&format!("`{name}`"), Program::find(name)))
}
