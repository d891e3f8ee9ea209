//! Releases to deploy, made without building a project.

use std::fs;
use std::path::Path;

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::proof::{PROOF_SCHEMA, Proof};
use haute_core::release::{Manifest, RELEASE_SCHEMA, Release};
use haute_core::target::ProvenRelease;
use serde_json::{Map, Value, json};

/// A row and its answer.
pub type Quote = (Map<String, Value>, Map<String, Value>);

/// Writes a release directory with `files` (paths with `/`, and contents) and a manifest that lists them, and opens it.
///
/// # Errors
/// When it cannot be written.
pub fn make_release(directory: &Path, name: &str, python: &str, files: &[(&str, &str)]) -> Result<Release> {
    let mut entries = Vec::new();
    let mut all: Vec<(&str, &str)> = files.to_vec();
    if !all.iter().any(|(path, _)| *path == "quotes.json") {
        all.push(("quotes.json", "[]"));
    }
    all.sort_unstable();
    for (path, content) in all {
        let file = directory.join(path);
        let parent = file.parent().unwrap_or(directory);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&file, content))
            .map_err(|error| failed(path, error))?;
        let digest = Digest::of(content);
        entries.push(json!({"path": path, "sha256": digest.hex(), "size": content.len()}));
    }
    let manifest: Manifest = serde_json::from_value(json!({
        "schema": RELEASE_SCHEMA,
        "name": name,
        "haute": "0.6.0",
        "python": python,
        "platform": "linux/amd64",
        "pipeline": {
            "file": "project/main.py", "directory": "project", "name": name,
            "nodes": ["quote_input", "output"], "output_node": "output", "output_fields": null,
        },
        "input": {"node": "quote_input", "mode": "flat", "columns": [], "ports": []},
        "output": {"mapping": null},
        "scoring": null,
        "limits": {"body_bytes": 8_388_608, "rows": 10_000, "depth": 32, "deadline_seconds": 30, "queue": 1024},
        "docs": true,
        "files": entries,
        "quotes": {"file": "quotes.json"},
    }))
    .map_err(|error| Error::bug("the manifest of a test release").with_source(error))?;
    fs::write(directory.join("manifest.json"), manifest.to_bytes()?)
        .map_err(|error| failed("manifest.json", error))?;
    Release::open(directory)
}

/// The proof that `release` answers each row with what stands beside it.
///
/// # Errors
/// When the release's digest cannot be proven so: never for the quotes this function is given.
pub fn prove(release: Release, quotes: &[Quote]) -> Result<ProvenRelease> {
    let quotes: Vec<Value> = quotes
        .iter()
        .enumerate()
        .map(|(index, (input, output))| {
            let prices: Map<String, Value> =
                output.iter().filter(|(_, value)| value.is_f64()).map(|(key, value)| (key.clone(), value.clone())).collect();
            json!({"id": format!("quotes.json#{index}"), "input": input, "outputs": [output], "prices": prices, "checks": []})
        })
        .collect();
    let proof: Proof = serde_json::from_value(json!({
        "schema": PROOF_SCHEMA,
        "release": release.digest(),
        "passed": true,
        "environment": {"python": "3.11"},
        "quotes": quotes,
        "checks": [],
    }))
    .map_err(|error| Error::bug("the proof of a test release").with_source(error))?;
    ProvenRelease::new(release, proof)
}

fn failed(path: &str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, format!("cannot write `{path}` of a test release")).with_source(error)
}
