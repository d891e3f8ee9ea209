//! Files sent to addresses of a cloud's object store that carry their own permission.
//!
//! Such an address is a secret: errors name its host and nothing more, and show nothing of what the store answers but its
//! error code, since stores repeat what they were asked. Amazon S3 "Presigned URLs", Google Cloud "Signed URLs", Azure
//! "Put Blob", "Path - Create", "Path - Update".

use haute_core::error::{Error, ErrorKind, Result, Retry};
use haute_core::secret::Secret;
use reqwest::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use reqwest::{Body, Method, StatusCode, Url};

use super::{ApiClient, body};
use crate::model::ModelFile;

/// A signed address.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) address: Secret<String>,
    /// What the signature is over besides: to be sent along.
    pub(crate) headers: Vec<(String, Secret<String>)>,
    pub(crate) store: Store,
}

/// How a store takes a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// In one `PUT`: Amazon S3, Google Cloud Storage.
    Plain,
    /// In one `PUT` that says what kind of blob it is: Azure Blob Storage.
    AzureBlob,
    /// Made, filled and closed: Azure Data Lake Storage.
    AzureLake,
}

impl Store {
    /// By the type MLflow gives an address; a plain one where it says none.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "" | "AWS_PRESIGNED_URL" | "GCP_SIGNED_URL" => Some(Self::Plain),
            "AZURE_SAS_URI" => Some(Self::AzureBlob),
            "AZURE_ADLS_GEN2_SAS_URI" => Some(Self::AzureLake),
            _ => None,
        }
    }
}

impl ApiClient {
    /// Sends a file to a signed address, without this client's credentials.
    pub(crate) async fn put_signed(
        &self,
        signed: &Signed,
        file: &ModelFile,
        sent: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<()> {
        let address = Url::parse(signed.address.expose_secret())
            .map_err(|_| Error::new(ErrorKind::Unavailable, "the workspace gave no address to upload to"))?;
        let with = |pairs: &[(&str, &str)]| {
            let mut address = address.clone();
            address.query_pairs_mut().extend_pairs(pairs);
            address
        };
        let length = file.size.to_string();
        let content = (body::of(file, sent).await?, file.size);
        match signed.store {
            Store::Plain => self.store(signed, Method::PUT, address, content, &[]).await,
            Store::AzureBlob => {
                let kind = [("x-ms-blob-type", "BlockBlob")];
                self.store(signed, Method::PUT, address, content, &kind).await
            }
            Store::AzureLake => {
                let nothing = || (Body::from(""), 0);
                self.store(signed, Method::PUT, with(&[("resource", "file")]), nothing(), &[]).await?;
                let fill = with(&[("action", "append"), ("position", "0")]);
                self.store(signed, Method::PATCH, fill, content, &[]).await?;
                let close = with(&[("action", "flush"), ("position", &length)]);
                self.store(signed, Method::PATCH, close, nothing(), &[]).await
            }
        }
    }

    async fn store(
        &self,
        signed: &Signed,
        method: Method,
        address: Url,
        (content, size): (Body, u64),
        more: &[(&str, &str)],
    ) -> Result<()> {
        let host = address.host_str().unwrap_or_default().to_owned();
        let mut request = self.client.request(method, address).header(CONTENT_LENGTH, size).body(content);
        let given =
            signed.headers.iter().map(|(name, value)| (name.as_str(), value.expose_secret().as_str()));
        for (name, value) in given.chain(more.iter().copied()) {
            let (Ok(name), Ok(mut value)) =
                (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
            else {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    "the workspace gave a header nobody can send",
                ));
            };
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        let broken = |error: reqwest::Error| {
            Error::new(ErrorKind::Unavailable, format!("the object store `{host}` cannot be reached"))
                .with_operation("databricks.upload")
                .with_retry(Retry::Soon)
                .with_hint("uploads go to the cloud's own store here: this network must let them")
                .with_source(error.without_url())
        };
        let answer = request.send().await.map_err(broken)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let text = answer.text().await.unwrap_or_default();
        Err(refused(&host, status, &text))
    }
}

fn refused(host: &str, status: StatusCode, text: &str) -> Error {
    // `<Error><Code>AccessDenied</Code>…`; what else is there repeats the request.
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    let code: String = code.map(|(code, _)| code.chars().take(60).collect()).unwrap_or_default();
    let passing = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
    let (kind, retry) = match status.as_u16() {
        _ if passing => (ErrorKind::Unavailable, Retry::Soon),
        401 | 403 => (ErrorKind::PermissionDenied, Retry::Never),
        _ => (ErrorKind::InvalidInput, Retry::Never),
    };
    let message = format!("the object store `{host}` answers {} {code}", status.as_u16());
    Error::new(kind, message.trim_end().to_owned()).with_operation("databricks.upload").with_retry(retry)
}
