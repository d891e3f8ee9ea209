//! Sending blobs (distribution-spec 1.1, "Pushing Blobs").
//!
//! A blob goes out as one `POST` and one `PUT` of the whole body, which every registry takes; Amazon's ECR takes nothing
//! else without losing data. Only when that breaks off, and never at ECR, the registry is asked how much it has, and the rest
//! follows as a `PATCH`. Whatever way it went, the blob counts as stored when the registry names its digest.

use haute_core::error::{Error, ErrorKind, Result, Retry};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RANGE};
use reqwest::{Method, Url};

use super::client::RegistryClient;
use super::error::{Place, Refusal};
use super::manifest::Presence;
use super::scope::Scopes;
use super::source::{BlobSource, Feed};
use super::transport::{Answer, Exchange, Payload};
use crate::oci::Descriptor;

/// How a blob came to be in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Uploaded {
    /// It was there.
    Present,
    /// The registry took it over from another repository of its own.
    Mounted,
    /// It was sent.
    Sent {
        /// How many bytes left this machine for it, those of attempts that broke off included.
        bytes: u64,
    },
}

/// One blob on its way to one repository.
struct Upload<'a> {
    client: &'a RegistryClient,
    repository: &'a str,
    descriptor: &'a Descriptor,
    source: &'a BlobSource,
    progress: &'a (dyn Fn(u64) + Send + Sync),
    place: Place,
    moved: u64,
}

/// What an attempt ended with.
enum Attempt {
    Stored,
    /// Not by this way; the whole blob may still go.
    Again(Error),
}

