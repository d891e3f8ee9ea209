//! Python: interpreters, installers, environments made from a lock, and the runtime package every release carries.
//!
//! Everything here runs other programs; nothing here reads a pipeline.

mod environment;
mod installer;
mod interpreter;
mod process;
mod provider;
mod runtime;

pub use environment::{Environment, EnvironmentCache, cache_directory};
pub use installer::{Installer, InstallerChoice};
pub use interpreter::{Interpreter, PythonVersion, find_interpreter};
pub use process::{Finished, run, run_within};
pub use provider::EnvironmentProvider;
pub use runtime::runtime_files;
