//! Whole files: what Haute writes and accepts loads unchanged, in today's form and in older ones.

use serde::{Deserialize, Serialize};

use super::super::{Architecture, Builder, Compression, Installer, Origin, is_pinned};
use super::{codes, dump, load, options, project};

/// Every key of Haute 0.6.0 and of this project, each set to something else than its default.
pub(super) const EVERYTHING: &str = r#"
[project]
name = "Motor"
pipeline = "rating/main.py"

[deploy]
target = "aws-ecs"
model_name = "motor"
endpoint_name = "motor-endpoint"
output_fields = ["premium", "band"]

[deploy.databricks]
experiment_name = "/Shared/motor"
catalog = "prod"
schema = "rates"
serving_workload_size = "Large"
serving_scale_to_zero = false

[deploy.container]
registry = "registry.example:5000/pricing"
port = 9090
base_image = "python:3.12.4-slim"
builder = "direct"
compression = "zstd"
leave_out_unused = false
keep = ["matplotlib"]
latest_tag = "main"
insecure_registries = ["registry.example:5000"]
prove_in = "image"

[deploy.azure-container-apps]
resource_group = "group"
container_app_name = "app"
environment_name = "environment"

[deploy.aws-ecs]
region = "eu-central-1"
cluster = "pricing"
service = "motor"

[deploy.gcp-run]
project = "project"
region = "europe-west4"
service = "motor"

[deploy.serving]
body_limit_bytes = 1048576
row_limit = 500
depth_limit = 8
deadline_seconds = 5
queue_limit = 64
docs = false

[deploy.build]
python = "3.12"
architecture = "arm64"
installer = "pip"

[deploy.local]
host = "127.0.0.1"
port = 8181
drain_seconds = 3
start_timeout_seconds = 60

[test_quotes]
dir = "tests/quotes"

[safety]
impact_dataset = "data/impact.parquet"

[safety.approval]
min_approvers = 3

[ci]
provider = "gitlab"

[ci.staging]
endpoint_suffix = "-test"
endpoint_url = "https://staging.example"

[ci.production]
endpoint_url = "https://production.example"

[server]
host = "localhost"

[mlflow]
tracking_uri = "https://mlflow.example"
folder = "/Shared/runs"

[assistant]
provider = "anthropic"
model = "model"
base_url = "https://assistant.example"

[assistant.egress]
trust = "external"
max_sensitivity = "public"
allow_project_knowledge = true
allow_executable_source = false
allow_row_samples = false
allow_aggregate_statistics = true
"#;

#[test]
fn every_key_loads_and_nothing_is_said() {
    let directory = project(&[("haute.toml", EVERYTHING.as_bytes())]);
    let loaded = load(&options(&directory)).unwrap();
    assert_eq!(dump(loaded.report()), "");
    let config = loaded.config();
    assert_eq!(config.deploy.output_fields.as_deref().unwrap(), ["premium", "band"]);
    assert_eq!(config.deploy.azure_container_apps.environment_name, "environment");
    assert_eq!(config.deploy.build.architecture, Some(Architecture::Arm64));
    assert_eq!(config.deploy.build.installer, Installer::Pip);
    assert_eq!(config.deploy.container.builder, Builder::Direct);
    assert_eq!(config.deploy.container.compression, Compression::Zstd);
    assert_eq!(config.deploy.container.keep, ["matplotlib"]);
    assert_eq!(config.assistant.egress.allow_aggregate_statistics, Some(true));
    assert!(is_pinned(&config.deploy.container.base_image));

    // The list of keys, the structs and this file are the same set: each key here is shown with a place in the file.
    let listed: Vec<String> = super::super::schema::TABLES
        .iter()
        .flat_map(|(table, keys)| keys.iter().map(move |key| format!("{table}.{key}")))
        .collect();
    let shown: Vec<_> = config.values().map(|(key, _, origin)| (key, origin)).collect();
    assert!(shown.iter().all(|(_, origin)| matches!(origin, Origin::File { .. })), "{shown:?}");
    assert_eq!(shown.len(), listed.len());
    assert!(listed.iter().all(|key| shown.iter().any(|(there, _)| there == key)));
}

#[test]
fn the_form_of_haute_0_2_loads() {
    let text = "[project]\nname = \"motor\"\npipeline = \"main.py\"\n\n[deploy]\ntarget = \"container\"\n\
                [deploy.container]\nport = 8080\nbase_image = \"python:3.11-slim\"\n[test_quotes]\ndir = \"tests/quotes\"\n";
    let directory =
        project(&[("haute.toml", text.as_bytes()), ("main.py", b"import haute\nhaute.Pipeline()")]);
    let loaded = load(&options(&directory)).unwrap();
    assert_eq!(codes(loaded.report()), ["HT0112"]);
    assert_eq!(loaded.config().deploy.model_name, "motor");
}

#[test]
fn the_form_of_haute_0_1_loads_with_warnings_about_what_has_no_effect() {
    let text = "[project]\nname = \"motor\"\n[deploy]\ntarget = \"docker\"\n[deploy.docker]\nregistry = \"r\"\n\
                [safety]\nblock_on_threshold_breach = true\n[ci.production]\nrequire_approval = true\n";
    let pipeline: (&str, &[u8]) = ("pipelines/main.py", b"import haute\nhaute.Pipeline()");
    let directory = project(&[("haute.toml", text.as_bytes()), pipeline]);
    let loaded = load(&options(&directory)).unwrap();
    assert_eq!(codes(loaded.report()), ["HT0122"; 4]);
    assert_eq!(loaded.config().project.pipeline, "pipelines/main.py");
}

