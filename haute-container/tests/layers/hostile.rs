//! Wheels somebody made to do harm, and wheels that are merely broken: refused, with the reason.

use haute_container::layer::{Compression, LayerBuild};
use haute_container::wheel::{WheelFile, install};
use haute_core::error::ErrorKind;

use crate::archives::{WheelMaker, keep, words};

const NAME: &str = "evil-1.0-py3-none-any.whl";

/// Lays the wheel out and, when that works, makes a layer of it: gives what went wrong, in full.
fn outcome(bytes: &[u8]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let wheel: WheelFile = keep(directory.path(), NAME, bytes);
    let built = install(&wheel)
        .and_then(|tree| LayerBuild::new(Compression::Gzip, directory.path()).build(&tree).map(drop));
    match built {
        Ok(()) => "accepted".to_owned(),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::BuildFailed);
            let links = haute_core::error::chain(&error);
            assert!(links[0].contains(NAME), "names the wheel: {links:?}");
            links.join(": ")
        }
    }
}

fn evil() -> WheelMaker {
    WheelMaker::new("evil", "1.0")
}

/// Replaces every `from` by `to`, which has its length.
fn patched(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut count = 0;
    for at in 0..=bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
            count += 1;
        }
    }
    assert!(count > 0, "nothing to patch");
    bytes
}

#[test]
fn a_sound_wheel_is_accepted() {
    assert_eq!(outcome(&evil().file("evil/__init__.py", "x = 1\n").bytes()), "accepted");
}

#[test]
fn paths_that_leave_are_refused() {
    let wheel = |path: &str| {
        // The writer cleans paths, so they are put in afterwards.
        let stand_in = "x".repeat(path.len());
        patched(evil().file(&stand_in, "boo").bare(), stand_in.as_bytes(), path.as_bytes())
    };
    for (path, says) in [
        ("../../etc/cron.d/x", "climbs out"),
        ("evil/../../x", "climbs out"),
        ("/etc/passwd", "absolute path"),
        ("C:/windows/x", "absolute path"),
        ("evil\\..\\x", "character no path has"),
        ("evil/a\0b", "character no path has"),
        ("evil//x", "written in two ways"),
        ("./evil/x", "written in two ways"),
        ("evil-1.0.data/purelib/../../../x", "climbs out"),
    ] {
        let said = outcome(&wheel(path));
        assert!(said.contains(says), "{path:?}: {said}");
    }
}

#[test]
fn data_for_unknown_places_and_paths_taken_twice_are_refused() {
    let said = outcome(&evil().file("evil-1.0.data/etc/passwd", "x").bytes());
    assert!(said.contains("no place of an installation"), "{said}");
    let twice = evil().file("evil/a.py", "1").file("evil-1.0.data/purelib/evil/a.py", "2").bytes();
    assert!(outcome(&twice).contains("two things"), "{}", outcome(&twice));
    let below = evil().file("evil", "a file").file("evil/a.py", "2").bytes();
    assert!(outcome(&below).contains("two things"), "{}", outcome(&below));
    let same =
        patched(evil().file("evil/a.py", "1").file("evil/b.py", "2").bytes(), b"evil/b.py", b"evil/a.py");
    assert!(outcome(&same).contains("two files of the same name"), "{}", outcome(&same));
}

#[test]
fn links_and_encryption_are_refused() {
    let said = outcome(&evil().link("evil/shadow", "/etc/shadow").bytes());
    assert!(said.contains("symbolic link"), "{said}");
    // Bit 0 of the flags in the local header (offset 6) and in the directory (offset 8).
    let mut bytes = evil().file("evil/a.py", words(100, 1)).bytes();
    let headers: Vec<usize> =
        (0..bytes.len() - 4).filter(|at| bytes[*at..].starts_with(b"PK\x03\x04")).collect();
    let directory: Vec<usize> =
        (0..bytes.len() - 4).filter(|at| bytes[*at..].starts_with(b"PK\x01\x02")).collect();
    for at in headers {
        bytes[at + 6] |= 1;
    }
    for at in directory {
        bytes[at + 8] |= 1;
    }
    let said = outcome(&bytes);
    assert!(said.contains("encrypted"), "{said}");
}

