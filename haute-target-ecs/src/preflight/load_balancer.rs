//! What sends traffic to the service, and asks whether it is well.

use haute_core::error::Result;
use haute_core::target::Finding;

use super::{failed, fine, unseen, warn};
use crate::model::Service;
use crate::target::{EcsTarget, container_of};
use crate::task_definition::TaskDefinition;

/// The path a release answers health checks at.
const HEALTH: &str = "/health";

pub(super) async fn look(
    target: &EcsTarget,
    service: &Service,
    definition: Option<&TaskDefinition>,
    found: &mut Vec<Finding>,
) -> Result<()> {
    let config = &target.config;
    if service.load_balancers.is_empty() {
        if config.verify_url.is_empty() {
            found.push(warn(
                "verification",
                "the service has no load balancer and no `verify_url`: prices are not asked after a deploy",
                "set `verify_url` under [deploy.aws-ecs] to where the service answers",
            ));
        }
        return Ok(());
    }
    let aws = target.connection.aws().await?;
    for balancer in &service.load_balancers {
        let port = balancer.container_port.unwrap_or_default();
        if port != i64::from(config.port) {
            found.push(failed(
                "load balancer's port",
                format!("traffic goes to port {port}, and the image listens on {}", config.port),
                format!(
                    "set `port = {port}` under [deploy.container], or change the load balancer of the service"
                ),
            ));
        }
        if let (Some(name), Some(definition)) = (&balancer.container_name, definition)
            && let Ok(own) = container_of(target, definition)
            && own != *name
        {
            found.push(failed(
                "load balancer's container",
                format!("traffic goes to the container `{name}`, and the release runs in `{own}`"),
                format!("set `container = \"{name}\"` under [deploy.aws-ecs]"),
            ));
        }
        let Some(arn) = &balancer.target_group_arn else { continue };
        let subject = "health check path";
        found.push(match aws.target_group(arn).await {
            Ok(Some(group)) => match group.health_check_path.as_deref() {
                Some(HEALTH) => fine(subject, HEALTH),
                Some(path) => failed(
                    subject,
                    format!("the load balancer asks for `{path}`, which a release does not answer"),
                    format!("aws elbv2 modify-target-group --target-group-arn {arn} --health-check-path {HEALTH} --region {}", target.connection.region()),
                ),
                None => fine(subject, "the load balancer only connects"),
            },
            Ok(None) => failed(subject, "the target group of the service does not exist", "make it, or correct the service's `loadBalancers`"),
            Err(error) => unseen(subject, error)?,
        });
    }
    target.url.discover(target, service).await;
    found.push(match target.url.known(config) {
        Some(url) => fine("verification", format!("prices are asked at {url}")),
        None => warn(
            "verification",
            "no address of the service answers from here: prices are not asked after a deploy",
            "set `verify_url` under [deploy.aws-ecs] to where the service answers",
        ),
    });
    Ok(())
}
