//! Experiments, runs, logged models, and the registry of Unity Catalog.

use serde_json::{Value, json};

use super::{Asked, Reply, World, missing, refuse};

pub(super) fn tracking(world: &mut World, asked: &Asked, call: &str) -> Reply {
    match (asked.method.as_str(), call) {
        ("GET", "experiments/get-by-name") => match world.experiments.get(&asked.text("experiment_name")) {
            Some(id) => (200, json!({"experiment": {"experiment_id": id, "lifecycle_stage": "active"}})),
            None => missing("the experiment"),
        },
        ("POST", "experiments/create") => {
            let name = asked.text("name");
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
            if world.experiments.contains_key(&name) {
                return refuse(400, "RESOURCE_ALREADY_EXISTS", "there is one");
            }
            if !folder.is_empty() && !world.folders.contains(&folder) {
                return missing("the parent directory");
            }
            let id = world.id().to_string();
            world.experiments.insert(name, id.clone());
            (200, json!({"experiment_id": id}))
        }
        ("POST", "runs/create") => {
            let id = format!("run{}", world.id());
            let experiment = asked.text("experiment_id");
            let folder = format!("dbfs:/databricks/mlflow-tracking/{experiment}/{id}/artifacts");
            let run = json!({"info": {"run_id": id, "experiment_id": experiment, "status": "RUNNING", "artifact_uri": folder}, "data": {"tags": asked.json["tags"]}, "outputs": {"model_outputs": []}});
            world.runs.insert(id, run.clone());
            (200, json!({"run": run}))
        }
        ("POST", "runs/search") => {
            let filter = asked.text("filter");
            let runs: Vec<&Value> = world
                .runs
                .values()
                .filter(|run| tagged(&run["data"]["tags"], &filter) && run["info"]["status"] == "RUNNING")
                .collect();
            (200, json!({"runs": runs}))
        }
        ("GET", "runs/get") => match world.runs.get(&asked.text("run_id")) {
            Some(run) => (200, json!({"run": run})),
            None => missing("the run"),
        },
        ("POST", "runs/update") => match world.runs.get_mut(&asked.text("run_id")) {
            Some(run) => {
                run["info"]["status"] = asked.json["status"].clone();
                (200, json!({"run_info": run["info"]}))
            }
            None => missing("the run"),
        },
        ("POST", "runs/outputs") => match world.runs.get_mut(&asked.text("run_id")) {
            Some(run) => {
                let models = run["outputs"]["model_outputs"].as_array_mut().unwrap();
                models.extend(asked.json["models"].as_array().unwrap().clone());
                (200, json!({}))
            }
            None => missing("the run"),
        },
        ("POST", "logged-models") => {
            let id = format!("m-{}", world.id());
            let experiment = asked.text("experiment_id");
            let folder =
                format!("dbfs:/databricks/mlflow-tracking/{experiment}/logged_models/{id}/artifacts");
            let info = json!({
                "model_id": id, "experiment_id": experiment, "source_run_id": asked.text("source_run_id"),
                "name": asked.text("name"), "artifact_uri": folder, "status": "LOGGED_MODEL_PENDING",
                "tags": asked.json["tags"],
            });
            world.logged.insert(id, info.clone());
            (200, json!({"model": {"info": info}}))
        }
        ("POST", "logged-models/search") => {
            let filter = asked.text("filter");
            let named = |info: &Value| filter == format!("name = '{}'", info["name"].as_str().unwrap());
            let models = world.logged.values().filter(|info| named(info) || tagged(&info["tags"], &filter));
            let models: Vec<Value> = models.map(|info| json!({"info": info})).collect();
            (200, json!({"models": models}))
        }
        ("GET", path) if path.starts_with("logged-models/") => {
            match world.logged.get(path.trim_start_matches("logged-models/")) {
                Some(info) => (200, json!({"model": {"info": info, "data": {"params": []}}})),
                None => missing("the model"),
            }
        }
        ("PATCH", path) => {
            let id = path.trim_start_matches("logged-models/").trim_end_matches("/tags");
            let Some(info) = world.logged.get_mut(id) else { return missing("the model") };
            if path.ends_with("/tags") {
                let tags = info["tags"].as_array_mut().unwrap();
                tags.extend(asked.json["tags"].as_array().unwrap().clone());
            } else {
                info["status"] = asked.json["status"].clone();
            }
            (200, json!({"model": {"info": info}}))
        }
        _ => missing(call),
    }
}

