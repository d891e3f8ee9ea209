//! Runs a program to its end: output captured, stderr told line by line, stopped when the caller cancels.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Command;

use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::target::Context;
use crate::variables::Variables;

/// How many lines of a failed program an error shows.
const LINES_SHOWN: usize = 25;

/// A program that ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finished {
    /// Whether its exit code was 0.
    pub success: bool,
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Everything it wrote to stdout.
    pub stdout: String,
    /// The last lines it wrote to stderr.
    pub stderr_tail: Vec<String>,
}

impl Finished {
    /// Fails with `kind` and `message` unless the program succeeded; the error carries its last words.
    ///
    /// # Errors
    /// When the exit code was not 0.
    pub fn require(self, kind: ErrorKind, message: impl Into<String>) -> Result<Self> {
        if self.success {
            return Ok(self);
        }
        let code = self.code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"));
        let mut words = self.stderr_tail.join("\n");
        if words.trim().is_empty() {
            words = self
                .stdout
                .lines()
                .rev()
                .take(LINES_SHOWN)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect::<Vec<_>>()
                .join("\n");
        }
        Err(Error::new(kind, message).with_context("ended with", code).with_source(words))
    }
}

/// Runs `program` with `arguments`, `variables` as its whole environment, and nothing on stdin.
///
/// Each line of stderr becomes an [`Event::Log`] of `stream`. Cancelling kills the program, as does dropping the future.
///
/// # Errors
/// [`ErrorKind::NotFound`] when the program is not there, [`ErrorKind::Cancelled`], [`ErrorKind::Unexpected`] when its
/// output cannot be read. A bad exit code is not an error: see [`Finished::require`].
pub async fn run<A: AsRef<OsStr>>(
    context: &Context,
    stream: &str,
    program: impl AsRef<OsStr>,
    arguments: &[A],
    variables: &Variables,
) -> Result<Finished> {
    let name = program.as_ref().to_string_lossy().into_owned();
    let failed = |what: &str, source: std::io::Error| {
        let kind = if source.kind() == std::io::ErrorKind::NotFound {
            ErrorKind::NotFound
        } else {
            ErrorKind::Unexpected
        };
        Error::new(kind, format!("cannot {what} `{name}`")).with_source(source)
    };
    let mut child = Command::new(program.as_ref())
        .args(arguments)
        .env_clear()
        .envs(variables.iter())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| failed("start", source))?;
    let mut out = child.stdout.take();
    let mut err = child.stderr.take();
    let read_out = async {
        let mut bytes = Vec::new();
        if let Some(out) = out.as_mut() {
            out.read_to_end(&mut bytes).await?;
        }
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&bytes).into_owned())
    };
    let read_err = async {
        let mut tail = std::collections::VecDeque::new();
        if let Some(err) = err.as_mut() {
            let mut reader = BufReader::new(err);
            let mut bytes = Vec::new();
            while reader.read_until(b'\n', &mut bytes).await? > 0 {
                let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
                bytes.clear();
                context.events.emit(&Event::Log { stream: stream.to_owned(), line: line.clone() });
                if tail.len() == LINES_SHOWN {
                    tail.pop_front();
                }
                tail.push_back(line);
            }
        }
        Ok::<_, std::io::Error>(Vec::from(tail))
    };
    let work = async {
        let (stdout, stderr_tail) =
            tokio::try_join!(read_out, read_err).map_err(|source| failed("read the output of", source))?;
        let status = child.wait().await.map_err(|source| failed("wait for", source))?;
        Ok(Finished { success: status.success(), code: status.code(), stdout, stderr_tail })
    };
    tokio::select! {
        finished = work => finished,
        () = cancelled(context) => Err(Error::new(ErrorKind::Cancelled, format!("stopped while `{name}` ran; it was ended"))),
    }
}

/// The same within `limit`: a program that takes longer is ended.
///
/// # Errors
/// As [`run`], and [`ErrorKind::BuildFailed`] when the time is up.
pub async fn run_within<A: AsRef<OsStr>>(
    limit: Duration,
    context: &Context,
    stream: &str,
    program: impl AsRef<OsStr>,
    arguments: &[A],
    variables: &Variables,
) -> Result<Finished> {
    let late = |_| {
        Error::new(
            ErrorKind::BuildFailed,
            format!("`{stream}` did not end within {} s and was ended", limit.as_secs()),
        )
    };
    tokio::time::timeout(limit, run(context, stream, program, arguments, variables)).await.map_err(late)?
}

/// Resolves once the caller asked to stop.
async fn cancelled(context: &Context) {
    while !context.cancelled.is_cancelled() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
