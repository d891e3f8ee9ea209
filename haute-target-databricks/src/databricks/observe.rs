//! What there is in the workspace. Reads only.

use haute_core::digest::Digest;
use haute_core::error::Result;
use serde_json::json;

use super::endpoint::{self, Endpoint, Entity};
use super::target::DatabricksTarget;
use crate::http::ApiClient;
use crate::registry::{Registry, Version};
use crate::tracking::{READY, experiment, logged_models};

/// How many versions are asked for their tags one by one, where a search does not give them.
const ASKED: usize = 20;

/// What there is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed {
    /// Whether there is an experiment.
    pub(crate) has_experiment: bool,
    /// Whether the wanted release is logged in it, whole.
    pub(crate) logged: bool,
    /// Whether there is a registered model.
    pub(crate) has_model: bool,
    /// Its versions that are a release of ours and can be loaded, newest first.
    pub(crate) versions: Vec<Version>,
    /// The version the alias stands for.
    pub(crate) alias: Option<Version>,
    /// The endpoint; `None` when there is none, or none is wanted.
    pub(crate) endpoint: Option<Endpoint>,
    /// The release of the version callers get.
    pub(crate) served: Option<Digest>,
    /// The release of the version that has the rest of the traffic.
    pub(crate) canary: Option<Digest>,
}

impl Observed {
    /// The newest version of a release.
    pub(crate) fn version_of(&self, release: &Digest) -> Option<&Version> {
        self.versions.iter().find(|version| version.release().as_ref() == Some(release))
    }

    /// The number of the version the alias stands for.
    pub(crate) fn alias_version(&self) -> Option<&str> {
        self.alias.as_ref().map(|version| version.number.as_str())
    }

    /// The entity callers get.
    pub(crate) fn main(&self) -> Option<&Entity> {
        self.endpoint.as_ref()?.main(self.alias_version())
    }

    /// A digest of what a plan depends on. That a change which is under way goes on is none of it.
    pub(crate) fn fingerprint(&self) -> Digest {
        let endpoint = self.endpoint.as_ref().map(|endpoint| {
            let configs = endpoint.config.iter().chain(&endpoint.pending_config);
            let mut entities: Vec<String> = configs
                .flat_map(|config| config.served_entities.iter().map(|one| (one, config.share(one))))
                .map(|(one, share)| {
                    let set = (&one.workload_size, one.scale_to_zero_enabled, share);
                    json!([one.model, one.version, set]).to_string()
                })
                .collect();
            entities.sort();
            entities.dedup();
            entities
        });
        let alias = self.alias.as_ref().map(|version| &version.number);
        Digest::of(json!({"model": self.has_model, "alias": alias, "endpoint": endpoint}).to_string())
    }
}

/// Looks at the workspace; `wanted` is the release whose log is looked for.
pub(crate) async fn observe(target: &DatabricksTarget, wanted: Option<&Digest>) -> Result<Observed> {
    let mlflow = target.mlflow()?;
    let rating = target.endpoint_name().map(|_| target.rating()).transpose()?;
    let mut observed = Observed::default();
    let registry = Registry::unity_catalog(&mlflow);
    let model = target.model();
    observed.has_model = registry.has_model(&model).await?;
    if observed.has_model {
        observed.versions = versions(&registry, &model).await?;
        observed.versions.retain(|version| version.is_ready() && version.release().is_some());
        observed.alias = registry.alias(&model, target.alias()).await?;
    }
    if let (Some(rating), Some(name)) = (&rating, target.endpoint_name()) {
        observed.endpoint = endpoint::get(rating, &name).await?;
        let alias = observed.alias_version().map(str::to_owned);
        (observed.served, observed.canary) =
            releases_of(&registry, observed.endpoint.as_ref(), alias.as_deref()).await?;
    }
    if let Some(wanted) = wanted
        && observed.version_of(wanted).is_none()
    {
        let id = experiment(&mlflow, &target.experiment()).await?;
        observed.has_experiment = id.is_some();
        observed.logged = match id {
            Some(id) => is_logged(&mlflow, &id, wanted).await?,
            None => false,
        };
    }
    Ok(observed)
}

async fn is_logged(client: &ApiClient, experiment: &str, release: &Digest) -> Result<bool> {
    Ok(logged_models(client, experiment, release).await?.iter().any(|model| model.status == READY))
}

/// Every version of a model with its tags, newest first.
pub(crate) async fn versions(registry: &Registry<'_>, model: &str) -> Result<Vec<Version>> {
    let mut versions = registry.versions(model).await?;
    for version in versions.iter_mut().take(ASKED).filter(|version| version.tags.is_empty()) {
        if let Some(whole) = registry.version(model, &version.number).await? {
            *version = whole;
        }
    }
    Ok(versions)
}

/// The release callers of an endpoint get, and that of a canary beside it.
pub(crate) async fn releases_of(
    registry: &Registry<'_>,
    endpoint: Option<&Endpoint>,
    alias: Option<&str>,
) -> Result<(Option<Digest>, Option<Digest>)> {
    let main = endpoint.and_then(|endpoint| endpoint.main(alias));
    let canary = endpoint.and_then(|endpoint| endpoint.canary(alias)).map(|(entity, _)| entity);
    Ok((release_of(registry, main).await?, release_of(registry, canary).await?))
}

async fn release_of(registry: &Registry<'_>, entity: Option<&Entity>) -> Result<Option<Digest>> {
    let Some(entity) = entity else { return Ok(None) };
    let version = registry.version(&entity.model, &entity.version).await?;
    Ok(version.as_ref().and_then(Version::release))
}
