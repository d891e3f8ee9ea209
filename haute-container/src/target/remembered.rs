//! What the last push from this project was told, for accounts that may push and not read.

use haute_core::digest::Digest;
use haute_core::error::Result;
use haute_core::store::{Store, file_name, read_json};
use serde::{Deserialize, Serialize};

use super::{ContainerTarget, NAME};

/// The last image that was pushed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LastPush {
    pub(super) digest: Digest,
    pub(super) release: Digest,
    pub(super) tag: String,
}

pub(super) fn read(target: &ContainerTarget) -> Result<Option<LastPush>> {
    read_json(&path(target))
}

pub(super) fn write(target: &ContainerTarget, last: &LastPush) -> Result<()> {
    Store::new(&target.root).write_json(&path(target), last)
}

fn path(target: &ContainerTarget) -> std::path::PathBuf {
    let file = format!("{}.json", file_name(&target.config.address()));
    haute_core::target::state_directory(&target.root, NAME).join(file)
}
