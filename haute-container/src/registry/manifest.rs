//! Manifests: read, asked for, stored.

use bytes::Bytes;
use haute_core::digest::Digest;
use haute_core::error::{ErrorKind, Result};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use serde::Deserialize;

use super::client::{RegistryClient, checked_reference};
use super::error::Refusal;
use super::scope::Scopes;
use super::transport::{Exchange, Payload};
use crate::oci::media_type;

/// The most a manifest may hold, in bytes: what distribution-spec 1.1 asks registries to accept.
pub const MANIFEST_LIMIT: usize = 4 * 1024 * 1024;

/// What is accepted, the newest first.
const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/// A manifest as the registry holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fetched {
    /// The bytes the digest is of.
    pub bytes: Bytes,
    /// What it is: what the document itself says, else the registry's header.
    pub media_type: String,
    /// The digest of `bytes`, computed here.
    pub digest: Digest,
}

/// What a registry answers to a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stored {
    /// It has it now.
    Yes {
        /// Its digest.
        digest: Digest,
        /// Whether the registry took note of the subject it names, so that its referrers are kept by the registry
        /// (distribution-spec 1.1, `OCI-Subject`).
        subject_noted: bool,
    },
    /// It does not have blobs the manifest names (`MANIFEST_BLOB_UNKNOWN`): those it named, which may be none though
    /// some are missing.
    BlobsMissing(Vec<Digest>),
}

/// Whether a registry has something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It has it.
    Present,
    /// It does not.
    Absent,
    /// It does not tell: the account may write and not read.
    Unknown,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    #[serde(default)]
    media_type: String,
}

