//! Wheels by digest, fetched once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, TryStreamExt as _};
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::event::Event;
use haute_core::target::Context;
use serde::{Deserialize, Serialize};
use tokio::sync::{OnceCell, Semaphore};

use super::client::IndexClient;
use super::download::unkept;
use super::listing::Listed;
use super::settings::{Index, IndexSettings, host};
use crate::wheel::{Locked, Tags, WheelFile, WheelName, WheelTarget, Wheels};

/// Files that are fetched at the same time.
const PARALLEL: usize = 6;

/// Progress is told whenever so many bytes more have come.
const TELL: u64 = 1024 * 1024;

/// Keeps wheels in a directory by their digest, and fetches those it does not have. Clones share their limits.
#[derive(Clone, Debug)]
pub struct WheelStore {
    settings: IndexSettings,
    pause: Duration,
    /// Made when something must be asked: reading the machine's certificates takes longer than a build that fetches nothing.
    client: Arc<OnceCell<IndexClient>>,
    directory: PathBuf,
    /// Of all calls together: an index does not care which of them asks.
    slots: Arc<Semaphore>,
    progress: Arc<Mutex<Progress>>,
}

/// Which of several files the lock allows was the best: kept, so that a second build need not ask again.
#[derive(Debug, Serialize, Deserialize)]
struct Choice {
    file_name: String,
    digest: Digest,
}

impl WheelStore {
    /// Wheels below `directory`, which need not exist, from the indexes of `settings`. Connects to nothing yet.
    pub fn new(settings: IndexSettings, directory: impl Into<PathBuf>) -> Self {
        Self {
            settings,
            pause: Duration::from_millis(500),
            client: Arc::default(),
            directory: directory.into(),
            slots: Arc::new(Semaphore::new(PARALLEL)),
            progress: Arc::default(),
        }
    }

