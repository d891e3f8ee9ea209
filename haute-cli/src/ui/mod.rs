//! What a run shows. The files below this one are the only ones that write to a stream.

mod console;
pub(crate) mod curl;
mod diagnostics;
pub(crate) mod errors;
mod json;
mod phases;
pub(crate) mod plan_table;
pub(crate) mod premiums;
mod progress;
mod report;
pub(crate) mod status;
pub(crate) mod style;
pub(crate) mod table;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use haute_core::diagnostic::Report;
use haute_core::event::{Event, EventSink};
use haute_core::variables::Variables;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::args::{Color, Global};
use crate::environment;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::io::Io;
use console::Console;
use progress::Progress;
use style::Palette;

/// How a command that came to its end ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// The `outcome` of the result line.
    pub(crate) word: &'static str,
    /// The exit.
    pub(crate) exit: Exit,
}

impl Outcome {
    /// A good end, in one word for programs.
    pub(crate) const fn done(word: &'static str) -> Self {
        Self { word, exit: Exit::Done }
    }
}

/// What the flags say about showing things.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Goes before the paths in diagnostics, so that a reader can open them from where the command was run.
    root: PathBuf,
    json: bool,
    quiet: bool,
    color: Color,
    progress: bool,
}

impl Settings {
    pub(crate) fn of(global: &Global) -> Self {
        Self {
            root: global.project.clone(),
            json: global.json,
            quiet: global.quiet,
            color: global.color,
            progress: !global.no_progress,
        }
    }

    /// The settings of a command line that does not parse: a program that asked for JSON still gets its result line.
    pub(crate) fn guess(words: &[OsString]) -> Self {
        let has = |word: &str| words.iter().any(|given| given == word);
        let after_color =
            || words.iter().skip_while(|word| *word != "--color").nth(1).and_then(|w| w.to_str());
        let color = match after_color() {
            _ if has("--color=never") => Color::Never,
            _ if has("--color=always") => Color::Always,
            Some("never") => Color::Never,
            Some("always") => Color::Always,
            _ => Color::Auto,
        };
        Self { root: PathBuf::new(), json: has("--json"), quiet: false, color, progress: false }
    }

    fn palette(&self, variables: &Variables, terminal: bool) -> Palette {
        match self.color {
            Color::Always => Palette::new(true),
            Color::Never => Palette::new(false),
            Color::Auto => Palette::new(environment::wants_color(variables, terminal)),
        }
    }
}

/// What a run shows, to people or to a program.
pub(crate) struct Ui {
    settings: Settings,
    variables: Variables,
    console: Arc<Console>,
    progress: Progress,
    /// For tables on stdout.
    data_palette: Palette,
    /// For everything on stderr.
    palette: Palette,
    /// What goes into the result line.
    fields: Mutex<Map<String, Value>>,
}

impl Ui {
    pub(crate) fn new(settings: Settings, io: Io) -> Self {
        let Io { stdout, stderr, variables, width: _ } = io;
        let data_palette = settings.palette(&variables, stdout.terminal);
        let palette = settings.palette(&variables, stderr.terminal);
        let people = !settings.json && !settings.quiet;
        let moving = people && settings.progress && stderr.terminal && !environment::is_ci(&variables);
        let console = Arc::new(Console::new(stdout.writer, stderr.writer));
        let progress = Progress::new(Arc::clone(&console), moving, people, palette);
        Self { settings, variables, console, progress, data_palette, palette, fields: Mutex::default() }
    }

    /// The environment of the run.
    pub(crate) fn variables(&self) -> &Variables {
        &self.variables
    }

    /// A line for people that a program does not need.
    pub(crate) fn note(&self, text: &str) {
        if !self.settings.json && !self.settings.quiet {
            self.console.people(&format!("{}\n", style::clean(text)));
        }
    }

