//! Images: put, described, read.

use std::collections::BTreeSet;

use haute_core::digest::Digest;
use serde_json::{Value, json};

use super::{Image, Repository, repository};
use crate::ecs::page;
use crate::failure::{Answer, Failure};
use crate::world::{Ground, World};

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

pub(super) fn describe(world: &World, request: &Value) -> Answer {
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

pub(super) fn get(world: &World, request: &Value) -> Answer {
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

pub(super) fn put(world: &mut World, request: &Value) -> Answer {
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

pub(super) fn layers(world: &World, request: &Value) -> Answer {
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
