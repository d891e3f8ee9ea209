//! The requests of a deploy, held to those the real clients were recorded making.

use std::collections::BTreeSet;

use haute_conformance::Fixture as _;
use haute_core::engine::Run;
use haute_core::record::Origin;
use serde_json::Value;

use crate::lab::Lab;
use haute_test_databricks::Exchange;

const REGISTER: &str = include_str!("recordings/mlflow_unity_catalog.json");
const SIGNED: &str = include_str!("recordings/mlflow_signed_uploads.json");
const CREATE: &str = include_str!("recordings/sdk_endpoint_create.json");
const CANARY: &str = include_str!("recordings/sdk_endpoint_canary.json");
const UPDATE: &str = include_str!("recordings/sdk_endpoint_update.json");

/// A request with its names and ids taken out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    method: String,
    path: String,
    query: String,
    /// Every key of the body, with the value where it is none of ours to choose.
    body: BTreeSet<String>,
}

/// Values that are the same in every deploy.
const FIXED: &[&str] =
    &["feature_deps", "status", "step", "run_tracking_server_id", "scale_to_zero_enabled", "workload_size"];
/// What the clients say besides, which no server needs, and what we do.
const FREE: &[&str] = &[
    "user_id",
    "run_uuid",
    "tags",
    "key",
    "value",
    "params",
    "description",
    "bytes",
    "start_time",
    "end_time",
];

fn shape(method: &str, path: &str, query: &str, body: &Value) -> Shape {
    let mut keys = BTreeSet::new();
    collect(body, &mut keys);
    let files = path.contains("/fs/files/");
    let parts: Vec<&str> = path.split('/').collect();
    let path: String = parts
        .iter()
        .enumerate()
        .map(|(index, part)| match *part {
            // A file's own path, the ids before it.
            _ if files
                && index > 5
                && !matches!(*part, "Mlflow" | "Artifacts" | "LoggedModels" | "artifacts") =>
            {
                "*"
            }
            part if part.starts_with("m-") || part.starts_with("motor") => "*",
            part => part,
        })
        .collect::<Vec<_>>()
        .join("/");
    // A store's own address, whatever the workspace says.
    let path = if path.starts_with("/signed/") { "/signed".to_owned() } else { path };
    let query = if path == "/signed" { "" } else { query };
    let path =
        if files { path.trim_end_matches("/*").trim_end_matches("/artifacts").to_owned() } else { path };
    Shape { method: method.to_owned(), path, query: query.to_owned(), body: keys }
}

fn collect(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                if FREE.contains(&key.as_str()) {
                    continue;
                }
                keys.insert(if FIXED.contains(&key.as_str()) {
                    format!("{key}={inner}")
                } else {
                    key.clone()
                });
                collect(inner, keys);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, keys)),
        _ => {}
    }
}

/// Requests of a recording; those of its own making (a run's own artifacts) left out.
fn recorded(text: &str) -> BTreeSet<Shape> {
    let recording: Value = serde_json::from_str(text).unwrap();
    recording["requests"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| {
            let path = one["path"].as_str().unwrap();
            let reopened = path.ends_with("runs/update") && one["body"]["status"] == "RUNNING";
            // Keys of the cloud account: asked for by that client and not by us.
            let keys = path.ends_with("/generate-temporary-credentials");
            let of_run = path.contains("/Runs/") || path.ends_with("/artifacts/credentials-for-write");
            !of_run && !keys && !reopened
        })
        .map(|one| {
            let query = one["query"].as_object().map_or_else(String::new, |query| {
                query
                    .iter()
                    .map(|(key, value)| format!("{key}={}", value.as_str().unwrap()))
                    .collect::<Vec<_>>()
                    .join("&")
            });
            shape(one["method"].as_str().unwrap(), one["path"].as_str().unwrap(), &query, &one["body"])
        })
        .collect()
}

fn made(exchanges: &[Exchange]) -> BTreeSet<Shape> {
    exchanges.iter().map(|one| shape(&one.method, &one.path, &one.query, &one.body)).collect()
}

