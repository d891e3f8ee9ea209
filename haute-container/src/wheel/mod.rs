//! Wheels: a release's lock becomes layers, without pip, a virtual environment or the image's own interpreter.
//!
//! [`read_lock`] reads the lock, [`WheelPlan`] divides it into layers and gives each its key without asking anyone, and
//! [`WheelLayer::tree`] lays the downloaded wheels of one layer out as an installer would. What scoring does not need is left
//! out by [`trim`].

mod archive;
mod install;
mod lock;
mod name;
mod plan;
mod record;
mod tag;
pub mod trim;
mod wheels;

pub use archive::{WheelArchive, WheelMember};
pub use install::{INSTALL_ROOT, install};
pub use lock::{Locked, read_lock};
pub use name::WheelName;
pub use plan::{MAX_WHEEL_LAYERS, SITECUSTOMIZE, WheelLayer, WheelPlan};
pub use tag::{Fit, Tags, WheelTarget};
pub use wheels::{WheelFile, Wheels};
