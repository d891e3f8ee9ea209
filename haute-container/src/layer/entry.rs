//! What a layer holds, before it is a tar.

use std::collections::BTreeMap;
use std::path::PathBuf;

use haute_core::error::{Error, ErrorKind, Result};

/// The files of one layer, by path. Directories above a file are added by themselves.
///
/// Owner 0:0, modes 0755 for directories and programs and 0644 for other files, time 0: nothing of the machine that builds
/// is in it.
#[derive(Clone, Debug, Default)]
pub struct LayerTree {
    entries: BTreeMap<String, EntryKind>,
}

/// A path and what is there.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry<'a> {
    /// Relative to the root of the image, with `/`, without one at either end: `app/manifest.json`.
    pub path: &'a str,
    /// What is there.
    pub kind: &'a EntryKind,
}

/// What is at a path.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EntryKind {
    /// A directory, 0755.
    Directory,
    /// A file.
    File {
        /// 0755 instead of 0644.
        executable: bool,
        /// Its bytes.
        content: Content,
    },
    /// A symbolic link.
    Link {
        /// As written into the link.
        target: String,
    },
}

/// The bytes of a file, where they are.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Content {
    /// In memory: for small and generated files.
    Bytes(Vec<u8>),
    /// A file of this machine.
    File {
        /// Where.
        path: PathBuf,
        /// In bytes, as it must still be when it is read.
        size: u64,
    },
    /// A part of a file of this machine, as it is: a member of a wheel that is not compressed.
    Stored {
        /// The archive.
        archive: PathBuf,
        /// Where the part begins, in bytes.
        offset: u64,
        /// How long it is, in bytes.
        size: u64,
        /// CRC-32 of the part, as the archive's directory says.
        crc32: u32,
    },
    /// A raw deflate stream inside a file of this machine: a member of a wheel.
    Deflated {
        /// The archive.
        archive: PathBuf,
        /// Where the stream begins, in bytes.
        offset: u64,
        /// How long the stream is, in bytes.
        compressed: u64,
        /// How long the file is, in bytes.
        size: u64,
        /// CRC-32 of the file, as the archive's directory says.
        crc32: u32,
    },
}

impl Content {
    /// How long the file is, in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { size, .. } | Self::Stored { size, .. } | Self::Deflated { size, .. } => *size,
        }
    }
}

impl LayerTree {
    /// An empty layer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file, and the directories above it.
    ///
    /// # Errors
    /// [`ErrorKind::BuildFailed`] for a path that leaves the image, or one that is taken by something else.
    pub fn add_file(&mut self, path: &str, executable: bool, content: Content) -> Result<()> {
        self.add(path, EntryKind::File { executable, content })
    }

    /// Adds a symbolic link, and the directories above it.
    ///
    /// # Errors
    /// As [`add_file`](Self::add_file).
    pub fn add_link(&mut self, path: &str, target: &str) -> Result<()> {
        self.add(path, EntryKind::Link { target: target.to_owned() })
    }

    /// Adds a directory, and those above it.
    ///
    /// # Errors
    /// As [`add_file`](Self::add_file).
    pub fn add_directory(&mut self, path: &str) -> Result<()> {
        self.add(path, EntryKind::Directory)
    }

    /// Adds everything of `other`.
    ///
    /// # Errors
    /// [`ErrorKind::BuildFailed`] when both hold another thing at the same path.
    pub fn merge(&mut self, other: Self) -> Result<()> {
        for (path, kind) in other.entries {
            self.add(&path, kind)?;
        }
        Ok(())
    }

    /// Lays `other` over it: a file that both hold is taken from `other`, as when their layers lay upon each other.
    ///
    /// # Errors
    /// [`ErrorKind::BuildFailed`] when one holds a directory where the other has none.
    pub fn overlay(&mut self, other: Self) -> Result<()> {
        for (path, kind) in other.entries {
            let both =
                |one: &EntryKind| matches!(one, EntryKind::Directory) == matches!(kind, EntryKind::Directory);
            if self.entries.get(&path).is_some_and(both) {
                self.entries.insert(path, kind);
            } else {
                self.add(&path, kind)?;
            }
        }
        Ok(())
    }

