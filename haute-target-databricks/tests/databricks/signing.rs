//! Every way to sign in, against a workspace that gives tokens.

use haute_core::error::ErrorKind;
use haute_core::target::{Cancellation, Context, DeployTarget as _};
use haute_core::variables::Variables;
use haute_target_databricks::databricks::{DatabricksConfig, DatabricksTarget};
use serde_json::{Value, json};

use haute_test_databricks::{JOB, SECRET, TOKEN, Workspace};

fn target(workspace: &Workspace, more: &[(&str, &str)]) -> DatabricksTarget {
    let hosts = [("DATABRICKS_MLFLOW_HOST", workspace.url.as_str())];
    let variables: Variables = hosts.iter().chain(more).copied().collect();
    let config = DatabricksConfig::default().with_names("motor", None);
    DatabricksTarget::new(std::path::Path::new("."), config).with_variables(variables)
}

fn context() -> Context {
    Context::new(std::sync::Arc::new(haute_core::event::NullSink), Cancellation::default())
}

/// Looks at the workspace twice, signed in with `more`; what was asked for signing in.
async fn signs_in(more: &[(&str, &str)]) -> Vec<(String, Value)> {
    let workspace = Workspace::start();
    let target = target(&workspace, more);
    for _ in 0..2 {
        target.status(&context()).await.unwrap();
    }
    let said = format!("{target:?}");
    assert!(![TOKEN, JOB, SECRET].iter().any(|secret| said.contains(secret)), "{said}");
    let world = workspace.world.lock().unwrap();
    let signing = world.exchanges.iter().filter(|one| !one.path.starts_with("/api/2.0/"));
    signing
        .map(|one| {
            (
                format!(
                    "{} {}?{}",
                    one.method,
                    one.path,
                    one.query.replace(&workspace.url.replace(':', "%3A").replace('/', "%2F"), "HOST")
                ),
                one.body.clone(),
            )
        })
        .collect()
}

const DISCOVERY: [&str; 2] =
    ["GET /.well-known/databricks-config?", "GET /oidc/.well-known/oauth-authorization-server?"];

#[tokio::test]
async fn a_service_principal_with_a_secret() {
    let asked =
        signs_in(&[("DATABRICKS_MLFLOW_CLIENT_ID", "cid"), ("DATABRICKS_MLFLOW_CLIENT_SECRET", SECRET)])
            .await;
    let calls: Vec<_> = asked.iter().map(|(call, _)| call.as_str()).collect();
    assert_eq!(
        calls,
        [DISCOVERY[0], DISCOVERY[1], "POST /oidc/v1/token?"],
        "and one token does for all requests"
    );
    assert_eq!(asked[2].1, json!({"grant_type": "client_credentials", "scope": "all-apis"}));
}

#[tokio::test]
async fn a_job_of_github() {
    let workspace = Workspace::start();
    let address = format!("{}/gh/token?api-version=2.0", workspace.url);
    let asked = signs_in(&[
        ("DATABRICKS_MLFLOW_CLIENT_ID", "cid"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", &address),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request-token"),
    ])
    .await;
    let exchange = json!({
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "scope": "all-apis", "client_id": "cid",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "subject_token": JOB,
    });
    assert_eq!(asked.last().unwrap(), &("POST /oidc/v1/token?".to_owned(), exchange));
    let world = workspace.world.lock().unwrap();
    assert!(world.exchanges[0].query.starts_with("api-version=2.0&audience=http"), "{:?}", world.exchanges);
    assert!(world.exchanges[0].query.ends_with("oidc%2Fv1%2Ftoken"), "{:?}", world.exchanges);
}

#[tokio::test]
async fn a_job_of_gitlab_and_of_azure_pipelines() {
    let asked = signs_in(&[("DATABRICKS_MLFLOW_CLIENT_ID", "cid"), ("DATABRICKS_OIDC_TOKEN", JOB)]).await;
    assert_eq!(asked.len(), 3);
    let workspace = Workspace::start();
    signs_in(&[
        ("DATABRICKS_MLFLOW_CLIENT_ID", "cid"),
        ("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI", &workspace.url),
        ("SYSTEM_TEAMPROJECTID", "p"),
        ("SYSTEM_HOSTTYPE", "build"),
        ("SYSTEM_PLANID", "1"),
        ("SYSTEM_JOBID", "2"),
        ("SYSTEM_ACCESSTOKEN", "request-token"),
    ])
    .await;
    let world = workspace.world.lock().unwrap();
    assert_eq!(world.exchanges[0].path, "/p/_apis/distributedtask/hubs/build/plans/1/jobs/2/oidctoken");
    assert_eq!(world.exchanges[0].query, "api-version=7.2-preview.1");
}

#[tokio::test]
async fn a_service_principal_of_azure() {
    let workspace = Workspace::start();
    signs_in(&[
        ("ARM_TENANT_ID", "tenant"),
        ("ARM_CLIENT_ID", "arm"),
        ("ARM_CLIENT_SECRET", SECRET),
        ("AZURE_AUTHORITY_HOST", &workspace.url),
    ])
    .await;
    let world = workspace.world.lock().unwrap();
    assert_eq!(world.exchanges.len(), 1);
    assert_eq!(world.exchanges[0].body["resource"], "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d");
}

#[tokio::test]
async fn who_is_refused_is_told_so_without_the_secret() {
    let workspace = Workspace::start();
    let target = target(
        &workspace,
        &[("DATABRICKS_MLFLOW_CLIENT_ID", "cid"), ("DATABRICKS_MLFLOW_CLIENT_SECRET", "canary-wrong")],
    );
    let error = target.status(&context()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
}
