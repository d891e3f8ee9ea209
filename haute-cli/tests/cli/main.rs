//! The program as others see it: what it prints where, and how it ends.

mod check;
mod deployments;
mod explain;
mod help;
mod plans;
mod streams;
mod support;
