//! Sends the files of a model, several at a time, each as a stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::event::Event;
use haute_core::target::Context;
use reqwest::Method;

use super::LoggedModel;
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
}

impl Place {
    /// A folder behind the Files API.
    pub(crate) fn files(folder: &str) -> Self {
        Self { root: format!("api/2.0/fs/files/{folder}"), query: &[("overwrite", "true")] }
    }
}

impl Artifacts {
    /// Where the files of a logged model go.
    pub(super) fn of_model(self, experiment: &str, model: &LoggedModel) -> Result<Place> {
        match self {
            Self::Proxy => Ok(Place { root: proxy_path(&model.artifact_uri)?, query: &[] }),
            Self::Files => Ok(Place::files(&format!(
                "WorkspaceInternal/Mlflow/Artifacts/{experiment}/LoggedModels/{}/artifacts",
                model.model_id
            ))),
        }
    }
}

/// Sends every file of `directory`. One that is there already is replaced.
pub(crate) async fn upload(
    client: &ApiClient,
    context: &Context,
    place: &Place,
    directory: &ModelDirectory,
) -> Result<()> {
    let (done, total) = (Arc::new(AtomicU64::new(0)), directory.size());
    let events = &context.events;
    let tell = |done: u64| {
        events.emit(&Event::Progress {
            activity: "uploading the model".to_owned(),
            done,
            total: Some(total),
            unit: "bytes".to_owned(),
        });
    };
    tell(0);
    let files = stream::iter(directory.files().to_vec()).map(|file| {
        let done = Arc::clone(&done);
        let events = Arc::clone(events);
        async move {
            if context.cancelled.is_cancelled() {
                return Err(Error::new(ErrorKind::Cancelled, "cancelled while the model was uploaded"));
            }
            let path = format!("{}/{}", place.root, file.path);
            let sent = move |bytes: u64| {
                let done = done.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
                events.emit(&Event::Progress {
                    activity: "uploading the model".to_owned(),
                    // More than there is after a file was sent again.
                    done: done.min(total),
                    total: Some(total),
                    unit: "bytes".to_owned(),
                });
            };
            let call = Call { method: &Method::PUT, path: &path, query: place.query };
            client.put_file(call, &file, sent).await.map_err(Error::from)
        }
    });
    files.buffer_unordered(PARALLEL).try_collect::<Vec<()>>().await?;
    Ok(())
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
