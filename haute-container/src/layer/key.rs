//! Keys: what a layer's bytes depend on, as one digest.

use std::collections::BTreeMap;
use std::fmt;

use haute_core::digest::Digest;
use haute_core::error::{Error, Result};
use serde::Serialize;

use super::compress::Compression;
use crate::oci::Descriptor;

/// The annotation of a layer's descriptor that holds its key.
pub const KEY_ANNOTATION: &str = "dev.haute.layer.key";

/// Bumped when the same tree gives other bytes: another order, other modes, other headers.
const LAYOUT: u32 = 1;

/// The digest of everything that determines the bytes of a layer.
///
/// Two layers with one key hold the same files, so the one that is in a registry stands for the one that would be made.
/// A key says nothing about who made the layer: only keys from a repository of one's own are to be trusted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerKey(Digest);

#[derive(Serialize)]
struct Described<'a, T: Serialize> {
    layout: u32,
    recipe: String,
    kind: &'a str,
    inputs: &'a T,
}

impl LayerKey {
    /// The key of a layer of `kind` (`wheel`, `artifact`, `app`: keeps equal inputs of different layers apart) that is made
    /// from `inputs` and compressed with `compression`.
    ///
    /// `inputs` must serialise to the same JSON whenever they are the same: structs, tuples, and maps that are sorted.
    ///
    /// # Errors
    /// Only for a bug of ours: inputs that JSON cannot say.
    pub fn new(kind: &str, inputs: &impl Serialize, compression: Compression) -> Result<Self> {
        let described = Described { layout: LAYOUT, recipe: compression.recipe(), kind, inputs };
        let bytes = serde_json::to_vec(&described)
            .map_err(|source| Error::bug("the inputs of a layer cannot be written").with_source(source))?;
        Ok(Self(Digest::of(bytes)))
    }

    /// The key a descriptor carries; `None` when it carries none, or one that is no digest.
    pub fn of_descriptor(descriptor: &Descriptor) -> Option<Self> {
        Self::of_annotations(&descriptor.annotations)
    }

    /// The key among annotations.
    pub fn of_annotations(annotations: &BTreeMap<String, String>) -> Option<Self> {
        annotations.get(KEY_ANNOTATION).and_then(|text| Digest::parse(text)).map(Self)
    }

    /// Writes the key into a descriptor.
    #[must_use]
    pub fn annotate(&self, descriptor: Descriptor) -> Descriptor {
        descriptor.with_annotation(KEY_ANNOTATION, self.as_str())
    }

    /// `sha256:…`.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// As a digest.
    pub fn digest(&self) -> &Digest {
        &self.0
    }
}

impl fmt::Display for LayerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_changes_with_each_input_and_travels_with_the_descriptor() {
        let key = |kind, inputs: &[&str], compression| LayerKey::new(kind, &inputs, compression).unwrap();
        let one = key("wheel", &["a", "b"], Compression::Gzip);
        assert_eq!(one, key("wheel", &["a", "b"], Compression::Gzip));
        let others = [
            key("app", &["a", "b"], Compression::Gzip),
            key("wheel", &["ab"], Compression::Gzip),
            key("wheel", &["a", "b"], Compression::Zstd),
        ];
        assert!(others.iter().all(|other| *other != one));
        let descriptor = one.annotate(Descriptor::of("x/y", b"bytes"));
        assert_eq!(LayerKey::of_descriptor(&descriptor), Some(one));
        let foreign = Descriptor::of("x/y", b"bytes").with_annotation(KEY_ANNOTATION, "latest");
        assert_eq!(LayerKey::of_descriptor(&foreign), None);
    }
}