/// Changes the number of `width` bytes at `local` of each local header and `central` of each directory entry of `name`.
fn with_number(
    mut bytes: Vec<u8>,
    name: &str,
    (local, central): (usize, usize),
    change: fn(u32) -> u32,
) -> Vec<u8> {
    for (magic, number, name_at) in [(b"PK\x03\x04", local, 30), (b"PK\x01\x02", central, 46)] {
        let at = (0..bytes.len() - 46)
            .find(|at| bytes[*at..].starts_with(magic) && bytes[at + name_at..].starts_with(name.as_bytes()))
            .unwrap();
        let field = &mut bytes[at + number..at + number + 4];
        let value = u32::from_le_bytes(field.try_into().unwrap());
        field.copy_from_slice(&change(value).to_le_bytes());
    }
    bytes
}

#[test]
fn files_that_are_not_what_the_directory_says_are_refused() {
    let wheel =
        || evil().file("evil/big.bin", words(50_000, 3)).stored("evil/raw.bin", words(9_000, 4)).bytes();
    let (crc, compressed, size) = ((14, 16), (18, 20), (22, 24));
    for (what, name, field, change, says) in [
        ("wrong checksum", "evil/big.bin", crc, (|n| n ^ 1) as fn(u32) -> u32, "another CRC-32"),
        ("wrong checksum, stored", "evil/raw.bin", crc, |n| n ^ 1, "another CRC-32"),
        (
            "a bomb: more comes out than was said",
            "evil/big.bin",
            size,
            |n| n / 10,
            "longer than its directory says",
        ),
        ("less comes out than was said", "evil/big.bin", size, |n| n + 1, "shorter than its directory says"),
        ("a stream cut short", "evil/big.bin", compressed, |n| n - 7, "zip archive|shorter"),
        ("a stream into the next file", "evil/big.bin", compressed, |n| n + 7, "zip archive|ends before"),
        ("beyond the end", "evil/big.bin", compressed, |n| n + 900_000, "zip archive|beyond the end"),
        ("two lengths", "evil/raw.bin", size, |n| n + 1, "zip archive|two lengths"),
    ] {
        let said = outcome(&with_number(wheel(), name, field, change));
        assert!(says.split('|').any(|says| said.contains(says)), "{what}: {said}");
    }
}

#[test]
fn what_is_no_wheel_is_refused() {
    for (bytes, says) in [
        (b"not a zip at all".to_vec(), "no sound zip archive"),
        (Vec::new(), "no sound zip archive"),
        (evil().file("evil/a.py", "x").bytes()[..200].to_vec(), "no sound zip archive"),
        (evil().bare(), "has no `evil-1.0.dist-info/RECORD`"),
        (WheelMaker::new("good", "1.0").bytes(), "holds `good`, not `evil`"),
        (evil().file("other-1.dist-info/METADATA", "x").bytes(), "two distributions"),
        (patched(evil().bytes(), b"evil-1.0.dist-info", b"evil-1.0.dust-info"), "no `.dist-info`"),
    ] {
        let said = outcome(&bytes);
        assert!(said.contains(says), "{says}: {said}");
    }
    let newer = {
        let maker = WheelMaker::new("evil-x", "1.0").file("evil-1.0.dist-info/WHEEL", "Wheel-Version: 2.0\n");
        maker.bytes()
    };
    assert_ne!(outcome(&newer), "accepted");
}

#[test]
fn a_cut_or_flipped_wheel_never_panics() {
    let bytes = evil().file("evil/a.py", words(3_000, 5)).stored("evil/b.bin", words(700, 6)).bytes();
    for at in (0..bytes.len()).step_by(37) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x55;
        let _said = outcome_quietly(&flipped);
        let _said = outcome_quietly(&bytes[..at]);
    }
}

fn outcome_quietly(bytes: &[u8]) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let wheel = keep(directory.path(), NAME, bytes);
    install(&wheel)
        .is_ok_and(|tree| LayerBuild::new(Compression::Zstd, directory.path()).build(&tree).is_ok())
}
