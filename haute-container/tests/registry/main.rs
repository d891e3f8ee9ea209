//! The registry client against a real registry, and against one that fails.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by panicking; without the standard harness clippy cannot tell that this is one"
)]

mod copying;
mod faults;
mod pushing;
mod reading;
mod resuming;
mod signing_in;
mod support;

use std::process::ExitCode;

use haute_test_services::{Registry, require, test};
use libtest_mimic::{Arguments, Failed, Trial};

/// A test that starts registries of its own.
type Check = fn() -> Result<(), Failed>;

fn main() -> ExitCode {
    let modules: [(&str, &[(&str, Check)]); 6] = [
        ("reading", reading::CHECKS),
        ("pushing", pushing::CHECKS),
        ("copying", copying::CHECKS),
        ("resuming", resuming::CHECKS),
        ("signing_in", signing_in::CHECKS),
        ("faults", faults::CHECKS),
    ];
    let trials: Vec<Trial> = modules
        .into_iter()
        .flat_map(|(module, checks)| {
            checks.iter().map(move |(name, check)| {
                let registry = require("`docker-registry`", Registry::find());
                test(format!("{module}::{name}"), registry, move |()| check())
            })
        })
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
