//! The bill of materials of an image (`CycloneDX` 1.6, JSON).

use std::collections::BTreeSet;

use haute_core::digest::Digest;
use haute_core::error::Result;
use haute_core::release::Release;
use haute_core::release::lock::normalise;
use serde_json::{Value, json};

use super::Base;

/// The media type of the document (`CycloneDX`, "Media types").
pub const MEDIA_TYPE: &str = "application/vnd.cyclonedx+json";

/// The bill of materials of the image of `release` on `base`, without the distributions in `left_out`. The same image gives
/// the same bytes.
///
/// # Errors
/// When the release's lock cannot be read.
pub fn sbom(release: &Release, base: &Base, left_out: &BTreeSet<String>) -> Result<Vec<u8>> {
    let lock = release.lock()?;
    let mut components = vec![json!({
        "type": "container",
        "bom-ref": format!("base:{}", base.digest()),
        "name": base.name().untagged().to_string(),
        "version": base.name().tag().unwrap_or_default(),
        "hashes": [{"alg": "SHA-256", "content": base.digest().hex()}],
    })];
    components.extend(distributions(&lock).into_iter().filter(|one| !left_out.contains(&normalise(&one.name))).map(
        |one| {
            let purl = format!("pkg:pypi/{}@{}", normalise(&one.name), one.version);
            let mut component =
                json!({"type": "library", "bom-ref": purl, "name": one.name, "version": one.version, "purl": purl});
            // Several hashes are several files of which one is installed: which one is said by the layer.
            if let ([hash], Some(component)) = (one.hashes.as_slice(), component.as_object_mut()) {
                component.insert("hashes".to_owned(), json!([{"alg": "SHA-256", "content": hash}]));
            }
            component
        },
    ));
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

struct Distribution {
    name: String,
    version: String,
    hashes: Vec<String>,
}

fn distributions(lock: &str) -> Vec<Distribution> {
    let mut all: Vec<Distribution> = Vec::new();
    for line in lock.lines() {
        let line = line.trim().trim_end_matches('\\').trim();
        if let Some(hash) = line.strip_prefix("--hash=sha256:") {
            all.last_mut().into_iter().for_each(|one| one.hashes.push(hash.to_owned()));
        } else if let Some((name, version)) = line.split_once("==").filter(|_| !line.starts_with('#')) {
            all.push(Distribution { name: name.to_owned(), version: version.to_owned(), hashes: Vec::new() });
        }
    }
    all
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

    #[test]
    fn a_lock_is_read_with_its_hashes() {
        let all = distributions(
            "# 2 distributions\nhaute==0.6.0 \\\n    --hash=sha256:aa\npolars==1.44.2 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n",
        );
        let seen: Vec<_> =
            all.iter().map(|one| (one.name.as_str(), one.version.as_str(), one.hashes.len())).collect();
        assert_eq!(seen, [("haute", "0.6.0", 1), ("polars", "1.44.2", 2)]);
    }
}
