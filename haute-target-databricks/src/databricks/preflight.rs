//! What a deploy would meet in the workspace, looked at before anything is built.

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::target::{Finding, FindingLevel};

use super::endpoint::{self, Endpoint};
use super::target::DatabricksTarget;
use crate::http::{ApiClient, absent};
use crate::registry::Registry;

/// Each look is a finding; nothing is looked at without credentials.
pub(super) async fn look(target: &DatabricksTarget) -> Result<Vec<Finding>> {
    let mlflow = target.mlflow()?;
    let mut findings = vec![schema(target, &mlflow).await, model(target, &mlflow).await];
    if let Some(name) = target.endpoint_name() {
        let subject = format!("endpoint `{name}`");
        findings.push(match endpoint::get(&target.rating()?, &name).await {
            Ok(None) => Finding::new(subject, FindingLevel::Ok, "will be made"),
            Ok(Some(live)) => there(subject, &live),
            Err(error) => Finding::new(subject, FindingLevel::Failed, error.to_string())
                .with_fix("grant CAN_MANAGE on the endpoint, and check DATABRICKS_RATING_*"),
        });
    }
    Ok(findings)
}

/// Unity Catalog REST API, "Get a schema".
async fn schema(target: &DatabricksTarget, client: &ApiClient) -> Finding {
    let config = target.config();
    let name = format!("{}.{}", config.catalog, config.schema);
    let subject = format!("schema `{name}`");
    match absent(client.get(&format!("api/2.1/unity-catalog/schemas/{name}"), &[]).await) {
        Ok(Some(_)) => Finding::new(subject, FindingLevel::Ok, "there"),
        Ok(None) => Finding::new(subject, FindingLevel::Failed, "there is none, or this account may not see it")
            .with_fix(format!("create it, or name another one: `catalog` and `schema` under [deploy.databricks]; grant USE CATALOG and USE SCHEMA on `{name}`")),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Finding::new(subject, FindingLevel::Skipped, "may not be looked at")
                .with_fix(format!("grant USE CATALOG and USE SCHEMA on `{name}`"))
        }
        Err(error) => failed(subject, &error),
    }
}

async fn model(target: &DatabricksTarget, client: &ApiClient) -> Finding {
    let model = target.model();
    let subject = format!("model `{model}`");
    match Registry::unity_catalog(client).has_model(&model).await {
        Ok(true) => Finding::new(subject, FindingLevel::Ok, "there"),
        Ok(false) => Finding::new(subject, FindingLevel::Ok, "will be made"),
        Err(error) => failed(subject, &error),
    }
}

fn failed(subject: String, error: &Error) -> Finding {
    Finding::new(subject, FindingLevel::Failed, error.to_string()).with_fix(
        "grant USE CATALOG, USE SCHEMA and CREATE MODEL on the schema, and check DATABRICKS_MLFLOW_*",
    )
}

fn there(subject: String, live: &Endpoint) -> Finding {
    if live.state.suspend == "STOPPED" {
        return Finding::new(subject, FindingLevel::Failed, "stopped").with_fix("start it in the workspace");
    }
    if live.is_updating() {
        return Finding::new(subject, FindingLevel::Warn, "is being changed, which will be waited for");
    }
    if live.creator.contains('@') {
        // A person who leaves takes the endpoint's permissions along, for good.
        let detail = format!("there; made by {}, whose account it depends on", live.creator);
        return Finding::new(subject, FindingLevel::Warn, detail)
            .with_fix("make endpoints as a service principal");
    }
    Finding::new(subject, FindingLevel::Ok, "there")
}
