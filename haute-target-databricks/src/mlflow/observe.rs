//! What there is on the server. Reads only.

use haute_core::digest::Digest;
use haute_core::error::Result;
use serde_json::json;

use super::target::MlflowTarget;
use crate::http::ApiClient;
use crate::registry::{Registry, Version};
use crate::tracking::{READY, experiment, logged_models};

/// What there is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed {
    /// The id of the experiment.
    pub(crate) experiment: Option<String>,
    /// Whether the wanted release is logged in it, whole.
    pub(crate) logged: bool,
    /// Whether there is a registered model.
    pub(crate) has_model: bool,
    /// Its versions that are a release of ours and can be loaded, newest first.
    pub(crate) versions: Vec<Version>,
    /// The version the alias stands for.
    pub(crate) current: Option<Version>,
}

impl Observed {
    /// The release the alias stands for.
    pub(crate) fn serving(&self) -> Option<Digest> {
        self.current.as_ref().and_then(Version::release)
    }

    /// The newest version of a release.
    pub(crate) fn version_of(&self, release: &Digest) -> Option<&Version> {
        self.versions.iter().find(|version| version.release().as_ref() == Some(release))
    }

    /// A digest of what a plan depends on.
    pub(crate) fn fingerprint(&self) -> Digest {
        let current = self.current.as_ref().map(|version| (&version.number, version.release()));
        Digest::of(
            json!({"experiment": self.experiment, "model": self.has_model, "current": current}).to_string(),
        )
    }
}

/// Looks at the server; `wanted` is the release whose log is looked for.
pub(crate) async fn observe(
    target: &MlflowTarget,
    client: &ApiClient,
    wanted: Option<&Digest>,
) -> Result<Observed> {
    let registry = Registry::open(client);
    let has_model = registry.has_model(&target.model).await?;
    let (versions, current) = if has_model {
        let ours = |version: &Version| version.is_ready() && version.release().is_some();
        let versions = registry.versions(&target.model).await?.into_iter().filter(ours).collect();
        (versions, registry.alias(&target.model, &target.config.alias).await?)
    } else {
        (Vec::new(), None)
    };
    let mut observed = Observed { has_model, versions, current, ..Observed::default() };
    if let Some(wanted) = wanted
        && observed.version_of(wanted).is_none()
    {
        observed.experiment = experiment(client, &target.experiment()).await?;
        if let Some(id) = &observed.experiment {
            let models = logged_models(client, id, wanted).await?;
            observed.logged = models.iter().any(|model| model.status == READY);
        }
    }
    Ok(observed)
}
