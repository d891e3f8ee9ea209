//! Pushing through an engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use bollard::query_parameters::PushImageOptionsBuilder;
use futures_util::StreamExt as _;
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::event::{Event, EventSink};
use haute_core::target::Context;

use super::connect::Engine;
use super::credentials::{Credentials, for_engine};
use super::error::{self, cancelled};
use crate::reference::ImageReference;

/// What a push came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pushed {
    /// The digest of the manifest, as the registry has it.
    pub digest: Digest,
    /// Whether the registry was asked for the tag afterwards and named the same digest. `false` when these credentials may
    /// push but not read.
    pub confirmed: bool,
    /// How many of its layers were sent.
    pub layers_sent: u64,
    /// How many of its layers the registry had.
    pub layers_present: u64,
    /// How long the tars of the layers sent are, in bytes; what went over the wire is compressed and the engine does not count it.
    pub bytes: u64,
}

impl Engine {
    /// Tags the image `id` as `to` and pushes it, and asks the registry what the tag is now.
    ///
    /// Cancel-safe: what a registry was sent of a push that is broken off it keeps, without a tag.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthenticated`], [`ErrorKind::PermissionDenied`], [`ErrorKind::NotFound`] for a repository that does
    /// not exist, [`ErrorKind::AlreadyExists`] for a tag that must not be moved, [`ErrorKind::VerificationFailed`] when
    /// the registry names another digest than was pushed, [`ErrorKind::Cancelled`].
    pub async fn push(
        &self,
        context: &Context,
        id: &str,
        to: &ImageReference,
        credentials: Option<&Credentials>,
    ) -> Result<Pushed> {
        let Some(tag) = to.tag() else {
            return Err(Error::new(ErrorKind::InvalidInput, format!("`{to}` has no tag to push"))
                .with_operation("engine.push"));
        };
        self.tag(id, to).await?;
        let repository = to.untagged().to_string();
        let options = PushImageOptionsBuilder::default().tag(tag).build();
        let docker = self.patient();
        let signed = for_engine(credentials, to);
        let mut stream = docker.push_image(&repository, Some(options), signed.clone());
        let mut telling = Telling::new(Arc::clone(&context.events));
        let mut said = None;
        loop {
            let next = tokio::select! {
                next = stream.next() => next,
                () = context.cancelled.cancelled() => return Err(cancelled("the image was pushed")),
            };
            match next {
                None => break,
                Some(Ok(info)) => {
                    let detail = info.progress_detail.unwrap_or_default();
                    match (detail.current, detail.total, info.status) {
                        (Some(current), Some(total), _) => telling.layer(total, current),
                        (None, None, Some(status)) => {
                            said = digest_of(&status, tag).or(said);
                            telling.line(&status);
                        }
                        _ => {}
                    }
                }
                Some(Err(source)) => return Err(refused(source, to)),
            }
        }
        let nothing = || {
            Error::new(ErrorKind::VerificationFailed, format!("the engine pushed `{to}` and names no digest"))
                .with_operation("engine.push")
                .with_hint("ask the registry what the tag is, or push with `builder = \"direct\"`")
        };
        let digest = said.ok_or_else(nothing)?;
        // What the engine noted for the image must be the same.
        let name = self.inspect(id).await?;
        if !name.digests.iter().any(|known| known.ends_with(digest.as_str())) {
            return Err(nothing().with_context("said", digest.to_string()));
        }
        let confirmed = match docker.inspect_registry_image(&to.to_string(), signed).await {
            Ok(found) => {
                let found = found.descriptor.digest.as_deref().and_then(Digest::parse);
                if found.as_ref() != Some(&digest) {
                    return Err(Error::new(
                        ErrorKind::VerificationFailed,
                        format!("`{to}` is not what was pushed: somebody else moved the tag"),
                    )
                    .with_operation("engine.push")
                    .with_context("pushed", digest.to_string())
                    .with_context(
                        "found",
                        found.map_or_else(|| "nothing".to_owned(), |found| found.to_string()),
                    ));
                }
                true
            }
            // Rights to push without rights to read are common in CI. The digest is what counts from here on.
            Err(_) => false,
        };
        let bytes = telling.done();
        Ok(Pushed { digest, confirmed, layers_sent: telling.sent, layers_present: telling.present, bytes })
    }
}

