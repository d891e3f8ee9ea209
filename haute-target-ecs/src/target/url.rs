//! Where the service answers: as configured, or at its load balancer, where that can be found and reached.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use haute_core::error::Result;
use haute_core::target::Deployment;
use haute_core::verify::QuoteService;
use haute_probe::{HttpQuoteService, Options};

use super::EcsTarget;
use crate::config::EcsConfig;
use crate::model::Service;

/// How long a load balancer may take to answer before it counts as out of reach.
const PATIENCE: Duration = Duration::from_secs(5);

/// The address that was found, looked for once. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found(Arc<OnceLock<Option<String>>>);

impl Found {
    /// The address; `None` where none is configured and none was found.
    pub(crate) fn known(&self, config: &EcsConfig) -> Option<String> {
        if config.verify_url.is_empty() {
            self.0.get().cloned().flatten()
        } else {
            Some(config.verify_url.trim_end_matches('/').to_owned())
        }
    }

    /// Looks for the load balancer of `service`, unless that was done or an address is configured.
    ///
    /// Only one that answers from here counts: a deployment must not fail because its verifier stands outside a network. What
    /// cannot be looked at is no error; the preflight says what is missing.
    pub(crate) async fn discover(&self, target: &EcsTarget, service: &Service) {
        if !target.config.verify_url.is_empty() || self.0.get().is_some() {
            return;
        }
        let mut found = None;
        for group in service.load_balancers.iter().filter_map(|one| one.target_group_arn.as_deref()) {
            found = answering(target, group).await;
            if found.is_some() {
                break;
            }
        }
        // Two looks at once find the same: the first is as good as the second.
        self.0.get_or_init(|| found);
    }
}

/// The address of a balancer of this target group, if it answers as a Haute service does.
async fn answering(target: &EcsTarget, group: &str) -> Option<String> {
    let aws = target.connection.aws().await.ok()?;
    let group = aws.target_group(group).await.ok()??;
    for balancer in &group.load_balancers {
        let Ok(Some(url)) = aws.balancer_url(balancer).await else { continue };
        let probe = HttpQuoteService::new(&url, &Options::default().with_timeout(PATIENCE)).ok()?;
        if probe.health().await.is_ok() {
            return Some(url);
        }
    }
    None
}

/// The way to ask what serves.
pub(super) fn service(deployment: &Deployment) -> Result<Option<Box<dyn QuoteService>>> {
    let Some(url) = &deployment.url else { return Ok(None) };
    Ok(Some(Box::new(HttpQuoteService::new(url, &Options::default())?)))
}
