//! The command line over the crates.
