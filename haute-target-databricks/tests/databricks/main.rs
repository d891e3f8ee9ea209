//! The target `databricks` against a workspace that stands in for the real one, held to the recorded requests of the real
//! clients.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test, and the fake it uses, fail by panicking"
)]

mod canary;
mod equivalence;
mod faults;
mod lab;
mod signing;
mod uploads;

/// Every check of the conformance suite: with an endpoint, and with the registry alone.
mod conformance {
    mod endpoint {
        use crate::lab::Lab;
        haute_conformance::conformance!(Lab::new());
    }

    mod registry {
        use crate::lab::Lab;
        haute_conformance::conformance!(Lab::without_endpoint());
    }
}
