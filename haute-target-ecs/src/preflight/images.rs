//! The registry the image goes to, and where it is.

use haute_core::error::{ErrorKind, Result};
use haute_core::target::{Context, Finding};

use super::{failed, fine, registry, unseen, warn};
use crate::aws::RegistryHost;
use crate::model::Service;
use crate::target::EcsTarget;

pub(super) async fn look(target: &EcsTarget, context: &Context) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    let repository = &target.container.config().repository;
    let host = RegistryHost::parse(repository.host());
    let is_ecr = host.is_some() || target.connection.aws().await?.session.endpoint("ECR").is_some();
    let mut missing = false;
    if is_ecr {
        missing = at_amazon(target, host.as_ref(), &mut found).await?;
    }
    if let Some(host) = &host {
        found.push(place(target, host));
    }
    if missing {
        return Ok(found);
    }
    match registry(target, context).await {
        Ok(lines) => found.extend(lines),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let subject = format!("push to {}", repository.repository());
            let fix = error.hints().first().cloned().unwrap_or_else(|| {
                "allow ecr:InitiateLayerUpload, ecr:UploadLayerPart, ecr:CompleteLayerUpload, ecr:PutImage and ecr:BatchCheckLayerAvailability on the repository".to_owned()
            });
            found.push(failed(subject, error.to_string(), fix));
        }
        Err(error) => return Err(error),
    }
    Ok(found)
}

/// The repository as ECR describes it. Tells whether it is missing.
async fn at_amazon(
    target: &EcsTarget,
    host: Option<&RegistryHost>,
    found: &mut Vec<Finding>,
) -> Result<bool> {
    let aws = target.connection.aws().await?;
    let name = target.container.config().repository.repository();
    let subject = format!("ECR repository {name}");
    match aws.ecr.describe_repository(host.map(|host| host.account.as_str()), name).await {
        Ok(answer) => {
            let of = |key: &str| {
                answer.pointer(&format!("/repositories/0/{key}")).and_then(serde_json::Value::as_str)
            };
            let mutability = of("imageTagMutability").unwrap_or("MUTABLE");
            let latest = &target.container.config().settings.latest_tag;
            found.push(if mutability.starts_with("IMMUTABLE") && !latest.is_empty() {
                warn(
                    subject,
                    format!("there; its tags cannot move, so `{latest}` stays where it is"),
                    "set `latest_tag = \"\"` under [deploy.container]; images are deployed by digest all the same",
                )
            } else {
                fine(subject, format!("there; tags are {}", mutability.to_ascii_lowercase()))
            });
            Ok(false)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let region = target.connection.region();
            found.push(if target.config.create_repository {
                fine(subject, "will be made")
            } else {
                failed(
                    subject,
                    "does not exist",
                    format!("aws ecr create-repository --repository-name {name} --region {region}   (or `create_repository = true` under [deploy.aws-ecs])"),
                )
            });
            Ok(true)
        }
        Err(error) => {
            found.push(unseen(&subject, error)?);
            Ok(false)
        }
    }
}

/// Whether the registry belongs to whom the service belongs to.
pub(super) fn account(target: &EcsTarget, service: &Service, found: &mut Vec<Finding>) {
    let repository = &target.container.config().repository;
    let Some(host) = RegistryHost::parse(repository.host()) else { return };
    let own = service.service_arn.split(':').nth(4).unwrap_or_default();
    if !own.is_empty() && own != host.account {
        found.push(warn(
            "registry's account",
            format!("the registry belongs to {}, the service to {own}", host.account),
            format!("let the task's execution role pull from it: `aws ecr set-repository-policy --repository-name {} …` in account {}", repository.repository(), host.account),
        ));
    }
}

/// Whether the registry is where the service is.
fn place(target: &EcsTarget, host: &RegistryHost) -> Finding {
    let region = target.connection.region();
    if host.region == region {
        fine("registry's region", host.region.clone())
    } else {
        warn(
            "registry's region",
            format!(
                "the registry is in {}, the service in {region}: every task pulls across regions",
                host.region
            ),
            "use a registry of the service's region, or let ECR replicate",
        )
    }
}
