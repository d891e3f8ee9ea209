//! Base images to build upon.

mod layer;

use std::path::Path;
use std::sync::OnceLock;

use haute_container::oci::media_type;
use haute_container::reference::ImageReference;
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use crate::engine::Engine;
use crate::registry::Registry;
use layer::{Blob, Layer};

/// Marks an imported base with the content it was made of.
const CONTENT: &str = "dev.haute.test.base";

/// How the documents of a pushed image are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageFormat {
    /// OCI image-spec.
    Oci,
    /// Docker's manifest version 2, schema 2: what `docker push` writes.
    Docker,
}

/// An image of one layer that others are built upon.
#[derive(Clone, Debug)]
pub struct BaseImage {
    architecture: String,
    layer: Layer,
}

impl BaseImage {
    /// Debian with Python 3.11 for linux/amd64, of the tar that `HAUTE_TEST_BASE` names (made by `.ci/services base`); `None`
    /// where it names none. The first use compresses it, beside the tar.
    pub fn find() -> Option<Self> {
        static FOUND: OnceLock<Option<BaseImage>> = OnceLock::new();
        FOUND
            .get_or_init(|| {
                let named = std::env::var_os("HAUTE_TEST_BASE")?;
                Self::from_tar(Path::new(&named)).ok()
            })
            .clone()
    }

    /// A root filesystem for linux/amd64, of a tar.
    ///
    /// # Errors
    /// When the tar cannot be read, or what is made of it cannot be written beside it.
    pub fn from_tar(tar: &Path) -> Result<Self> {
        Ok(Self { architecture: "amd64".to_owned(), layer: Layer::of_tar(tar)? })
    }

    /// A base that only says it is one of `linux/<architecture>`: a few bytes, Debian by its `os-release`, Python 3.11 by its
    /// environment, and nothing that runs. For what is decided by the documents of a base, such as building for arm64 elsewhere.
    ///
    /// # Errors
    /// When its layer cannot be made.
    pub fn tiny(architecture: &str) -> Result<Self> {
        Ok(Self { architecture: architecture.to_owned(), layer: Layer::tiny(architecture)? })
    }

    /// The digest of its layer as it is pushed.
    pub fn layer_digest(&self) -> &Digest {
        &self.layer.digest
    }

    /// The size of its layer as it is pushed, in bytes.
    pub fn layer_size(&self) -> u64 {
        self.layer.size
    }

    /// Pushes it as an OCI image.
    ///
    /// # Errors
    /// When the registry cannot be asked or refuses.
    pub fn push_to(&self, registry: &Registry, repository: &str, tag: &str) -> Result<ImageReference> {
        self.push_as(ImageFormat::Oci, registry, repository, tag)
    }

    /// Pushes it in the given format.
    ///
    /// # Errors
    /// As [`push_to`](Self::push_to).
    pub fn push_as(
        &self,
        format: ImageFormat,
        registry: &Registry,
        repository: &str,
        tag: &str,
    ) -> Result<ImageReference> {
        let (kind, manifest) = self.push_blobs(format, registry, repository)?;
        registry.put_manifest(repository, tag, kind, &manifest)?;
        reference(registry, repository, tag)
    }

    /// Pushes several as one index, one image for each platform, as official images are.
    ///
    /// # Errors
    /// As [`push_to`](Self::push_to).
    pub fn push_index(
        images: &[Self],
        registry: &Registry,
        repository: &str,
        tag: &str,
    ) -> Result<ImageReference> {
        let mut entries: Vec<Value> = Vec::new();
        for image in images {
            let (kind, manifest) = image.push_blobs(ImageFormat::Oci, registry, repository)?;
            let digest =
                registry.put_manifest(repository, Digest::of(&manifest).as_str(), kind, &manifest)?;
            entries.push(json!({
                "mediaType": kind,
                "digest": digest,
                "size": manifest.len(),
                "platform": { "architecture": image.architecture, "os": "linux" },
            }));
        }
        let index = json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": entries });
        registry.put_manifest(repository, tag, media_type::INDEX, index.to_string().as_bytes())?;
        reference(registry, repository, tag)
    }

    /// Gives it to an engine by this name, unless the engine has this very content by this name.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn import_into(&self, engine: &Engine, name: &str) -> Result<()> {
        let Some(tar) = &self.layer.tar else {
            return Err(Error::new(ErrorKind::Unsupported, "a base that runs nothing is not for an engine"));
        };
        let format = format!("{{{{index .Config.Labels \"{CONTENT}\"}}}}");
        let there = engine.run(["image", "inspect", "--format", &format, name]);
        if there.is_ok_and(|content| content.trim() == self.layer.diff_id.as_str()) {
            return Ok(());
        }
        let mut command = engine.command();
        command.args(["image", "import"]);
        for (key, value) in environment() {
            command.arg("--change").arg(format!("ENV {key}={value}"));
        }
        command.arg("--change").arg(format!("LABEL {CONTENT}={}", self.layer.diff_id));
        command.args(["--change", r#"CMD ["python3"]"#]).arg(tar).arg(name);
        crate::program::output(&mut command).map(drop)
    }

    /// Pushes layer and configuration; gives the manifest and its media type.
    fn push_blobs(
        &self,
        format: ImageFormat,
        registry: &Registry,
        repository: &str,
    ) -> Result<(&'static str, Vec<u8>)> {
        let layer = &self.layer;
        match &layer.blob {
            Blob::Bytes(bytes) => {
                registry.put_blob(repository, bytes)?;
            }
            Blob::File(path) => registry.put_file(repository, path, &layer.digest, layer.size)?,
        }
        let configuration = self.configuration().to_string().into_bytes();
        let digest = registry.put_blob(repository, &configuration)?;
        let (manifest_kind, configuration_kind, layer_kind) = match format {
            ImageFormat::Oci => (media_type::MANIFEST, media_type::CONFIG, media_type::LAYER_GZIP),
            ImageFormat::Docker => {
                (media_type::DOCKER_MANIFEST, media_type::DOCKER_CONFIG, media_type::DOCKER_LAYER_GZIP)
            }
        };
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": manifest_kind,
            "config": { "mediaType": configuration_kind, "digest": digest, "size": configuration.len() },
            "layers": [{ "mediaType": layer_kind, "digest": layer.digest, "size": layer.size }],
        });
        Ok((manifest_kind, manifest.to_string().into_bytes()))
    }

    fn configuration(&self) -> Value {
        let environment: Vec<String> =
            environment().into_iter().map(|(key, value)| format!("{key}={value}")).collect();
        json!({
            "created": "2026-01-01T00:00:00Z",
            "architecture": self.architecture,
            "os": "linux",
            "config": { "Env": environment, "Cmd": ["python3"] },
            "rootfs": { "type": "layers", "diff_ids": [self.layer.diff_id] },
            "history": [{ "created": "2026-01-01T00:00:00Z", "created_by": "debootstrap", "comment": "base of the tests" }],
        })
    }
}

/// What the official Python images set, as far as it is true of this one.
fn environment() -> [(&'static str, &'static str); 3] {
    [
        ("PATH", "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("LANG", "C.UTF-8"),
        ("PYTHON_VERSION", "3.11.2"),
    ]
}

fn reference(registry: &Registry, repository: &str, tag: &str) -> Result<ImageReference> {
    format!("{}/{repository}:{tag}", registry.address()).parse()
}
