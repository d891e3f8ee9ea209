//! Who deploys, and for how long.

use std::time::{Duration, SystemTime};

use haute_core::error::{ErrorKind, Result};
use haute_core::target::Finding;

use super::{failed, fine, unseen, warn};
use crate::aws::error::action;
use crate::target::EcsTarget;

pub(super) async fn look(target: &EcsTarget) -> Result<Vec<Finding>> {
    let aws = target.connection.aws().await?;
    let config = &target.config;
    let mut found = Vec::new();
    match aws.identity().await {
        Ok(identity) => {
            let expected = &config.expected_account;
            let detail = format!("{} in account {}", identity.arn, identity.account);
            found.push(if expected.is_empty() || *expected == identity.account {
                fine("identity", detail)
            } else {
                failed(
                    "identity",
                    format!("{detail}, and `expected_account` is {expected}"),
                    "use the credentials of the expected account, or correct `expected_account` under [deploy.aws-ecs]",
                )
            });
        }
        // Nothing at all can be looked at without credentials.
        Err(error) if error.kind() == ErrorKind::Unauthenticated => return Err(error),
        Err(error) => found.push(unseen("identity", error)?),
    }
    let ends = aws.session.ends(action!("sts", "GetCallerIdentity")).await?;
    if let Some(ends) = ends {
        let left = ends.duration_since(SystemTime::now()).unwrap_or_default();
        if left < Duration::from_secs(config.timeout) {
            found.push(warn(
                "session",
                format!("the credentials end in {} min, and a rollout may take {} min", left.as_secs() / 60, config.timeout / 60),
                "ask for a longer session (`role-duration-seconds` in CI); a deployment goes on without its watcher, and `haute-cli watch` resumes",
            ));
        }
    }
    Ok(found)
}
