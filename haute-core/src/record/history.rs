//! Reading and writing records.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::Record;
use crate::error::Result;
use crate::store::{Store, file_name, io_error, read_json};

/// A record, and where it is kept.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Recorded {
    /// The file's name without `.json`.
    pub id: String,
    /// The file.
    pub path: PathBuf,
    /// What it says.
    pub record: Record,
}

impl Recorded {
    /// Writes a record in one step: a reader sees all of it or nothing.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(store: &Store, record: Record) -> Result<Self> {
        let time = record.started.strftime("%Y%m%dT%H%M%S%3fZ").to_string();
        let digest = record.release.as_ref().map_or("none", |release| release.short());
        // Two in one millisecond are told apart by a number that keeps their order.
        let name = |number: u32| match number {
            0 => format!("{time}-{}-{digest}", file_name(&record.target)),
            _ => format!("{time}.{number:03}-{}-{digest}", file_name(&record.target)),
        };
        let taken: Vec<String> =
            files(store)?.into_iter().map(|(id, _)| id).filter(|id| id.starts_with(&time)).collect();
        let (id, path) = (u32::from(!taken.is_empty())..=u32::MAX)
            .map(name)
            .map(|id| (id.clone(), store.records().join(format!("{id}.json"))))
            .find(|(_, path)| !path.exists())
            .unwrap_or_default();
        store.write_json(&path, &record)?;
        Ok(Self { id, path, record })
    }
}

/// Every record of a project, newest first; `target` keeps those of one target.
///
/// # Errors
/// When the directory or a record cannot be read.
pub fn history(store: &Store, target: Option<&str>) -> Result<Vec<Recorded>> {
    let mut records = Vec::new();
    for (id, path) in files(store)? {
        let Some(record) = read_json::<Record>(&path)? else { continue };
        if target.is_none_or(|target| record.target == target) {
            records.push(Recorded { id, path, record });
        }
    }
    Ok(records)
}

/// The newest record of a target's address that ended with a release that serves and was verified.
///
/// Reads no more records than it must. One that cannot be read is passed over: it is no evidence, and an old damaged
/// file must not keep a new release from going live.
///
/// # Errors
/// When the directory cannot be read.
pub fn last_verified(store: &Store, target: &str, address: &str) -> Result<Option<Recorded>> {
    find_verified(store, target, address, |_| true)
}

/// The newest verified record of a target's address that `fits`.
pub(crate) fn find_verified(
    store: &Store,
    target: &str,
    address: &str,
    fits: impl Fn(&Record) -> bool,
) -> Result<Option<Recorded>> {
    for (id, path) in files(store)? {
        let Ok(Some(record)) = read_json::<Record>(&path) else { continue };
        if record.target == target && record.address == address && record.is_verified() && fits(&record) {
            return Ok(Some(Recorded { id, path, record }));
        }
    }
    Ok(None)
}

/// The files of all records with their ids, newest first: an id begins with its time.
fn files(store: &Store) -> Result<Vec<(String, PathBuf)>> {
    let directory = store.records();
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io_error("read", &directory, error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| io_error("read", &directory, error))?.path();
        let id = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".json"));
        if let Some(id) = id.filter(|id| !id.starts_with('.')) {
            files.push((id.to_owned(), path));
        }
    }
    files.sort_unstable_by(|a, b| b.cmp(a));
    Ok(files)
}
