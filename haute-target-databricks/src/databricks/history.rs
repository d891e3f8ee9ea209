//! What the workspace remembers: every version that is a release of ours, and a change that was begun elsewhere.

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::target::{PastRelease, Readiness};

use super::endpoint;
use super::failure;
use super::observe::versions;
use super::target::DatabricksTarget;
use super::wanted::WantedConfig;
use super::{diff, observe};
use crate::registry::Registry;

/// The versions of the model, newest first.
pub(super) async fn history(target: &DatabricksTarget, limit: usize) -> Result<Vec<PastRelease>> {
    let client = target.mlflow()?;
    let registry = Registry::unity_catalog(&client);
    let model = target.model();
    if !registry.has_model(&model).await? {
        return Ok(Vec::new());
    }
    let observed = observe::observe(target, None).await?;
    let serving = match target.endpoint_name() {
        Some(_) => {
            observed.main().filter(|entity| entity.model == model).map(|entity| entity.version.as_str())
        }
        None => observed.alias_version(),
    };
    let canary = observed.endpoint.as_ref().and_then(|live| live.canary(observed.alias_version()));
    let mut past = Vec::new();
    for version in versions(&registry, &model).await?.into_iter().take(limit) {
        let mut one = version.past(&model, serving);
        if let Some((_, share)) = canary.filter(|(entity, _)| entity.version == version.number) {
            one.outcome = format!("canary, {share} %");
        }
        past.push(one);
    }
    Ok(past)
}

/// Whether the endpoint serves version `number`, and nothing is on its way any more.
pub(super) async fn watch(target: &DatabricksTarget, number: &str) -> Result<Readiness> {
    let name = target.endpoint_name().ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, "no endpoint is wanted here: there is nothing to wait for")
            .with_operation("databricks.watch")
    })?;
    let rating = target.rating()?;
    let missing = || {
        Error::new(ErrorKind::NotFound, format!("the endpoint `{name}` is not to serve version {number}"))
            .with_operation("databricks.watch")
            .with_hint("name the version of the model: `haute-cli history` lists them")
    };
    let live = endpoint::get(&rating, &name).await?.ok_or_else(missing)?;
    let wanted = WantedConfig::one(diff::entity(target.config(), number));
    let of = |config: &Option<endpoint::EndpointConfig>| {
        let mut entities = config.iter().flat_map(|config| &config.served_entities);
        entities.find(|entity| wanted.newest().is_some_and(|wanted| wanted.is(entity))).cloned()
    };
    let (serving, coming) = (of(&live.config), of(&live.pending_config));
    if live.has_failed() && coming.is_some() {
        return Err(failure::error(&name, &live, &wanted));
    }
    match (serving, coming) {
        (None, None) => Err(missing()),
        (Some(entity), _) if !live.is_updating() && entity.state.deployment == "DEPLOYMENT_READY" => {
            Ok(Readiness::Ready)
        }
        (_, Some(entity)) | (Some(entity), None) => Ok(Readiness::Pending {
            message: format!("version {number} to serve ({})", entity.state.deployment),
        }),
    }
}
