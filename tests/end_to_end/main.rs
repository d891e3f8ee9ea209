//! End-to-end tests: the built `haute-cli` on real projects, with real Python environments, processes and sockets.
//!
//! What a test needs and cannot find makes it *ignored*, by name; `HAUTE_TESTS_REQUIRE_ALL=1` makes that a failure.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unnecessary_wraps,
    clippy::format_push_string,
    reason = "a test says what is wrong by panicking; without the standard harness clippy cannot tell that this is one"
)]
#![expect(
    clippy::needless_pass_by_value,
    reason = "a test owns what it was given, so that services end with the last test that needs them"
)]

mod answers;
mod aws;
mod defects;
mod deploy;
mod failures;
mod haute;
mod hostile;
mod image_checks;
mod images;
mod installers;
mod models;
mod project;
mod release;
mod requirement;
mod truth;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let groups: Vec<Vec<Trial>> = vec![
        aws::trials(),
        deploy::trials(),
        defects::trials(),
        failures::trials(),
        haute::trials(),
        hostile::trials(),
        images::trials(),
        installers::trials(),
        models::trials(),
        release::trials(),
        truth::trials(),
    ];
    libtest_mimic::run(&arguments, groups.into_iter().flatten().collect()).exit_code()
}
