//! Faults of a registry, and of what is between: each is survived, with the whole image there afterwards, or ends in an error that
//! says what happened and what to do, with nothing half-tagged.
//!
//! The registry is a real one; a proxy before it fails as each test says.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what is wrong by panicking; without the standard harness clippy cannot tell that this is one"
)]

mod amazon;
mod answers;
mod cancel;
mod connections;
mod expect;
mod image;
mod manifests;
mod memory;
mod mounts;
mod reading;
mod stage;
mod tokens;
mod uploads;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((first, rest)) = arguments.split_first()
        && first == memory::CHILD
    {
        memory::child(rest);
        return ExitCode::SUCCESS;
    }
    let groups: Vec<Vec<Trial>> = vec![
        amazon::trials(),
        answers::trials(),
        cancel::trials(),
        connections::trials(),
        manifests::trials(),
        memory::trials(),
        mounts::trials(),
        reading::trials(),
        tokens::trials(),
        uploads::trials(),
    ];
    libtest_mimic::run(&Arguments::from_args(), groups.into_iter().flatten().collect()).exit_code()
}