impl RegistryClient {
    /// Sends a blob, unless the repository has it. `progress` is told how many bytes of it have left, at most ten times a
    /// second; the number falls when an attempt starts over.
    ///
    /// # Errors
    /// [`ErrorKind::BuildFailed`] when the source is not what the descriptor says, [`ErrorKind::NotFound`] for a repository
    /// that does not exist, [`ErrorKind::PermissionDenied`] and [`ErrorKind::Unauthenticated`], and what connections end with.
    pub async fn upload_blob(
        &self,
        repository: &str,
        descriptor: &Descriptor,
        source: &BlobSource,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<Uploaded> {
        let upload = Upload {
            client: self,
            repository,
            descriptor,
            source,
            progress,
            place: self.place("registry.upload", repository, true),
            moved: 0,
        };
        if upload.presence().await? == Presence::Present {
            return Ok(Uploaded::Present);
        }
        upload.run(None).await
    }

    /// Lets a repository have a blob that `from`, a repository of the same registry, has: mounted where the registry does
    /// that, else read and sent through this machine.
    ///
    /// # Errors
    /// As [`upload_blob`](Self::upload_blob).
    pub async fn mount_or_copy(
        &self,
        repository: &str,
        from: &str,
        descriptor: &Descriptor,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<Uploaded> {
        let source = BlobSource::Registry { client: self.clone(), repository: from.to_owned() };
        let upload = Upload {
            client: self,
            repository,
            descriptor,
            source: &source,
            progress,
            place: self.place("registry.upload", repository, true),
            moved: 0,
        };
        if upload.presence().await? == Presence::Present {
            return Ok(Uploaded::Present);
        }
        match self.try_mount(repository, from, &descriptor.digest).await? {
            super::blob::Mounting::Mounted => Ok(Uploaded::Mounted),
            super::blob::Mounting::Upload(session) => upload.run(Some(session)).await,
            super::blob::Mounting::Declined => upload.run(None).await,
        }
    }

    /// Copies a blob from another registry, as it arrives: nothing is stored here, and what is not the blob is not stored
    /// there.
    ///
    /// # Errors
    /// As [`upload_blob`](Self::upload_blob), and what reading it ends with.
    pub async fn copy_blob(
        &self,
        repository: &str,
        descriptor: &Descriptor,
        from: (&Self, &str),
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<Uploaded> {
        let (client, other) = from;
        let source = BlobSource::Registry { client: client.clone(), repository: other.to_owned() };
        self.upload_blob(repository, descriptor, &source, progress).await
    }

    /// Whether the account may push to a repository: an upload is begun and given up at once.
    ///
    /// # Errors
    /// Why not: [`ErrorKind::Unauthenticated`], [`ErrorKind::PermissionDenied`], [`ErrorKind::NotFound`] for a repository that
    /// has to be created, and what connections end with.
    pub async fn check_push(&self, repository: &str) -> Result<()> {
        let place = self.place("registry.check", repository, true);
        let session = begin(self, repository, &place).await?;
        self.give_up(repository, session).await;
        Ok(())
    }
}

impl Upload<'_> {
    async fn run(mut self, mut session: Option<Url>) -> Result<Uploaded> {
        let mut backoff = self.client.transport().backoff();
        loop {
            let error = match self.whole(session.take()).await? {
                Attempt::Stored => return Ok(Uploaded::Sent { bytes: self.moved }),
                Attempt::Again(error) => error,
            };
            backoff.wait(error).await?;
            // The answer may have been lost, and not the blob.
            if self.presence().await? == Presence::Present {
                return Ok(Uploaded::Sent { bytes: self.moved });
            }
        }
    }

    async fn presence(&self) -> Result<Presence> {
        let scopes = Scopes::push(self.repository);
        let size = Some(self.descriptor.size);
        self.client.presence(self.repository, &self.descriptor.digest, scopes, size).await
    }

    /// One `PUT` of the whole blob, and the rest of it when that breaks off.
    async fn whole(&mut self, session: Option<Url>) -> Result<Attempt> {
        let session = match session {
            Some(session) => session,
            None => begin(self.client, self.repository, &self.place).await?,
        };
        match self.send(Method::PUT, self.named(&session), 0).await {
            Ok(answer) => self.settle(answer, false).await,
            Err(error) if error.retry() == Retry::Never => Err(error),
            Err(error) if !self.client.resumes() || error.kind() == ErrorKind::RateLimited => {
                Ok(Attempt::Again(error))
            }
            Err(error) => match self.rest(session).await {
                Some(attempt) => attempt,
                None => Ok(Attempt::Again(error)),
            },
        }
    }

    /// Sends what the registry does not have yet of an upload that broke off; `None` when it cannot be taken up.
    async fn rest(&mut self, session: Url) -> Option<Result<Attempt>> {
        let (session, at) = self.offset(&session).await?;
        let size = self.descriptor.size;
        let mut session = session;
        if at < size {
            let answer = self.send(Method::PATCH, session.clone(), at).await.ok()?;
            if !answer.response.status().is_success() {
                self.client.resumes_no_more();
                return None;
            }
            session = self.location(&answer)?;
        }
        let exchange = Exchange {
            method: Method::PUT,
            url: self.named(&session),
            scopes: Scopes::push(self.repository),
            headers: HeaderMap::new(),
            payload: Payload::Empty,
            place: self.place.clone(),
        };
        let answer = self.client.transport().once(&exchange).await.ok()?;
        if !answer.response.status().is_success() {
            // It says it lost something: the whole blob goes out anew, and nothing is taken up at this registry again.
            self.client.resumes_no_more();
            return None;
        }
        Some(self.settle(answer, true).await)
    }

    /// How much of an upload the registry has, when it says so in the terms of the specification.
    async fn offset(&self, session: &Url) -> Option<(Url, u64)> {
        let exchange = Exchange {
            method: Method::GET,
            url: session.clone(),
            scopes: Scopes::push(self.repository),
            headers: HeaderMap::new(),
            payload: Payload::Empty,
            place: self.place.clone(),
        };
        let answer = self.client.transport().call(&exchange).await.ok()?;
        if !answer.response.status().is_success() {
            return None;
        }
        let range = answer.response.headers().get(RANGE)?.to_str().ok()?;
        let end: u64 = range.trim_start_matches("bytes=").split_once('-')?.1.trim().parse().ok()?;
        // `0-0` is said of one byte and of none.
        let at = if end == 0 { return None } else { end + 1 };
        (at <= self.descriptor.size).then_some(())?;
        Some((self.location(&answer).unwrap_or_else(|| session.clone()), at))
    }

    fn location(&self, answer: &Answer) -> Option<Url> {
        let location = answer.response.headers().get(LOCATION)?.to_str().ok()?;
        self.client.transport().locate(&answer.url, location, &self.place).ok()
    }

    fn named(&self, session: &Url) -> Url {
        let mut url = session.clone();
        url.query_pairs_mut().append_pair("digest", self.descriptor.digest.as_str());
        url
    }

    async fn send(&mut self, method: Method, url: Url, from: u64) -> Result<Answer> {
        let size = self.descriptor.size;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        if from > 0 {
            let range = HeaderValue::from_str(&format!("{from}-{}", size.saturating_sub(1)))
                .map_err(|source| Error::bug("a range cannot be written").with_source(source))?;
            headers.insert(HeaderName::from_static("content-range"), range);
        }
        let furthest = std::sync::atomic::AtomicU64::new(from);
        let tell = |at: u64| {
            furthest.fetch_max(at, std::sync::atomic::Ordering::Relaxed);
            (self.progress)(at);
        };
        let feed = Feed::new(self.source, self.descriptor, from, &tell);
        let exchange = Exchange {
            method,
            url,
            scopes: Scopes::push(self.repository),
            headers,
            payload: Payload::Feed(&feed),
            place: self.place.clone(),
        };
        let sent = self.client.transport().once(&exchange).await;
        self.moved += furthest.into_inner().saturating_sub(from);
        sent
    }

    /// What the registry made of a blob it got to the end.
    async fn settle(&self, answer: Answer, resumed: bool) -> Result<Attempt> {
        let wanted = &self.descriptor.digest;
        let status = answer.response.status();
        if status.is_success() {
            let header = answer.response.headers().get("docker-content-digest");
            let said = header.and_then(|value| haute_core::digest::Digest::parse(value.to_str().ok()?));
            if said.as_ref() == Some(wanted) && !resumed {
                return Ok(Attempt::Stored);
            }
            if said.is_some_and(|said| said != *wanted) {
                self.client.resumes_no_more();
                return Ok(Attempt::Again(self.damaged("the registry stored another blob than it was sent")));
            }
            // It named no digest, or it put the blob together of parts: then it is asked whether it has it.
            return Ok(match self.presence().await? {
                Presence::Present | Presence::Unknown => Attempt::Stored,
                Presence::Absent => {
                    self.client.resumes_no_more();
                    Attempt::Again(self.damaged("the registry took a blob and does not have it"))
                }
            });
        }
        let refusal: Refusal = self.client.transport().refusal(&self.place, answer).await;
        if refusal.says("DIGEST_INVALID") || refusal.says("SIZE_INVALID") {
            // Ours, or damaged on its way?
            self.source.verify(self.descriptor).await?;
            return Ok(Attempt::Again(self.damaged("a blob arrived damaged at the registry")));
        }
        if matches!(refusal.status, 404 | 416)
            || refusal.says("BLOB_UPLOAD_UNKNOWN")
            || refusal.says("BLOB_UPLOAD_INVALID")
        {
            let error = self.place.refused("go on with an upload it began", &refusal);
            return Ok(Attempt::Again(error.with_retry(Retry::Soon)));
        }
        Err(self.place.refused("store a blob", &refusal).with_context("digest", wanted.to_string()))
    }

    fn damaged(&self, what: &str) -> Error {
        self.place
            .error(ErrorKind::BuildFailed, what)
            .with_context("digest", self.descriptor.digest.to_string())
            .with_retry(Retry::Soon)
    }
}

/// Begins an upload: the address its bytes go to.
async fn begin(client: &RegistryClient, repository: &str, place: &Place) -> Result<Url> {
    let exchange = Exchange {
        method: Method::POST,
        url: client.url(repository, "blobs/uploads/")?,
        scopes: Scopes::push(repository),
        headers: HeaderMap::new(),
        payload: Payload::Empty,
        place: place.clone(),
    };
    let answer = client.transport().call(&exchange).await?;
    let location = answer.response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    match (answer.response.status().as_u16(), location) {
        (200..=299, Some(location)) => client.transport().locate(&answer.url, location, place),
        (200..=299, None) => Err(place
            .error(ErrorKind::Unavailable, "the registry began an upload without saying where it goes to")),
        _ => Err(client.transport().refuse(place, "begin an upload", answer).await),
    }
}