#[test]
fn without_a_pipeline_the_one_haute_would_take_is_taken() {
    let mark: &[u8] = b"import haute\nhaute.Pipeline()";
    let file: (&str, &[u8]) = ("haute.toml", b"[deploy]\ntarget = \"local\"\n");
    let one = project(&[file, ("motor.py", mark), ("setup.py", mark), ("tool.py", b"")]);
    let loaded = load(&options(&one)).unwrap();
    assert_eq!(loaded.config().project.pipeline, "motor.py");
    assert_eq!(loaded.config().deploy.model_name, "motor");
    assert_eq!(loaded.config().origin("project.pipeline"), Some(&Origin::Default));

    let main = project(&[file, ("motor.py", mark), ("main.py", mark)]);
    assert_eq!(load(&options(&main)).unwrap().config().project.pipeline, "main.py");

    let two = project(&[file, ("motor.py", mark), ("home.py", mark)]);
    let report = load(&options(&two)).unwrap_err();
    insta::assert_snapshot!(dump(&report), @r"
    HT0114 error - no pipeline is set, and there are 2 to choose from
      help: set one in `[project]`: home.py, motor.py
    ");
    assert_eq!(codes(&report), ["HT0114"]);
}

#[test]
fn defaults_are_those_of_haute() {
    let directory = project(&[("haute.toml", b"[project]\npipeline = \"rating/main.py\"\n")]);
    let loaded = load(&options(&directory)).unwrap();
    let config = loaded.config();
    assert_eq!((config.deploy.target.as_str(), config.deploy.model_name.as_str()), ("databricks", "main"));
    assert_eq!(config.origin("deploy.target"), Some(&Origin::Default));
    assert_eq!(config.origin("deploy.endpoint_name"), Some(&Origin::Default));
    assert_eq!(config.origin("deploy.nonsense"), None);
    assert_eq!(config.test_quotes.dir, None);
    assert_eq!(config.deploy.build.architecture, Some(Architecture::Amd64));
    let shown: Vec<_> = config.values().map(|(key, value, _)| format!("{key} = {value}")).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    ci.production.endpoint_url = ""
    ci.provider = "github"
    ci.staging.endpoint_suffix = "-staging"
    ci.staging.endpoint_url = ""
    deploy.aws-ecs.cluster = ""
    deploy.aws-ecs.region = "eu-west-1"
    deploy.aws-ecs.service = ""
    deploy.azure-container-apps.container_app_name = ""
    deploy.azure-container-apps.environment_name = ""
    deploy.azure-container-apps.resource_group = ""
    deploy.build.architecture = "amd64"
    deploy.build.installer = "auto"
    deploy.container.base_image = ""
    deploy.container.builder = "auto"
    deploy.container.compression = "auto"
    deploy.container.insecure_registries = []
    deploy.container.keep = []
    deploy.container.latest_tag = "latest"
    deploy.container.leave_out_unused = true
    deploy.container.port = 8080
    deploy.container.prove_in = "release"
    deploy.container.registry = ""
    deploy.databricks.catalog = "main"
    deploy.databricks.experiment_name = "/Shared/haute/default"
    deploy.databricks.schema = "pricing"
    deploy.databricks.serving_scale_to_zero = true
    deploy.databricks.serving_workload_size = "Small"
    deploy.gcp-run.project = ""
    deploy.gcp-run.region = "europe-west1"
    deploy.gcp-run.service = ""
    deploy.model_name = "main"
    deploy.serving.body_limit_bytes = 8388608
    deploy.serving.deadline_seconds = 30
    deploy.serving.depth_limit = 64
    deploy.serving.docs = true
    deploy.serving.queue_limit = 1024
    deploy.serving.row_limit = 10000
    deploy.target = "databricks"
    project.pipeline = "rating/main.py"
    safety.approval.min_approvers = 2
    safety.impact_dataset = ""
    "#);
}

#[derive(Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
struct Own {
    host: String,
    port: u16,
    drain_seconds: u64,
}

#[test]
fn a_target_reads_its_own_table_with_places() {
    let text = "[project]\npipeline = \"rating/main.py\"\n[deploy.local]\nhost = \"h\"\nport = 8181\ndrain_seconds = 3\n";
    let directory = project(&[("haute.toml", text.as_bytes())]);
    let loaded = load(&options(&directory)).unwrap();
    let own: Own = loaded.config().table("deploy.local").unwrap();
    assert_eq!(own, Own { host: "h".to_owned(), port: 8181, drain_seconds: 3 });
    assert_eq!(loaded.config().table::<Own>("deploy.other").unwrap(), Own::default());

    let bad = text.replace("8181", "70000").replace("\"h\"", "1");
    let directory = project(&[("haute.toml", bad.as_bytes())]);
    let loaded = load(&options(&directory)).unwrap();
    let mut report = loaded.report().clone();
    report.diagnostics.extend(loaded.config().table::<Own>("deploy.local").unwrap_err());
    insta::assert_snapshot!(dump(&report), @r"
    HT0106 error haute.toml:4:8 `deploy.local.host`: expected a string, found a whole number
    HT0107 error haute.toml:5:8 `deploy.local.port`: out of range: expected a whole number from 0 to 65535
    ");
    assert_eq!(codes(&report), ["HT0106", "HT0107"]);
}
