//! What is attached to an image, read by plain HTTP.

use std::collections::BTreeSet;
use std::sync::Arc;

use haute_test_services::{Program, test};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use super::lab::Bench;
use super::pushed::Image;
use super::{needs, needs_program};

const REPOSITORY: &str = "first/motor-pricing";

pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    vec![
        test("image::its_bill_of_materials_and_proof_are_attached", needs(bench), attached),
        test("image::others_read_what_was_pushed", needs_program(bench, "skopeo"), others_read),
    ]
}

fn attached(bench: Arc<Bench>) -> Result<(), Failed> {
    let lab = bench.lab();
    let (_, pushed) = lab.first();
    let tag = pushed.digest.as_str().replace(':', "-");
    let (list, kind) = lab.registry.manifest(REPOSITORY, &tag)?.ok_or("no list of what is attached")?;
    assert_eq!(kind, "application/vnd.oci.image.index.v1+json");
    let list: Value = serde_json::from_slice(&list)?;
    let document = |artifact: &str| -> Value {
        let entries = list["manifests"].as_array().expect("entries");
        let entry = entries.iter().find(|entry| entry["artifactType"] == artifact);
        let entry = entry.unwrap_or_else(|| panic!("no {artifact} in {list}"));
        let image = Image::read(&lab.registry, REPOSITORY, entry["digest"].as_str().expect("a digest"));
        assert_eq!(image.manifest["artifactType"], artifact);
        assert_eq!(image.manifest["subject"]["digest"], pushed.digest.as_str());
        assert_eq!(image.manifest["layers"][0]["mediaType"], artifact);
        serde_json::from_slice(&image.blob(&image.manifest["layers"][0])).expect("JSON")
    };
    let proof = document("application/vnd.haute.proof.v1+json");
    let given: Value = serde_json::from_str(&std::fs::read_to_string(&lab.release.proof)?)?;
    assert_eq!(proof, given, "the proof, as it was made");

    let bill = document("application/vnd.cyclonedx+json");
    structure(&bill);
    let components = bill["components"].as_array().expect("components");
    let listed: BTreeSet<String> = components
        .iter()
        .filter(|component| component["type"] == "library")
        .map(|component| {
            let (name, version) = (
                component["name"].as_str().expect("a name"),
                component["version"].as_str().expect("a version"),
            );
            assert_eq!(component["purl"], format!("pkg:pypi/{name}@{version}"));
            name.to_owned()
        })
        .collect();
    // What the files themselves say: every distribution leaves its metadata.
    let image = Image::read(&lab.registry, REPOSITORY, pushed.digest.as_str());
    let installed: BTreeSet<String> = image
        .files()
        .0
        .keys()
        .filter_map(|path| path.strip_prefix("opt/haute/lib/")?.strip_suffix(".dist-info/METADATA"))
        .filter_map(|name| name.split_once('-'))
        .map(|(name, _)| name.to_lowercase().replace(['_', '.'], "-"))
        .collect();
    assert_eq!(listed, installed);
    let left_out: BTreeSet<String> =
        serde_json::from_value(lab.release.manifest()["unused_distributions"].clone())?;
    assert!(listed.is_disjoint(&left_out), "{left_out:?}");
    assert!(listed.contains("haute") && listed.contains("polars"), "{listed:?}");
    Ok(())
}

/// What the schema of `CycloneDX` 1.6 asks of a document like this one.
fn structure(bill: &Value) {
    assert_eq!(bill["bomFormat"], "CycloneDX");
    assert_eq!(bill["specVersion"], "1.6");
    assert!(bill["version"].as_u64().is_some_and(|version| version >= 1));
    let serial = bill["serialNumber"].as_str().expect("a serial number");
    let uuid = serial.strip_prefix("urn:uuid:").expect("a UUID");
    let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12]);
    assert!(uuid.chars().all(|c| c == '-' || c.is_ascii_digit() || ('a'..='f').contains(&c)), "{uuid}");
    let subject = &bill["metadata"]["component"];
    let mut references = BTreeSet::new();
    for component in bill["components"].as_array().expect("components").iter().chain([subject]) {
        let kinds = ["application", "container", "library"];
        assert!(component["type"].as_str().is_some_and(|kind| kinds.contains(&kind)), "{component}");
        assert!(component["name"].as_str().is_some_and(|name| !name.is_empty()), "{component}");
        let reference = component["bom-ref"].as_str().expect("a reference");
        assert!(references.insert(reference), "{reference} twice");
        for hash in component["hashes"].as_array().into_iter().flatten() {
            assert_eq!(hash["alg"], "SHA-256");
            assert_eq!(hash["content"].as_str().map(str::len), Some(64));
        }
    }
    for dependency in bill["dependencies"].as_array().expect("dependencies") {
        let named = dependency["dependsOn"].as_array().into_iter().flatten().chain([&dependency["ref"]]);
        for name in named {
            assert!(references.contains(name.as_str().expect("a reference")), "{name} is no component");
        }
    }
}

fn others_read((bench, skopeo): (Arc<Bench>, Program)) -> Result<(), Failed> {
    let lab = bench.lab();
    let (_, pushed) = lab.first();
    let address = format!("docker://{}/{REPOSITORY}:{}", lab.registry.address(), pushed.tag);
    let read = skopeo.run([
        "inspect",
        "--tls-verify=false",
        "--override-os=linux",
        "--override-arch=amd64",
        "--format={{.Digest}} {{.Architecture}} {{.Os}}",
        &address,
    ])?;
    assert_eq!(read.trim(), format!("{} amd64 linux", pushed.digest));
    // Copying checks every digest, those of the unpacked layers too.
    let directory = tempfile::tempdir()?;
    let to = format!("dir:{}", directory.path().join("image").display());
    skopeo.run(["copy", "--src-tls-verify=false", &address, &to])?;
    Ok(())
}
