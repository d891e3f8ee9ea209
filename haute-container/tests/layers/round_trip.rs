//! What goes into a layer comes out of it, whatever it is made of and however it is compressed.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use flate2::Crc;
use flate2::read::MultiGzDecoder;
use flate2::write::DeflateEncoder;
use haute_container::layer::{Compression, Content, EntryKind, LayerBuild, LayerTree, tar};
use haute_core::digest::Digest;
use haute_core::error::ErrorKind;
use haute_core::target::Cancellation;
use proptest::prelude::*;

use crate::archives::words;

/// What a path holds, as a reader of the tar sees it.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Directory,
    File { executable: bool, bytes: Vec<u8> },
    Link(String),
}

fn read_tar(bytes: &[u8]) -> BTreeMap<String, Seen> {
    let mut archive = ::tar::Archive::new(bytes);
    let mut all = BTreeMap::new();
    let mut last = String::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        assert!(name > last, "{name} comes after {last}");
        last.clone_from(&name);
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 0));
        assert_eq!(header.username_bytes().unwrap_or_default(), b"");
        let mode = header.mode().unwrap();
        let seen = match header.entry_type() {
            ::tar::EntryType::Directory => {
                assert_eq!(mode, 0o755);
                Seen::Directory
            }
            ::tar::EntryType::Symlink => {
                Seen::Link(String::from_utf8(entry.link_name_bytes().unwrap().into_owned()).unwrap())
            }
            kind => {
                assert!(kind.is_file() && [0o644, 0o755].contains(&mode), "{kind:?} {mode:o}");
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).unwrap();
                Seen::File { executable: mode == 0o755, bytes }
            }
        };
        all.insert(name.trim_end_matches('/').to_owned(), seen);
    }
    all
}

fn decompress(path: &Path, compression: Compression) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    let mut plain = Vec::new();
    match compression {
        Compression::Gzip => MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut plain).unwrap(),
        _ => zstd::Decoder::new(bytes.as_slice()).unwrap().read_to_end(&mut plain).unwrap(),
    };
    plain
}

/// Files in an archive-like file: some deflated, some stored, some of their own, some in memory.
struct World {
    directory: tempfile::TempDir,
    tree: LayerTree,
    reversed: LayerTree,
    expected: BTreeMap<String, Seen>,
}

#[derive(Clone, Debug)]
struct Spec {
    path: String,
    length: usize,
    how: u8,
    executable: bool,
}

fn world(specs: &[Spec]) -> World {
    let directory = tempfile::tempdir().unwrap();
    let archive = directory.path().join("archive");
    let mut bytes_of_archive = b"something before".to_vec();
    let (mut files, mut expected) = (Vec::new(), BTreeMap::new());
    for (number, spec) in specs.iter().enumerate() {
        let bytes = words(spec.length, number as u64);
        let mut crc = Crc::new();
        crc.update(&bytes);
        let (offset, size, crc32) = (bytes_of_archive.len() as u64, bytes.len() as u64, crc.sum());
        let content = match spec.how {
            0 => {
                let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::best());
                std::io::Write::write_all(&mut encoder, &bytes).unwrap();
                let deflated = encoder.finish().unwrap();
                bytes_of_archive.extend_from_slice(&deflated);
                let compressed = deflated.len() as u64;
                Content::Deflated { archive: archive.clone(), offset, compressed, size, crc32 }
            }
            1 => {
                bytes_of_archive.extend_from_slice(&bytes);
                Content::Stored { archive: archive.clone(), offset, size, crc32 }
            }
            2 => {
                let path = directory.path().join(format!("file-{number}"));
                std::fs::write(&path, &bytes).unwrap();
                Content::File { path, size }
            }
            _ => Content::Bytes(bytes.clone()),
        };
        files.push((spec.path.clone(), spec.executable, content));
        for (end, _) in spec.path.match_indices('/') {
            expected.insert(spec.path[..end].to_owned(), Seen::Directory);
        }
        expected.insert(spec.path.clone(), Seen::File { executable: spec.executable, bytes });
    }
    std::fs::write(&archive, bytes_of_archive).unwrap();
    let tree_of = |files: &mut dyn Iterator<Item = &(String, bool, Content)>| {
        let mut tree = LayerTree::new();
        for (path, executable, content) in files {
            tree.add_file(path, *executable, content.clone()).unwrap();
        }
        tree
    };
    let (tree, reversed) = (tree_of(&mut files.iter()), tree_of(&mut files.iter().rev()));
    World { directory, tree, reversed, expected }
}

