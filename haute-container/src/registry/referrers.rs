//! What belongs to an image: SBOMs, records (distribution-spec 1.1, "Listing Referrers" and "Referrers Tag Schema").

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::future::{BoxFuture, try_join_all};
use haute_core::digest::Digest;
use haute_core::error::{ErrorKind, Result};
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, LINK};
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;

use super::client::RegistryClient;
use super::manifest::{MANIFEST_LIMIT, Stored};
use super::scope::Scopes;
use super::transport::{Exchange, Payload};
use crate::oci::{Descriptor, Index, IndexEntry, Manifest, media_type, to_bytes};

/// The most pages of a list that are read.
const PAGES: usize = 100;

/// How often the list under a tag is written when somebody else writes it at the same time.
const WRITES: usize = 3;

#[derive(Deserialize)]
struct Tags {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

impl RegistryClient {
    /// What belongs to the manifest `subject`, from the registry's own list, else from the list under the tag
    /// `sha256-<digest>`.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`] and [`ErrorKind::Unauthenticated`] when nobody may read, and what connections end with.
    pub async fn referrers(&self, repository: &str, subject: &Digest) -> Result<Vec<IndexEntry>> {
        let place = self.place("registry.referrers", repository, false);
        let first = self.url(repository, &format!("referrers/{subject}"))?;
        let mut found = Vec::new();
        let mut next = Some(first);
        for _ in 0..PAGES {
            let Some(url) = next.take() else { break };
            let (status, headers, body, from) = self.page(repository, url, "registry.referrers").await?;
            match status {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND => return Ok(self.listed(repository, subject).await?.manifests),
                status => {
                    let refusal = self.transport().refusal_of(status, None, &body);
                    return Err(place.refused("list what belongs to an image", &refusal));
                }
            }
            let Ok(index) = serde_json::from_slice::<Index>(&body) else {
                // A registry from before the list was invented may answer with a page of its own.
                return Ok(self.listed(repository, subject).await?.manifests);
            };
            found.extend(index.manifests);
            next = self.following(&headers, &from, repository)?;
        }
        Ok(found)
    }

    /// Stores `manifests`, each of which names its subject, so that they are found as referrers of it: a registry that keeps no
    /// list of its own gets one under the tag `sha256-<digest>`. Their blobs must be there.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a manifest without a subject, [`ErrorKind::NotFound`] when blobs of it are missing,
    /// [`ErrorKind::Conflict`] when others write the list all the time, and what storing a manifest ends with.
    pub async fn attach(&self, repository: &str, manifests: &[Manifest]) -> Result<Vec<Descriptor>> {
        let mut each: Vec<BoxFuture<'_, Result<(Digest, IndexEntry, bool)>>> = Vec::new();
        for manifest in manifests {
            each.push(Box::pin(self.attach_one(repository, manifest)));
        }
        let stored = try_join_all(each).await?;
        let mut unlisted: BTreeMap<Digest, Vec<IndexEntry>> = BTreeMap::new();
        for (subject, entry, noted) in &stored {
            if !noted {
                unlisted.entry(subject.clone()).or_default().push(entry.clone());
            }
        }
        for (subject, entries) in unlisted {
            self.list(repository, &subject, &entries).await?;
        }
        Ok(stored.into_iter().map(|(_, entry, _)| entry.descriptor).collect())
    }

    /// Stores one manifest: its subject, its entry in a list of referrers, and whether the registry keeps such a list.
    async fn attach_one(&self, repository: &str, manifest: &Manifest) -> Result<(Digest, IndexEntry, bool)> {
        let place = self.place("registry.attach", repository, true);
        let Some(subject) = manifest.subject.as_ref().map(|subject| subject.digest.clone()) else {
            return Err(place.error(ErrorKind::InvalidInput, "what is attached to an image must name it"));
        };
        let kind = manifest.media_type.clone().unwrap_or_else(|| media_type::MANIFEST.to_owned());
        let bytes = Bytes::from(to_bytes(manifest)?);
        let mut descriptor = Descriptor::of(kind.clone(), &bytes);
        descriptor.annotations.clone_from(&manifest.annotations);
        let noted = match self.put_manifest(repository, descriptor.digest.as_str(), &kind, bytes).await? {
            Stored::Yes { subject_noted, .. } => subject_noted,
            Stored::BlobsMissing(_) => {
                return Err(place
                    .error(ErrorKind::NotFound, "the registry lacks blobs of what is attached to an image"));
            }
        };
        let mut entry = IndexEntry::new(descriptor);
        entry.artifact_type =
            manifest.artifact_type.clone().or_else(|| Some(manifest.config.media_type.clone()));
        Ok((subject, entry, noted))
    }

