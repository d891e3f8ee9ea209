//! One deployment of an address at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::store::{create_parent, io_error};
use crate::target::{Context, TargetInfo};

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    /// The user, and the CI job when there is one.
    pub(super) who: String,
    /// Process id.
    pub(super) process: u32,
    /// Since when.
    pub(super) since: Timestamp,
}

/// Held while an address is changed. The system releases it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Drop for Lock {
    /// Unlocks, where closing would do: a program that is just being started elsewhere in this process holds a copy of the
    /// file until it runs, and with it the lock.
    fn drop(&mut self) {
        let _unlocked = self.file.unlock();
    }
}

impl Engine {
    /// Takes the lock of a target's address in the name of `who`, waiting as long as the policy says.
    pub(super) async fn lock(&self, context: &Context, info: &TargetInfo, who: &str) -> Result<Lock> {
        let address = &info.address;
        let path = self.store.lock_path(info.name, address);
        self.store.create()?;
        create_parent(&path)?;
        let started = self.clock.elapsed();
        loop {
            match self.try_lock(&path, who)? {
                Ok(lock) => return Ok(lock),
                Err(holder) => {
                    let waited = self.clock.elapsed().saturating_sub(started);
                    let message =
                        format!("another deployment of `{address}` is under way{}", named(holder.as_ref()));
                    if waited >= self.policy.lock_wait {
                        return Err(Error::new(ErrorKind::Conflict, message)
                            .with_operation("engine.lock")
                            .with_hint("wait until it has ended, then run the same command again"));
                    }
                    context.events.emit(&Event::Waiting { message, milliseconds: milliseconds(waited) });
                    self.sleep(context, Duration::from_millis(500)).await?;
                }
            }
        }
    }

    fn try_lock(&self, path: &Path, who: &str) -> Result<std::result::Result<Lock, Option<Holder>>> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| io_error("open", path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The holder may be writing its name just now: then it stays unnamed this time.
                let holder =
                    file.read_to_string(&mut text).ok().and_then(|_| serde_json::from_str(&text).ok());
                return Ok(Err(holder));
            }
            Err(TryLockError::Error(error)) => return Err(io_error("lock", path, error)),
        }
        let holder = Holder { who: who.to_owned(), process: std::process::id(), since: self.clock.now() };
        let text = serde_json::to_vec(&holder).unwrap_or_default();
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(&text))
            .map_err(|error| io_error("write", path, error))?;
        Ok(Ok(Lock { file }))
    }
}

fn named(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| {
        format!(", by {} (process {}) since {}", holder.who, holder.process, holder.since)
    })
}

/// Whole milliseconds of a duration.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
