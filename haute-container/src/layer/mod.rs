//! Layers: trees of files that become deterministic tars.

mod entry;

pub use entry::{Content, Entry, EntryKind, LayerTree};
