//! Evidence beside the image: its bill of materials and the proof, attached as referrers (OCI distribution-spec 1.1,
//! "Listing Referrers").

use bytes::Bytes;
use haute_core::digest::Digest;
use haute_core::error::{Error, Result};
use haute_core::event::Event;
use haute_core::target::Context;
use serde_json::json;

use super::{ImageMaker, ImageRequest};
use crate::image::{IMAGE_KEY, RELEASE, SBOM_MEDIA_TYPE, sbom};
use crate::oci::{Descriptor, Manifest, media_type};
use crate::registry::{BlobSource, RegistryClient};

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
        let client = self.client(request.name)?;
        let mut documents =
            vec![(SBOM_MEDIA_TYPE, sbom(request.release, &request.plan.base, &request.plan.left_out)?)];
        if let Some(proof) = request.proof {
            let bytes = serde_json::to_vec(proof)
                .map_err(|source| Error::bug("the proof cannot be written").with_source(source))?;
            documents.push((PROOF_MEDIA_TYPE, bytes));
        }
        let subject = Descriptor::new(media_type::MANIFEST, digest.clone(), size);
        let mut sent = 0;
        for (kind, bytes) in documents {
            match attach(&client, request, &subject, kind, bytes).await {
                Ok(bytes) => sent += bytes,
                Err(error) => {
                    context.events.emit(&Event::Warning {
                        message: format!("the registry took the image, but not its `{kind}`: {error}"),
                        help: Some("the record of the deployment holds the same facts".to_owned()),
                    });
                }
            }
        }
        Ok(sent)
    }
}

async fn attach(
    client: &RegistryClient,
    request: &ImageRequest<'_>,
    subject: &Descriptor,
    kind: &str,
    bytes: Vec<u8>,
) -> Result<u64> {
    let repository = request.name.repository();
    let layer = Descriptor::of(kind, &bytes);
    let empty = b"{}".to_vec();
    let config = Descriptor::of(media_type::EMPTY, &empty);
    let mut manifest = Manifest::new(config.clone(), vec![layer.clone()]).attached_to(subject.clone(), kind);
    manifest.annotations.insert(RELEASE.to_owned(), request.release.digest().to_string());
    manifest.annotations.insert(IMAGE_KEY.to_owned(), request.plan.key.to_string());
    let mut sent = 0;
    for (descriptor, bytes) in [(&config, empty), (&layer, bytes)] {
        let source = BlobSource::Bytes(Bytes::from(bytes));
        if let crate::registry::Uploaded::Sent { bytes } =
            client.upload_blob(repository, descriptor, &source, &|_| {}).await?
        {
            sent += bytes;
        }
    }
    let size = json!(&manifest).to_string().len() as u64;
    client.attach(repository, &manifest).await?;
    Ok(sent + size)
}
