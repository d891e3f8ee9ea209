//! What a push said it did, and the image it left, read by plain HTTP.

use haute_core::digest::Digest;
use haute_test_services::Registry;
use serde_json::Value;

use super::files::{Files, plain};
use crate::project::Run;

/// The `pushed` event of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pushed {
    pub(crate) digest: Digest,
    pub(crate) tag: String,
    pub(crate) bytes: u64,
    pub(crate) layers: u64,
}

impl Pushed {
    #[track_caller]
    pub(crate) fn of(run: &Run) -> Self {
        Self::find(run).unwrap_or_else(|| panic!("nothing was pushed: {}\n{}", run.stdout, run.stderr))
    }

    pub(crate) fn find(run: &Run) -> Option<Self> {
        let events = run.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let event = events.rev().find(|line| line["event"] == "pushed")?;
        let (_, tag) = event["image"].as_str()?.rsplit_once(':')?;
        Some(Self {
            digest: Digest::parse(event["digest"].as_str()?)?,
            tag: tag.to_owned(),
            bytes: event["bytes"].as_u64()?,
            layers: event["layers"].as_u64()?,
        })
    }
}

/// An image in a registry.
pub(crate) struct Image<'a> {
    registry: &'a Registry,
    repository: String,
    pub(crate) manifest: Value,
    pub(crate) config: Value,
}

impl<'a> Image<'a> {
    /// Reads the documents of the image a tag or digest names.
    #[track_caller]
    pub(crate) fn read(registry: &'a Registry, repository: &str, reference: &str) -> Self {
        let (bytes, _) = registry
            .manifest(repository, reference)
            .expect("the registry answers")
            .unwrap_or_else(|| panic!("{repository} has {reference}"));
        let manifest: Value = serde_json::from_slice(&bytes).expect("JSON");
        let mut image = Self { registry, repository: repository.to_owned(), manifest, config: Value::Null };
        image.config = serde_json::from_slice(&image.blob(&image.manifest["config"])).expect("JSON");
        image
    }

    /// The bytes of what a descriptor names.
    #[track_caller]
    pub(crate) fn blob(&self, descriptor: &Value) -> Vec<u8> {
        let digest = descriptor["digest"].as_str().and_then(Digest::parse).expect("a digest");
        let blob = self.registry.blob(&self.repository, &digest).expect("the registry answers");
        blob.unwrap_or_else(|| panic!("{} has {digest}", self.repository))
    }

    /// The descriptors of the layers above a base of one layer.
    pub(crate) fn own_layers(&self) -> Vec<Value> {
        self.manifest["layers"].as_array().expect("layers").iter().skip(1).cloned().collect()
    }

    /// The plain tars of the layers above a base of one layer.
    pub(crate) fn tars(&self) -> Vec<Vec<u8>> {
        self.own_layers().iter().map(|layer| plain(&self.blob(layer))).collect()
    }

    /// The root file system above a base of one layer.
    pub(crate) fn files(&self) -> Files {
        let mut files = Files::default();
        for tar in self.tars() {
            files.lay(tar.as_slice());
        }
        files
    }

    /// A label.
    pub(crate) fn label(&self, name: &str) -> &str {
        self.config["config"]["Labels"][name].as_str().unwrap_or_else(|| panic!("a label {name}"))
    }
}
