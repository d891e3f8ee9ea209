//! The model directory: a release in the form MLflow loads, serves and registers.
//!
//! ```text
//! MLmodel                       what it is: flavor, signature, release digest
//! conda.yaml, python_env.yaml,  where it runs: the release's Python and every version of its lock, and MLflow itself
//! requirements.txt
//! python_model.py               the same for every release: starts the runtime package of the release
//! input_example.json,           the first test quote
//! serving_input_example.json
//! artifacts/release/            the release, byte for byte
//! ```
//!
//! A pure function of the release: the same release gives the same bytes. What MLflow adds by itself and nothing needs
//! (the time, the machine's own Python and paths) is left out. Facts: `mlflow.models.Model`, `mlflow.pyfunc` of
//! MLflow 3.17.
//!
//! Every input column is of type `any`. With a typed signature MLflow converts what it is sent before a model sees it:
//! 30.5 becomes 30 in a `long`, null becomes `false` in a `boolean`. Left as they are, values are read by the release's
//! own rules, and refused where they are not what they should be.

mod environment;
mod example;
mod mlmodel;
mod signature;

use std::path::PathBuf;

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::release::Release;
use serde_json::Value;

pub use environment::MLFLOW_VERSION;
pub use mlmodel::Identity;

/// Where the release is in the directory.
const RELEASE: &str = "artifacts/release";

/// One file of a model directory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelFile {
    /// Relative to the directory, with `/`.
    pub path: String,
    /// What is in it.
    pub content: Content,
    /// In bytes.
    pub size: u64,
}

/// The content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The bytes of a file of the release: read when they are needed, a piece at a time.
    File(PathBuf),
}

/// A release in the form MLflow loads, by file, in order of path.
#[derive(Clone, Debug)]
pub struct ModelDirectory {
    release: Digest,
    head: mlmodel::Head,
    has_signature: bool,
    files: Vec<ModelFile>,
}

impl ModelDirectory {
    /// The model directory of `release`. Reads its lock and its test quotes; nothing else is opened before it is needed.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the release's lock or input cannot be said in MLflow's terms, and what reading the
    /// release finds.
    pub fn of(release: &Release) -> Result<Self> {
        let manifest = release.manifest();
        let environment = environment::Environment::of(&manifest.python, &release.lock()?)?;
        let signature = signature::Signature::of(manifest);
        let quotes = release.quotes()?;
        let example = quotes
            .first()
            .filter(|_| signature.is_complete())
            .map(|quote| example::Example::of(&quote.input, &signature));
        let mut files: Vec<ModelFile> = [
            ("conda.yaml", environment.conda(release.name())),
            ("python_env.yaml", environment.python_env()),
            ("requirements.txt", environment.requirements()),
            ("python_model.py", include_str!("python_model.py").to_owned()),
        ]
        .into_iter()
        .chain(example.iter().flat_map(example::Example::files))
        .map(|(path, text)| ModelFile::text(path, text))
        .collect();
        files.extend(release_files(release)?);
        let head = mlmodel::Head::new(release, &environment, &signature, example.is_some(), &files);
        files.push(ModelFile::text("MLmodel", head.text(None)?));
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let has_signature = signature.is_complete();
        Ok(Self { release: release.digest().clone(), head, has_signature, files })
    }

    /// The same model, knowing what it is called where it is logged. Only `MLmodel` differs.
    ///
    /// # Errors
    /// Only for a bug of ours.
    pub fn with_identity(mut self, identity: &Identity) -> Result<Self> {
        let text = self.head.text(Some(identity))?;
        if let Some(file) = self.files.iter_mut().find(|file| file.path == "MLmodel") {
            *file = ModelFile::text("MLmodel", text);
        }
        Ok(self)
    }

    /// The same, with a file more, which MLflow takes no notice of.
    pub(crate) fn with_file(mut self, path: &str, bytes: Vec<u8>) -> Self {
        let size = bytes.len() as u64;
        self.files.push(ModelFile { path: path.to_owned(), content: Content::Bytes(bytes), size });
        self.files.sort_by(|one, other| one.path.cmp(&other.path));
        self
    }

    /// The release it is of.
    pub fn release(&self) -> &Digest {
        &self.release
    }

    /// Whether it says what it takes and gives: Unity Catalog takes no model that does not. A release made by a build does.
    pub fn has_signature(&self) -> bool {
        self.has_signature
    }

    /// Every file, in order of path.
    pub fn files(&self) -> &[ModelFile] {
        &self.files
    }

    /// All files together, in bytes.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Writes every file below `directory`, which is made.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when a file cannot be written.
    pub fn write(&self, directory: &std::path::Path) -> Result<()> {
        for file in &self.files {
            let path = directory.join(&file.path);
            let written =
                path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| match &file.content {
                    Content::Bytes(bytes) => std::fs::write(&path, bytes),
                    Content::File(source) => std::fs::copy(source, &path).map(drop),
                });
            written.map_err(|source| {
                Error::new(ErrorKind::Unavailable, format!("cannot write `{}`", path.display()))
                    .with_operation("model.write")
                    .with_source(source)
            })?;
        }
        Ok(())
    }
}

impl ModelFile {
    fn text(path: &str, text: String) -> Self {
        Self { path: path.to_owned(), size: text.len() as u64, content: Content::Bytes(text.into_bytes()) }
    }
}

fn release_files(release: &Release) -> Result<Vec<ModelFile>> {
    let manifest = release.manifest().to_bytes()?;
    if &Digest::of(&manifest) != release.digest() {
        // Another version of this program wrote it; its own bytes are what the digest is of.
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!(
                "the manifest of release {} is not written as this version writes it",
                release.digest().short()
            ),
        )
        .with_operation("model.make")
        .with_hint("build the release again"));
    }
    let mut files: Vec<ModelFile> = release
        .manifest()
        .files
        .iter()
        .map(|file| ModelFile {
            path: format!("{RELEASE}/{}", file.path),
            content: Content::File(release.directory().join(&file.path)),
            size: file.size,
        })
        .collect();
    files.push(ModelFile {
        path: format!("{RELEASE}/manifest.json"),
        size: manifest.len() as u64,
        content: Content::Bytes(manifest),
    });
    Ok(files)
}

/// JSON on one line with the keys in the order they are given.
fn json(value: &Value) -> String {
    value.to_string()
}

/// JSON on several lines, for people; also YAML.
fn pretty(value: &Value) -> Result<String> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|source| Error::bug("a file of the model cannot be written").with_source(source))
}
