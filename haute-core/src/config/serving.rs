//! The sections below `[deploy]` that are this project's own: `[deploy.serving]` and `[deploy.build]`.
//!
//! Haute refuses keys it does not know, so they usually live in an overlay, `haute.<env>.toml`.

use serde::{Deserialize, Serialize};

/// `[deploy.serving]`: the limits of the served API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ServingSection {
    /// The longest request body, in bytes.
    pub body_limit_bytes: u64,
    /// The most rows of one request.
    pub row_limit: u64,
    /// How deep a row may be nested.
    pub depth_limit: u64,
    /// How long one request may take, in seconds.
    pub deadline_seconds: u64,
    /// How many requests may wait before further ones are sent away.
    pub queue_limit: u64,
    /// Whether `/docs` and the OpenAPI document are served.
    pub docs: bool,
}

impl Default for ServingSection {
    fn default() -> Self {
        Self {
            body_limit_bytes: 8 * 1024 * 1024,
            row_limit: 10_000,
            depth_limit: 64,
            deadline_seconds: 30,
            queue_limit: 1024,
            docs: true,
        }
    }
}

/// `[deploy.build]`: what a release is made for and with.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct BuildSection {
    /// The Python the release runs on, `MAJOR.MINOR`. Once loaded: as set, else what the tag of
    /// `[deploy.container] base_image` says, else `None`: the Python at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// The processor the release runs on. Once loaded: as set, else [`Architecture::Amd64`] for the targets that run
    /// in a cloud, else this machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<Architecture>,
    /// What resolves and installs the dependencies.
    pub installer: Installer,
}

/// A processor a release can be made for, in the words of OCI images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Architecture {
    /// x86-64.
    Amd64,
    /// 64-bit ARM.
    Arm64,
}

impl Architecture {
    /// This machine's.
    pub const fn host() -> Self {
        if cfg!(target_arch = "aarch64") { Self::Arm64 } else { Self::Amd64 }
    }

    /// `amd64` or `arm64`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

/// What resolves and installs a release's dependencies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Installer {
    /// `uv` when it is there, else `pip`.
    #[default]
    Auto,
    /// `uv`.
    Uv,
    /// `pip`.
    Pip,
}

impl Installer {
    /// `auto`, `uv` or `pip`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Uv => "uv",
            Self::Pip => "pip",
        }
    }
}
