//! What this crate writes, read and served by the real MLflow of PyPI.
//!
//! Needs a Python with MLflow and the distributions of the example's lock in it, named by `HAUTE_MLFLOW_PYTHON` or, as the
//! whole of Haute brings MLflow along, by `HAUTE_PYTHON`. Without one every test is *ignored*, by name;
//! `HAUTE_TESTS_REQUIRE_ALL=1` makes that a failure.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unnecessary_wraps,
    reason = "a test says what is wrong by panicking; without the standard harness clippy cannot tell that this is one"
)]

mod built;
mod model;
mod registry;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let groups: Vec<Vec<Trial>> = vec![model::trials(), registry::trials()];
    let ended = libtest_mimic::run(&arguments, groups.into_iter().flatten().collect());
    registry::stop();
    ended.exit_code()
}
