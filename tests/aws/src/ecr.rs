//! Amazon ECR: `AmazonEC2ContainerRegistry_V20150921`, AWS JSON 1.1.

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
        let expires = self.now + TOKEN_LIFE;
        (STANDARD.encode(format!("AWS:{}", password(expires))), expires)
    }
}

/// The password of a token that expires then.
fn password(expires: Duration) -> String {
    let seal = Digest::of(format!("seal {}", expires.as_millis()));
    format!("fake-{}-{}", expires.as_millis(), seal.hex())
}

/// Whom a password is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// The caller of the APIs, until then.
    Caller(Duration),
    /// The role tasks pull their images with, which may read everything.
    Execution,
}

/// The password of the role tasks pull their images with.
pub(crate) fn execution_password() -> String {
    format!("fake-execution-{}", Digest::of("seal of the execution role").hex())
}

/// Whom a password is of; `None` for one nobody handed out.
pub(crate) fn holder(given: &str) -> Option<Holder> {
    if given == execution_password() {
        return Some(Holder::Execution);
    }
    let millis = given.strip_prefix("fake-")?.split('-').next()?.parse().ok()?;
    let expires = Duration::from_millis(millis);
    (password(expires) == given).then_some(Holder::Caller(expires))
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
        "DescribeImages" => images(world, request),
        "BatchGetImage" => get(world, request),
        "PutImage" => put(world, request),
        "BatchCheckLayerAvailability" => layers(world, request),
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

/// The digest an `imageId` of a request leads to.
fn identified(repository: &Repository, id: &Value) -> Option<String> {
    let text = |name: &str| id.get(name).and_then(Value::as_str);
    let by_digest = text("imageDigest").and_then(|digest| repository.digest_of(digest));
    let by_tag = text("imageTag").and_then(|tag| repository.digest_of(tag));
    match (text("imageDigest"), text("imageTag")) {
        (Some(_), Some(_)) if by_digest != by_tag => None,
        (Some(_), _) => by_digest.cloned(),
        _ => by_tag.cloned(),
    }
}

fn images(world: &World, request: &Value) -> Answer {
    let (name, repository) = repository(world, request)?;
    let account = &world.ground.names.account;
    let mut digests = Vec::new();
    match request.get("imageIds").and_then(Value::as_array) {
        None => digests.extend(repository.images.keys().cloned()),
        Some(ids) => {
            for id in ids {
                let missing = || {
                    let text = |name: &str| id.get(name).and_then(Value::as_str).unwrap_or("null");
                    Failure::new(
                        "ImageNotFoundException",
                        format!(
                            "The image with imageId {{imageDigest:'{}', imageTag:'{}'}} does not exist within the repository with name '{name}' in the registry with id '{account}'",
                            text("imageDigest"),
                            text("imageTag")
                        ),
                    )
                };
                digests.push(identified(repository, id).ok_or_else(missing)?);
            }
        }
    }
    let details: Vec<Value> = digests
        .iter()
        .filter_map(|digest| Some((digest, repository.images.get(digest)?)))
        .map(|(digest, image)| {
            let mut detail = json!({
                "registryId": account,
                "repositoryName": name,
                "imageDigest": digest,
                "imageSizeInBytes": image.size,
                "imagePushedAt": image.pushed.as_secs_f64(),
                "imageManifestMediaType": image.kind,
            });
            // An image without tags has no such member.
            if let Some(detail) = detail.as_object_mut().filter(|_| !image.tags.is_empty()) {
                detail.insert("imageTags".to_owned(), json!(image.tags));
            }
            detail
        })
        .collect();
    page(request, "imageDetails", &details, 1000)
}

fn get(world: &World, request: &Value) -> Answer {
    let (name, repository) = repository(world, request)?;
    let ids = request.get("imageIds").and_then(Value::as_array).cloned().unwrap_or_default();
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for id in ids {
        let digest = identified(repository, &id);
        let Some((digest, image)) = digest.and_then(|digest| repository.images.get_key_value(&digest)) else {
            failures.push(json!({
                "imageId": id, "failureCode": "ImageNotFound", "failureReason": "Requested image not found",
            }));
            continue;
        };
        let mut its = json!({ "imageDigest": digest });
        if let (Some(its), Some(tag)) = (its.as_object_mut(), id.get("imageTag")) {
            its.insert("imageTag".to_owned(), tag.clone());
        }
        found.push(json!({
            "registryId": world.ground.names.account,
            "repositoryName": name,
            "imageId": its,
            "imageManifest": image.manifest,
            "imageManifestMediaType": image.kind,
        }));
    }
    Ok(json!({ "images": found, "failures": failures }))
}

/// Why a manifest may not be put under a tag; the first is the code of the registry, the second of the API.
pub(crate) fn cannot_tag(repository: &Repository, name: &str, tag: &str, digest: &str) -> Option<String> {
    let other = repository.digest_of(tag).is_some_and(|there| there != digest);
    (repository.immutable && other).then(|| {
        format!(
            "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the tag is immutable."
        )
    })
}

fn put(world: &mut World, request: &Value) -> Answer {
    let (name, repository) = repository(world, request)?;
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    let manifest = text("imageManifest").unwrap_or_default().to_owned();
    let digest = Digest::of(&manifest).to_string();
    if text("imageDigest").is_some_and(|given| given != digest) {
        return Err(Failure::new(
            "ImageDigestDoesNotMatchException",
            "The specified image digest does not match.",
        ));
    }
    let tag = text("imageTag");
    let there = repository.images.get(&digest);
    if there.is_some_and(|image| tag.is_none_or(|tag| image.tags.contains(tag))) {
        return Err(Failure::new(
            "ImageAlreadyExistsException",
            "Image with the digest and tag already exists.",
        ));
    }
    if let Some(words) = tag.and_then(|tag| cannot_tag(repository, name, tag, &digest)) {
        return Err(Failure::new("ImageTagAlreadyExistsException", words));
    }
    let name = name.to_owned();
    let kind = text("imageManifestMediaType").unwrap_or("application/vnd.oci.image.manifest.v1+json");
    world.ground.pushed(&name, tag, &manifest, kind);
    let id = json!({ "imageDigest": digest, "imageTag": tag });
    Ok(json!({ "image": { "repositoryName": name, "imageId": id, "imageManifest": manifest } }))
}

fn layers(world: &World, request: &Value) -> Answer {
    let (_, repository) = repository(world, request)?;
    let asked = request.get("layerDigests").and_then(Value::as_array).cloned().unwrap_or_default();
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for digest in asked.iter().filter_map(Value::as_str) {
        if Digest::parse(digest).is_none() {
            failures.push(json!({
                "layerDigest": digest, "failureCode": "InvalidLayerDigest", "failureReason": "not a digest",
            }));
        } else if let Some(size) = repository.layers.get(digest) {
            found.push(json!({
                "layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": size,
            }));
        } else {
            found.push(json!({ "layerDigest": digest, "layerAvailability": "UNAVAILABLE" }));
        }
    }
    Ok(json!({ "layers": found, "failures": failures }))
}

impl Ground {
    /// Remembers a manifest that was pushed; gives its digest.
    pub(crate) fn pushed(&mut self, name: &str, tag: Option<&str>, manifest: &str, kind: &str) -> String {
        let digest = Digest::of(manifest).to_string();
        let now = self.now;
        let Some(repository) = self.repositories.get_mut(name) else { return digest };
        if let Some(tag) = tag {
            for image in repository.images.values_mut() {
                image.tags.remove(tag);
            }
        }
        let image = repository.images.entry(digest.clone()).or_insert_with(|| Image {
            tags: BTreeSet::new(),
            manifest: manifest.to_owned(),
            kind: kind.to_owned(),
            size: size_of(manifest),
            pushed: now,
        });
        image.tags.extend(tag.map(str::to_owned));
        digest
    }
}

/// The bytes of an image: of its layers and its configuration.
fn size_of(manifest: &str) -> u64 {
    let manifest: Value = serde_json::from_str(manifest).unwrap_or_default();
    let layers = manifest.get("layers").and_then(Value::as_array).into_iter().flatten();
    layers.chain(manifest.get("config")).filter_map(|one| one.get("size")?.as_u64()).sum()
}
