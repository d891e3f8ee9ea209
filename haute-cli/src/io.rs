//! The streams and variables of a run, as data: a test hands in its own.

use std::io::{IsTerminal as _, Write};
use std::sync::{Arc, Mutex, PoisonError};

use haute_core::variables::Variables;

/// Where a run writes, and the environment it reads.
pub struct Io {
    pub(crate) stdout: Stream,
    pub(crate) stderr: Stream,
    pub(crate) variables: Variables,
}

/// One output stream.
pub(crate) struct Stream {
    pub(crate) writer: Box<dyn Write + Send>,
    /// Whether a person watches it live: decides colour and moving progress.
    pub(crate) terminal: bool,
}

impl Io {
    /// The streams and variables of this process.
    pub fn process() -> Self {
        let (stdout, stderr) = (std::io::stdout(), std::io::stderr());
        Self {
            stdout: Stream { terminal: stdout.is_terminal(), writer: Box::new(stdout) },
            stderr: Stream { terminal: stderr.is_terminal(), writer: Box::new(stderr) },
            variables: Variables::of_process(),
        }
    }

    /// Streams into memory and no variables: for tests, and for programs that show the output elsewhere.
    pub fn captured() -> (Self, Captured) {
        let captured = Captured { stdout: Buffer::default(), stderr: Buffer::default() };
        let stream = |buffer: &Buffer| Stream { writer: Box::new(buffer.clone()), terminal: false };
        let io = Self {
            stdout: stream(&captured.stdout),
            stderr: stream(&captured.stderr),
            variables: Variables::empty(),
        };
        (io, captured)
    }

    /// Sets the environment.
    #[must_use]
    pub fn with_variables(mut self, variables: Variables) -> Self {
        self.variables = variables;
        self
    }
}

/// What a run with [`Io::captured`] wrote.
#[derive(Clone, Debug, Default)]
pub struct Captured {
    stdout: Buffer,
    stderr: Buffer,
}

impl Captured {
    /// What went to stdout so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What went to stderr so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }
}

#[derive(Clone, Debug, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
