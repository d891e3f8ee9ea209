//! Quotes: which version a request goes to, and what that version answers.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{Asked, Files, Reply, Scorer, World, missing};

/// Answers `POST /serving-endpoints/{name}/invocations`, and the same below `served-models/{entity}`.
pub(super) async fn price(world: &Arc<Mutex<World>>, asked: &Asked) -> Reply {
    let found = chosen(&mut world.lock().unwrap(), &asked.path);
    let Some((files, scorer)) = found else { return missing("the endpoint") };
    let rows = asked.json.clone();
    match scorer {
        // May take its time: nothing else waits for it.
        Some(scorer) => tokio::task::spawn_blocking(move || scorer(&files, &rows)).await.unwrap(),
        None => said(&files, &rows),
    }
}

fn chosen(world: &mut World, path: &str) -> Option<(Files, Option<Scorer>)> {
    let rest = path.strip_prefix("/serving-endpoints/")?.strip_suffix("/invocations")?;
    let (name, served) = match rest.split_once("/served-models/") {
        Some((name, served)) => (name, Some(served)),
        None => (rest, None),
    };
    world.quotes += 1;
    let turn = world.quotes % 100;
    let config = &world.endpoints.get(name)?["config"];
    let entities = config["served_entities"].as_array()?;
    let routes = config["traffic_config"]["routes"].as_array()?;
    let wanted = served.map(str::to_owned).or_else(|| {
        let mut sum = 0;
        let route = routes.iter().find(|route| {
            sum += route["traffic_percentage"].as_u64().unwrap();
            turn < sum
        })?;
        route["served_model_name"].as_str().map(str::to_owned)
    })?;
    let entity = entities.iter().find(|entity| entity["name"] == wanted.as_str())?;
    let (model, version) = (entity["entity_name"].as_str()?, entity["entity_version"].as_str()?);
    let folder = format!("Models/{}/{version}/", model.replace('.', "/"));
    let below =
        |(path, bytes): (&String, &Vec<u8>)| Some((path.strip_prefix(&folder)?.to_owned(), bytes.clone()));
    Some((world.files.iter().filter_map(below).collect(), world.scorer.clone()))
}

/// The price a release's source says.
fn said(files: &Files, asked: &Value) -> Reply {
    let source = String::from_utf8(files["artifacts/release/project/main.py"].clone()).unwrap();
    let premium: f64 = source.trim_start_matches("premium = ").trim().parse().unwrap();
    let rows = asked["dataframe_records"].as_array().unwrap();
    let predictions: Vec<Value> =
        rows.iter().map(|row| json!({"premium": premium, "id": row["id"]})).collect();
    (200, json!({"predictions": predictions}))
}
