//! Writes the files of a release into a directory, and says what they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::manifest::ReleaseFile;
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::lower::LoweredContent;
use crate::python::runtime_files;

/// The same for every release: what an ASGI server is pointed at.
const APP: &str = r#""""Serves this release: any ASGI server can run `app:app`."""

import sys
from pathlib import Path

RELEASE = Path(__file__).resolve().parent
sys.path.insert(0, str(RELEASE / "runtime"))

from haute_serve.app import create_app  # noqa: E402

app = create_app(RELEASE)
"#;

/// The files of a release by path, before they are written.
#[derive(Debug, Default)]
pub(super) struct Files(BTreeMap<String, LoweredContent>);

impl Files {
    /// The lowered project, the runtime package and the app.
    pub(super) fn new(project: BTreeMap<String, LoweredContent>) -> Self {
        let mut files = project;
        for (path, text) in runtime_files() {
            files.insert((*path).to_owned(), LoweredContent::Text((*text).to_owned()));
        }
        files.insert("app.py".to_owned(), LoweredContent::Text(APP.to_owned()));
        // Haute keeps notes in a folder of this name below its project. A file in its place makes it do without them:
        // a release is never written to.
        files.insert("project/.haute_cache".to_owned(), LoweredContent::Text(String::new()));
        Self(files)
    }

    /// Adds a text file.
    pub(super) fn add(&mut self, path: &str, text: String) {
        self.0.insert(path.to_owned(), LoweredContent::Text(text));
    }

    /// Writes every file below `directory` with the same modes everywhere, whatever the umask.
    pub(super) fn write(&self, directory: &Path) -> Result<Vec<ReleaseFile>> {
        self.0.iter().map(|(path, content)| write_one(directory, path, content)).collect()
    }
}

fn write_one(directory: &Path, path: &str, content: &LoweredContent) -> Result<ReleaseFile> {
    let target = directory.join(path);
    let failed = |source: std::io::Error| {
        Error::new(ErrorKind::BuildFailed, format!("cannot write `{path}` of the release"))
            .with_operation("build.assemble")
            .with_context("directory", directory.display().to_string())
            .with_source(source)
    };
    if let Some(parent) = target.parent() {
        make_directories(directory, parent).map_err(failed)?;
    }
    match content {
        LoweredContent::Text(text) => fs::write(&target, text).map_err(failed)?,
        LoweredContent::Copy(source) => {
            fs::copy(source, &target).map_err(|error| {
                Error::new(
                    ErrorKind::BuildFailed,
                    format!("cannot copy `{}` into the release", source.display()),
                )
                .with_operation("build.assemble")
                .with_source(error)
            })?;
        }
    }
    set_mode(&target, 0o644).map_err(failed)?;
    let digest = Digest::of_file(&target).map_err(failed)?;
    let size = fs::metadata(&target).map_err(failed)?.len();
    Ok(ReleaseFile::new(path, &digest, size))
}

fn make_directories(root: &Path, wanted: &Path) -> std::io::Result<()> {
    fs::create_dir_all(wanted)?;
    let mut directory: PathBuf = wanted.to_owned();
    while directory.starts_with(root) && directory != root {
        set_mode(&directory, 0o755)?;
        let Some(parent) = directory.parent() else { break };
        directory = parent.to_owned();
    }
    Ok(())
}

#[cfg(unix)]
pub(super) fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
pub(super) fn set_mode(_path: &Path, _mode: u32) -> std::io::Result<()> {
    Ok(())
}
