//! Every way to sign in, against a workspace that gives tokens.

use haute_core::error::{ErrorKind, Retry};
use haute_core::target::{Cancellation, Context, DeployTarget as _, FindingLevel};
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
async fn a_token_in_a_file_is_read_each_time() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    std::fs::write(&path, format!("{JOB}\n")).unwrap();
    let path = path.display().to_string();
    let asked =
        signs_in(&[("DATABRICKS_MLFLOW_CLIENT_ID", "cid"), ("DATABRICKS_OIDC_TOKEN_FILEPATH", &path)]).await;
    let calls: Vec<_> = asked.iter().map(|(call, _)| call.as_str()).collect();
    assert_eq!(calls, [DISCOVERY[0], DISCOVERY[1], "POST /oidc/v1/token?"]);
    assert_eq!(asked[2].1["subject_token"], JOB);
}

#[tokio::test]
async fn a_variable_of_another_name_may_hold_the_jobs_token() {
    let asked = signs_in(&[
        ("DATABRICKS_MLFLOW_CLIENT_ID", "cid"),
        ("DATABRICKS_OIDC_TOKEN_ENV", "GITLAB_TOKEN_FOR_DATABRICKS"),
        ("GITLAB_TOKEN_FOR_DATABRICKS", JOB),
    ])
    .await;
    assert_eq!(asked[2].1["subject_token"], JOB);
}

#[tokio::test]
async fn a_workspace_that_says_nothing_of_itself_gives_tokens_at_its_usual_address() {
    let workspace = Workspace::start();
    for _ in 0..2 {
        let nothing = json!({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"});
        workspace.fault("GET", ".well-known", haute_test_databricks::Fault::Answer(404, nothing, None));
    }
    let target = target(
        &workspace,
        &[("DATABRICKS_MLFLOW_CLIENT_ID", "cid"), ("DATABRICKS_MLFLOW_CLIENT_SECRET", SECRET)],
    );
    target.status(&context()).await.unwrap();
    assert!(workspace.world.lock().unwrap().faults.is_empty());
}

#[tokio::test]
async fn a_token_that_is_taken_back_is_got_anew() {
    let workspace = Workspace::start();
    let target = target(
        &workspace,
        &[("DATABRICKS_MLFLOW_CLIENT_ID", "cid"), ("DATABRICKS_MLFLOW_CLIENT_SECRET", SECRET)],
    );
    target.status(&context()).await.unwrap();
    let ended = json!({"error_code": "UNAUTHENTICATED", "message": "the token has ended"});
    workspace.fault("GET", "registered-models/get", haute_test_databricks::Fault::Answer(401, ended, None));
    let error = target.status(&context()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unauthenticated, Retry::Soon));
    target.status(&context()).await.unwrap();
    let asked = workspace.world.lock().unwrap().exchanges.clone();
    assert_eq!(asked.iter().filter(|one| one.path == "/oidc/v1/token").count(), 2);
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
    assert_eq!(world.exchanges[0].path, "/tenant/oauth2/token");
    let expected = json!({
        "grant_type": "client_credentials", "client_id": "arm", "client_secret": SECRET,
        "resource": "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d",
    });
    assert_eq!(world.exchanges[0].body, expected);
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

#[tokio::test]
async fn a_personal_token_is_all_that_is_sent() {
    let asked = signs_in(&[("DATABRICKS_MLFLOW_TOKEN", TOKEN)]).await;
    assert!(asked.is_empty(), "nothing is asked for to sign in: {asked:?}");
}

#[tokio::test]
async fn preflight_looks_at_all_a_deploy_needs() {
    let workspace = Workspace::start();
    let look = async |schema: &str| {
        let hosts = [("DATABRICKS_MLFLOW_HOST", workspace.url.as_str()), ("DATABRICKS_MLFLOW_TOKEN", TOKEN)];
        let mut config = DatabricksConfig::default().with_names("motor", None);
        schema.clone_into(&mut config.schema);
        let target = DatabricksTarget::new(std::path::Path::new("."), config);
        target.with_variables(hosts.into_iter().collect()).preflight(&context()).await.unwrap()
    };
    let found = look("pricing").await;
    assert!(found.iter().all(|one| one.level == FindingLevel::Ok), "{found:?}");
    assert_eq!(found.len(), 2);
    let found = look("elsewhere").await;
    assert_eq!(found[0].level, FindingLevel::Failed);
    assert!(found[0].fix.as_ref().unwrap().contains("USE SCHEMA on `main.elsewhere`"), "{found:?}");
    let refusal = json!({"error_code": "PERMISSION_DENIED", "message": "not you"});
    workspace.fault("GET", "schemas/", haute_test_databricks::Fault::Answer(403, refusal, None));
    assert_eq!(look("pricing").await[0].level, FindingLevel::Skipped);
}
