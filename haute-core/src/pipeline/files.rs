//! The project's files: where a path leads, and whether it may.
//!
//! The rules are those of Haute's own path check (`haute.md` §2.9, §3.3): a path stays inside the project after
//! links are followed, holds no NUL and no name Windows keeps for a device. A path is looked for below the
//! project, then below the pipeline's folder.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Where files are looked for.
#[derive(Debug)]
pub(crate) struct Files {
    /// Absolute and free of links.
    root: PathBuf,
    /// The folder of the pipeline file, relative to the project, with `/`; empty for the project itself.
    directory: String,
    /// Folders that were looked into already.
    folders: Mutex<HashMap<PathBuf, Folder>>,
}

/// A file that was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProjectFile {
    /// Absolute path to read it by.
    pub absolute: PathBuf,
    /// Relative to the project, with `/`.
    pub relative: String,
}

/// Why a path leads nowhere.
#[derive(Debug)]
pub(crate) enum PathProblem {
    /// It is empty.
    Empty,
    /// It holds a NUL.
    Nul,
    /// It is absolute.
    Absolute,
    /// It leaves the project by `..`.
    Escapes,
    /// It leaves the project by a link; the place it leads to.
    Link(PathBuf),
    /// A part of it names a Windows device.
    Device(String),
    /// There is no such file.
    Missing,
    /// It is a directory.
    Directory,
    /// It is there, but cannot be read.
    Unreadable(io::Error),
}

impl PathProblem {
    /// One line: `what` names the thing, such as "model file".
    pub(crate) fn message(&self, what: &str, path: &str) -> String {
        match self {
            Self::Empty => format!("the path of the {what} is empty"),
            Self::Nul => format!("the path of the {what} holds a NUL character"),
            Self::Absolute => format!("the {what} `{path}` is an absolute path"),
            Self::Escapes => format!("the {what} `{path}` lies outside the project"),
            Self::Link(_) => format!("the {what} `{path}` is a link that leads outside the project"),
            Self::Device(name) => format!("the {what} `{path}` uses `{name}`, a device name on Windows"),
            Self::Missing => format!("the {what} `{path}` does not exist"),
            Self::Directory => format!("the {what} `{path}` is a directory"),
            Self::Unreadable(error) => format!("the {what} `{path}` cannot be read: {}", error.kind()),
        }
    }

    /// Whether the path is not allowed, as opposed to leading to nothing.
    pub(crate) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Nul | Self::Absolute | Self::Escapes | Self::Link(_) | Self::Device(_))
    }
}

impl Files {
    /// `root` is absolute and free of links; `directory` is relative to it.
    pub(crate) fn new(root: PathBuf, directory: String) -> Self {
        Self { root, directory, folders: Mutex::default() }
    }

    /// The project's root.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The pipeline's folder, relative to the project.
    pub(crate) fn directory(&self) -> &str {
        &self.directory
    }

    /// A file relative to the pipeline's folder, such as a sidecar or submodel.
    pub(crate) fn in_directory(&self, path: &str) -> Result<ProjectFile, PathProblem> {
        self.resolve(&[&self.directory], path)
    }

    /// A file looked for below the project first, then below the pipeline's folder, as Haute's scoring does.
    pub(crate) fn artifact(&self, path: &str) -> Result<ProjectFile, PathProblem> {
        self.resolve(&["", &self.directory], path)
    }

    /// A file relative to the project.
    pub(crate) fn at_root(&self, path: &str) -> Result<ProjectFile, PathProblem> {
        self.resolve(&[""], path)
    }

    fn resolve(&self, bases: &[&str], path: &str) -> Result<ProjectFile, PathProblem> {
        let path = path.replace('\\', "/");
        if path.trim().is_empty() {
            return Err(PathProblem::Empty);
        }
        if path.contains('\0') {
            return Err(PathProblem::Nul);
        }
        let has_drive = path.as_bytes().get(1) == Some(&b':');
        if path.starts_with('/') || has_drive {
            return Err(PathProblem::Absolute);
        }
        if let Some(part) = path.split('/').find(|part| is_device(part)) {
            return Err(PathProblem::Device(part.to_owned()));
        }
        let mut problem = None;
        for base in bases {
            let Some(relative) = join(base, &path) else {
                problem.get_or_insert(PathProblem::Escapes);
                continue;
            };
            match self.open(&relative) {
                Ok(absolute) => return Ok(ProjectFile { absolute, relative }),
                // What one place says about the file outweighs the other place's not having it.
                Err(other) => match problem {
                    None | Some(PathProblem::Missing | PathProblem::Escapes) => problem = Some(other),
                    Some(_) => {}
                },
            }
        }
        Err(problem.unwrap_or(PathProblem::Missing))
    }

