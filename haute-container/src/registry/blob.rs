//! Blobs: whether they are there, small ones whole, and mounting.

use haute_core::digest::Digest;
use haute_core::error::{ErrorKind, Result};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode, Url};

use super::client::RegistryClient;
use super::manifest::Presence;
use super::scope::Scopes;
use super::transport::{Exchange, Payload};

/// What a registry answered to a mount.
pub(super) enum Mounting {
    Mounted,
    /// It began an upload instead.
    Upload(Url),
    Declined,
}

impl RegistryClient {
    /// Whether a repository has a blob. A registry that lets the account write and not read answers
    /// [`Presence::Unknown`]; that is no error.
    ///
    /// # Errors
    /// What connections end with.
    pub async fn blob_exists(&self, repository: &str, digest: &Digest) -> Result<Presence> {
        self.presence(repository, digest, Scopes::pull(repository), None).await
    }

    /// The same with the token of a push. With `size`, a blob of another size is not the blob.
    pub(super) async fn presence(
        &self,
        repository: &str,
        digest: &Digest,
        scopes: Scopes,
        size: Option<u64>,
    ) -> Result<Presence> {
        let exchange = Exchange {
            method: Method::HEAD,
            url: self.url(repository, &format!("blobs/{digest}"))?,
            scopes,
            headers: unencoded(),
            payload: Payload::Empty,
            place: self.place("registry.blob", repository, false),
        };
        let answer = match self.transport().call(&exchange).await {
            Ok(answer) => answer,
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok(Presence::Unknown),
            Err(error) => return Err(error),
        };
        let said = answer
            .response
            .headers()
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        Ok(match answer.response.status() {
            StatusCode::OK if size.is_some() && said.is_some() && said != size => Presence::Absent,
            status if status.is_success() => Presence::Present,
            StatusCode::NOT_FOUND | StatusCode::GONE => Presence::Absent,
            // Also what storage behind a registry answers to a HEAD of an address that was signed for a GET.
            _ => Presence::Unknown,
        })
    }

    /// A small blob, such as a configuration, whole and verified; `None` when the repository does not have it.
    ///
    /// # Errors
    /// [`ErrorKind::BuildFailed`] for more than `most` bytes and for other bytes than the digest names.
    pub async fn blob(&self, repository: &str, digest: &Digest, most: usize) -> Result<Option<Vec<u8>>> {
        let exchange = Exchange {
            method: Method::GET,
            url: self.url(repository, &format!("blobs/{digest}"))?,
            scopes: Scopes::pull(repository),
            headers: unencoded(),
            payload: Payload::Empty,
            place: self.place("registry.blob", repository, false),
        };
        let (status, _, body) = self.transport().fetch(&exchange, most).await?;
        match status {
            StatusCode::OK if Digest::of(&body) == *digest => Ok(Some(body)),
            StatusCode::OK => Err(exchange
                .place
                .error(ErrorKind::BuildFailed, "the registry gave another blob than its digest names")
                .with_context("expected", digest.to_string())
                .with_context("got", Digest::of(&body).to_string())),
            StatusCode::NOT_FOUND => Ok(None),
            status => {
                let refusal = self.transport().refusal_of(status, None, &body);
                Err(exchange.place.refused("read a blob", &refusal))
            }
        }
    }

    /// Lets `repository` have a blob that `from`, a repository of the same registry, has. `false` when the registry does not
    /// do it, for whatever reason: the blob is then sent.
    ///
    /// # Errors
    /// What connections end with.
    pub async fn mount(&self, repository: &str, from: &str, digest: &Digest) -> Result<bool> {
        match self.try_mount(repository, from, digest).await? {
            Mounting::Mounted => Ok(true),
            Mounting::Upload(session) => {
                self.give_up(repository, session).await;
                Ok(false)
            }
            Mounting::Declined => Ok(false),
        }
    }

    pub(super) async fn try_mount(&self, repository: &str, from: &str, digest: &Digest) -> Result<Mounting> {
        // Refused here when it is no repository's name.
        self.url(from, "")?;
        let mut url = self.url(repository, "blobs/uploads/")?;
        url.query_pairs_mut().append_pair("mount", digest.as_str()).append_pair("from", from);
        let place = self.place("registry.mount", repository, true);
        let exchange = Exchange {
            method: Method::POST,
            url,
            scopes: Scopes::push(repository).and_pull(from),
            headers: HeaderMap::new(),
            payload: Payload::Empty,
            place,
        };
        let answer = match self.transport().call(&exchange).await {
            Ok(answer) => answer,
            // No right to read `from`: an ordinary upload needs none.
            Err(error)
                if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unauthenticated) =>
            {
                return Ok(Mounting::Declined);
            }
            Err(error) => return Err(error),
        };
        let status = answer.response.status();
        let location = answer.response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        match (status, location) {
            (StatusCode::CREATED, _) => Ok(Mounting::Mounted),
            (StatusCode::ACCEPTED, Some(location)) => {
                Ok(Mounting::Upload(self.transport().locate(&answer.url, location, &exchange.place)?))
            }
            _ => Ok(Mounting::Declined),
        }
    }

    /// Tells the registry that an upload will not go on. It would find out by itself: how that ends is not looked at.
    pub(super) async fn give_up(&self, repository: &str, session: Url) {
        let exchange = Exchange {
            method: Method::DELETE,
            url: session,
            scopes: Scopes::push(repository),
            headers: HeaderMap::new(),
            payload: Payload::Empty,
            place: self.place("registry.upload", repository, true),
        };
        drop(self.transport().once(&exchange).await);
    }
}

/// A blob is asked for as it is: a proxy that compresses it on its way would change its digest.
pub(super) fn unencoded() -> HeaderMap {
    HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))])
}
