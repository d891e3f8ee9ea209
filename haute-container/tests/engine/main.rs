//! The engine builder, the push and the proof in the image, against a real Docker engine and a real registry.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by panicking; without the standard harness clippy cannot tell that this is one"
)]

mod build;
mod connect;
mod lab;
mod prove;
mod push;
mod server;
mod store;

use std::process::ExitCode;

use haute_test_services::{BaseImage, Engine, Registry, both, require};
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let base = || require("a base image (HAUTE_TEST_BASE)", BaseImage::find());
    let engine = || require("a Docker engine (HAUTE_TEST_ENGINE)", Engine::find());
    let needs = || both(engine(), base());
    let with_registry = || both(needs(), require("`docker-registry`", Registry::find()));
    let trials: Vec<Vec<Trial>> = vec![
        connect::trials(engine, needs),
        build::trials(needs, with_registry),
        push::trials(with_registry),
        store::trials(needs),
        prove::trials(needs),
    ];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit_code()
}
