//! The bill of materials of an image (`CycloneDX` 1.6, JSON).

use std::collections::BTreeSet;

use haute_core::digest::Digest;
use haute_core::error::Result;
use haute_core::release::Release;
use serde_json::{Value, json};

use super::Base;
use crate::wheel::read_lock;

/// The media type of the document (`CycloneDX`, "Media types").
pub const MEDIA_TYPE: &str = "application/vnd.cyclonedx+json";

/// The bill of materials of the image of `release` on `base`, without the distributions in `left_out`. The same image gives
/// the same bytes.
///
/// # Errors
/// When the release's lock cannot be read, as [`read_lock`] says.
pub fn sbom(release: &Release, base: &Base, left_out: &BTreeSet<String>) -> Result<Vec<u8>> {
    let lock = read_lock(&release.lock()?)?;
    let mut components = vec![json!({
        "type": "container",
        "bom-ref": format!("base:{}", base.digest()),
        "name": base.name().untagged().to_string(),
        "version": base.name().tag().unwrap_or_default(),
        "hashes": [{"alg": "SHA-256", "content": base.digest().hex()}],
    })];
    components.extend(lock.iter().filter(|locked| !left_out.contains(&locked.name)).map(|locked| {
        let purl = format!("pkg:pypi/{}@{}", locked.name, locked.version);
        let mut component = json!({
            "type": "library",
            "bom-ref": purl,
            "name": locked.name,
            "version": locked.version,
            "purl": purl,
        });
        // Several hashes are several files of which one is installed: which one is said by the layer.
        if let (Some(hash), 1, Some(component)) =
            (locked.hashes.first(), locked.hashes.len(), component.as_object_mut())
        {
            component.insert("hashes".to_owned(), json!([{"alg": "SHA-256", "content": hash.hex()}]));
        }
        component
    }));
    let references: Vec<Value> =
        components.iter().filter_map(|component| component.get("bom-ref").cloned()).collect();
    let subject = format!("release:{}", release.digest());
    let mut document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": subject,
                "name": release.name(),
                "version": release.digest().short(),
                "hashes": [{"alg": "SHA-256", "content": release.digest().hex()}],
            },
            "tools": {"components": [{"type": "application", "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")}]},
        },
        "components": components,
        "dependencies": [{"ref": subject, "dependsOn": references}],
    });
    let serial = serial_number(&Digest::of(document.to_string()));
    if let Some(document) = document.as_object_mut() {
        document.insert("serialNumber".to_owned(), json!(serial));
    }
    Ok(document.to_string().into_bytes())
}

/// A UUID of version 8, whose bits are ours to fill (RFC 9562 §5.8): the same document has the same number.
fn serial_number(digest: &Digest) -> String {
    let hex = digest.hex();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("urn:uuid:{}-{}-8{}-a{}-{}", part(0, 8), part(8, 12), part(12, 15), part(15, 18), part(18, 30))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_a_uuid() {
        let serial = serial_number(&Digest::of("x"));
        let uuid = serial.strip_prefix("urn:uuid:").unwrap();
        let lengths: Vec<_> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
    }
}
