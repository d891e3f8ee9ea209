//! A root file system, layer upon layer.

use std::collections::BTreeMap;
use std::io::Read;

use haute_core::digest::Digest;

/// Everything that can be told of a file in an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) kind: Kind,
    /// Permissions, with the setuid, setgid and sticky bits.
    pub(crate) mode: u32,
    pub(crate) user: u64,
    pub(crate) group: u64,
    /// In seconds since 1970.
    pub(crate) modified: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    Regular { content: Digest, machine: Option<u16> },
    Link(String),
    HardLink(String),
    Other(u8),
}

/// Files by path, without a leading or trailing slash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Files(pub(crate) BTreeMap<String, File>);

impl Files {
    /// Lays a layer, a plain tar, over what is there.
    pub(crate) fn lay(&mut self, tar: impl Read) {
        let mut archive = tar::Archive::new(tar);
        for entry in archive.entries().expect("a tar") {
            let mut entry = entry.expect("an entry");
            let path = entry.path().expect("a path").to_string_lossy().into_owned();
            let path = path.trim_start_matches("./").trim_end_matches('/').to_owned();
            let name = path.rsplit('/').next().unwrap_or_default();
            assert!(!name.starts_with(".wh."), "{path} takes something away");
            let target =
                || entry.link_name().ok().flatten().unwrap_or_default().to_string_lossy().into_owned();
            let header = entry.header().clone();
            let kind = match header.entry_type() {
                tar::EntryType::Directory => Kind::Directory,
                tar::EntryType::Symlink => Kind::Link(target()),
                tar::EntryType::Link => Kind::HardLink(target()),
                tar::EntryType::Regular => {
                    let mut bytes = Vec::new();
                    entry.read_to_end(&mut bytes).expect("a file");
                    Kind::Regular { content: Digest::of(&bytes), machine: machine(&bytes) }
                }
                other => Kind::Other(other.as_byte()),
            };
            let file = File {
                kind,
                mode: header.mode().expect("a mode") & 0o7777,
                user: header.uid().expect("a user"),
                group: header.gid().expect("a group"),
                modified: header.mtime().expect("a time"),
            };
            if !path.is_empty() {
                self.0.insert(path, file);
            }
        }
    }
}

/// For which processor an ELF file is (System V ABI, `e_machine` at 18): 62 is x86-64, 183 aarch64.
fn machine(bytes: &[u8]) -> Option<u16> {
    let head = bytes.get(..20)?;
    (head.starts_with(b"\x7fELF")).then(|| u16::from_le_bytes([head[18], head[19]]))
}

/// The plain tar in a layer.
pub(crate) fn plain(layer: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    match layer {
        [0x1f, 0x8b, ..] => {
            flate2::read::MultiGzDecoder::new(layer).read_to_end(&mut tar).expect("gzip");
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            zstd::stream::copy_decode(layer, &mut tar).expect("zstd");
        }
        _ => layer.clone_into(&mut tar),
    }
    tar
}
