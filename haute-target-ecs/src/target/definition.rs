//! The tags of a revision that say which image is in it, beside those that say which release.

use haute_core::digest::Digest;
use serde_json::{Value, json};

use crate::task_definition::{HauteTags, TaskDefinition};

/// What the image was made of. Revisions whose images have the same key serve the same.
const IMAGE_KEY: &str = "haute:image-key";
/// The digest of the image the tags were written for: tags that were copied to a revision with another image say nothing.
const IMAGE_DIGEST: &str = "haute:image-digest";

/// When the prices of a revision were asked and were the proven ones.
pub(super) const VERIFIED: &str = "haute:verified";
/// When a revision had come through and ran our image, where its prices could not be asked.
pub(super) const SERVED: &str = "haute:served";

/// What a revision says about the release it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// The tags of ours.
    pub(super) tags: HauteTags,
    /// What the image was made of.
    pub(super) image_key: Option<Digest>,
    /// Whether it came through once, with its prices not asked.
    pub(super) served: bool,
}

impl Identity {
    /// Whether it is marked: as verified, where prices can be asked, or at least as having served.
    pub(super) fn is_marked(&self, asks: bool) -> bool {
        self.tags.verified.is_some() || !asks && self.served
    }
}

/// Reads the tags of a revision; `None` where they are missing, or were written for another image than the one that is in it.
pub(super) fn identity(definition: &TaskDefinition) -> Option<Identity> {
    let tags = definition.haute_tags();
    tags.release.as_ref()?;
    let digest = tag(definition, IMAGE_DIGEST)?;
    let has = definition.containers().iter().any(|container| {
        container
            .get("image")
            .and_then(Value::as_str)
            .and_then(|image| image.split_once('@'))
            .is_some_and(|(_, own)| own == digest)
    });
    has.then(|| Identity {
        tags,
        image_key: tag(definition, IMAGE_KEY).and_then(Digest::parse),
        served: tag(definition, SERVED).is_some(),
    })
}

/// The release a revision serves, where it says so.
pub(super) fn release_of(definition: &TaskDefinition) -> Option<Digest> {
    identity(definition).and_then(|identity| identity.tags.release)
}

/// The body of `RegisterTaskDefinition` for `definition` with `image_key` and `digest` among its tags.
pub(super) fn registration(definition: &TaskDefinition, image_key: &str, digest: &str) -> Value {
    let mut body = definition.register_body();
    let own = [(IMAGE_KEY, image_key), (IMAGE_DIGEST, digest)];
    if let Some(members) = body.as_object_mut() {
        let tags = members.entry("tags").or_insert_with(|| json!([]));
        if let Some(tags) = tags.as_array_mut() {
            let given = own.iter().filter(|(_, value)| !value.is_empty());
            tags.extend(given.map(|(key, value)| json!({"key": key, "value": value})));
        }
    }
    body
}

/// `family:revision` of an ARN of a task definition.
pub(super) fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn tag<'a>(definition: &'a TaskDefinition, key: &str) -> Option<&'a str> {
    definition.tags().iter().find(|tag| tag.key == key).map(|tag| tag.value.as_str())
}
