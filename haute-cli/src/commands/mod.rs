//! One file per command. None of them writes to a stream: they hand data to the [`Ui`].

mod check;
mod explain;
mod prepare;

use std::sync::Arc;

use haute_core::target::Registry;

use crate::args::{Arguments, Command, Global};
use crate::failure::Failure;
use crate::ui::{Outcome, Ui};

/// What a command works with.
pub(crate) struct Session<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) global: &'a Global,
    pub(crate) ui: &'a Arc<Ui>,
}

/// Runs one command.
pub(crate) fn run(registry: &Registry, arguments: &Arguments, ui: &Arc<Ui>) -> Result<Outcome, Failure> {
    let session = Session { registry, global: &arguments.global, ui };
    match &arguments.command {
        Command::Check => check::run(&session),
        Command::Explain(arguments) => explain::run(&session, arguments),
        _ => Ok(Outcome::done("x")),
    }
}
