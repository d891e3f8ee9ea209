//! What the last deploy from this machine did, for accounts that may change a service and not read its task definition.
//!
//! Nothing is decided by it alone: it counts only while the service still has exactly the deployment that is written here.

use haute_core::digest::Digest;
use haute_core::error::Result;
use haute_core::store::{Store, file_name, read_json};
use serde::{Deserialize, Serialize};

use super::{EcsTarget, NAME};

/// The last deployment that was begun from here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LastDeployment {
    /// The revision the service was given.
    pub(super) task_definition: String,
    /// The deployment that brings it.
    pub(super) deployment: String,
    /// The release in it.
    pub(super) release: Digest,
    /// What its image was made of.
    pub(super) image_key: Option<Digest>,
    /// The image it runs.
    pub(super) image: Option<String>,
    /// The tag that image was pushed with.
    #[serde(default)]
    pub(super) image_tag: Option<String>,
}

pub(super) fn read(target: &EcsTarget) -> Result<Option<LastDeployment>> {
    read_json(&path(target))
}

pub(super) fn write(target: &EcsTarget, last: &LastDeployment) -> Result<()> {
    Store::new(&target.root).write_json(&path(target), last)
}

fn path(target: &EcsTarget) -> std::path::PathBuf {
    let file = format!("{}.json", file_name(&target.config.address()));
    haute_core::target::state_directory(&target.root, NAME).join(file)
}
