//! The two streams, and the one owner of the terminal.

use std::io::{ErrorKind, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Serialises everything that is written, and keeps moving progress and lines apart.
pub(crate) struct Console(Mutex<Streams>);

struct Streams {
    stdout: Box<dyn Write + Send>,
    stderr: Box<dyn Write + Send>,
    bar: Option<ProgressBar>,
    /// A write to stdout failed for another reason than a reader that went away.
    lost_data: bool,
}

impl Console {
    pub(crate) fn new(stdout: Box<dyn Write + Send>, stderr: Box<dyn Write + Send>) -> Self {
        Self(Mutex::new(Streams { stdout, stderr, bar: None, lost_data: false }))
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes for a program, and at once: whoever reads a pipe line by line sees each line when it happens.
    pub(crate) fn data(&self, text: &str) {
        let mut streams = self.streams();
        let Streams { stdout, bar, lost_data, .. } = &mut *streams;
        let result = beside(bar.as_ref(), || stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()));
        // A reader that went away (`haute-cli history | head -1`) has what it wants: not an error.
        *lost_data |= result.is_err_and(|error| error.kind() != ErrorKind::BrokenPipe);
    }

    /// Writes for people. What cannot be shown is not shown: there is nowhere left to say so.
    pub(crate) fn people(&self, text: &str) {
        let mut streams = self.streams();
        let Streams { stderr, bar, .. } = &mut *streams;
        beside(bar.as_ref(), || stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush())).unwrap_or_default();
    }

    /// Shows a moving line at the bottom of the terminal.
    pub(crate) fn draw(&self, message: String, position: Option<(u64, u64)>) {
        let mut streams = self.streams();
        let bar = streams.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(15));
            bar.set_style(ProgressStyle::default_spinner());
            bar
        });
        let template = match position {
            Some((done, total)) => {
                bar.set_length(total);
                bar.set_position(done.min(total));
                "{spinner} {wide_msg} {bar:20}"
            }
            None => "{spinner} {wide_msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸ "));
        }
        bar.set_message(message);
        bar.tick();
    }

    /// Takes the moving line away.
    pub(crate) fn clear(&self) {
        if let Some(bar) = self.streams().bar.take() {
            bar.finish_and_clear();
        }
    }

    pub(crate) fn flush(&self) {
        let mut streams = self.streams();
        streams.stdout.flush().unwrap_or_default();
        streams.stderr.flush().unwrap_or_default();
    }

    /// Whether data did not reach stdout.
    pub(crate) fn lost_data(&self) -> bool {
        self.streams().lost_data
    }
}

/// How often a moving line moves.
pub(crate) const FRAME: Duration = Duration::from_millis(100);

fn beside<T>(bar: Option<&ProgressBar>, write: impl FnOnce() -> T) -> T {
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}
