//! The lock: every distribution of a release's environment, by version and hash.
//!
//! What scoring needs and no more: Haute's own requirements hold an editor, training stacks and assistants, which are
//! resolved (so that versions are the ones the project was tested with) but not carried.

mod declared;
mod distributions;
mod graph;
mod resolve;

pub use declared::{Declared, read_declared};
pub(super) use distributions::SERVING;
pub use distributions::{distribution_of_import, model_distributions, normalise};
pub(super) use resolve::resolve_same;
pub use resolve::{Lock, LockEntry, LockRequest, resolve};

use serde::{Deserialize, Serialize};

/// Where a release will run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Platform {
    /// `linux/amd64`.
    LinuxAmd64,
    /// `linux/arm64`.
    LinuxArm64,
    /// `darwin/arm64`: the local target on a Mac.
    DarwinArm64,
    /// `darwin/amd64`.
    DarwinAmd64,
}

impl Platform {
    /// The platform of this machine; `None` where no release can run.
    pub fn of_host() -> Option<Self> {
        Self::parse(&format!(
            "{}/{}",
            if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS },
            match std::env::consts::ARCH {
                "x86_64" => "amd64",
                "aarch64" => "arm64",
                other => other,
            }
        ))
    }

    /// Reads `linux/amd64` and the like.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::LinuxAmd64, Self::LinuxArm64, Self::DarwinArm64, Self::DarwinAmd64]
            .into_iter()
            .find(|platform| platform.as_str() == text)
    }

    /// As images name it (OCI image spec, `os` and `architecture`).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LinuxAmd64 => "linux/amd64",
            Self::LinuxArm64 => "linux/arm64",
            Self::DarwinArm64 => "darwin/arm64",
            Self::DarwinAmd64 => "darwin/amd64",
        }
    }

    /// As `uv pip compile --python-platform` names it.
    fn uv_name(self) -> &'static str {
        match self {
            Self::LinuxAmd64 => "x86_64-manylinux_2_28",
            Self::LinuxArm64 => "aarch64-manylinux_2_28",
            Self::DarwinArm64 => "aarch64-apple-darwin",
            Self::DarwinAmd64 => "x86_64-apple-darwin",
        }
    }

    /// The wheel tags `pip install --platform` takes, best first (PEP 600, PEP 599).
    fn wheel_tags(self) -> Vec<String> {
        let (machine, mac): (&str, Option<&[&str]>) = match self {
            Self::LinuxAmd64 => ("x86_64", None),
            Self::LinuxArm64 => ("aarch64", None),
            Self::DarwinArm64 => {
                ("arm64", Some(&["macosx_14_0", "macosx_13_0", "macosx_12_0", "macosx_11_0"]))
            }
            Self::DarwinAmd64 => (
                "x86_64",
                Some(&["macosx_13_0", "macosx_12_0", "macosx_11_0", "macosx_10_15", "macosx_10_12"]),
            ),
        };
        match mac {
            Some(systems) => systems.iter().map(|system| format!("{system}_{machine}")).collect(),
            None => (5..=28)
                .rev()
                .map(|minor| format!("manylinux_2_{minor}_{machine}"))
                .chain([
                    format!("manylinux2014_{machine}"),
                    format!("manylinux2010_{machine}"),
                    format!("manylinux1_{machine}"),
                ])
                .collect(),
        }
    }
}

impl TryFrom<String> for Platform {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is not a platform such as linux/amd64"))
    }
}

impl From<Platform> for String {
    fn from(platform: Platform) -> Self {
        platform.as_str().to_owned()
    }
}
