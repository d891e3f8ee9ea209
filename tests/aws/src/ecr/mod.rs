//! Amazon ECR: `AmazonEC2ContainerRegistry_V20150921`, AWS JSON 1.1.

mod images;
mod token;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use haute_core::digest::Digest;
use serde_json::{Value, json};

use crate::ecs::page;
use crate::failure::{Answer, Failure};
use crate::names::last;
use crate::world::{Ground, World};

pub(crate) use images::cannot_tag;
use token::password;
pub(crate) use token::{Holder, execution_password, holder};

/// How long a token is good for.
pub(crate) const TOKEN_LIFE: Duration = Duration::from_hours(12);

#[derive(Clone, Debug)]
pub(crate) struct Repository {
    pub(crate) immutable: bool,
    created: Duration,
    pub(crate) images: BTreeMap<String, Image>,
    /// The blobs that were pushed to it.
    pub(crate) layers: BTreeMap<String, u64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) tags: BTreeSet<String>,
    pub(crate) manifest: String,
    pub(crate) kind: String,
    pub(crate) size: u64,
    pub(crate) pushed: Duration,
}

impl Repository {
    pub(crate) fn new(immutable: bool, now: Duration) -> Self {
        Self { immutable, created: now, images: BTreeMap::new(), layers: BTreeMap::new() }
    }

    /// The digest a tag or digest leads to.
    pub(crate) fn digest_of(&self, reference: &str) -> Option<&String> {
        self.images
            .iter()
            .find(|(digest, image)| *digest == reference || image.tags.contains(reference))
            .map(|(digest, _)| digest)
    }
}

impl Ground {
    /// Repository and reference of an image, where it is in this registry.
    fn own_image<'a>(&self, image: &'a str) -> Option<(&'a str, &'a str)> {
        let suffix = format!(".dkr.ecr.{}.amazonaws.com", self.names.region);
        let (host, rest) = image.split_once('/')?;
        if host != self.registry && host != format!("{}{suffix}", self.names.account) {
            return None;
        }
        if let Some((name, digest)) = rest.split_once('@') {
            let name = name.split_once(':').map_or(name, |(name, _)| name);
            return Some((name, digest));
        }
        Some(rest.split_once(':').unwrap_or((rest, "latest")))
    }

    /// The digest of an image: the one in its name; the one its tag leads to; where nobody knows the repository, one made of
    /// the name.
    pub(crate) fn digest_of(&self, image: &str) -> Option<String> {
        if let Some((_, digest)) = image.split_once('@') {
            return Some(digest.to_owned());
        }
        if let Some((name, reference)) = self.own_image(image)
            && let Some(repository) = self.repositories.get(name)
        {
            return repository.digest_of(reference).cloned();
        }
        Some(Digest::of(image).to_string())
    }

    /// Why an image cannot be pulled: its repository is here, and it is not in it.
    pub(crate) fn cannot_pull(&self, image: &str) -> Option<String> {
        let (name, reference) = self.own_image(image)?;
        let repository = self.repositories.get(name)?;
        repository.digest_of(reference).is_none().then(|| {
            format!(
                "CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref {image}: {image}: not found"
            )
        })
    }

    /// The token handed out now; who has it may use the registry until it expires.
    pub(crate) fn token(&self) -> (String, Duration) {
        let expires = self.now + self.token_life;
        (STANDARD.encode(format!("AWS:{}", password(expires))), expires)
    }
}

pub(crate) fn writes(action: &str) -> bool {
    matches!(action, "CreateRepository" | "DeleteRepository" | "PutImage" | "PutImageTagMutability")
}

pub(crate) fn act(world: &mut World, action: &str, request: &Value) -> Answer {
    match action {
        "GetAuthorizationToken" => {
            let (token, expires) = world.ground.token();
            let data = json!({
                "authorizationToken": token,
                "expiresAt": expires.as_secs_f64(),
                "proxyEndpoint": format!("http://{}", world.ground.registry),
            });
            Ok(json!({ "authorizationData": [data] }))
        }
        "DescribeRepositories" => repositories(world, request),
        "CreateRepository" => create(world, request),
        "DescribeImages" => images::describe(world, request),
        "BatchGetImage" => images::get(world, request),
        "PutImage" => images::put(world, request),
        "BatchCheckLayerAvailability" => images::layers(world, request),
        _ => Err(Failure::new("UnknownOperationException", "")),
    }
}

/// What IAM is asked about a call.
pub(crate) fn permissions(world: &World, action: &str, request: &Value) -> Vec<(String, String)> {
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    let first = request.get("repositoryNames").and_then(Value::as_array).and_then(|names| names.first());
    let name = text("repositoryName").or_else(|| first.and_then(Value::as_str));
    let resource = match (action, name) {
        ("GetAuthorizationToken", _) => "*".to_owned(),
        (_, Some(name)) => world.ground.names.repository(name),
        (_, None) => world.ground.names.repository("*"),
    };
    vec![(format!("ecr:{action}"), resource)]
}

fn not_found(world: &World, name: &str) -> Failure {
    let account = &world.ground.names.account;
    Failure::new(
        "RepositoryNotFoundException",
        format!("The repository with name '{name}' does not exist in the registry with id '{account}'"),
    )
}

fn repository<'a>(world: &'a World, request: &Value) -> Result<(&'a str, &'a Repository), Failure> {
    let name = request.get("repositoryName").and_then(Value::as_str).unwrap_or_default();
    let found = world.ground.repositories.get_key_value(name);
    found.map(|(name, repository)| (name.as_str(), repository)).ok_or_else(|| not_found(world, name))
}

fn described(world: &World, name: &str, repository: &Repository) -> Value {
    let ground = &world.ground;
    json!({
        "repositoryArn": ground.names.repository(name),
        "registryId": ground.names.account,
        "repositoryName": name,
        "repositoryUri": format!("{}/{name}", ground.registry),
        "createdAt": repository.created.as_secs_f64(),
        "imageTagMutability": if repository.immutable { "IMMUTABLE" } else { "MUTABLE" },
        "imageScanningConfiguration": { "scanOnPush": false },
        "encryptionConfiguration": { "encryptionType": "AES256" },
    })
}

fn repositories(world: &World, request: &Value) -> Answer {
    let Some(named) = request.get("repositoryNames").and_then(Value::as_array) else {
        let all: Vec<Value> =
            world.ground.repositories.iter().map(|(name, one)| described(world, name, one)).collect();
        return page(request, "repositories", &all, 100);
    };
    let mut found = Vec::new();
    for name in named.iter().filter_map(Value::as_str) {
        let one = world.ground.repositories.get(name).ok_or_else(|| not_found(world, name))?;
        found.push(described(world, name, one));
    }
    Ok(json!({ "repositories": found }))
}

fn create(world: &mut World, request: &Value) -> Answer {
    let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
    let name = text("repositoryName").to_owned();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/".contains(c);
    if name.len() < 2 || name.len() > 256 || !name.chars().all(fits) || last(&name).is_empty() {
        return Err(Failure::parameter(format!(
            "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression' ({name})"
        )));
    }
    if world.ground.repositories.contains_key(&name) {
        return Err(Failure::new(
            "RepositoryAlreadyExistsException",
            format!(
                "The repository with name '{name}' already exists in the registry with id '{}'",
                world.ground.names.account
            ),
        ));
    }
    let repository = Repository::new(text("imageTagMutability").starts_with("IMMUTABLE"), world.ground.now);
    let answer = json!({ "repository": described(world, &name, &repository) });
    world.ground.repositories.insert(name, repository);
    Ok(answer)
}