    /// Whether `relative` is a file that can be read and lies inside the project after following links.
    fn open(&self, relative: &str) -> Result<PathBuf, PathProblem> {
        let absolute = self.root.join(relative);
        let found = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => PathProblem::Missing,
            _ => PathProblem::Unreadable(error),
        };
        let (folder, listed) = match (absolute.parent(), absolute.file_name()) {
            (Some(parent), Some(name)) => self.look(parent, name),
            _ => (None, None),
        };
        let kind = match listed {
            Some(kind) => kind,
            None => fs::symlink_metadata(&absolute).map_err(found)?.file_type(),
        };
        let real = match (folder, absolute.file_name()) {
            (Some(folder), Some(name)) if !kind.is_symlink() => folder.join(name),
            _ => fs::canonicalize(&absolute).map_err(found)?,
        };
        if !real.starts_with(&self.root) {
            return Err(PathProblem::Link(real));
        }
        let is_directory =
            if kind.is_symlink() { fs::metadata(&real).map_err(found)?.is_dir() } else { kind.is_dir() };
        if is_directory {
            return Err(PathProblem::Directory);
        }
        Ok(absolute)
    }

    /// The real place of a folder, and what it holds under `name` once it has been asked often enough to be listed:
    /// a folder of many sidecars is read once instead of asking for each of them. `None` says nothing.
    fn look(&self, folder: &Path, name: &OsStr) -> (Option<PathBuf>, Option<FileType>) {
        let Ok(mut folders) = self.folders.lock() else { return (None, None) };
        let known = match folders.get_mut(folder) {
            Some(known) => known,
            None => folders
                .entry(folder.to_owned())
                .or_insert_with(|| Folder { real: fs::canonicalize(folder).ok(), ..Folder::default() }),
        };
        known.asked += 1;
        if known.asked == LIST_AFTER {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            known.entries = entries.filter_map(|e| Some((e.file_name(), e.file_type().ok()?))).collect();
        }
        (known.real.clone(), known.entries.get(name).copied())
    }
}

/// How often a folder is asked before it is listed.
const LIST_AFTER: usize = 8;

/// What is known of a folder.
#[derive(Debug, Default)]
struct Folder {
    /// `None` where it cannot be followed.
    real: Option<PathBuf>,
    asked: usize,
    entries: HashMap<OsString, FileType>,
}

/// Joins two relative paths with `/`, `..` resolved; `None` when that leaves the project.
pub(crate) fn join(base: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The folder of a relative path; empty for none.
pub(crate) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Whether Windows keeps this file name for a device, whatever follows the first dot.
fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    match stem.as_str() {
        "con" | "prn" | "aux" | "nul" => true,
        _ => {
            let numbered = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
            numbered.is_some_and(|n| n.len() == 1 && n.bytes().all(|b| (b'1'..=b'9').contains(&b)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_join_inside_the_project() {
        assert_eq!(join("rating", "../data/x.parquet").as_deref(), Some("data/x.parquet"));
        assert_eq!(join("rating", "./a//b.json").as_deref(), Some("rating/a/b.json"));
        assert_eq!(join("rating", "../../x"), None);
        assert_eq!(join("", "x"), Some("x".into()));
    }

    #[test]
    fn device_names_are_known() {
        for name in ["CON", "nul.json", "Com1.txt", "aux "] {
            assert!(is_device(name), "{name}");
        }
        for name in ["CONTRACT.json", "COM10.json", "console"] {
            assert!(!is_device(name), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_project_is_named() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("model.cbm"), "x").unwrap();
        let project = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(project.path()).unwrap();
        std::os::unix::fs::symlink(outside.path().join("model.cbm"), root.join("model.cbm")).unwrap();
        std::os::unix::fs::symlink(outside.path(), root.join("models")).unwrap();
        fs::create_dir(root.join("real")).unwrap();
        let files = Files::new(root, "rating".into());
        assert!(matches!(files.artifact("model.cbm"), Err(PathProblem::Link(_))));
        assert!(matches!(files.artifact("models/model.cbm"), Err(PathProblem::Link(_))));
        assert!(matches!(files.artifact("real"), Err(PathProblem::Directory)));
        assert!(matches!(files.artifact("../x"), Err(PathProblem::Missing | PathProblem::Escapes)));
        assert!(matches!(files.artifact("../../x"), Err(PathProblem::Escapes)));
        assert!(matches!(files.artifact("/etc/passwd"), Err(PathProblem::Absolute)));
    }
}
