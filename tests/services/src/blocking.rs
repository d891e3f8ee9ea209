//! Asynchronous calls from where there may or may not be a runtime.

use std::future::Future;

use haute_core::error::{Error, ErrorKind, Result};

/// Runs `work` to its end on a thread and a runtime of its own, so that a caller inside a runtime may block on it.
pub(crate) fn blocking<T: Send>(work: impl Future<Output = Result<T>> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        scope
            .spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.map_err(failed("a runtime cannot be started"))?.block_on(work)
            })
            .join()
            .unwrap_or_else(|_| Err(Error::bug("a helper of the tests panicked")))
    })
}

/// Wraps the error of something the tests rely on.
pub(crate) fn failed<E: std::error::Error + Send + Sync + 'static>(message: &str) -> impl FnOnce(E) -> Error {
    move |source| Error::new(ErrorKind::Unexpected, message).with_source(source)
}
