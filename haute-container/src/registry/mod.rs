//! A client of registries (OCI distribution-spec 1.1): reading, pushing, copying.
//!
//! Own code over an HTTP client, because what matters here is what general clients leave out: one whole `PUT` for each blob
//! (Amazon's ECR loses later parts without a word), existence asked before bytes are sent, waits and bounded attempts,
//! credentials that go to one host and nowhere else, and a manifest and a tag that are written last.
//!
//! [`RegistryClient`] speaks to one registry, [`CredentialSource`] signs it in, [`RegistryClient::push`] puts a whole image
//! there.

mod authority;
mod backoff;
mod blob;
mod challenge;
mod client;
mod credentials;
mod docker;
mod docker_config;
mod download;
mod error;
mod helper;
mod http;
mod manifest;
mod options;
mod progress;
mod push;
mod push_request;
mod referrers;
mod registries;
mod scope;
mod source;
mod token;
mod transport;
mod upload;
mod wire;

pub use client::RegistryClient;
pub use credentials::{Anonymous, CredentialSource, Credentials};
pub use docker::DockerCredentials;
pub use manifest::{Fetched, MANIFEST_LIMIT, Presence, Stored, is_image_manifest};
pub use options::ClientOptions;
pub use push_request::{MissingBlobs, NothingMissing, Push, PushBlob, PushSource, Pushed};
pub use registries::Registries;
pub use source::BlobSource;
pub use upload::Uploaded;
