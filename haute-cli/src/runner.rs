//! The whole program as a value: which targets there are, then one call per command line.

use std::ffi::OsString;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use clap::{CommandFactory as _, FromArgMatches as _};
use haute_core::Error;
use haute_core::diagnostic::CodeInfo;
use haute_core::target::{Registry, TargetFactory};

use crate::args::Arguments;
use crate::commands;
use crate::exit::{Exit, Stage};
use crate::failure::At as _;
use crate::io::Io;
use crate::ui::{Settings, Ui};

/// A command line over a set of targets.
///
/// A program with targets of its own registers them and runs; it has every command, flag, exit code and JSON line
/// `haute-cli` has.
#[derive(Default)]
pub struct Runner {
    registry: Registry,
    codes: Vec<&'static CodeInfo>,
    refused: Option<Error>,
}

impl Runner {
    /// No target at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// The targets this build of the crate carries, each a cargo feature.
    pub fn with_built_in_targets() -> Self {
        let runner = Self::new();
        #[cfg(feature = "target-local")]
        let runner =
            runner.register(haute_target_local::Factory::new()).explain(haute_target_local::Factory::codes());
        #[cfg(feature = "target-container")]
        let runner =
            runner.register(haute_container::Factory::new()).explain(haute_container::Factory::codes());
        #[cfg(feature = "target-databricks")]
        let runner = runner
            .register(haute_target_databricks::databricks::Factory::new())
            .explain(haute_target_databricks::databricks::Factory::codes());
        #[cfg(feature = "target-ecs")]
        let runner =
            runner.register(haute_target_ecs::Factory::new()).explain(haute_target_ecs::Factory::codes());
        #[cfg(feature = "target-mlflow")]
        let runner = runner
            .register(haute_target_databricks::mlflow::Factory::new())
            .explain(haute_target_databricks::mlflow::Factory::codes());
        runner
    }

    /// Adds a target. A second one of the same name is refused by [`run`](Self::run): neither silently wins.
    #[must_use]
    pub fn register(mut self, factory: impl TargetFactory + 'static) -> Self {
        if let Err(error) = self.registry.register(factory) {
            self.refused.get_or_insert(error);
        }
        self
    }

    /// Adds the diagnostic codes of a target, so that `explain` knows them too.
    #[must_use]
    pub fn explain(mut self, codes: &'static [CodeInfo]) -> Self {
        self.codes.extend(codes);
        self
    }

    /// Runs one command line, program name first. Reads no environment but what `io` carries.
    ///
    /// Installs a Ctrl-C handler while a command that changes the world runs. A panic below ends as [`Exit::Bug`].
    pub fn run<A>(self, arguments: A, io: Io) -> Exit
    where
        A: IntoIterator,
        A::Item: Into<OsString>,
    {
        let words: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        let parsed = parse(&words, io.width);
        let settings = match &parsed {
            Ok(arguments) => Settings::of(&arguments.global),
            Err(_) => Settings::guess(&words),
        };
        let ui = Arc::new(Ui::new(settings, io));
        let caught = std::panic::catch_unwind(AssertUnwindSafe(|| match parsed {
            Err(error) => ui.usage(&error),
            Ok(arguments) => {
                let result = match self.refused {
                    Some(error) => Err(error).at(Stage::Prepare),
                    None => commands::run(&self.registry, &self.codes, &arguments, &ui),
                };
                ui.finish(&arguments.global, &result)
            }
        }));
        caught.unwrap_or_else(|payload| ui.bug(&crate::panic::message(payload.as_ref())))
    }
}

fn parse(words: &[OsString], width: Option<usize>) -> Result<Arguments, clap::Error> {
    let command = Arguments::command();
    let mut command = match width {
        Some(width) => command.term_width(width),
        None => command,
    };
    let matches = command.try_get_matches_from_mut(words)?;
    Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}
