//! Evidence beside the image: its bill of materials and the proof, attached as referrers (OCI distribution-spec 1.1,
//! "Listing Referrers").

use bytes::Bytes;
use futures_util::future::{BoxFuture, try_join_all};
use haute_core::digest::Digest;
use haute_core::error::{Error, Result};
use haute_core::event::Event;
use haute_core::target::Context;

use super::{ImageMaker, ImageRequest};
use crate::image::{IMAGE_KEY, RELEASE, SBOM_MEDIA_TYPE, sbom};
use crate::oci::{Descriptor, Manifest, media_type, to_bytes};
use crate::registry::{BlobSource, RegistryClient, Uploaded};

/// The media type of an attached proof.
pub const PROOF_MEDIA_TYPE: &str = "application/vnd.haute.proof.v1+json";

/// Evidence on its way: what the documents say is in the registry already, and belongs to no image yet.
#[derive(Debug)]
#[non_exhaustive]
pub struct Evidence {
    sent: Result<Sent>,
}

#[derive(Debug)]
struct Sent {
    /// Of each document: its kind and the blob.
    documents: Vec<(&'static str, Descriptor)>,
    config: Descriptor,
    bytes: u64,
}

impl ImageMaker {
    /// Sends the bill of materials, and the proof where the request has one: beside the push of the image itself, since neither
    /// needs the other. [`attach`](Self::attach) makes them belong to it.
    ///
    /// What a registry refuses is kept for then: it is no failure of the push.
    ///
    /// # Errors
    /// Only when the documents cannot be made.
    pub async fn send_evidence(&self, request: &ImageRequest<'_>) -> Result<Evidence> {
        let mut documents =
            vec![(SBOM_MEDIA_TYPE, sbom(request.release, &request.plan.base, &request.plan.left_out)?)];
        if let Some(proof) = request.proof {
            let bytes = serde_json::to_vec(proof)
                .map_err(|source| Error::bug("the proof cannot be written").with_source(source))?;
            documents.push((PROOF_MEDIA_TYPE, bytes));
        }
        let sent = match self.client(request.name) {
            Ok(client) => send(&client, request.name.repository(), documents).await,
            Err(error) => Err(error),
        };
        Ok(Evidence { sent })
    }

    /// Attaches what was sent to the image with `digest`, whose manifest is `size` bytes long. What is attached already is left
    /// as it is. Returns how many bytes were sent for all of it.
    ///
    /// A registry that takes no attachments is no failure of the push: that is a warning, and 0.
    pub async fn attach(
        &self,
        context: &Context,
        request: &ImageRequest<'_>,
        evidence: Evidence,
        (digest, size): (&Digest, u64),
    ) -> u64 {
        let subject = Descriptor::new(media_type::MANIFEST, digest.clone(), size);
        let attached = match (evidence.sent, self.client(request.name)) {
            (Ok(sent), Ok(client)) => attach(&client, request, &subject, sent).await,
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        match attached {
            Ok(sent) => sent,
            Err(error) => {
                context.events.emit(&Event::Warning {
                    message: format!(
                        "the registry took the image, but not its bill of materials and proof: {error}"
                    ),
                    help: Some("the record of the deployment holds the same facts".to_owned()),
                });
                0
            }
        }
    }
}

/// Sends every document beside the others.
async fn send(
    client: &RegistryClient,
    repository: &str,
    documents: Vec<(&'static str, Vec<u8>)>,
) -> Result<Sent> {
    let empty = b"{}".to_vec();
    let config = Descriptor::of(media_type::EMPTY, &empty);
    let mut blobs = vec![(config.clone(), BlobSource::Bytes(Bytes::from(empty)))];
    let mut named = Vec::new();
    for (kind, bytes) in documents {
        let layer = Descriptor::of(kind, &bytes);
        named.push((kind, layer.clone()));
        blobs.push((layer, BlobSource::Bytes(Bytes::from(bytes))));
    }
    let mut each: Vec<BoxFuture<'_, Result<Uploaded>>> = Vec::new();
    for (descriptor, source) in &blobs {
        each.push(Box::pin(client.upload_blob(repository, descriptor, source, &|_| {})));
    }
    let mut bytes = 0;
    for uploaded in try_join_all(each).await? {
        if let Uploaded::Sent { bytes: sent } = uploaded {
            bytes += sent;
        }
    }
    Ok(Sent { documents: named, config, bytes })
}

/// The manifests that make documents belong to the image.
async fn attach(
    client: &RegistryClient,
    request: &ImageRequest<'_>,
    subject: &Descriptor,
    sent: Sent,
) -> Result<u64> {
    let mut manifests = Vec::new();
    let mut bytes = sent.bytes;
    for (kind, layer) in sent.documents {
        let mut manifest = Manifest::new(sent.config.clone(), vec![layer]).attached_to(subject.clone(), kind);
        manifest.annotations.insert(RELEASE.to_owned(), request.release.digest().to_string());
        manifest.annotations.insert(IMAGE_KEY.to_owned(), request.plan.key.to_string());
        bytes += to_bytes(&manifest)?.len() as u64;
        manifests.push(manifest);
    }
    client.attach(request.name.repository(), &manifests).await?;
    Ok(bytes)
}
