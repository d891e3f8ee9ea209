//! The journal of an apply.