fn specs() -> impl Strategy<Value = Vec<Spec>> {
    let component = "[a-zA-Z0-9_.+ -]{0,24}[a-z]{1,40}";
    // Parents and files never share a name: files end in a number of their own.
    let path = prop::collection::vec(component, 0..5);
    let length =
        prop_oneof![Just(0_usize), Just(511), Just(512), Just(513), 0_usize..9000, 60_000_usize..150_000];
    let one = (path, length, 0_u8..4, any::<bool>());
    prop::collection::vec(one, 0..12).prop_map(|all| {
        let of = |(number, (parents, length, how, executable)): (usize, (Vec<String>, usize, u8, bool))| {
            let mut parts = parents;
            parts.push(format!("file.{number}"));
            Spec { path: parts.join("/"), length, how, executable }
        };
        all.into_iter().enumerate().map(of).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_layer_reads_back_exactly(specs in specs()) {
        let world = world(&specs);
        let mut plain = Vec::new();
        let written = tar::write_tar(&world.tree, &mut plain, &Cancellation::default()).unwrap();
        prop_assert_eq!(written.size, plain.len() as u64);
        prop_assert_eq!(written.size, tar::tar_size(&world.tree));
        prop_assert_eq!(&written.diff_id, &Digest::of(&plain));
        prop_assert_eq!(&read_tar(&plain), &world.expected);
        for compression in [Compression::Gzip, Compression::Zstd] {
            let build = LayerBuild::new(compression, world.directory.path());
            let layer = build.build(&world.tree).unwrap();
            prop_assert_eq!(&layer.diff_id, &written.diff_id);
            prop_assert_eq!(layer.uncompressed, written.size);
            prop_assert_eq!(&Digest::of_file(&layer.path).unwrap(), &layer.descriptor.digest);
            prop_assert_eq!(std::fs::metadata(&layer.path).unwrap().len(), layer.descriptor.size);
            prop_assert!(decompress(&layer.path, compression) == plain);
            let again = build.build(&world.reversed).unwrap();
            prop_assert_eq!(again.descriptor, layer.descriptor);
        }
    }
}

#[test]
fn long_names_and_links_survive() {
    let mut tree = LayerTree::new();
    let deep = format!("a/{}/{}", "b".repeat(120), "c".repeat(130));
    tree.add_file(&deep, true, Content::Bytes(b"x".to_vec())).unwrap();
    let exact = "d".repeat(100);
    tree.add_file(&exact, false, Content::Bytes(Vec::new())).unwrap();
    tree.add_link("e/link", &"../f/".repeat(40)).unwrap();
    tree.add_link("e/short", "../a").unwrap();
    let mut plain = Vec::new();
    let written = tar::write_tar(&tree, &mut plain, &Cancellation::default()).unwrap();
    assert_eq!(written.size, tar::tar_size(&tree));
    let read = read_tar(&plain);
    assert_eq!(read[&deep], Seen::File { executable: true, bytes: b"x".to_vec() });
    assert_eq!(read[&exact], Seen::File { executable: false, bytes: Vec::new() });
    assert_eq!(read["e/link"], Seen::Link("../f/".repeat(40)));
    assert_eq!(read["e/short"], Seen::Link("../a".to_owned()));
    assert!(tree.entries().any(|entry| matches!(entry.kind, EntryKind::Link { .. })));
}

#[test]
fn a_large_stream_is_copied_and_not_made_again() {
    let world = world(&[Spec { path: "a/lib.so".to_owned(), length: 300_000, how: 0, executable: false }]);
    let layer = LayerBuild::new(Compression::Gzip, world.directory.path()).build(&world.tree).unwrap();
    let archive = std::fs::read(world.directory.path().join("archive")).unwrap();
    let stream = archive.strip_prefix(b"something before").unwrap();
    let gzip = std::fs::read(&layer.path).unwrap();
    let at = gzip.windows(stream.len()).position(|window| window == stream).unwrap();
    assert_eq!(gzip[at - 10..at], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
}

/// A change of these bytes is a change of every layer in every registry: `LAYOUT` or a recipe must change with them.
#[test]
fn the_bytes_of_a_layer_are_what_they_were() {
    let mut tree = LayerTree::new();
    tree.add_file("app/b", true, Content::Bytes(b"two".to_vec())).unwrap();
    tree.add_file("app/a", false, Content::Bytes(words(20_000, 7))).unwrap();
    tree.add_link("app/c", "a").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let digest = |compression| {
        let layer = LayerBuild::new(compression, directory.path()).build(&tree).unwrap();
        (layer.diff_id.short().to_owned(), layer.descriptor.digest.short().to_owned())
    };
    let both = [digest(Compression::Gzip), digest(Compression::Zstd)];
    let expected = [("3afafd9969ca", "d9303a183ed0"), ("3afafd9969ca", "e06e5ccd8b40")]
        .map(|(one, two)| (one.to_owned(), two.to_owned()));
    assert_eq!(both, expected);
}

#[test]
fn a_file_that_changed_meanwhile_is_an_error_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("model");
    std::fs::write(&file, b"0123456789").unwrap();
    let out = directory.path().join("out");
    std::fs::create_dir(&out).unwrap();
    for (said, content) in [
        ("shorter", Content::File { path: file.clone(), size: 11 }),
        ("longer", Content::File { path: file.clone(), size: 9 }),
        ("other", Content::Stored { archive: file.clone(), offset: 0, size: 10, crc32: 1 }),
        ("missing", Content::File { path: directory.path().join("no"), size: 1 }),
        (
            "no stream",
            Content::Deflated { archive: file.clone(), offset: 0, compressed: 10, size: 10, crc32: 1 },
        ),
    ] {
        let mut tree = LayerTree::new();
        tree.add_file("app/model", false, content).unwrap();
        for compression in [Compression::Gzip, Compression::Zstd] {
            let error = LayerBuild::new(compression, &out).build(&tree).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BuildFailed, "{said}: {error}");
            assert!(error.context().contains(&("path", "app/model".to_owned())), "{said}: {error}");
        }
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 0, "{said}");
    }
}

#[test]
fn a_stop_is_heard_between_two_files() {
    let directory = tempfile::tempdir().unwrap();
    let mut tree = LayerTree::new();
    tree.add_file("a", false, Content::Bytes(vec![1])).unwrap();
    let cancelled = Cancellation::default();
    cancelled.cancel();
    let build = LayerBuild::new(Compression::Gzip, directory.path()).with_cancellation(cancelled);
    assert_eq!(build.build(&tree).unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// The recipe names the versions of what compresses; they must be the ones that are built with.
#[test]
fn the_recipe_names_the_versions_of_the_lock() {
    let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock")).unwrap();
    let version = |name: &str| {
        let at = lock.find(&format!("name = \"{name}\"\n")).unwrap();
        lock[at..].lines().nth(1).unwrap().trim_start_matches("version = ").trim_matches('"').to_owned()
    };
    let gzip = Compression::Gzip.recipe();
    for name in ["flate2", "zlib-rs"] {
        assert!(gzip.contains(&format!("{name}={}", version(name))), "{gzip}");
    }
    let zstd = Compression::Zstd.recipe();
    assert!(zstd.contains(&format!("zstd-sys={}", version("zstd-sys"))), "{zstd}");
}
