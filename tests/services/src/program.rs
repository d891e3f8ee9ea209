//! Programs of this machine.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use haute_core::error::{Error, ErrorKind, Result};

/// A program that was found.
#[derive(Clone, Debug)]
pub struct Program(PathBuf);

impl Program {
    /// Looks for `name` on `PATH`, and where Debian keeps what the administrator runs; `None` when it is in neither.
    pub fn find(name: &str) -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
            .map(|directory| directory.join(name))
            .find(|file| file.is_file())
            .map(Self)
    }

    /// A call of it.
    pub fn command(&self) -> Command {
        Command::new(&self.0)
    }

    /// Runs it to its end and gives its output.
    ///
    /// # Errors
    /// [`ErrorKind::Unexpected`] with what it said on standard error, when it fails.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<String> {
        output(self.command().args(arguments))
    }
}

/// Runs a command to its end and gives its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let finished = command.stdin(Stdio::null()).output().map_err(|source| {
        Error::new(ErrorKind::NotFound, format!("`{name}` cannot be started")).with_source(source)
    })?;
    if !finished.status.success() {
        return Err(Error::new(ErrorKind::Unexpected, format!("`{name}` failed"))
            .with_context("status", finished.status.to_string())
            .with_context("said", String::from_utf8_lossy(&finished.stderr).trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&finished.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_says_why_it_failed() {
        let shell = Program::find("sh").unwrap();
        assert_eq!(shell.run(["-c", "echo done"]).unwrap(), "done\n");
        let error = shell.run(["-c", "echo because >&2; exit 3"]).unwrap_err().to_string();
        assert!(error.contains("because") && error.contains('3'), "{error}");
        assert!(Program::find("no-program-of-this-name").is_none());
    }
}
