//! The command line over the crates: arguments, rendering, exit codes, and nothing else.
//!
//! `haute-cli` itself is [`Runner::with_built_in_targets`] and one call of [`Runner::run`]. A program with targets of its
//! own is the same three lines:
//!
//! ```
//! use haute_cli::{Exit, Io, Runner};
//!
//! // `.register(MyFactory)` adds a target next to the built-in ones.
//! let exit = Runner::with_built_in_targets().run(["my-cli", "--version"], Io::captured().0);
//! assert_eq!(exit, Exit::Done);
//! ```
//!
//! Only the files below `ui/` write to a stream: what a program reads goes to stdout, what people read to stderr.

mod args;
mod commands;
mod environment;
mod exit;
mod failure;
mod interrupt;
mod io;
mod panic;
mod runner;
mod ui;

pub use exit::Exit;
pub use io::{Captured, Io};
pub use panic::install_panic_hook;
pub use runner::Runner;
