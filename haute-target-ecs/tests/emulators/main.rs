//! The target against two emulators of AWS that others wrote, as far as each of them is faithful; ignored, by name, where the
//! Python environment with them is not named.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by panicking; without the standard harness clippy cannot tell that this is one"
)]

mod emulator;
mod lab;
mod ministack;
mod moto;
mod plain;

use std::process::ExitCode;

use haute_test_services::{Registry, both, require};
use libtest_mimic::{Arguments, Trial};

use crate::emulator::Kind;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let python = |kind: Kind| require(kind.named(), kind.find());
    let registry = || require("`docker-registry`", Registry::find());
    let trials: Vec<Vec<Trial>> = vec![
        moto::trials(|| both(python(Kind::Moto), registry())),
        ministack::trials(|| both(python(Kind::Ministack), registry())),
    ];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit_code()
}