/// The digest in the last line of a push: `<tag>: digest: sha256:… size: 1234`. The engine also sends it as a field, which
/// bollard 0.21 drops; the caller compares it with what the engine has noted.
fn digest_of(status: &str, tag: &str) -> Option<Digest> {
    let rest = status.strip_prefix(tag)?.strip_prefix(": digest: ")?;
    Digest::parse(rest.split(' ').next()?)
}

fn refused(source: bollard::errors::Error, to: &ImageReference) -> Error {
    let error = error::failed("engine.push", "push the image", source).with_context("image", to.to_string());
    let registry = to.registry();
    let error = match error.kind() {
        ErrorKind::Unauthenticated => error.with_hint(format!(
            "sign in to `{registry}`: set `DOCKER_USERNAME` and `DOCKER_PASSWORD`, or `docker login {registry}`"
        )),
        ErrorKind::PermissionDenied => error.with_hint(format!(
            "these credentials may not push to `{}`; for ECR, `ecr:PutImage`, `ecr:InitiateLayerUpload`, `ecr:UploadLayerPart`, \
             `ecr:CompleteLayerUpload` and `ecr:BatchCheckLayerAvailability` are needed",
            to.repository()
        )),
        ErrorKind::NotFound => {
            error.with_hint(format!("create the repository `{}` in `{registry}` first", to.repository()))
        }
        ErrorKind::AlreadyExists => {
            error.with_hint("the tag is immutable and names another image: commit, so that the tag changes, or push under another one")
        }
        _ => error,
    };
    error.with_hint("the tag in the registry is what it was before")
}

/// Tells how far a push is.
struct Telling {
    events: Arc<dyn EventSink>,
    /// Bytes done by the length of the layer: bollard hands on no ids. Two layers of the same length count once.
    layers: BTreeMap<i64, i64>,
    told: u64,
    sent: u64,
    present: u64,
}

impl Telling {
    /// Progress is told in steps of this many bytes.
    const STEP: u64 = 1024 * 1024;

    fn new(events: Arc<dyn EventSink>) -> Self {
        Self { events, layers: BTreeMap::new(), told: 0, sent: 0, present: 0 }
    }

    fn layer(&mut self, total: i64, current: i64) {
        let done = self.layers.entry(total).or_default();
        // The last message of a layer counts the tar's own bytes too.
        *done = (*done).max(current.min(total));
        let done = self.done();
        if done >= self.told + Self::STEP {
            self.told = done;
            self.events.emit(&Event::Progress {
                activity: "pushing".to_owned(),
                done,
                total: None,
                unit: "bytes".to_owned(),
            });
        }
    }

    fn done(&self) -> u64 {
        u64::try_from(self.layers.values().sum::<i64>()).unwrap_or_default()
    }

    fn line(&mut self, status: &str) {
        // The engine says so of each layer in words only; nothing but the report depends on them.
        if status == "Pushed" {
            self.sent += 1;
        } else if status == "Layer already exists" || status.starts_with("Mounted from") {
            self.present += 1;
        }
        // One line per layer and state would drown the rest.
        if !matches!(status, "Preparing" | "Waiting" | "Pushing") {
            self.events.emit(&Event::Log { stream: "docker".to_owned(), line: status.to_owned() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_read_from_the_last_line_of_its_own_tag() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(digest_of(&format!("a1: digest: {digest} size: 528"), "a1").unwrap().as_str(), digest);
        assert_eq!(digest_of(&format!("a12: digest: {digest} size: 528"), "a1"), None);
        assert_eq!(digest_of("a1: digest: sha256:12 size: 528", "a1"), None);
    }
}
