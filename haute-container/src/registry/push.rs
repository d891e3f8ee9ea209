//! A whole image into a registry: its blobs side by side, then its manifest, then its tag.

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::target::Context;

use super::client::RegistryClient;
use super::manifest::{Presence, Stored};
use super::progress::{Part, Progress};
use super::push_request::{MOST_PARALLEL, MissingBlobs, Push, PushBlob, PushSource, Pushed};
use super::scope::Scopes;
use super::upload::Uploaded;
use crate::oci::Descriptor;

/// How often blobs that a registry turns out not to have are sent before the push fails.
const REPAIRS: usize = 2;

#[derive(Default)]
struct Count {
    moved: u64,
    uploaded: usize,
    present: usize,
    mounted: usize,
}

impl Count {
    fn add(&mut self, uploaded: Uploaded) {
        match uploaded {
            Uploaded::Present => self.present += 1,
            Uploaded::Mounted => self.mounted += 1,
            Uploaded::Sent { bytes } => {
                self.uploaded += 1;
                self.moved += bytes;
            }
        }
    }
}

impl RegistryClient {
    /// Pushes an image: blobs side by side, then the manifest by its digest, then, last, the tag. Progress is told as events
    /// in bytes.
    ///
    /// When the context's cancellation is raised, or the future is dropped, before the tag is written, there is no tag;
    /// blobs that arrived stay, so that the next push is short. Once the tag is being written, the push goes to its end.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`]; [`ErrorKind::AlreadyExists`] when the tag may not change and stands for another image (with
    /// both digests); what `missing` fails with; and what uploads end with. No tag was written in any of these cases.
    pub async fn push(&self, push: &Push, missing: &dyn MissingBlobs, context: &Context) -> Result<Pushed> {
        let before_tag = async {
            let mut count = self.push_blobs(push, context).await?;
            let digest = self.push_manifest(push, missing, context, &mut count).await?;
            Ok::<_, Error>((digest, count))
        };
        let stopped = || {
            Error::new(ErrorKind::Cancelled, "the push was stopped before its tag was written")
                .with_operation("registry.push")
                .with_context("registry", self.host())
                .with_context("repository", push.repository.clone())
                .with_hint("run it again: what arrived already is not sent twice")
        };
        let (digest, mut count) = tokio::select! {
            biased;
            () = context.cancelled.cancelled() => return Err(stopped()),
            done = before_tag => done?,
        };
        if context.cancelled.is_cancelled() {
            return Err(stopped());
        }
        let mut tag_existed = false;
        if let Some(tag) = &push.tag {
            tag_existed = self.push_tag(push, tag, &digest).await?;
            count.moved += push.manifest.len() as u64;
        }
        Ok(Pushed {
            digest,
            bytes_moved: count.moved,
            blobs_uploaded: count.uploaded,
            blobs_present: count.present,
            blobs_mounted: count.mounted,
            tag_existed,
        })
    }

    async fn push_blobs(&self, push: &Push, context: &Context) -> Result<Count> {
        let mut count = Count::default();
        let mut seen = std::collections::BTreeSet::new();
        let mut wanted = Vec::new();
        for blob in &push.blobs {
            // The same layer twice is one blob.
            if !seen.insert(&blob.descriptor.digest) {
                continue;
            }
            match &blob.source {
                PushSource::Assumed => count.present += 1,
                _ => wanted.push(blob),
            }
        }
        let total = wanted.iter().map(|blob| blob.descriptor.size).sum();
        let progress = Progress::new(context, format!("push to {}", self.host()), total);
        // Boxed one by one: the compiler cannot see that a closure over borrowed blobs gives futures that may change threads.
        let mut each: Vec<BoxFuture<'_, Result<Uploaded>>> = Vec::new();
        for blob in wanted {
            each.push(Box::pin(self.push_blob(
                &push.repository,
                &blob.descriptor,
                &blob.source,
                progress.part(),
            )));
        }
        let done: Vec<Uploaded> =
            stream::iter(each).buffer_unordered(push.parallel.clamp(1, MOST_PARALLEL)).try_collect().await?;
        for uploaded in done {
            count.add(uploaded);
        }
        Ok(count)
    }

    async fn push_blob(
        &self,
        repository: &str,
        descriptor: &Descriptor,
        source: &PushSource,
        part: Part<'_>,
    ) -> Result<Uploaded> {
        let tell = |at| part.at(at);
        let uploaded = match source {
            PushSource::Assumed => Uploaded::Present,
            PushSource::Mount { from } => self.mount_or_copy(repository, from, descriptor, &tell).await?,
            PushSource::Blob(source) => self.upload_blob(repository, descriptor, source, &tell).await?,
        };
        match uploaded {
            Uploaded::Sent { .. } => part.at(descriptor.size),
            Uploaded::Present | Uploaded::Mounted => part.spared(descriptor.size),
        }
        Ok(uploaded)
    }

