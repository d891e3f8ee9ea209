//! `[deploy.container]`: Haute's three keys, and this project's own about how the image is made.

use serde::{Deserialize, Serialize};

use super::{Config, codes};
use crate::diagnostic::Diagnostic;

/// `[deploy.container]`: every target that runs an image reads it.
///
/// `registry`, `port` and `base_image` are Haute's and mean what they mean there. The others are this project's own;
/// Haute refuses keys it does not know, so they usually live in an overlay, `haute.<env>.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ContainerSection {
    /// The prefix of the image's name, such as `registry.example/pricing`; empty when not set.
    pub registry: String,
    /// The port the server in the image listens on, 1 to 65535.
    pub port: u16,
    /// The image to build on; empty when not set.
    pub base_image: String,
    /// What makes the image.
    pub builder: Builder,
    /// How the layers of the image are compressed.
    pub compression: Compression,
    /// Whether distributions that scoring never imports are left out of the image.
    pub leave_out_unused: bool,
    /// Distributions that are never left out, nor anything they need.
    pub keep: Vec<String>,
    /// A tag that moves: set beside the commit's, and read before a build for the layers it has. Empty: none.
    pub latest_tag: String,
    /// Registries, `host` or `host:port`, that are spoken to without TLS.
    pub insecure_registries: Vec<String>,
    /// Where the test quotes are scored once more before the image is tagged.
    pub prove_in: ProveIn,
}

impl Default for ContainerSection {
    fn default() -> Self {
        Self {
            registry: String::new(),
            port: 8080,
            base_image: String::new(),
            builder: Builder::default(),
            compression: Compression::default(),
            leave_out_unused: true,
            keep: Vec::new(),
            latest_tag: "latest".to_owned(),
            insecure_registries: Vec::new(),
            prove_in: ProveIn::default(),
        }
    }
}

/// What makes an image out of a release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Builder {
    /// Whichever fits: the builder says which it took, and why.
    #[default]
    Auto,
    /// A Docker engine.
    Engine,
    /// This program itself, without an engine.
    Direct,
}

impl Builder {
    /// `auto`, `engine` or `direct`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Engine => "engine",
            Self::Direct => "direct",
        }
    }
}

/// Where the test quotes are scored before an image is tagged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ProveIn {
    /// In an environment made from the release's lock: always done.
    #[default]
    Release,
    /// In a container of the image too: needs a Docker engine.
    Image,
}

impl ProveIn {
    /// `release` or `image`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Image => "image",
        }
    }
}

/// How the layers of an image are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Compression {
    /// Whichever the registry and what runs the image are known to take.
    #[default]
    Auto,
    /// gzip, which everything takes.
    Gzip,
    /// zstd: smaller and faster to unpack, and refused by older engines.
    Zstd,
}

impl Compression {
    /// `auto`, `gzip` or `zstd`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// The most characters of a tag (OCI distribution spec, "Pulling manifests").
const TAG_LENGTH: usize = 128;

/// Looks at the values whose form matters.
pub(super) fn check(config: &Config, out: &mut Vec<Diagnostic>) {
    let container = &config.deploy.container;
    let mut report = |key: &str, value: &str, what: &str, label: &str, help: &str| {
        let message = format!("{}: `{}` is no {what}", config.subject(key), value.escape_debug());
        out.push(config.point(Diagnostic::error(codes::OUT_OF_RANGE, message), key, label).help(help));
    };
    let tag = container.latest_tag.as_str();
    if !tag.is_empty() && !is_tag(tag) {
        let help = "write a tag such as `latest_tag = \"latest\"`, or \"\" for none";
        report("deploy.container.latest_tag", tag, "tag", "letters, digits, `_`, `.` and `-` only", help);
    }
    for name in container.keep.iter().filter(|name| !is_distribution(name)) {
        let help = "write the name alone, as on the package index: `keep = [\"matplotlib\"]`";
        report("deploy.container.keep", name, "name of a distribution", "no version, no path", help);
    }
    for name in container.insecure_registries.iter().filter(|name| !is_registry(name)) {
        let help = "write the host, with its port: `insecure_registries = [\"localhost:5000\"]`";
        report("deploy.container.insecure_registries", name, "registry", "no scheme, no path", help);
    }
}

/// The grammar of tags (OCI distribution spec, "Pulling manifests").
fn is_tag(text: &str) -> bool {
    text.len() <= TAG_LENGTH
        && !text.starts_with(['.', '-'])
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

/// The grammar of names (packaging specification, "Names and normalization").
fn is_distribution(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    ends(text.chars().next())
        && ends(text.chars().next_back())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

/// `host`, `host:port` or `[address]:port`.
fn is_registry(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) if address.parse::<std::net::Ipv6Addr>().is_ok() => {
            ("address", rest.strip_prefix(':').or_else(|| rest.is_empty().then_some("443")))
        }
        _ => text.split_once(':').map_or((text, Some("443")), |(host, port)| (host, Some(port))),
    };
    let plain = |c: u8| c.is_ascii_alphanumeric() || b".-".contains(&c);
    !host.is_empty()
        && host.bytes().all(plain)
        && port.is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_follows_the_grammar_of_registries() {
        for tag in ["latest", "_x", "1.2-rc", &"a".repeat(128)] {
            assert!(is_tag(tag), "{tag}");
        }
        for tag in [".x", "-x", "a b", "a/b", "a:b", "ä", &"a".repeat(129)] {
            assert!(!is_tag(tag), "{tag}");
        }
    }

    #[test]
    fn a_distribution_is_a_name_and_nothing_else() {
        for name in ["matplotlib", "ruamel.yaml", "A", "x_1"] {
            assert!(is_distribution(name), "{name}");
        }
        for name in ["", "-x", "x.", "matplotlib==3.9", "a b", "pandas[all]"] {
            assert!(!is_distribution(name), "{name}");
        }
    }

    #[test]
    fn a_registry_is_a_host_with_or_without_a_port() {
        for name in ["localhost", "localhost:5000", "10.0.0.1:80", "[::1]:5000", "[::1]", "r.example"] {
            assert!(is_registry(name), "{name}");
        }
        for name in ["", ":5000", "http://r", "r/x", "r:0", "r:x", "r:99999", "[::1", "[x]:1", "a:1:2"] {
            assert!(!is_registry(name), "{name}");
        }
    }
}