    /// The tags of a repository, in the registry's order; none when there is no such repository.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`] and [`ErrorKind::Unauthenticated`] when nobody may read, and what connections end with.
    pub async fn tags(&self, repository: &str) -> Result<Vec<String>> {
        let place = self.place("registry.tags", repository, false);
        let mut first = self.url(repository, "tags/list")?;
        first.query_pairs_mut().append_pair("n", "1000");
        let mut found = Vec::new();
        let mut next = Some(first);
        for _ in 0..PAGES {
            let Some(url) = next.take() else { break };
            let (status, headers, body, from) = self.page(repository, url, "registry.tags").await?;
            match status {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND => return Ok(found),
                status => {
                    let refusal = self.transport().refusal_of(status, None, &body);
                    return Err(place.refused("list its tags", &refusal));
                }
            }
            let page: Tags = serde_json::from_slice(&body).map_err(|_| {
                place.error(ErrorKind::Unavailable, "the registry gave a list of tags that is none")
            })?;
            found.extend(page.tags.unwrap_or_default());
            next = self.following(&headers, &from, repository)?;
        }
        Ok(found)
    }

    async fn page(
        &self,
        repository: &str,
        url: Url,
        operation: &'static str,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>, Url)> {
        let accept = HeaderValue::from_static("application/vnd.oci.image.index.v1+json, application/json");
        let exchange = Exchange {
            method: Method::GET,
            url,
            scopes: Scopes::pull(repository),
            headers: HeaderMap::from_iter([(ACCEPT, accept)]),
            payload: Payload::Empty,
            place: self.place(operation, repository, false),
        };
        let (status, headers, body) = self.transport().fetch(&exchange, MANIFEST_LIMIT).await?;
        Ok((status, headers, body, exchange.url))
    }

    /// The next page of a list (RFC 8288, `rel="next"`).
    fn following(&self, headers: &HeaderMap, from: &Url, repository: &str) -> Result<Option<Url>> {
        let place = self.place("registry.list", repository, false);
        let Some(link) = headers.get(LINK).and_then(|value| value.to_str().ok()) else { return Ok(None) };
        let next = link.split(',').find(|link| link.contains("rel=\"next\"") || link.contains("rel=next"));
        let Some(address) =
            next.and_then(|link| link.split_once('<')?.1.split_once('>').map(|(inside, _)| inside))
        else {
            return Ok(None);
        };
        self.transport().locate(from, address, &place).map(Some)
    }

    /// The list under the tag.
    async fn listed(&self, repository: &str, subject: &Digest) -> Result<Index> {
        let fetched = self.manifest(repository, &list_tag(subject)).await?;
        let index = fetched.and_then(|fetched| serde_json::from_slice::<Index>(&fetched.bytes).ok());
        Ok(index.unwrap_or_else(|| Index::new(Vec::new())))
    }

    /// Adds entries to the list under the tag: read, changed, written, and read again, because a registry has no way to write
    /// only when nobody else did.
    async fn list(&self, repository: &str, subject: &Digest, entries: &[IndexEntry]) -> Result<()> {
        let has = |index: &Index, entry: &IndexEntry| {
            index.manifests.iter().any(|own| own.descriptor.digest == entry.descriptor.digest)
        };
        let has_all = |index: &Index| entries.iter().all(|entry| has(index, entry));
        let mut index = self.listed(repository, subject).await?;
        for _ in 0..WRITES {
            if has_all(&index) {
                return Ok(());
            }
            let missing: Vec<IndexEntry> =
                entries.iter().filter(|entry| !has(&index, entry)).cloned().collect();
            index.manifests.extend(missing);
            let bytes = Bytes::from(to_bytes(&index)?);
            self.put_manifest(repository, &list_tag(subject), media_type::INDEX, bytes).await?;
            index = self.listed(repository, subject).await?;
        }
        if has_all(&index) {
            return Ok(());
        }
        Err(self
            .place("registry.attach", repository, true)
            .error(ErrorKind::Conflict, "others write the list of what belongs to an image at the same time")
            .with_hint("run it again"))
    }
}

/// The tag of the list: `sha256-<64 digits>`.
fn list_tag(subject: &Digest) -> String {
    format!("sha256-{}", subject.hex())
}
