//! One file per command. None of them writes to a stream: they hand data to the [`Ui`].

mod build;
mod canary;
mod check;
mod deploy;
mod explain;
mod finish;
mod history;
mod image;
mod make;
mod plan;
mod preflight;
mod prepare;
mod prove;
mod resume;
mod rollback;
mod smoke;
mod status;
mod stop;
mod watch;
mod work;

use std::sync::Arc;

use haute_core::config::ProveIn;
use haute_core::diagnostic::CodeInfo;
use haute_core::target::Registry;

use crate::args::{Arguments, Command, Global};
use crate::failure::Failure;
use crate::ui::{Outcome, Ui};

/// What a command works with.
#[derive(Clone, Copy)]
pub(crate) struct Session<'a> {
    pub(crate) registry: &'a Registry,
    /// The codes of targets, beside those of core.
    pub(crate) codes: &'a [&'static CodeInfo],
    pub(crate) global: &'a Global,
    /// Where the command line wants the test quotes scored once more.
    pub(crate) prove_in: Option<ProveIn>,
    pub(crate) ui: &'a Arc<Ui>,
}

/// Runs one command. Only those that start programs or talk to a service get a runtime.
pub(crate) fn run(
    registry: &Registry,
    codes: &[&'static CodeInfo],
    arguments: &Arguments,
    ui: &Arc<Ui>,
) -> Result<Outcome, Failure> {
    let prove_in = match &arguments.command {
        Command::Build(arguments) => arguments.prove_in.where_to(),
        Command::Deploy(arguments) => arguments.prove_in.where_to(),
        _ => None,
    };
    let session = Session { registry, codes, global: &arguments.global, prove_in, ui };
    match &arguments.command {
        Command::Check => check::run(session),
        Command::Explain(arguments) => explain::run(session, arguments),
        Command::Build(arguments) => work::run(session, |work| build::run(work, arguments)),
        Command::Prove(arguments) => work::run(session, |work| prove::run(work, arguments)),
        Command::Plan(arguments) => work::run(session, |work| plan::run(work, arguments)),
        Command::Deploy(arguments) => work::run(session, |work| deploy::run(work, arguments)),
        Command::Preflight => work::run(session, preflight::run),
        Command::Watch(arguments) => work::run(session, |work| watch::run(work, arguments)),
        Command::Promote => work::run(session, canary::promote),
        Command::Abort => work::run(session, canary::abort),
        Command::History(arguments) => work::run(session, |work| history::run(work, arguments)),
        Command::Resume => work::run(session, resume::run),
        Command::Status => work::run(session, status::run),
        Command::Rollback(arguments) => work::run(session, |work| rollback::run(work, arguments)),
        Command::Stop => work::run(session, stop::run),
        Command::Smoke(arguments) => work::run(session, |work| smoke::run(work, arguments)),
    }
}
