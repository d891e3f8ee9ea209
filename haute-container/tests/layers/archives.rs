//! Makes wheels for tests.

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use haute_container::wheel::{Locked, WheelFile, WheelName};
use haute_core::digest::Digest;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A wheel that is being made.
pub(crate) struct WheelMaker {
    zip: ZipWriter<Cursor<Vec<u8>>>,
    info: String,
    names: Vec<String>,
}

impl WheelMaker {
    /// A wheel of `name` and `version`, with its metadata.
    pub(crate) fn new(name: &str, version: &str) -> Self {
        let info = format!("{}-{version}.dist-info", name.replace('-', "_"));
        let maker =
            Self { zip: ZipWriter::new(Cursor::new(Vec::new())), info: info.clone(), names: Vec::new() };
        maker
            .file(
                &format!("{info}/METADATA"),
                format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"),
            )
            .file(
                &format!("{info}/WHEEL"),
                "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            )
    }

    /// Adds a file.
    pub(crate) fn file(self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.with(path, bytes, SimpleFileOptions::default().compression_method(CompressionMethod::Deflated))
    }

    /// Adds a file that is not compressed.
    pub(crate) fn stored(self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.with(path, bytes, SimpleFileOptions::default().compression_method(CompressionMethod::Stored))
    }

    /// Adds a program.
    pub(crate) fn program(self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.with(path, bytes, SimpleFileOptions::default().unix_permissions(0o755))
    }

    /// Adds a link.
    pub(crate) fn link(mut self, path: &str, target: &str) -> Self {
        self.zip.add_symlink(path, target, SimpleFileOptions::default()).unwrap();
        self
    }

    fn with(mut self, path: &str, bytes: impl AsRef<[u8]>, options: SimpleFileOptions) -> Self {
        self.zip.start_file(path, options).unwrap();
        self.zip.write_all(bytes.as_ref()).unwrap();
        self.names.push(path.to_owned());
        self
    }

    /// The bytes of the wheel, with a `RECORD` of everything.
    pub(crate) fn bytes(mut self) -> Vec<u8> {
        let record = format!("{}/RECORD", self.info);
        let mut lines = String::new();
        for name in self.names.iter().chain([&record]) {
            let hash = if *name == record { String::new() } else { format!("sha256=of-{}", name.len()) };
            lines.push_str(&[name, ",", &hash, ",\n"].concat());
        }
        self = self.file(&record, lines);
        self.bare()
    }

    /// The bytes of the wheel without a `RECORD`.
    pub(crate) fn bare(self) -> Vec<u8> {
        self.zip.finish().unwrap().into_inner()
    }
}

/// Writes `bytes` as `file_name` into `directory`.
pub(crate) fn keep(directory: &Path, file_name: &str, bytes: &[u8]) -> WheelFile {
    let path: PathBuf = directory.join(file_name);
    std::fs::write(&path, bytes).unwrap();
    let name = WheelName::parse(file_name).unwrap().distribution;
    WheelFile::new(name, file_name, path, Digest::of(bytes), bytes.len() as u64)
}

/// The line of a lock for some files.
pub(crate) fn locked(name: &str, version: &str, files: &[&[u8]]) -> Locked {
    Locked::new(name, version, files.iter().map(Digest::of).collect())
}

/// Bytes that compress a little: words by a fixed rule.
pub(crate) fn words(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let word = state >> 33;
        bytes.extend_from_slice(format!("{:x} ", word % 4096).as_bytes());
    }
    bytes.truncate(length);
    bytes
}