    /// Waits `pause` before the second attempt of a request, twice as long before the third, and so on.
    #[must_use]
    pub fn with_pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self.client = Arc::default();
        self
    }

    /// The best wheel for `target` of each of `wanted`. Asks the indexes only for what is not in the directory, up to six at a time;
    /// each file is held to its digest, also one that was there. Memory does not grow with the wheels.
    ///
    /// Cancel-safe: whole files stay, half ones are removed.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the settings name certificates or a proxy that cannot be used; [`ErrorKind::NotFound`] when no index has a file the lock allows; [`ErrorKind::BuildFailed`] when one has other bytes than the
    /// lock says, or there is no wheel for the target (source alone, musl alone, another machine); what the network says after some
    /// attempts; [`ErrorKind::Cancelled`].
    pub async fn fetch(
        &self,
        context: &Context,
        wanted: impl IntoIterator<Item = &Locked>,
        target: &WheelTarget,
    ) -> Result<Wheels> {
        let wanted: Vec<&Locked> = wanted.into_iter().collect();
        let work = Work { tags: Tags::new(target), target, context, progress: &self.progress };
        let _call = work.begin(wanted.len());
        // Boxed one by one: the compiler cannot see that a closure over borrowed entries gives futures that may change threads.
        let mut each: Vec<BoxFuture<'_, Result<WheelFile>>> = Vec::new();
        for locked in wanted {
            each.push(Box::pin(self.fetch_one(&work, locked)));
        }
        let fetching =
            futures_util::stream::iter(each).buffer_unordered(PARALLEL).try_collect::<Vec<WheelFile>>();
        let wheels = tokio::select! {
            biased;
            () = context.cancelled.cancelled() => {
                Err(Error::new(ErrorKind::Cancelled, "stopped while wheels were fetched").with_operation("index.fetch"))
            }
            fetched = fetching => Ok(fetched?.into_iter().collect()),
        };
        work.advanced(0, 0, wheels.is_ok());
        wheels
    }

    async fn fetch_one(&self, work: &Work<'_>, locked: &Locked) -> Result<WheelFile> {
        let requirement = format!("{}=={}", locked.name, locked.version);
        let named = |error: Error| error.with_context("distribution", requirement.clone());
        if let Some(kept) = self.kept(work, locked).await.map_err(named)? {
            work.progress(|progress| progress.unlisted -= 1);
            return Ok(kept);
        }
        let _slot = self.slots.acquire().await;
        let client = self
            .client
            .get_or_try_init(|| async { IndexClient::new(self.settings.clone(), self.pause) })
            .await?;
        let file = find(client, work, locked, &requirement).await.map_err(named)?;
        work.progress(|progress| {
            progress.unlisted -= 1;
            progress.total = file.size.and_then(|size| Some(progress.total? + size));
        });
        let place = self.place(&file.digest, &file.file_name);
        let size = client
            .download(&file, &place, &|from, to| work.advanced(from, to, false))
            .await
            .map_err(named)?;
        self.remember(work, locked, &file).await.map_err(named)?;
        Ok(WheelFile::new(&locked.name, &file.file_name, place, file.digest, size))
    }

    fn place(&self, digest: &Digest, file_name: &str) -> PathBuf {
        self.directory.join("wheels").join(digest.hex()).join(file_name)
    }

    fn choice(&self, work: &Work<'_>, locked: &Locked) -> PathBuf {
        let target = (work.target.python.to_string(), work.target.platform.as_str());
        let key = Digest::of(serde_json::to_vec(&(1, locked, target)).unwrap_or_default());
        self.directory.join("choices").join(format!("{}.json", key.hex()))
    }

    /// The wheel that was chosen before, when it is still what it was.
    async fn kept(&self, work: &Work<'_>, locked: &Locked) -> Result<Option<WheelFile>> {
        let Ok(text) = tokio::fs::read(self.choice(work, locked)).await else { return Ok(None) };
        let Ok(choice) = serde_json::from_slice::<Choice>(&text) else { return Ok(None) };
        // The name becomes a path, so it must be the name of a wheel.
        let sound = WheelName::parse(&choice.file_name).is_some_and(|name| name.distribution == locked.name);
        if !sound || !locked.hashes.contains(&choice.digest) {
            return Ok(None);
        }
        let place = self.place(&choice.digest, &choice.file_name);
        let Ok(metadata) = tokio::fs::metadata(&place).await else { return Ok(None) };
        if digest_of(&place).await? == choice.digest {
            return Ok(Some(WheelFile::new(
                &locked.name,
                choice.file_name,
                place,
                choice.digest,
                metadata.len(),
            )));
        }
        work.context.events.emit(&Event::Warning {
            message: format!("the kept wheel `{}` was changed, so it is fetched again", choice.file_name),
            help: None,
        });
        tokio::fs::remove_file(&place).await.map_err(|source| unkept(&place, source))?;
        Ok(None)
    }

    async fn remember(&self, work: &Work<'_>, locked: &Locked, file: &Listed) -> Result<()> {
        let place = self.choice(work, locked);
        let choice = Choice { file_name: file.file_name.clone(), digest: file.digest.clone() };
        let bytes = serde_json::to_vec(&choice)
            .map_err(|source| Error::bug("a choice of wheel cannot be written").with_source(source))?;
        let written = tokio::task::spawn_blocking(move || {
            let directory = place.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(directory).map_err(|source| unkept(directory, source))?;
            let mut part =
                tempfile::NamedTempFile::new_in(directory).map_err(|source| unkept(directory, source))?;
            std::io::Write::write_all(&mut part, &bytes).map_err(|source| unkept(&place, source))?;
            part.persist(&place).map_err(|error| unkept(&place, error.error)).map(drop)
        });
        written.await.map_err(|source| Error::bug("keeping a choice was interrupted").with_source(source))?
    }
}

