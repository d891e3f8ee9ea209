//! An image as one file: an OCI image layout in a tar (OCI image-spec 1.1, `image-layout.md`), with the `manifest.json` that
//! `docker load` of any version reads beside it (Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset").

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use haute_core::error::{Error, ErrorKind, Result};
use serde_json::json;
use tar::Builder;

use super::Documents;
use crate::layer::tar::file_header;
use crate::oci::{Descriptor, Index, IndexEntry, media_type, to_bytes};
use crate::reference::ImageReference;

/// Writes the image to `path`, replacing what is there once all of it is written. `blobs` are the files of its layers by
/// digest; `name` is what `docker load` calls it. The same image and name give the same bytes. Blocks.
///
/// # Errors
/// [`ErrorKind::BuildFailed`] when a layer cannot be read or the archive cannot be written; what was there before stays.
pub fn write_archive(
    path: &Path,
    documents: &Documents,
    blobs: &BTreeMap<String, PathBuf>,
    name: &ImageReference,
) -> Result<()> {
    let failed = |source: std::io::Error| {
        Error::new(ErrorKind::BuildFailed, "the image's archive cannot be written")
            .with_operation("image.archive")
            .with_context("archive", path.display().to_string())
            .with_source(source)
    };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory).map_err(failed)?;
    let spool = tempfile::Builder::new().prefix(".image-").tempfile_in(directory).map_err(failed)?;
    let mut archive = Builder::new(BufWriter::with_capacity(256 * 1024, spool.as_file()));

    let manifest = Descriptor::of(media_type::MANIFEST, &documents.manifest)
        .with_annotation("org.opencontainers.image.ref.name", name.tag().unwrap_or("latest"))
        .with_annotation("io.containerd.image.name", name.to_string());
    let index = to_bytes(&Index::new(vec![IndexEntry::new(manifest.clone())]))?;
    let layers: Vec<String> = documents.layers.iter().map(blob_path).collect();
    let docker = json!([{
        "Config": blob_path(&documents.config_descriptor),
        "RepoTags": [name.to_string()],
        "Layers": layers,
    }]);
    let add = |archive: &mut Builder<_>, name: &str, bytes: &[u8]| {
        append(archive, name, bytes.len() as u64, bytes).map_err(failed)
    };
    add(&mut archive, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    add(&mut archive, "index.json", &index)?;
    add(&mut archive, "manifest.json", docker.to_string().as_bytes())?;
    add(&mut archive, &blob_path(&manifest), &documents.manifest)?;
    add(&mut archive, &blob_path(&documents.config_descriptor), &documents.config)?;
    let mut written = std::collections::BTreeSet::new();
    for layer in &documents.layers {
        if !written.insert(layer.digest.as_str()) {
            continue;
        }
        let file = blobs.get(layer.digest.as_str()).ok_or_else(|| {
            Error::bug("a layer of the image was not made").with_context("digest", layer.digest.to_string())
        })?;
        let file = File::open(file).map_err(failed)?;
        append(&mut archive, &blob_path(layer), layer.size, file).map_err(failed)?;
    }
    archive.into_inner().and_then(|mut writer| writer.flush()).map_err(failed)?;
    spool.as_file().sync_all().map_err(failed)?;
    spool.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

fn blob_path(descriptor: &Descriptor) -> String {
    format!("blobs/sha256/{}", descriptor.digest.hex())
}

fn append(archive: &mut Builder<impl Write>, name: &str, size: u64, bytes: impl Read) -> std::io::Result<()> {
    archive.append(&file_header(name, size), bytes)
}
