//! Sends the files of a model, several at a time, each as a stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::event::Event;
use haute_core::target::Context;
use reqwest::Method;

use super::LoggedModel;
use super::signed::Signer;
use crate::http::{ApiClient, Call};
use crate::model::ModelDirectory;

/// How many files are on their way at once.
const PARALLEL: usize = 8;

/// Where a server keeps files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Artifacts {
    /// Behind itself: an open MLflow server.
    Proxy,
    /// Behind the Files API of a Databricks workspace. Needs nothing but the workspace, whatever cloud it is on.
    Files,
}

/// A folder on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Without a slash at either end.
    root: String,
    /// What every request says besides.
    query: &'static [(&'static str, &'static str)],
    /// The other way to it.
    signer: Option<Signer>,
}

impl Place {
    /// The folder of a version in Unity Catalog; `model` is `catalog.schema.model`.
    pub(crate) fn of_version(model: &str, version: &str) -> Self {
        let folder = format!("Models/{}/{version}", model.replace('.', "/"));
        Self::files(&folder, Signer::Version(format!("/{folder}")))
    }

    /// The path of a file in it.
    pub(crate) fn file(&self, path: &str) -> String {
        format!("{}/{path}", self.root)
    }

    /// A folder behind the Files API.
    fn files(folder: &str, signer: Signer) -> Self {
        Self {
            root: format!("api/2.0/fs/files/{folder}"),
            query: &[("overwrite", "true")],
            signer: Some(signer),
        }
    }
}

impl Artifacts {
    /// Where the files of a logged model go.
    pub(super) fn of_model(self, experiment: &str, model: &LoggedModel) -> Result<Place> {
        match self {
            Self::Proxy => Ok(Place { root: proxy_path(&model.artifact_uri)?, query: &[], signer: None }),
            Self::Files => {
                let id = &model.model_id;
                let folder =
                    format!("WorkspaceInternal/Mlflow/Artifacts/{experiment}/LoggedModels/{id}/artifacts");
                Ok(Place::files(&folder, Signer::Model(id.clone())))
            }
        }
    }
}

/// Sends every file of `directory`. One that is there already is replaced.
///
/// Where the Files API is closed, files go to the cloud's own store, at addresses the workspace signs.
pub(crate) async fn upload(
    client: &ApiClient,
    context: &Context,
    place: &Place,
    directory: &ModelDirectory,
) -> Result<()> {
    let files = directory.files();
    let meter = Meter::new(context, directory.size());
    let through = stream::iter(files.to_vec()).map(|file| {
        let meter = meter.clone();
        async move {
            meter.go_on()?;
            let path = place.file(&file.path);
            let call = Call { method: &Method::PUT, path: &path, query: place.query };
            client.put_file(call, &file, move |bytes| meter.add(bytes)).await
        }
    });
    let sent = through.buffer_unordered(PARALLEL).try_collect::<Vec<()>>().await;
    let (closed, signer) = match (sent, &place.signer) {
        (Ok(_), _) => return Ok(()),
        (Err(error), Some(signer)) if error.is_closed() => (Error::from(error), signer),
        (Err(error), _) => return Err(error.into()),
    };
    context.events.emit(&Event::Warning {
        message: "the Files API is closed here; the files go to the cloud's own store".to_owned(),
        help: Some(closed.to_string()),
    });
    let besides = |error: Error| error.with_context("Files API", closed.to_string());
    let meter = Meter::new(context, directory.size());
    let addresses = signer.addresses(client, files).await.map_err(besides)?;
    let stored = stream::iter(files.iter().cloned().zip(addresses)).map(|(file, address)| {
        let meter = meter.clone();
        async move {
            meter.go_on()?;
            client.put_signed(&address, &file, move |bytes| meter.add(bytes)).await
        }
    });
    stored.buffer_unordered(PARALLEL).try_collect::<Vec<()>>().await.map_err(besides)?;
    Ok(())
}

/// Tells how much is sent.
#[derive(Clone)]
struct Meter {
    context: Context,
    done: Arc<AtomicU64>,
    total: u64,
}

impl Meter {
    fn new(context: &Context, total: u64) -> Self {
        let meter = Self { context: context.clone(), done: Arc::default(), total };
        meter.add(0);
        meter
    }

    fn add(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        self.context.events.emit(&Event::Progress {
            activity: "uploading the model".to_owned(),
            // More than there is after a file was sent again.
            done: done.min(self.total),
            total: Some(self.total),
            unit: "bytes".to_owned(),
        });
    }

    fn go_on(&self) -> Result<()> {
        if self.context.cancelled.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "cancelled while the model was uploaded"));
        }
        Ok(())
    }
}

/// The path behind which an open MLflow server keeps the artifacts of `uri`.
fn proxy_path(uri: &str) -> Result<String> {
    let unfit = || {
        let scheme = uri.split(':').next().unwrap_or_default();
        Error::new(
            ErrorKind::Unsupported,
            format!("the server keeps artifacts in `{scheme}:`, out of its own reach, and would want credentials for that"),
        )
        .with_operation("mlflow.upload")
        .with_hint("start the server with `--serve-artifacts`, which is what it does by itself")
    };
    let rest = uri.strip_prefix("mlflow-artifacts:").ok_or_else(unfit)?;
    // With a host, or without.
    let path = match rest.strip_prefix("//") {
        Some(rest) => rest.split_once('/').map_or("", |(_, path)| path),
        None => rest,
    };
    Ok(format!("api/2.0/mlflow-artifacts/artifacts/{}", path.trim_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::proxy_path;

    #[test]
    fn only_artifacts_behind_the_server_are_reached() {
        let path = |uri: &str| proxy_path(uri).unwrap();
        assert_eq!(
            path("mlflow-artifacts:/1/models/m-1/artifacts"),
            "api/2.0/mlflow-artifacts/artifacts/1/models/m-1/artifacts"
        );
        assert_eq!(path("mlflow-artifacts://host:5000/1/x"), "api/2.0/mlflow-artifacts/artifacts/1/x");
        let error = proxy_path("s3://bucket/1").unwrap_err();
        assert!(error.message().contains("`s3:`"), "{error}");
    }
}