    /// One fact of the result line, for programs only.
    pub(crate) fn field(&self, name: &str, value: impl Serialize) {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        self.fields.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), value);
    }

    /// Data: a field of the result line, or its text on stdout.
    pub(crate) fn data(&self, name: &str, value: impl Serialize, text: impl FnOnce(Palette) -> String) {
        if self.settings.json {
            self.field(name, value);
        } else {
            self.progress.pause();
            self.console.data(&text(self.data_palette));
        }
    }

    /// Diagnostics of files: people see them on stderr, a program in the result line.
    pub(crate) fn report(&self, report: &Report) {
        if self.settings.json {
            let (errors, warnings) = report.counts();
            self.field("errors", errors);
            self.field("warnings", warnings);
            self.field("diagnostics", report.resolved());
        } else if !self.settings.quiet || report.has_errors() {
            self.progress.pause();
            self.console.people(&diagnostics::render(
                report,
                &self.settings.root,
                self.palette,
                self.settings.quiet,
            ));
        }
    }

    /// A command line that does not parse, or asks for help.
    pub(crate) fn usage(&self, error: &clap::Error) -> Exit {
        let palette = if error.use_stderr() { self.palette } else { self.data_palette };
        let text = error.render();
        let text = if palette.enabled() { text.ansi().to_string() } else { text.to_string() };
        if !error.use_stderr() {
            self.console.data(&text);
            return Exit::Done;
        }
        self.console.people(&text);
        if self.settings.json {
            let first = style::first_paragraph(&error.render().to_string());
            self.field("error", json::error_of("invalid_input", &first));
            self.result_line(Exit::Usage.outcome(), Exit::Usage);
        }
        Exit::Usage
    }

    /// The end of a command: the result line, or the error screen.
    pub(crate) fn finish(&self, global: &Global, result: &Result<Outcome, Failure>) -> Exit {
        self.progress.stop();
        let (word, exit) = match result {
            Ok(outcome) => (outcome.word, outcome.exit),
            Err(failure) => (failure.exit().outcome(), failure.exit()),
        };
        if let Err(failure) = result {
            match failure {
                Failure::Check(report) => self.report(report),
                Failure::Error { error, stage } => {
                    let standing = errors::standing(exit, *stage);
                    let hints = errors::hints(error, exit, *stage, global);
                    if self.settings.json {
                        self.field("error", json::error(error, &hints, standing));
                    } else {
                        let tail = self.progress.tail(*stage);
                        self.console.people(&errors::render(error, &hints, standing, &tail, self.palette));
                    }
                }
            }
        }
        if self.settings.json {
            self.result_line(word, exit);
        }
        self.console.flush();
        if exit == Exit::Done && self.console.lost_data() {
            // A full disk under a redirected stdout: the caller would read half a document as a whole one.
            self.console.people("error: stdout cannot be written to: what was asked for is done, but not all of it is shown\n");
            return Exit::Usage;
        }
        exit
    }

    /// The end after a second Ctrl-C.
    pub(crate) fn finish_at_once(&self) -> Exit {
        self.progress.stop();
        let message = "stopped at once; `haute-cli resume` continues where a change was cut off";
        if self.settings.json {
            self.field("error", json::error_of("cancelled", message));
            self.result_line(Exit::Interrupted.outcome(), Exit::Interrupted);
        } else {
            self.console.people(&format!("{message}\n"));
        }
        self.console.flush();
        Exit::Interrupted
    }

    /// The end after a panic.
    pub(crate) fn bug(&self, message: &str) -> Exit {
        self.progress.stop();
        let message = style::clean(message).into_owned();
        if self.settings.json {
            self.field("error", json::error_of("unexpected", &message));
            self.result_line(Exit::Bug.outcome(), Exit::Bug);
        }
        self.console.people(&errors::bug(&message, self.palette));
        self.console.flush();
        Exit::Bug
    }

    fn result_line(&self, word: &str, exit: Exit) {
        let fields = std::mem::take(&mut *self.fields.lock().unwrap_or_else(PoisonError::into_inner));
        self.console.data(&json::result(word, exit, fields));
    }
}

impl EventSink for Ui {
    fn emit(&self, event: &Event) {
        if self.settings.json {
            self.console.data(&json::event(event));
        } else {
            self.progress.event(event);
        }
    }
}
