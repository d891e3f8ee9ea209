//! The local target with real processes and sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod failures;
mod lab;
mod switch;

/// Every check of the conformance suite.
mod conformance {
    use crate::lab::Lab;
    haute_conformance::conformance!(Lab::new());
}
