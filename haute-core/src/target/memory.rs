//! A target in memory, for tests and examples.

/// A world in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryWorld {}

/// A target whose world is in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryTarget {}
