//! Lays a wheel out as an installer would (PEP 427 "Installing a wheel"), under [`INSTALL_ROOT`].
//!
//! - what is in the archive's root, `purelib` and `platlib` goes to the package directory;
//! - `scripts` are not installed: the image runs one module by name, has no shell, and their first lines would name an
//!   interpreter of another machine;
//! - `headers` are not installed: there is no compiler;
//! - `data` goes below the parent of the package directory (the installation's prefix), but for what only desktops, manuals and
//!   notebooks read;
//! - `INSTALLER` is written, and `RECORD` lists what is there, so that `importlib.metadata` tells the truth.

use haute_core::digest::Digest;
use haute_core::error::Result;
use haute_core::release::lock::normalise;

use super::archive::{WheelArchive, refused};
use super::record;
use super::trim;
use super::wheels::WheelFile;
use crate::layer::{Content, LayerTree};

/// Where packages are in the image.
pub const INSTALL_ROOT: &str = "opt/haute/lib";

/// Where `data` files are in the image: the prefix of the installation.
const DATA_ROOT: &str = "opt/haute";

/// Data files nothing that serves reads.
const UNUSED_DATA: &[&str] = &[
    "bin/",
    "etc/jupyter/",
    "include/",
    "share/applications/",
    "share/bash-completion/",
    "share/doc/",
    "share/fish/",
    "share/icons/",
    "share/jupyter/",
    "share/man/",
    "share/zsh/",
];

/// The largest `RECORD` or `WHEEL` that is read, in bytes.
const METADATA_LIMIT: u64 = 32 * 1024 * 1024;

const INSTALLER: &str = "haute-cli\n";

/// Lays `wheel` out. Reads its directory and two small files; blocks.
///
/// # Errors
/// [`ErrorKind::BuildFailed`](haute_core::error::ErrorKind::BuildFailed) naming the wheel: see [`WheelArchive::open`]; a
/// wheel of a version to come; one whose `.dist-info` is missing or another distribution's; two files for one path.
pub fn install(wheel: &WheelFile) -> Result<LayerTree> {
    let archive = WheelArchive::open(&wheel.path)?;
    lay_out(wheel, &archive).map_err(|error| error.with_context("file", wheel.file_name.clone()))
}

fn lay_out(wheel: &WheelFile, archive: &WheelArchive) -> Result<LayerTree> {
    let info = dist_info(wheel, archive)?;
    check_version(archive, &info)?;
    let hashes = record::read(&archive.text(&format!("{info}/RECORD"), METADATA_LIMIT)?);
    let rewritten =
        ["INSTALLER", "RECORD", "RECORD.jws", "RECORD.p7s", "REQUESTED"].map(|name| format!("{info}/{name}"));
    let mut tree = LayerTree::new();
    let mut lines: Vec<(String, String, u64)> = Vec::new();
    for member in &archive.members {
        if rewritten.contains(&member.path) {
            continue;
        }
        let Some(place) = place(&member.path) else { continue };
        let (path, listed) = match place {
            Place::Library(path) if trim::left_out(&wheel.name, path).is_some() => continue,
            Place::Library(path) => (format!("{INSTALL_ROOT}/{path}"), path.to_owned()),
            Place::Data(path) => (format!("{DATA_ROOT}/{path}"), format!("../{path}")),
            Place::Unknown(scheme) => {
                return Err(refused(
                    &archive.path,
                    format!(
                        "the wheel has files for `{}`, which is no place of an installation",
                        scheme.escape_debug()
                    ),
                ));
            }
        };
        tree.add_file(&path, member.executable, member.content.clone())?;
        lines.push((listed, hashes.get(&member.path).cloned().unwrap_or_default(), member.content.size()));
    }
    let installer = format!("{info}/INSTALLER");
    tree.add_file(
        &format!("{INSTALL_ROOT}/{installer}"),
        false,
        Content::Bytes(INSTALLER.as_bytes().to_vec()),
    )?;
    lines.push((installer, record::hash(&Digest::of(INSTALLER)), INSTALLER.len() as u64));
    lines.sort();
    let mut text = String::new();
    for (path, hash, size) in &lines {
        record::line(&mut text, path, hash, Some(*size));
    }
    let record = format!("{info}/RECORD");
    record::line(&mut text, &record, "", None);
    tree.add_file(&format!("{INSTALL_ROOT}/{record}"), false, Content::Bytes(text.into_bytes()))?;
    Ok(tree)
}

/// Where a member goes.
enum Place<'a> {
    Library(&'a str),
    Data(&'a str),
    Unknown(&'a str),
}

/// `None`: nowhere. A top directory that ends in `.data` is one of places, however the wheel's name is spelt in it: as pip sees it.
fn place(path: &str) -> Option<Place<'_>> {
    let Some((_, rest)) = path.split_once('/').filter(|(top, _)| top.strip_suffix(".data").is_some()) else {
        return Some(Place::Library(path));
    };
    let (scheme, rest) = rest.split_once('/').unwrap_or((rest, ""));
    match scheme {
        "purelib" | "platlib" => Some(Place::Library(rest)),
        "scripts" | "headers" => None,
        "data" if UNUSED_DATA.iter().any(|unused| rest.starts_with(unused)) => None,
        "data" => Some(Place::Data(rest)),
        other => Some(Place::Unknown(other)),
    }
}

/// The one `.dist-info` directory, which must be the wheel's own.
fn dist_info(wheel: &WheelFile, archive: &WheelArchive) -> Result<String> {
    let mut found: Option<&str> = None;
    for member in &archive.members {
        let top = member.path.split('/').next().unwrap_or_default();
        if top.ends_with(".dist-info") && member.path.len() > top.len() {
            if found.is_some_and(|other| other != top) {
                return Err(refused(&archive.path, "the wheel holds two distributions".to_owned()));
            }
            found = Some(top);
        }
    }
    let info = found.ok_or_else(|| refused(&archive.path, "the wheel has no `.dist-info`".to_owned()))?;
    let stem = info.trim_end_matches(".dist-info");
    let name = stem.rsplit_once('-').map_or(stem, |(name, _)| name);
    if normalise(name) != wheel.name {
        let message = format!("the wheel holds `{}`, not `{}`", name.escape_debug(), wheel.name);
        return Err(refused(&archive.path, message));
    }
    Ok(info.to_owned())
}

/// PEP 427: an installer refuses a wheel whose major version it does not know.
fn check_version(archive: &WheelArchive, info: &str) -> Result<()> {
    let text = archive.text(&format!("{info}/WHEEL"), METADATA_LIMIT)?;
    let version = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case("Wheel-Version"))
        .map(|(_, version)| version.trim());
    match version {
        Some(version) if version == "1" || version.starts_with("1.") => Ok(()),
        other => Err(refused(
            &archive.path,
            format!(
                "the wheel is of version `{}`; versions 1.x are known",
                other.unwrap_or("none").escape_debug()
            ),
        )),
    }
}
