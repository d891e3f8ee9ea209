//! `manifest.json`: what a release is. The digest of its bytes is the release digest.
//!
//! The shape is documented for readers in `python/MANIFEST.md`; the runtime package reads the same file.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};

/// The version of the manifest this crate writes and reads.
pub const RELEASE_SCHEMA: &str = "haute.release/1";

/// What a release is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// [`RELEASE_SCHEMA`].
    pub schema: String,
    /// The model's name.
    pub name: String,
    /// The version of Haute in the lock.
    pub haute: String,
    /// The Python minor version, `3.11`.
    pub python: String,
    /// Where it runs, `linux/amd64`.
    pub platform: String,
    /// The pipeline in it.
    pub pipeline: PipelineEntry,
    /// What a quote must hold.
    pub input: Value,
    /// What an answer holds.
    pub output: OutputEntry,
    /// What scoring the test quotes showed; `None` only in a draft that was not scored yet.
    pub scoring: Option<Scoring>,
    /// What the server refuses.
    pub limits: Limits,
    /// Whether `/docs` and `/openapi.json` are served.
    pub docs: bool,
    /// Every file but the manifest itself, in order of path.
    pub files: Vec<ReleaseFile>,
    /// The test quotes.
    pub quotes: QuotesEntry,
    /// Distributions of the lock that an image leaves out, by normalised name and in order: nothing was imported from them.
    #[serde(default)]
    pub unused_distributions: Vec<String>,
    /// The root modules of what is left out, dotted, each with its distribution: the runtime refuses to import them.
    #[serde(default)]
    pub unused_modules: BTreeMap<String, String>,
}

/// The pipeline of a release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PipelineEntry {
    /// `project/rating/main.py`.
    pub file: String,
    /// `project/rating`.
    pub directory: String,
    /// The name given to `haute.Pipeline`.
    pub name: String,
    /// The nodes on the scoring path.
    pub nodes: Vec<String>,
    /// The node that answers.
    pub output_node: String,
    /// The top-level answer columns to keep, in order; `None` keeps all.
    pub output_fields: Option<Vec<String>>,
}

/// What an answer holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OutputEntry {
    /// The output node's mapping; `None` when it has none.
    pub mapping: Option<Value>,
}

/// What scoring the test quotes showed about the pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Scoring {
    /// `independent`: callers' rows may share a frame. `dependent`: each quote is scored alone.
    pub rows: String,
    /// Why `dependent`.
    pub reason: Option<String>,
    /// `plan`: planned once. `score`: `Pipeline.score` per quote.
    pub strategy: String,
    /// Why not `plan`.
    pub strategy_reason: Option<String>,
    /// `one` or `many` answers a quote.
    pub answers: String,
    /// Answer paths where null, NaN and infinite are refused.
    pub price_columns: Vec<String>,
    /// Price columns in which a golden row expects null.
    pub null_prices: Vec<String>,
    /// The answer frame.
    pub output_columns: Vec<Value>,
}

/// What the server refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Limits {
    /// Larger bodies are refused, in bytes.
    pub body_bytes: u64,
    /// Larger batches are refused, in rows.
    pub rows: u64,
    /// Deeper JSON is refused, in levels.
    pub depth: u64,
    /// A quote not answered by then is refused, in seconds.
    pub deadline_seconds: u64,
    /// Rows that may wait.
    pub queue: u64,
}

impl Limits {
    /// Limits: body in bytes, batch in rows, nesting in levels, deadline in seconds, waiting rows.
    pub const fn new(body_bytes: u64, rows: u64, depth: u64, deadline_seconds: u64, queue: u64) -> Self {
        Self { body_bytes, rows, depth, deadline_seconds, queue }
    }
}

/// Where the test quotes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct QuotesEntry {
    /// Relative to the release.
    pub file: String,
}

/// One file of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReleaseFile {
    /// Relative to the release directory, with `/`.
    pub path: String,
    /// Digest of its bytes, bare hex.
    pub sha256: String,
    /// In bytes.
    pub size: u64,
}

impl ReleaseFile {
    /// A file of `size` bytes.
    pub fn new(path: impl Into<String>, digest: &Digest, size: u64) -> Self {
        Self { path: path.into(), sha256: digest.hex().to_owned(), size }
    }
}

impl Manifest {
    /// The canonical bytes: UTF-8, keys sorted, no spaces, one closing newline.
    ///
    /// # Errors
    /// Only for a bug of ours: the manifest holds nothing JSON cannot say.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let value = serde_json::to_value(self)
            .map_err(|source| Error::bug("the manifest cannot be written").with_source(source))?;
        let mut bytes = canonical(&value);
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when it is not a manifest of [`RELEASE_SCHEMA`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let wrong =
            |message: String| Error::new(ErrorKind::InvalidInput, message).with_operation("release.open");
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|source| wrong("the release's manifest is not JSON".to_owned()).with_source(source))?;
        let schema = value.get("schema").and_then(Value::as_str).unwrap_or("none");
        if schema != RELEASE_SCHEMA {
            return Err(wrong(format!(
                "the release's manifest is of schema `{schema}`; this version reads `{RELEASE_SCHEMA}`"
            )));
        }
        serde_json::from_value(value)
            .map_err(|source| wrong("the release's manifest is not complete".to_owned()).with_source(source))
    }

    /// The paths of the files, without the manifest.
    pub fn paths(&self) -> BTreeSet<&str> {
        self.files.iter().map(|file| file.path.as_str()).collect()
    }
}

/// JSON with sorted keys and no spaces: the same value gives the same bytes.
pub(crate) fn canonical(value: &Value) -> Vec<u8> {
    serde_json::to_vec(&sorted(value)).unwrap_or_default()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            Value::Object(entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::canonical;

    #[test]
    fn the_order_of_keys_does_not_matter_to_the_bytes() {
        let one = canonical(&json!({"b": [{"z": 1, "a": 0.1}], "a": null}));
        let two = canonical(&json!({"a": null, "b": [{"a": 0.1, "z": 1}]}));
        assert_eq!(one, two);
        assert_eq!(String::from_utf8(one).unwrap(), r#"{"a":null,"b":[{"a":0.1,"z":1}]}"#);
    }
}