    /// In order of path: a directory comes before what is in it.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.entries.iter().map(|(path, kind)| Entry { path, kind })
    }

    /// Whether something is at `path`.
    pub fn contains(&self, path: &str) -> bool {
        self.entries.contains_key(path)
    }

    /// The bytes of all files.
    pub fn size(&self) -> u64 {
        self.entries
            .values()
            .map(|kind| match kind {
                EntryKind::File { content, .. } => content.size(),
                EntryKind::Directory | EntryKind::Link { .. } => 0,
            })
            .sum()
    }

    fn add(&mut self, path: &str, kind: EntryKind) -> Result<()> {
        let clean = !path.is_empty()
            && !path.contains(['\\', '\0'])
            && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        if !clean {
            return Err(Error::new(
                ErrorKind::BuildFailed,
                format!("`{}` is no path inside an image", path.escape_debug()),
            ));
        }
        for (end, _) in path.match_indices('/') {
            let parent = path.get(..end).unwrap_or_default();
            match self.entries.get(parent) {
                None => {
                    self.entries.insert(parent.to_owned(), EntryKind::Directory);
                }
                Some(EntryKind::Directory) => {}
                Some(_) => return Err(taken(parent)),
            }
        }
        match (self.entries.get(path), &kind) {
            (None, _) => {
                self.entries.insert(path.to_owned(), kind);
                Ok(())
            }
            (Some(EntryKind::Directory), EntryKind::Directory) => Ok(()),
            (Some(_), _) => Err(taken(path)),
        }
    }
}

fn taken(path: &str) -> Error {
    Error::new(ErrorKind::BuildFailed, format!("two things of one layer want to be at `{path}`")).with_hint(
        "a wheel that holds a path twice, or a file where another has a directory, cannot be laid out",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_come_before_what_is_in_them_and_nothing_leaves_the_image() {
        let mut tree = LayerTree::new();
        tree.add_file("app/b/c", false, Content::Bytes(vec![1])).unwrap();
        tree.add_file("app/a", true, Content::Bytes(vec![1, 2])).unwrap();
        let paths: Vec<_> = tree.entries().map(|entry| entry.path.to_owned()).collect();
        assert_eq!(paths, ["app", "app/a", "app/b", "app/b/c"]);
        assert_eq!(tree.size(), 3);
        for path in ["", "/app", "app/../etc", "app//x", "./a", "a\\b", "app/"] {
            assert!(tree.add_file(path, false, Content::Bytes(Vec::new())).is_err(), "{path}");
        }
        assert!(tree.add_file("app/a/x", false, Content::Bytes(Vec::new())).is_err(), "below a file");
    }

    #[test]
    fn what_lies_above_wins_but_a_directory_is_no_file() {
        let of = |files: &[(&str, u8)]| {
            let mut tree = LayerTree::new();
            for (path, byte) in files {
                tree.add_file(path, false, Content::Bytes(vec![*byte])).unwrap();
            }
            tree
        };
        let mut tree = of(&[("a/x", 1), ("a/y", 1)]);
        tree.overlay(of(&[("a/x", 2), ("b", 2)])).unwrap();
        let bytes: Vec<_> = tree
            .entries()
            .filter_map(|entry| match entry.kind {
                EntryKind::File { content: Content::Bytes(bytes), .. } => Some((entry.path, bytes[0])),
                _ => None,
            })
            .collect();
        assert_eq!(bytes, [("a/x", 2), ("a/y", 1), ("b", 2)]);
        assert!(tree.overlay(of(&[("b/c", 3)])).is_err());
        assert!(tree.overlay(of(&[("a", 3)])).is_err());
    }
}
