//! What could be said of a deployment that fails: looked at before one does.

use haute_core::error::Result;
use haute_core::target::Finding;

use super::{fine, unseen};
use crate::model::Service;
use crate::target::EcsTarget;

pub(super) async fn look(target: &EcsTarget, service: &Service, found: &mut Vec<Finding>) -> Result<()> {
    let aws = target.connection.aws().await?;
    let config = &target.config;
    let subject = "why tasks stop";
    found.push(match aws.ecs.list_tasks(&config.cluster, &config.service, "STOPPED").await {
        Ok(_) => fine(subject, "can be read"),
        Err(error) => unseen(subject, error)?,
    });
    let subject = "course of a deployment";
    found.push(match aws.ecs.list_service_deployments(&config.cluster, &config.service).await {
        Ok(_) => fine(subject, "can be read"),
        Err(error) => unseen(subject, error)?,
    });
    let subject = "digest of what runs";
    let revisions: Vec<String> =
        service.current_service_revisions.iter().map(|revision| revision.arn.clone()).collect();
    if !revisions.is_empty() {
        found.push(match aws.ecs.describe_service_revisions(&revisions).await {
            Ok(_) => fine(subject, "can be read"),
            Err(error) => unseen(subject, error)?,
        });
    }
    Ok(())
}
