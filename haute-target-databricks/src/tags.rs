//! What is written on runs, models and versions, so that they can be found again.

use haute_core::digest::Digest;
use serde_json::{Value, json};

/// The digest of the release a run, model or version is of.
pub(crate) const RELEASE: &str = "haute.release";
/// The deployment that made it: the idempotency token of the step.
pub(crate) const DEPLOY: &str = "haute.deploy";
/// The version of Haute in the release.
pub(crate) const HAUTE: &str = "haute.version";
/// The commit, where MLflow itself looks for it.
pub(crate) const COMMIT: &str = "mlflow.source.git.commit";

/// On a version that was found to serve the proven prices.
pub(crate) const VERIFIED: &str = "haute.verified";

/// Tags as requests hold them.
pub(crate) fn list(tags: &[(&str, &str)]) -> Value {
    tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
}

/// The value of a tag.
pub(crate) fn value<'a>(tags: &'a [Tag], key: &str) -> Option<&'a str> {
    tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.as_str())
}

/// The release a thing is tagged with.
pub(crate) fn release(tags: &[Tag]) -> Option<Digest> {
    value(tags, RELEASE).and_then(Digest::parse)
}

/// One tag.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub(crate) struct Tag {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) value: String,
}
