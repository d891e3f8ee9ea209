//! Where releases are kept: below the project's state directory.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::project::STATE_DIRECTORY;

/// Makes the project's state directory, with a `.gitignore` that keeps all of it out of git.
///
/// # Errors
/// When it cannot be made.
pub fn ensure_state_directory(project_root: &Path) -> Result<PathBuf> {
    let directory = project_root.join(STATE_DIRECTORY);
    let failed = |source| {
        Error::new(ErrorKind::BuildFailed, "cannot make the directory for releases and records")
            .with_context("directory", project_root.join(STATE_DIRECTORY).display().to_string())
            .with_source(Box::<dyn std::error::Error + Send + Sync>::from(source))
    };
    fs::create_dir_all(&directory).map_err(|source: std::io::Error| failed(source))?;
    let ignore = directory.join(".gitignore");
    if !ignore.exists() {
        fs::write(&ignore, "*\n").map_err(failed)?;
    }
    Ok(directory)
}

/// The directory below which each release has one, named by its digest.
pub fn releases_directory(project_root: &Path) -> PathBuf {
    project_root.join(STATE_DIRECTORY).join("releases")
}

/// A relative path with `/` on every system.
pub(super) fn slashed(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
