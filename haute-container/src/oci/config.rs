//! The image configuration (OCI image-spec 1.1 `config.md`, and Docker's `Healthcheck`, which every engine reads).

use std::collections::BTreeMap;

use haute_core::digest::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The configuration of an image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ImageConfig {
    /// When it was made, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// `amd64`, `arm64`.
    pub architecture: String,
    /// `v8` and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// `linux`.
    pub os: String,
    /// How a container of it runs.
    #[serde(default)]
    pub config: ContainerConfig,
    /// Its layers by the digest of their uncompressed tar.
    pub rootfs: RootFs,
    /// How each layer came to be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<History>,
}

/// How a container of an image runs. Keys this struct does not name (`OnBuild`, `Shell` …) are dropped from a base on purpose.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[non_exhaustive]
pub struct ContainerConfig {
    /// `65532:65532`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// `8080/tcp` → `{}`.
    #[serde(skip_serializing_if = "null_or_empty")]
    pub exposed_ports: Option<BTreeMap<String, Value>>,
    /// `NAME=value`.
    #[serde(skip_serializing_if = "null_or_none")]
    pub env: Option<Vec<String>>,
    /// What always runs.
    #[serde(skip_serializing_if = "null_or_none")]
    pub entrypoint: Option<Vec<String>>,
    /// The arguments, or what runs.
    #[serde(skip_serializing_if = "null_or_none")]
    pub cmd: Option<Vec<String>>,
    /// How an engine asks whether it is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// Where it starts.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// Sorted by key.
    #[serde(skip_serializing_if = "null_or_empty")]
    pub labels: Option<BTreeMap<String, String>>,
    /// How it is asked to stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn null_or_none<T>(value: &Option<Vec<T>>) -> bool {
    value.as_ref().is_none_or(Vec::is_empty)
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn null_or_empty<T>(value: &Option<BTreeMap<String, T>>) -> bool {
    value.as_ref().is_none_or(BTreeMap::is_empty)
}

/// How an engine asks whether a container is well (Docker Engine API, `HealthConfig`); times in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[non_exhaustive]
pub struct Healthcheck {
    /// `CMD` and the program with its arguments.
    pub test: Vec<String>,
    /// Between two questions.
    #[serde(skip_serializing_if = "is_zero")]
    pub interval: u64,
    /// For one answer.
    #[serde(skip_serializing_if = "is_zero")]
    pub timeout: u64,
    /// While failures do not count.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_period: u64,
    /// Failures until it is unhealthy.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The layers of an image by the digest of their uncompressed tar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type")]
    pub kind: String,
    /// From the base up.
    pub diff_ids: Vec<Digest>,
}

/// How a layer came to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct History {
    /// When, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// By what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether it made no layer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty_layer: bool,
}

impl ImageConfig {
    /// An image of no layer for `linux/<architecture>`.
    pub fn new(architecture: impl Into<String>) -> Self {
        Self {
            architecture: architecture.into(),
            os: "linux".to_owned(),
            rootfs: RootFs { kind: "layers".to_owned(), diff_ids: Vec::new() },
            ..Self::default()
        }
    }
}

impl Healthcheck {
    /// Runs `test`; times in seconds.
    pub fn new(test: Vec<String>, interval: u64, timeout: u64, start_period: u64, retries: u64) -> Self {
        const SECOND: u64 = 1_000_000_000;
        Self {
            test,
            interval: interval * SECOND,
            timeout: timeout * SECOND,
            start_period: start_period * SECOND,
            retries,
        }
    }
}

impl History {
    /// A layer made by `created_by`.
    pub fn new(created: Option<String>, created_by: impl Into<String>) -> Self {
        Self { created, created_by: Some(created_by.into()), ..Self::default() }
    }
}
