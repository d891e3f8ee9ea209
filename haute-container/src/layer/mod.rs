//! Layers: trees of files that become deterministic tars.
//!
//! [`LayerTree`] says what a layer holds, [`tar`] writes it plain, [`LayerBuild`] writes it compressed and finds both
//! of its digests on the way, and [`LayerKey`] names everything the bytes depend on.

mod compress;
mod content;
mod entry;
mod gzip;
mod key;
pub mod tar;

pub use compress::{BuiltLayer, Compression, LayerBuild};
pub use entry::{Content, Entry, EntryKind, LayerTree};
pub use key::{KEY_ANNOTATION, LayerKey};
