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

impl ImageMaker {
    /// Attaches the bill of materials, and the proof where the request has one, to the image with `digest`, whose manifest is
    /// `size` bytes long. What is attached already is left as it is. Returns how many bytes were sent.
    ///
    /// A registry that takes no attachments is no failure of the push: that is a warning, and 0.
    ///
    /// # Errors
    /// Only when the documents cannot be made.
    pub async fn attach(
        &self,
        context: &Context,
        request: &ImageRequest<'_>,
        digest: &Digest,
        size: u64,
    ) -> Result<u64> {
        let mut documents =
            vec![(SBOM_MEDIA_TYPE, sbom(request.release, &request.plan.base, &request.plan.left_out)?)];
        if let Some(proof) = request.proof {
            let bytes = serde_json::to_vec(proof)
                .map_err(|source| Error::bug("the proof cannot be written").with_source(source))?;
            documents.push((PROOF_MEDIA_TYPE, bytes));
        }
        let subject = Descriptor::new(media_type::MANIFEST, digest.clone(), size);
        match attach(&self.client(request.name)?, request, &subject, documents).await {
            Ok(sent) => Ok(sent),
            Err(error) => {
                context.events.emit(&Event::Warning {
                    message: format!(
                        "the registry took the image, but not its bill of materials and proof: {error}"
                    ),
                    help: Some("the record of the deployment holds the same facts".to_owned()),
                });
                Ok(0)
            }
        }
    }
}

/// Sends every document beside the others, then the manifests that make them belong to the image.
async fn attach(
    client: &RegistryClient,
    request: &ImageRequest<'_>,
    subject: &Descriptor,
    documents: Vec<(&str, Vec<u8>)>,
) -> Result<u64> {
    let repository = request.name.repository();
    let empty = b"{}".to_vec();
    let config = Descriptor::of(media_type::EMPTY, &empty);
    let mut blobs = vec![(config.clone(), BlobSource::Bytes(Bytes::from(empty)))];
    let mut manifests = Vec::new();
    for (kind, bytes) in documents {
        let layer = Descriptor::of(kind, &bytes);
        blobs.push((layer.clone(), BlobSource::Bytes(Bytes::from(bytes))));
        let mut manifest = Manifest::new(config.clone(), vec![layer]).attached_to(subject.clone(), kind);
        manifest.annotations.insert(RELEASE.to_owned(), request.release.digest().to_string());
        manifest.annotations.insert(IMAGE_KEY.to_owned(), request.plan.key.to_string());
        manifests.push(manifest);
    }
    let mut each: Vec<BoxFuture<'_, Result<Uploaded>>> = Vec::new();
    for (descriptor, source) in &blobs {
        each.push(Box::pin(client.upload_blob(repository, descriptor, source, &|_| {})));
    }
    let mut sent = 0;
    for uploaded in try_join_all(each).await? {
        if let Uploaded::Sent { bytes } = uploaded {
            sent += bytes;
        }
    }
    for manifest in &manifests {
        sent += to_bytes(manifest)?.len() as u64;
    }
    client.attach(repository, &manifests).await?;
    Ok(sent)
}