#[tokio::test]
async fn a_deploy_makes_the_requests_of_the_real_clients() {
    let lab = Lab::new();
    lab.deploy(&lab.release(1)).await.unwrap();
    let first = lab.workspace.writes();
    lab.deploy(&lab.release(2)).await.unwrap();
    let all = lab.workspace.writes();
    let second = &all[first.len()..];
    let mut ours = made(&first);
    // The folder of the experiment: a call of the workspace, made by Haute and not by MLflow.
    ours.retain(|shape| shape.path != "/api/2.0/workspace/mkdirs");
    let expected: BTreeSet<Shape> = recorded(REGISTER).union(&recorded(CREATE)).cloned().collect();
    let missing: Vec<_> = expected.difference(&ours).collect();
    let besides: Vec<_> = ours.difference(&expected).collect();
    assert!(missing.is_empty() && besides.is_empty(), "missing: {missing:#?}\nbesides: {besides:#?}");
    let update: BTreeSet<Shape> = made(second)
        .into_iter()
        .filter(|shape| shape.method == "PUT" && shape.path.ends_with("/config"))
        .collect();
    assert_eq!(update, recorded(UPDATE));
}

#[tokio::test]
async fn a_canary_is_asked_for_as_the_real_client_does() {
    let lab = Lab::new();
    lab.deploy(&lab.release(1)).await.unwrap();
    let release = lab.release(2);
    lab.run(Run::canary(&release, 10, Origin::new("motor"))).await.unwrap();
    let writes = lab.workspace.writes();
    let canary = writes.iter().rfind(|one| one.method == "PUT" && one.path.ends_with("/config")).unwrap();
    let recording: Value = serde_json::from_str(CANARY).unwrap();
    assert_eq!(canary.path, recording["requests"][0]["path"].as_str().unwrap());
    // To the letter: names, versions, shares.
    assert_eq!(canary.body, recording["requests"][0]["body"]);
}

#[tokio::test]
async fn signed_addresses_are_asked_for_as_the_real_client_does() {
    let lab = Lab::new();
    lab.workspace.world.lock().unwrap().no_files_api = Some((404, "ENDPOINT_NOT_FOUND"));
    lab.deploy(&lab.release(1)).await.unwrap();
    let mut ours = made(&lab.workspace.writes());
    ours.retain(|shape| {
        // The client knows by a question that the version's files want signed addresses; we by the refusal of the first.
        let tried = shape.path.starts_with("/api/2.0/fs/files/Models");
        shape.path != "/api/2.0/workspace/mkdirs" && !shape.path.contains("serving-endpoints") && !tried
    });
    let expected = recorded(SIGNED);
    let missing: Vec<_> = expected.difference(&ours).collect();
    let besides: Vec<_> = ours.difference(&expected).collect();
    assert!(missing.is_empty() && besides.is_empty(), "missing: {missing:#?}\nbesides: {besides:#?}");
}

#[tokio::test]
async fn what_must_come_first_comes_first() {
    let lab = Lab::new();
    lab.deploy(&lab.release(1)).await.unwrap();
    let writes = lab.workspace.writes();
    let place = |wanted: &dyn Fn(&Exchange) -> bool| writes.iter().position(wanted).unwrap();
    let last = |wanted: &dyn Fn(&Exchange) -> bool| writes.iter().rposition(wanted).unwrap();
    let model_ready = place(&|one| one.body["status"] == "LOGGED_MODEL_READY");
    let version = place(&|one| one.path.ends_with("model-versions/create"));
    let files = last(&|one| one.path.contains("/fs/files/Models/"));
    let finalised = place(&|one| one.path.ends_with("model-versions/finalize"));
    let endpoint = place(&|one| one.path == "/api/2.0/serving-endpoints");
    let alias = place(&|one| one.path.ends_with("registered-models/alias"));
    assert!(
        model_ready < version
            && version < files
            && files < finalised
            && finalised < endpoint
            && endpoint < alias
    );
    assert_eq!(alias + 1, writes.len(), "the alias is moved last");
    let all = lab.workspace.world.lock().unwrap().exchanges.clone();
    let asked = all.iter().rposition(|one| one.path.ends_with("/invocations")).unwrap();
    let verified = all.iter().position(|one| one.path.ends_with("/set-tag")).unwrap();
    let moved = all.iter().position(|one| one.method == "POST" && one.path.ends_with("/alias")).unwrap();
    assert!(asked < verified && verified < moved, "after the last price was asked for");
}
