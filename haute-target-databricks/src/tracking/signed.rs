//! Signed addresses for the files of a model, where the Files API is closed.
//!
//! Held to the recorded requests of MLflow 3.17. The third way its client knows, keys of the cloud account itself, is not gone:
//! Databricks withdraws them.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::secret::Secret;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{API, part};
use crate::http::{ApiClient, Signed, Store};
use crate::model::ModelFile;

/// How many addresses one request may ask for.
const MOST: usize = 2000;
/// How many requests for one address are under way at once.
const PARALLEL: usize = 8;

/// What signs addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Signer {
    /// A logged model, by its id.
    Model(String),
    /// A version in Unity Catalog, by its folder: `/Models/catalog/schema/model/1`.
    Version(String),
}

/// An address as the workspace gives it.
#[derive(Deserialize)]
struct Given {
    #[serde(default)]
    path: String,
    #[serde(alias = "signed_uri")]
    url: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Deserialize)]
struct Header {
    name: String,
    value: String,
}

impl Given {
    fn signed(self) -> Result<Signed> {
        let store = Store::named(&self.kind).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, format!("the workspace wants files sent as `{}`", self.kind))
                .with_operation("databricks.upload")
        })?;
        let headers =
            self.headers.into_iter().map(|header| (header.name, Secret::new(header.value))).collect();
        Ok(Signed { address: Secret::new(self.url), headers, store })
    }
}

impl Signer {
    /// An address for each of `files`, in their order.
    pub(super) async fn addresses(&self, client: &ApiClient, files: &[ModelFile]) -> Result<Vec<Signed>> {
        match self {
            Self::Model(id) => of_model(client, id, files).await,
            Self::Version(folder) => of_version(client, folder, files).await,
        }
    }
}

async fn of_model(client: &ApiClient, id: &str, files: &[ModelFile]) -> Result<Vec<Signed>> {
    let path = format!("{API}/logged-models/{id}/artifacts/credentials-for-upload");
    let mut addresses = Vec::new();
    for some in files.chunks(MOST) {
        let paths: Vec<&str> = some.iter().map(|file| file.path.as_str()).collect();
        let answer = client.send(Method::POST, &path, &json!({"paths": paths})).await?;
        let list = answer.get("credentials").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut given: Vec<Given> =
            list.iter().map(|one| part(one, "credential_info")).collect::<Result<_>>()?;
        for wanted in paths {
            let found = given.iter().position(|one| one.path == wanted).ok_or_else(|| {
                Error::new(ErrorKind::Unavailable, format!("the workspace gave no address for `{wanted}`"))
                    .with_operation("databricks.upload")
            })?;
            addresses.push(given.swap_remove(found).signed()?);
        }
    }
    Ok(addresses)
}

async fn of_version(client: &ApiClient, folder: &str, files: &[ModelFile]) -> Result<Vec<Signed>> {
    let asked = stream::iter(files.to_vec()).map(|file| async move {
        let body = json!({"path": format!("{folder}/{}", file.path)});
        let answer = client.send(Method::POST, "api/2.0/fs/create-upload-url", &body).await.map_err(|error| {
            let closed = error.is_closed();
            let error = Error::from(error);
            if !closed {
                return error;
            }
            error.with_hint(
                "this workspace lets models be uploaded through neither the Files API nor signed addresses: ask its \
                 administrator to open the Files API for this account",
            )
        })?;
        part::<Given>(&json!({"given": answer}), "given")?.signed()
    });
    asked.buffered(PARALLEL).try_collect().await
}