    /// Stores the manifest by digest; blobs that the registry lacks are made and sent first.
    async fn push_manifest(
        &self,
        push: &Push,
        missing: &dyn MissingBlobs,
        context: &Context,
        count: &mut Count,
    ) -> Result<Digest> {
        let digest = Digest::of(&push.manifest);
        for repair in 0..=REPAIRS {
            let stored = self
                .put_manifest(&push.repository, digest.as_str(), &push.media_type, push.manifest.clone())
                .await?;
            count.moved += push.manifest.len() as u64;
            let named = match stored {
                Stored::Yes { digest, .. } => return Ok(digest),
                Stored::BlobsMissing(named) => named,
            };
            let own = |digest: &Digest| push.blobs.iter().any(|blob| blob.descriptor.digest == *digest);
            if push.blobs.is_empty() || named.iter().any(|digest| !own(digest)) {
                let mut error = Error::new(
                    ErrorKind::NotFound,
                    "the registry does not have a blob of the image, and this push does not bring it",
                )
                .with_operation("registry.push")
                .with_context("registry", self.host())
                .with_context("repository", push.repository.clone());
                for digest in named.into_iter().filter(|digest| !own(digest)) {
                    error = error.with_context("digest", digest.to_string());
                }
                return Err(error);
            }
            if repair < REPAIRS {
                self.repair(push, &named, missing, context, count).await?;
            }
        }
        Err(Error::new(ErrorKind::Unavailable, "the registry does not have blobs that it was sent")
            .with_operation("registry.push")
            .with_context("registry", self.host())
            .with_context("repository", push.repository.clone())
            .with_hint("run it again; nothing was tagged"))
    }

    /// Sends the blobs a registry turned out not to have.
    async fn repair(
        &self,
        push: &Push,
        named: &[Digest],
        missing: &dyn MissingBlobs,
        context: &Context,
        count: &mut Count,
    ) -> Result<()> {
        let mut each: Vec<BoxFuture<'_, Result<(&PushBlob, Presence)>>> = Vec::new();
        for blob in &push.blobs {
            each.push(Box::pin(async move {
                let digest = &blob.descriptor.digest;
                let scopes = Scopes::push(&push.repository);
                let presence =
                    self.presence(&push.repository, digest, scopes, Some(blob.descriptor.size)).await?;
                Ok((blob, presence))
            }));
        }
        let presences: Vec<(&PushBlob, Presence)> =
            stream::iter(each).buffered(push.parallel.clamp(1, MOST_PARALLEL)).try_collect().await?;
        let lacking: Vec<&PushBlob> = presences
            .into_iter()
            .filter(|(blob, presence)| match presence {
                Presence::Present => false,
                Presence::Absent => true,
                // It does not let us look: what it named, else everything that was only assumed.
                Presence::Unknown if named.is_empty() => matches!(blob.source, PushSource::Assumed),
                Presence::Unknown => named.contains(&blob.descriptor.digest),
            })
            .map(|(blob, _)| blob)
            .collect();
        let total = lacking.iter().map(|blob| blob.descriptor.size).sum();
        let progress = Progress::new(context, format!("push to {}", self.host()), total);
        for blob in lacking {
            let assumed = matches!(blob.source, PushSource::Assumed);
            let source = if assumed {
                PushSource::Blob(missing.make(&blob.descriptor).await?)
            } else {
                blob.source.clone()
            };
            let uploaded =
                self.push_blob(&push.repository, &blob.descriptor, &source, progress.part()).await?;
            if assumed {
                count.present = count.present.saturating_sub(1);
            }
            count.add(uploaded);
        }
        Ok(())
    }

    /// Writes the tag; `true` when it stood for this image already and may not be written again.
    async fn push_tag(&self, push: &Push, tag: &str, digest: &Digest) -> Result<bool> {
        let put = self.put_manifest(&push.repository, tag, &push.media_type, push.manifest.clone()).await;
        let refused = match put {
            Ok(Stored::Yes { .. }) => return Ok(false),
            Ok(Stored::BlobsMissing(_)) => {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    "the registry lost blobs of the image while it was pushed",
                )
                .with_operation("registry.push")
                .with_context("registry", self.host())
                .with_context("repository", push.repository.clone())
                .with_hint("run it again"));
            }
            Err(error) => error,
        };
        // The manifest itself was accepted a moment ago, so a refusal is about the tag. Only now is it worth a look what the
        // tag stands for: accounts that may only push are not asked to read without need.
        let about_tag = matches!(
            refused.kind(),
            ErrorKind::AlreadyExists
                | ErrorKind::PermissionDenied
                | ErrorKind::Conflict
                | ErrorKind::BuildFailed
                | ErrorKind::Unsupported
        );
        if !about_tag {
            return Err(refused);
        }
        match self.digest_of(&push.repository, tag).await {
            Ok(Some(existing)) if existing == *digest => Ok(true),
            Ok(Some(existing)) => Err(Error::new(
                ErrorKind::AlreadyExists,
                format!("the tag `{tag}` stands for another image, and the registry does not let it change"),
            )
            .with_operation("registry.push")
            .with_context("registry", self.host())
            .with_context("repository", push.repository.clone())
            .with_context("pushed", digest.to_string())
            .with_context("tagged", existing.to_string())
            .with_hint("the pushed image is there by its digest; give it another tag, or delete the old one if nothing uses it")
            .with_source(refused)),
            Ok(None) => Err(refused),
            Err(_) => Err(refused
                .with_context("pushed", digest.to_string())
                .with_hint("what the tag stands for cannot be read with these rights; the pushed image is there by its digest")),
        }
    }
}
