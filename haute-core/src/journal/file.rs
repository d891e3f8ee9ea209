//! A journal on disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Entry, Line, Pending, pending};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Store, create_parent, io_error};

/// A journal that is written to. One writer at a time: the engine holds the lock of the address.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens the journal of a target's address for writing, and says what it leaves open.
    ///
    /// # Errors
    /// When it cannot be created, read or written, or a line in the middle is damaged.
    pub fn open(store: &Store, target: &str, address: &str) -> Result<(Self, Option<Pending>)> {
        store.create()?;
        let path = store.journal_path(target, address);
        create_parent(&path)?;
        let bytes = read_bytes(&path)?;
        let whole = whole_lines(&bytes);
        let lines = parse(&path, whole)?;
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|error| io_error("open", &path, error))?;
        if whole.len() < bytes.len() {
            let length = u64::try_from(whole.len()).unwrap_or(u64::MAX);
            file.set_len(length).map_err(|error| io_error("repair", &path, error))?;
        }
        Ok((Self { path, file }, pending(lines)))
    }

    /// What the journal of a target's address leaves open. Reads only.
    ///
    /// # Errors
    /// When it cannot be read, or a line in the middle is damaged.
    pub fn pending(store: &Store, target: &str, address: &str) -> Result<Option<Pending>> {
        Ok(pending(Self::lines(store, target, address)?))
    }

    /// Every line, oldest first. Reads only.
    ///
    /// # Errors
    /// When it cannot be read, or a line in the middle is damaged.
    pub fn lines(store: &Store, target: &str, address: &str) -> Result<Vec<Line>> {
        let path = store.journal_path(target, address);
        let bytes = read_bytes(&path)?;
        parse(&path, whole_lines(&bytes))
    }

    /// Writes a line. It is on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written. Then the caller must not go on: what happens next could not be resumed.
    pub fn append(&mut self, at: Timestamp, entry: Entry) -> Result<()> {
        let mut bytes = serde_json::to_vec(&Line { at, entry })
            .map_err(|error| Error::bug("cannot write a journal line").with_source(error))?;
        bytes.push(b'\n');
        self.file
            .write_all(&bytes)
            .and_then(|()| self.file.sync_data())
            .map_err(|error| io_error("write", &self.path, error).with_operation("journal.append"))
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(io_error("read", path, error)),
    }
}

/// The part up to the last line end: what comes behind was cut off by a crash.
fn whole_lines(bytes: &[u8]) -> &[u8] {
    bytes.iter().rposition(|&byte| byte == b'\n').and_then(|end| bytes.get(..=end)).unwrap_or_default()
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<Line>> {
    bytes
        .split_inclusive(|&byte| byte == b'\n')
        .enumerate()
        .map(|(index, line)| {
            serde_json::from_slice(line).map_err(|error| {
                Error::new(
                    ErrorKind::InvalidInput,
                    format!("line {} of the journal `{}` is damaged", index + 1, path.display()),
                )
                .with_hint("look at what serves with `status`; delete the journal to start afresh")
                .with_source(error)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::journal::{ApplyEnd, JOURNAL_SCHEMA};
    use crate::plan::{Goal, Plan};

    fn started() -> Entry {
        let plan = Plan::new("memory", "main", Goal::Remove, Digest::of("world"));
        Entry::ApplyStarted { schema: JOURNAL_SCHEMA.into(), apply: "a1".into(), plan: Box::new(plan) }
    }

    #[test]
    fn a_torn_last_line_is_dropped_and_what_came_before_counts() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path());
        let at = Timestamp::UNIX_EPOCH;
        let (mut journal, none) = Journal::open(&store, "memory", "main").unwrap();
        assert_eq!(none, None);
        journal.append(at, started()).unwrap();
        journal.append(at, Entry::StepStarted { step: "stop".into(), token: "t".into() }).unwrap();
        drop(journal);
        let path = store.journal_path("memory", "main");
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(
            "{\"at\":\"1970-01-01T00:00:00Z\",\"entry\":\"step_fin\u{e9}".as_bytes().split_last().unwrap().1,
        )
        .unwrap();
        drop(file);

        let pending = Journal::pending(&store, "memory", "main").unwrap().unwrap();
        assert_eq!(pending.steps["stop"].token, "t");
        assert!(!pending.steps["stop"].finished);
        let (mut journal, pending) = Journal::open(&store, "memory", "main").unwrap();
        assert!(pending.is_some());
        journal.append(at, Entry::ApplyFinished { end: ApplyEnd::Done }).unwrap();
        assert_eq!(Journal::pending(&store, "memory", "main").unwrap(), None);
        assert_eq!(Journal::lines(&store, "memory", "main").unwrap().len(), 3);
    }

    #[test]
    fn a_damaged_line_in_the_middle_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path());
        let (mut journal, _) = Journal::open(&store, "memory", "main").unwrap();
        journal.append(Timestamp::UNIX_EPOCH, started()).unwrap();
        let path = store.journal_path("memory", "main");
        let text = format!("garbage\n{}", fs::read_to_string(&path).unwrap());
        fs::write(&path, text).unwrap();
        let error = Journal::open(&store, "memory", "main").unwrap_err();
        assert!(error.message().starts_with("line 1 of the journal"), "{error}");
    }
}