impl RegistryClient {
    /// The manifest, or index, that a tag or digest names; `None` when there is none, and when there is no such repository.
    ///
    /// # Errors
    /// [`ErrorKind::BuildFailed`] when the registry gives other bytes than the digest names,
    /// [`ErrorKind::PermissionDenied`] or [`ErrorKind::Unauthenticated`] when it lets nobody read, and what connections
    /// end with.
    pub async fn manifest(&self, repository: &str, reference: &str) -> Result<Option<Fetched>> {
        let wanted = checked_reference(reference)?;
        let place = self.place("registry.manifest", repository, false);
        let exchange = Exchange {
            method: Method::GET,
            url: self.url(repository, &format!("manifests/{reference}"))?,
            scopes: Scopes::pull(repository),
            headers: HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(ACCEPTED))]),
            payload: Payload::Empty,
            place,
        };
        let (status, headers, body) = self.transport().fetch(&exchange, MANIFEST_LIMIT).await?;
        let place = &exchange.place;
        match status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => {
                let refusal = self.transport().refusal_of(status, None, &body);
                return Err(place.refused("read a manifest", &refusal));
            }
        }
        let digest = Digest::of(&body);
        let said = headers.get("docker-content-digest").and_then(|value| Digest::parse(value.to_str().ok()?));
        for expected in [wanted, said].into_iter().flatten() {
            if expected != digest {
                return Err(place
                    .error(ErrorKind::BuildFailed, "the registry gave another manifest than its digest names")
                    .with_context("expected", expected.to_string())
                    .with_context("got", digest.to_string()));
            }
        }
        let own = serde_json::from_slice::<Kind>(&body).map_err(|_| {
            place.error(ErrorKind::BuildFailed, "the registry gave a manifest that is no JSON document")
        })?;
        let media_type = if own.media_type.is_empty() {
            let header = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
            header.split(';').next().unwrap_or_default().trim().to_owned()
        } else {
            own.media_type
        };
        Ok(Some(Fetched { bytes: body.into(), media_type, digest }))
    }

    /// The digest a tag stands for, without the manifest; `None` when there is no such tag.
    ///
    /// # Errors
    /// As [`manifest`](Self::manifest).
    pub async fn digest_of(&self, repository: &str, reference: &str) -> Result<Option<Digest>> {
        checked_reference(reference)?;
        let place = self.place("registry.manifest", repository, false);
        let exchange = Exchange {
            method: Method::HEAD,
            url: self.url(repository, &format!("manifests/{reference}"))?,
            scopes: Scopes::pull(repository),
            headers: HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(ACCEPTED))]),
            payload: Payload::Empty,
            place,
        };
        let answer = self.transport().call(&exchange).await?;
        match answer.response.status() {
            StatusCode::OK => {
                let header = answer.response.headers().get("docker-content-digest");
                match header.and_then(|value| Digest::parse(value.to_str().ok()?)) {
                    Some(digest) => Ok(Some(digest)),
                    None => Ok(self.manifest(repository, reference).await?.map(|fetched| fetched.digest)),
                }
            }
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.transport().refuse(&exchange.place, "read a manifest", answer).await),
        }
    }

    /// Stores a manifest under a tag or under its digest.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] when a tag that may not change stands for something else (or may: who asks is not told
    /// which), [`ErrorKind::NotFound`] for a repository that does not exist, [`ErrorKind::PermissionDenied`] and
    /// [`ErrorKind::Unauthenticated`], and what connections end with.
    pub async fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<Stored> {
        let digest = Digest::of(&bytes);
        let by_digest = checked_reference(reference)?;
        let place = self.place("registry.manifest", repository, true);
        if by_digest.is_some_and(|named| named != digest) {
            return Err(place.error(
                ErrorKind::InvalidInput,
                "a manifest is not what the digest it is stored under says",
            ));
        }
        let content_type = HeaderValue::from_str(media_type).map_err(|source| {
            place.error(ErrorKind::InvalidInput, "a manifest's media type is none").with_source(source)
        })?;
        let exchange = Exchange {
            method: Method::PUT,
            url: self.url(repository, &format!("manifests/{reference}"))?,
            scopes: Scopes::push(repository),
            headers: HeaderMap::from_iter([(CONTENT_TYPE, content_type)]),
            payload: Payload::Bytes(bytes),
            place,
        };
        let answer = self.transport().call(&exchange).await?;
        let place = &exchange.place;
        let status = answer.response.status();
        if status.is_success() {
            let headers = answer.response.headers();
            let said =
                headers.get("docker-content-digest").and_then(|value| Digest::parse(value.to_str().ok()?));
            let subject_noted = headers.contains_key("oci-subject");
            return match said {
                Some(said) if said == digest => Ok(Stored::Yes { digest, subject_noted }),
                Some(said) => Err(place
                    .error(ErrorKind::BuildFailed, "the registry stored another manifest than it was sent")
                    .with_context("sent", digest.to_string())
                    .with_context("stored", said.to_string())),
                // It names no digest: what it has now is looked up, as far as it lets us look.
                None if status == StatusCode::CREATED => match self.digest_of(repository, reference).await {
                    Ok(Some(held)) if held != digest => Err(place
                        .error(
                            ErrorKind::BuildFailed,
                            "the registry stored another manifest than it was sent",
                        )
                        .with_context("sent", digest.to_string())
                        .with_context("stored", held.to_string())),
                    Ok(None) => Err(place
                        .error(ErrorKind::Unavailable, "the registry took a manifest and does not have it")),
                    _ => Ok(Stored::Yes { digest, subject_noted }),
                },
                // A page of something that stands in the way says yes to everything.
                None => Err(place
                    .error(ErrorKind::Unavailable, "what answers to a manifest is no registry")
                    .with_context("answer", status.as_u16().to_string())
                    .with_hint(format!(
                        "see whether `{}` is a registry's name, and whether a proxy answers in its place",
                        place.host
                    ))),
            };
        }
        let refusal = self.transport().refusal(place, answer).await;
        if refusal.says("MANIFEST_BLOB_UNKNOWN") || (refusal.says("BLOB_UNKNOWN") && refusal.status != 401) {
            return Ok(Stored::BlobsMissing(refusal.digests));
        }
        if Digest::parse(reference).is_none() && refuses_tag(&refusal) {
            return Err(place.refused_as(
                ErrorKind::AlreadyExists,
                &format!("let the tag `{reference}` change"),
                &refusal,
            ));
        }
        Err(place.refused("store a manifest", &refusal))
    }
}

/// Whether a registry refuses because of the tag. There is no code for a tag that may not change: Amazon's ECR says
/// `TAG_INVALID`, Harbor 412, others 409.
fn refuses_tag(refusal: &Refusal) -> bool {
    refusal.says("TAG_INVALID") || matches!(refusal.status, 409 | 412)
}

/// The media types of manifests that name blobs, and not other manifests.
pub fn is_image_manifest(kind: &str) -> bool {
    matches!(kind, media_type::MANIFEST | media_type::DOCKER_MANIFEST)
}
