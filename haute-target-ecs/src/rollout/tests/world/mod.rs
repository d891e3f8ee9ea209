//! A small ECS, and what must hold of every history it can have.
//!
//! The model knows nothing of the rules under test: it knows which image each task runs. So it can tell whether a success was one.

mod model;
mod properties;
