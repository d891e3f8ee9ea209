//! The fake with a real registry behind its own, and with services a real Docker engine runs.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by panicking; without the standard harness clippy cannot tell that this is one"
)]

mod client;
mod engine;
mod image;
mod registry;

use std::process::ExitCode;

use haute_test_services::{BaseImage, Engine, Registry, both, require};
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let registry = || require("`docker-registry`", Registry::find());
    let base = || require("a base image (HAUTE_TEST_BASE)", BaseImage::find());
    let engine = || require("a Docker engine (HAUTE_TEST_ENGINE)", Engine::find());
    let everything = || both(both(registry(), base()), engine());
    let trials: Vec<Vec<Trial>> = vec![registry::trials(registry), engine::trials(everything)];
    libtest_mimic::run(&Arguments::from_args(), trials.into_iter().flatten().collect()).exit_code()
}
