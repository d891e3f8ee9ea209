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
        let stem = format!("{time}-{}-{digest}", file_name(&record.target));
        let (id, path) = (0_u32..)
            .map(|number| if number == 0 { stem.clone() } else { format!("{stem}-{number}") })
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
    let directory = store.records();
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io_error("read", &directory, error)),
    };
    let mut records = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| io_error("read", &directory, error))?.path();
        let Some(id) =
            path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".json"))
        else {
            continue;
        };
        let Some(record) = read_json::<Record>(&path)? else { continue };
        if target.is_none_or(|target| record.target == target) {
            records.push(Recorded { id: id.to_owned(), path, record });
        }
    }
    records.sort_by(|a, b| (b.record.started, &b.id).cmp(&(a.record.started, &a.id)));
    Ok(records)
}

/// The newest record of a target's address that ended with a release that serves and was verified.
///
/// # Errors
/// When the records cannot be read.
pub fn last_verified(store: &Store, target: &str, address: &str) -> Result<Option<Recorded>> {
    Ok(history(store, Some(target))?
        .into_iter()
        .find(|recorded| recorded.record.address == address && recorded.record.is_verified()))
}