/// Asks one index after the other for files with the lock's digests, and chooses the best.
async fn find(client: &IndexClient, work: &Work<'_>, locked: &Locked, requirement: &str) -> Result<Listed> {
    let mut unusable = None;
    for index in &client.settings.indexes {
        let listed = list(client, index, &locked.name).await?;
        let allowed: BTreeMap<String, Listed> = listed
            .into_iter()
            .filter(|file| locked.hashes.contains(&file.digest))
            .map(|file| (file.file_name.clone(), file))
            .collect();
        if allowed.is_empty() {
            continue;
        }
        let names = allowed.iter().map(|(name, file)| (name.as_str(), file));
        match work.tags.best(requirement, names) {
            Ok((name, file)) => {
                if WheelName::parse(name).is_some_and(|name| name.distribution == locked.name) {
                    return Ok(file.clone());
                }
                return Err(Error::new(
                    ErrorKind::BuildFailed,
                    format!("`{name}` is not a wheel of `{}`", locked.name),
                )
                .with_operation("index.find")
                .with_context("host", host(&index.url)));
            }
            Err(error) => unusable = Some(error),
        }
    }
    Err(unusable.unwrap_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("no index has a file of `{requirement}` with a digest of the lock"))
                .with_operation("index.find")
                .with_context("asked", client.settings.hosts().join(", "))
                .with_hint("it was removed there, or comes from an index that is not named here: `UV_INDEX_URL` and `UV_INDEX` name them")
        }))
}

async fn list(client: &IndexClient, index: &Index, name: &str) -> Result<Vec<Listed>> {
    let mut attempt = 1;
    loop {
        match client.list(index, name).await {
            Ok(files) => return Ok(files),
            Err(error) => match client.wait(attempt, &error) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error.with_context("attempts", attempt.to_string())),
            },
        }
        attempt += 1;
    }
}

async fn digest_of(path: &Path) -> Result<Digest> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || Digest::of_file(&path).map_err(|source| unkept(&path, source)))
        .await
        .map_err(|source| Error::bug("reading a wheel was interrupted").with_source(source))?
}

/// One call of [`WheelStore::fetch`].
struct Work<'a> {
    tags: Tags,
    target: &'a WheelTarget,
    context: &'a Context,
    progress: &'a Mutex<Progress>,
}

/// How far all calls together are: they run at the same time, and one number is told.
#[derive(Debug, Default)]
struct Progress {
    running: usize,
    /// Since none was running.
    begun: usize,
    unlisted: usize,
    /// The length of the files that are known so far, in bytes; `None`: an index did not say how long one is.
    total: Option<u64>,
    done: u64,
    told: u64,
}

/// Ends a call, also one that was dropped half-way.
struct Call<'a>(&'a Mutex<Progress>);

impl Drop for Call<'_> {
    fn drop(&mut self) {
        guard(self.0).running -= 1;
    }
}

fn guard(progress: &Mutex<Progress>) -> std::sync::MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl<'a> Work<'a> {
    fn begin(&self, wanted: usize) -> Call<'a> {
        let mut progress = guard(self.progress);
        if progress.running == 0 {
            *progress = Progress { total: Some(0), ..Progress::default() };
        }
        progress.running += 1;
        progress.begun += 1;
        progress.unlisted += wanted;
        Call(self.progress)
    }

    fn progress<T>(&self, change: impl FnOnce(&mut Progress) -> T) -> T {
        change(&mut guard(self.progress))
    }

    /// A file that had `from` bytes has `to`; nothing more comes of this call when it is the `last` time.
    fn advanced(&self, from: u64, to: u64, last: bool) {
        let event = self.progress(|progress| {
            progress.done = progress.done.saturating_sub(from) + to;
            // Told when it is the total of everything: a caller who asks in parts may ask for more.
            let total = progress.total.filter(|_| progress.unlisted == 0 && progress.begun == 1);
            let untold = progress.done.abs_diff(progress.told);
            let due = untold >= TELL || (last && untold > 0);
            due.then(|| {
                progress.told = progress.done;
                Event::Progress {
                    activity: "Fetching wheels".to_owned(),
                    done: progress.done,
                    total,
                    unit: "bytes".to_owned(),
                }
            })
        });
        if let Some(event) = event {
            self.context.events.emit(&event);
        }
    }
}