fn tagged(tags: &Value, filter: &str) -> bool {
    tags.as_array().unwrap().iter().any(|tag| {
        filter.contains(&format!(
            "tags.`{}` = '{}'",
            tag["key"].as_str().unwrap(),
            tag["value"].as_str().unwrap()
        ))
    })
}

pub(super) fn registry(world: &mut World, asked: &Asked, call: &str) -> Reply {
    let name = asked.text("name");
    if (asked.method.as_str(), call) == ("POST", "registered-models/create") {
        if world.models.contains_key(&name) {
            return refuse(409, "RESOURCE_ALREADY_EXISTS", "there is one");
        }
        world.models.insert(name.clone(), json!({"versions": {}, "aliases": {}, "last": 0}));
        return (200, json!({"registered_model": {"name": name}}));
    }
    if call == "registered-models:is-databricks-sdk-models-artifact-repository-enabled" {
        return (200, json!({"is_databricks_sdk_models_artifact_repository_enabled": true}));
    }
    if call == "model-versions/search" {
        let filter = asked.text("filter");
        let name = filter.trim_start_matches("name='").trim_end_matches('\'');
        let Some(model) = world.models.get(name) else { return (200, json!({})) };
        // Without tags, as a search may.
        let versions: Vec<Value> = model["versions"]
            .as_object()
            .unwrap()
            .values()
            .map(|version| {
                let mut version = version.clone();
                version.as_object_mut().unwrap().remove("tags");
                version
            })
            .collect();
        return (200, json!({"model_versions": versions}));
    }
    let Some(model) = world.models.get_mut(&name) else { return missing("the registered model") };
    let version = asked.text("version");
    match (asked.method.as_str(), call) {
        ("GET", "registered-models/get") => (200, json!({"registered_model": {"name": name}})),
        ("POST", "model-versions/create") => {
            let source = asked.text("source");
            let id = source.trim_start_matches("models:/");
            if world.logged.get(id).is_none_or(|info| info["status"] != "LOGGED_MODEL_READY") {
                return refuse(400, "INVALID_PARAMETER_VALUE", "the logged model is not ready");
            }
            let number = model["last"].as_u64().unwrap() + 1;
            model["last"] = json!(number);
            let number = number.to_string();
            let version = json!({
                "name": name, "version": number, "source": source, "run_id": asked.text("run_id"),
                "status": "PENDING_REGISTRATION", "tags": asked.json["tags"],
                "user_id": "ci@example.com", "creation_timestamp": 1_795_372_039_799_u64 + number.len() as u64,
            });
            model["versions"][&number] = version.clone();
            (200, json!({"model_version": version}))
        }
        ("GET", "model-versions/get") => match model["versions"].get(&version) {
            Some(found) => (200, json!({"model_version": found})),
            None => missing("the version"),
        },
        ("POST", "model-versions/finalize") => {
            let folder = format!("Models/{}/{version}/", name.replace('.', "/"));
            if !world.files.contains_key(&format!("{folder}MLmodel")) {
                return refuse(400, "INVALID_PARAMETER_VALUE", "the version has no files");
            }
            model["versions"][&version]["status"] = json!("READY");
            (200, json!({"model_version": model["versions"][&version]}))
        }
        ("POST", "model-versions/set-tag") => {
            let Some(found) = model["versions"].get_mut(&version) else { return missing("the version") };
            let tag = json!({"key": asked.json["key"], "value": asked.json["value"]});
            let tags = found["tags"].as_array_mut().unwrap();
            tags.retain(|one| one["key"] != tag["key"]);
            tags.push(tag);
            (200, json!({}))
        }
        ("DELETE", "model-versions/delete") => {
            model["versions"].as_object_mut().unwrap().remove(&version);
            (200, json!({}))
        }
        ("POST", "registered-models/alias") => {
            model["aliases"][asked.text("alias")] = json!(version);
            (200, json!({}))
        }
        ("GET", "registered-models/alias") => {
            let version = model["aliases"].get(asked.text("alias")).and_then(Value::as_str);
            match version.and_then(|version| model["versions"].get(version)) {
                Some(found) => (200, json!({"model_version": found})),
                None => missing("the alias"),
            }
        }
        _ => missing(call),
    }
}
