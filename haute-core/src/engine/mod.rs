//! The engine: order, journal, retries, waiting, cancellation, resume and events of an apply.
