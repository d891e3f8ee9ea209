//! Amazon ECS: `AmazonEC2ContainerServiceV20141113`, AWS JSON 1.1.

pub(crate) mod definitions;
mod deployments;
mod describe;
mod tasks;
mod update;

use serde_json::{Map, Value, json};

use crate::failure::{Answer, Failure};
use crate::names::last;
use crate::rollout::Service;
use crate::world::World;

/// What changes something.
const WRITES: [&str; 7] = [
    "RegisterTaskDefinition",
    "DeregisterTaskDefinition",
    "TagResource",
    "UntagResource",
    "UpdateService",
    "StopServiceDeployment",
    "ContinueServiceDeployment",
];

pub(crate) fn writes(action: &str) -> bool {
    WRITES.contains(&action)
}

/// Carries a call out.
pub(crate) fn act(world: &mut World, action: &str, request: &Value) -> Answer {
    match action {
        "RegisterTaskDefinition" => definitions::register(world, request),
        "DescribeTaskDefinition" => definitions::describe(world, request),
        "ListTaskDefinitions" => definitions::list(world, request),
        "DeregisterTaskDefinition" => definitions::deregister(world, request),
        "TagResource" => definitions::tag(world, request),
        "UntagResource" => definitions::untag(world, request),
        "ListTagsForResource" => definitions::list_tags(world, request),
        "DescribeClusters" => describe::clusters(world, request),
        "DescribeServices" => describe::services(world, request),
        "ListServices" => describe::list(world, request),
        "UpdateService" => update::update(world, request),
        "ListTasks" => tasks::list(world, request),
        "DescribeTasks" => tasks::describe(world, request),
        "ListServiceDeployments" => deployments::list(world, request),
        "DescribeServiceDeployments" => deployments::describe(world, request),
        "DescribeServiceRevisions" => deployments::revisions(world, request),
        "StopServiceDeployment" => deployments::stop(world, request),
        "ContinueServiceDeployment" => deployments::go_on(world, request),
        _ => Err(Failure::new("UnknownOperationException", "")),
    }
}

/// What IAM is asked about a call: pairs of an action and a resource.
pub(crate) fn permissions(world: &World, action: &str, request: &Value) -> Vec<(String, String)> {
    let names = &world.ground.names;
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    let first = |name: &str| Some(request.get(name)?.as_array()?.first()?.as_str()?.to_owned());
    let cluster = last(text("cluster").unwrap_or("default")).to_owned();
    let resource = match action {
        "DescribeServices" => names.service(&cluster, last(&first("services").unwrap_or_default())),
        "UpdateService" | "ListServiceDeployments" => {
            names.service(&cluster, last(text("service").unwrap_or_default()))
        }
        "DescribeTasks" => names.task(&cluster, last(&first("tasks").unwrap_or_default())),
        "DescribeClusters" => names.cluster(last(&first("clusters").unwrap_or_default())),
        "DescribeServiceDeployments" => first("serviceDeploymentArns").unwrap_or_default(),
        "DescribeServiceRevisions" => first("serviceRevisionArns").unwrap_or_default(),
        "StopServiceDeployment" | "ContinueServiceDeployment" => {
            text("serviceDeploymentArn").unwrap_or_default().to_owned()
        }
        "TagResource" | "UntagResource" | "ListTagsForResource" => {
            text("resourceArn").unwrap_or_default().to_owned()
        }
        _ => "*".to_owned(),
    };
    let mut asked = vec![(format!("ecs:{action}"), resource)];
    if action == "RegisterTaskDefinition" {
        if request.get("tags").is_some() {
            asked.push(("ecs:TagResource".to_owned(), "*".to_owned()));
        }
        let roles = definitions::TaskDefinition::roles(request);
        asked.extend(roles.into_iter().map(|role| ("iam:PassRole".to_owned(), role)));
    }
    asked
}

/// The cluster a request names, by its plain name.
fn cluster(world: &World, request: &Value) -> Result<String, Failure> {
    let name = last(request.get("cluster").and_then(Value::as_str).unwrap_or("default"));
    if !world.clusters.contains(name) {
        return Err(Failure::cluster_not_found());
    }
    Ok(name.to_owned())
}

/// The service a request names.
fn service<'a>(world: &'a mut World, request: &Value) -> Result<&'a mut Service, Failure> {
    let cluster = cluster(world, request)?;
    let name = last(request.get("service").and_then(Value::as_str).unwrap_or_default()).to_owned();
    world.services.get_mut(&(cluster, name)).ok_or_else(Failure::service_not_found)
}

fn includes(request: &Value, what: &str) -> bool {
    let included = request.get("include").and_then(Value::as_array).into_iter().flatten();
    included.filter_map(Value::as_str).any(|one| one == what)
}

/// The texts of a list in a request.
fn texts(request: &Value, name: &str) -> Vec<String> {
    let list = request.get(name).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A page of a list: `maxResults` of them from `nextToken` on.
pub(crate) fn page(request: &Value, name: &str, all: &[Value], most: usize) -> Answer {
    let from = match request.get("nextToken").and_then(Value::as_str) {
        Some(token) => token.parse().map_err(|_| Failure::parameter("Invalid token."))?,
        None => 0_usize,
    };
    let asked = request.get("maxResults").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
    let count = asked.unwrap_or(most).clamp(1, most);
    let page: Vec<Value> = all.iter().skip(from).take(count).cloned().collect();
    let mut answer = Map::from_iter([(name.to_owned(), json!(page))]);
    if from + count < all.len() {
        answer.insert("nextToken".to_owned(), json!((from + count).to_string()));
    }
    Ok(Value::Object(answer))
}
