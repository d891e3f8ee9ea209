//! Finds wheels in package indexes and keeps them on this machine.

mod settings;
mod store;

pub use settings::IndexSettings;
pub use store::WheelStore;
