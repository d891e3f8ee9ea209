//! A panic is a bug of this program: said in a few lines, with exit code 70.

use std::sync::{Mutex, PoisonError};

static LAST: Mutex<Option<String>> = Mutex::new(None);

/// Keeps a panic's message for the last lines of the run instead of printing a trace in the middle of the output.
///
/// For a program's `main`, before [`Runner::run`](crate::Runner::run). With `RUST_BACKTRACE` set the standard hook stays.
pub fn install_panic_hook() {
    if std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") {
        return;
    }
    std::panic::set_hook(Box::new(|info| {
        let message = info.payload_as_str().unwrap_or("no message");
        let place = info.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(format!("{message}{place}"));
    }));
}

/// The message of the panic that was caught, from the hook if it is installed, else from its payload.
pub(crate) fn message(payload: &(dyn std::any::Any + Send)) -> String {
    LAST.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
        .or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
