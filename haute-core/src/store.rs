//! The state directory of a project: where records, journals, locks and proofs are kept.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::project::STATE_DIRECTORY;
use crate::proof::Proof;

/// The state directory of one project, `<project>/.haute-cli`.
///
/// Nothing is created until something is written. Everything below it can be deleted: what serves goes on serving,
/// only history, resume and rollback from this machine are lost.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The state directory of the project at `project_root`.
    pub fn new(project_root: &Path) -> Self {
        Self { root: project_root.join(STATE_DIRECTORY) }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the journal of a target's address is.
    pub fn journal_path(&self, target: &str, address: &str) -> PathBuf {
        self.root.join("journal").join(file_name(target)).join(format!("{}.jsonl", file_name(address)))
    }

    /// Where the lock of a target's address is.
    pub fn lock_path(&self, target: &str, address: &str) -> PathBuf {
        self.root.join("locks").join(file_name(target)).join(format!("{}.lock", file_name(address)))
    }

    /// Where records are.
    pub fn records(&self) -> PathBuf {
        self.root.join("records")
    }

    /// Where the proof of a release is.
    pub fn proof_path(&self, release: &Digest) -> PathBuf {
        self.root.join("proofs").join(format!("{}.json", release.hex()))
    }

    /// Keeps a proof, so that a later rollback to its release can be held against it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save_proof(&self, proof: &Proof) -> Result<()> {
        self.write_json(&self.proof_path(&proof.release), proof)
    }

    /// The proof kept for `release`; `None` when there is none.
    ///
    /// # Errors
    /// When there is a file that cannot be read as a proof of that release.
    pub fn proof(&self, release: &Digest) -> Result<Option<Proof>> {
        let path = self.proof_path(release);
        let Some(proof) = read_json::<Proof>(&path)? else { return Ok(None) };
        if &proof.release != release {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("`{}` holds the proof of another release", path.display()),
            ));
        }
        Ok(Some(proof))
    }

    /// Creates the state directory, and the `.gitignore` in it that keeps it out of commits.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(&self) -> Result<()> {
        let ignore = self.root.join(".gitignore");
        if ignore.is_file() {
            return Ok(());
        }
        fs::create_dir_all(&self.root).map_err(|error| io_error("create", &self.root, error))?;
        write_atomically(&ignore, b"*\n").map_err(|error| io_error("write", &ignore, error))
    }

    /// Writes a file below the state directory in one step: a reader sees all of it or nothing.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_json(&self, path: &Path, value: &impl Serialize) -> Result<()> {
        self.create()?;
        let mut bytes = serde_json::to_vec_pretty(value)
            .map_err(|error| Error::bug(format!("cannot write `{}`", path.display())).with_source(error))?;
        bytes.push(b'\n');
        create_parent(path)?;
        write_atomically(path, &bytes).map_err(|error| io_error("write", path, error))
    }
}

/// Reads a JSON file; `None` when it is not there.
///
/// # Errors
/// When it is there and cannot be read or is not of that form.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error("read", path, error)),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Error::new(ErrorKind::InvalidInput, format!("`{}` is damaged", path.display()))
            .with_hint("delete the file to go on without it")
            .with_source(error)
    })
}

/// Writes `bytes` beside `path` and renames: a crash leaves the old file or the new one.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Creates the directory `path` is in.
pub(crate) fn create_parent(path: &Path) -> Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    fs::create_dir_all(parent).map_err(|error| io_error("create", parent, error))
}

/// An error of the file system, naming the file.
pub(crate) fn io_error(verb: &str, path: &Path, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::PermissionDenied,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, format!("cannot {verb} `{}`", path.display())).with_source(error)
}

/// A name that is safe as a file name on every system. A name that had to be changed gets a digest behind it, so that
/// two addresses never share a file.
pub fn file_name(name: &str) -> String {
    let safe: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
        .take(80)
        .collect();
    if safe == name && !safe.is_empty() && !safe.starts_with('.') {
        return safe;
    }
    let digest = Digest::of(name);
    format!("{}-{}", safe.trim_start_matches('.'), digest.hex().get(..8).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_never_share_a_file() {
        assert_eq!(file_name("motor-pricing"), "motor-pricing");
        assert_ne!(file_name("127.0.0.1:8080"), file_name("127.0.0.1_8080"));
        assert_ne!(file_name("a/b"), file_name("a:b"));
        for name in ["..", "../x", "", ".hidden", "a/../../b"] {
            let file = file_name(name);
            assert!(!file.contains('/') && !file.starts_with('.') && !file.is_empty(), "{name} gave {file}");
        }
    }

    #[test]
    fn the_state_directory_ignores_itself() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path());
        store.write_json(&store.root().join("x/y.json"), &serde_json::json!({"a": 1})).unwrap();
        assert_eq!(fs::read_to_string(store.root().join(".gitignore")).unwrap(), "*\n");
        let read: Option<serde_json::Value> = read_json(&store.root().join("x/y.json")).unwrap();
        assert_eq!(read.unwrap()["a"], 1);
        assert_eq!(read_json::<serde_json::Value>(&store.root().join("none.json")).unwrap(), None);
    }
}
