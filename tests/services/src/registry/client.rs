//! Reading a registry and writing to it by plain HTTP, apart from the client under test.

use std::path::Path;

use haute_container::oci::media_type;
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use reqwest::{Client, Method, RequestBuilder, StatusCode};

use super::Registry;
use crate::blocking::{blocking, failed};

const ASKED: &str = "the registry of the test could not be asked";

impl Registry {
    /// The manifest a tag or digest names, as stored, and its media type; `None` when there is none.
    ///
    /// # Errors
    /// When the registry cannot be asked or refuses.
    pub fn manifest(&self, repository: &str, reference: &str) -> Result<Option<(Vec<u8>, String)>> {
        let kinds =
            [media_type::MANIFEST, media_type::INDEX, media_type::DOCKER_MANIFEST, media_type::DOCKER_INDEX];
        blocking(async {
            let address = format!("/v2/{repository}/manifests/{reference}");
            let answer = self.request(Method::GET, &address)?.header(ACCEPT, kinds.join(", ")).send().await;
            let answer = answer.map_err(failed(ASKED))?;
            match answer.status() {
                StatusCode::NOT_FOUND => Ok(None),
                StatusCode::OK => {
                    let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
                    let kind = kind.unwrap_or_default().to_owned();
                    Ok(Some((answer.bytes().await.map_err(failed(ASKED))?.to_vec(), kind)))
                }
                other => Err(refused(&address, other)),
            }
        })
    }

    /// The digest a tag names; `None` when there is no such tag.
    ///
    /// # Errors
    /// As [`manifest`](Self::manifest).
    pub fn digest_of(&self, repository: &str, tag: &str) -> Result<Option<Digest>> {
        Ok(self.manifest(repository, tag)?.map(|(bytes, _)| Digest::of(bytes)))
    }

    /// The tags of a repository, sorted; none when there is no such repository.
    ///
    /// # Errors
    /// When the registry cannot be asked or refuses.
    pub fn tags(&self, repository: &str) -> Result<Vec<String>> {
        blocking(async {
            let address = format!("/v2/{repository}/tags/list");
            let answer = self.request(Method::GET, &address)?.send().await.map_err(failed(ASKED))?;
            match answer.status() {
                StatusCode::NOT_FOUND => return Ok(Vec::new()),
                StatusCode::OK => {}
                other => return Err(refused(&address, other)),
            }
            let list: serde_json::Value = answer.json().await.map_err(failed(ASKED))?;
            let tags = list.get("tags").and_then(|tags| tags.as_array()).into_iter().flatten();
            let mut tags: Vec<String> = tags.filter_map(|tag| tag.as_str().map(str::to_owned)).collect();
            tags.sort();
            Ok(tags)
        })
    }

    /// A blob of a repository, checked against its digest; `None` when there is none.
    ///
    /// # Errors
    /// When the registry cannot be asked, refuses, or gives other bytes.
    pub fn blob(&self, repository: &str, digest: &Digest) -> Result<Option<Vec<u8>>> {
        blocking(async {
            let address = format!("/v2/{repository}/blobs/{digest}");
            let answer = self.request(Method::GET, &address)?.send().await.map_err(failed(ASKED))?;
            match answer.status() {
                StatusCode::NOT_FOUND => Ok(None),
                StatusCode::OK => {
                    let bytes = answer.bytes().await.map_err(failed(ASKED))?.to_vec();
                    if Digest::of(&bytes) != *digest {
                        return Err(Error::new(
                            ErrorKind::VerificationFailed,
                            "a blob has another digest than its name",
                        )
                        .with_context("digest", digest.to_string()));
                    }
                    Ok(Some(bytes))
                }
                other => Err(refused(&address, other)),
            }
        })
    }

    /// Stores bytes as a blob and gives their digest.
    ///
    /// # Errors
    /// When the registry cannot be asked or refuses.
    pub fn put_blob(&self, repository: &str, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of(bytes);
        blocking(self.upload(repository, &digest, bytes.len() as u64, bytes.to_vec().into()))?;
        Ok(digest)
    }

    /// Stores a file of `size` bytes as the blob `digest`, unless the repository has it.
    ///
    /// # Errors
    /// When the file cannot be read, or the registry cannot be asked or refuses.
    pub fn put_file(&self, repository: &str, path: &Path, digest: &Digest, size: u64) -> Result<()> {
        blocking(async {
            let address = format!("/v2/{repository}/blobs/{digest}");
            let there = self.request(Method::HEAD, &address)?.send().await.map_err(failed(ASKED))?;
            if there.status() == StatusCode::OK {
                return Ok(());
            }
            let file =
                tokio::fs::File::open(path).await.map_err(failed("a blob of the test cannot be read"))?;
            let stream = tokio_util::io::ReaderStream::with_capacity(file, 256 * 1024);
            self.upload(repository, digest, size, reqwest::Body::wrap_stream(stream)).await
        })
    }

    /// Stores a manifest by tag or digest and gives its digest.
    ///
    /// # Errors
    /// When the registry cannot be asked or refuses.
    pub fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        kind: &str,
        bytes: &[u8],
    ) -> Result<Digest> {
        blocking(async {
            let address = format!("/v2/{repository}/manifests/{reference}");
            let request =
                self.request(Method::PUT, &address)?.header(CONTENT_TYPE, kind).body(bytes.to_vec());
            let answer = request.send().await.map_err(failed(ASKED))?;
            if answer.status() != StatusCode::CREATED {
                return Err(refused(&address, answer.status()));
            }
            Ok(Digest::of(bytes))
        })
    }

    async fn upload(&self, repository: &str, digest: &Digest, size: u64, body: reqwest::Body) -> Result<()> {
        let address = format!("/v2/{repository}/blobs/uploads/");
        let begun = self.request(Method::POST, &address)?.header(CONTENT_LENGTH, 0).send().await;
        let begun = begun.map_err(failed(ASKED))?;
        let place = begun.headers().get(LOCATION).and_then(|place| place.to_str().ok());
        let Some(place) = place.filter(|_| begun.status() == StatusCode::ACCEPTED) else {
            return Err(refused(&address, begun.status()));
        };
        let place = place.strip_prefix(&self.url()).unwrap_or(place);
        let request = self.request(Method::PUT, &format!("{place}&digest={digest}"))?;
        let request = request.header(CONTENT_LENGTH, size).header(CONTENT_TYPE, "application/octet-stream");
        let answer = request.body(body).send().await.map_err(failed(ASKED))?;
        if answer.status() != StatusCode::CREATED {
            return Err(refused(&address, answer.status()));
        }
        Ok(())
    }

    fn request(&self, method: Method, address: &str) -> Result<RequestBuilder> {
        let mut trusted = Vec::new();
        if let Some(certificates) = self.certificates() {
            let text = std::fs::read(certificates.authority()).map_err(failed(ASKED))?;
            trusted.push(reqwest::Certificate::from_pem(&text).map_err(failed(ASKED))?);
        }
        // Nothing else is trusted, which also spares reading the system's certificates for every request.
        let builder = Client::builder().no_proxy().tls_certs_only(trusted);
        let request =
            builder.build().map_err(failed(ASKED))?.request(method, format!("{}{address}", self.url()));
        Ok(match self.credentials() {
            Some((user, password)) => request.basic_auth(user, Some(password)),
            None => request,
        })
    }
}

fn refused(address: &str, status: StatusCode) -> Error {
    Error::new(ErrorKind::Unexpected, "the registry of the test refused")
        .with_context("address", address.to_owned())
        .with_context("status", status.to_string())
}
