//! Reading: manifests and blobs that are not what was asked for.

use std::sync::Arc;
use std::time::Duration;

use haute_core::error::ErrorKind;
use haute_test_services::FaultProxy;
use haute_test_services::proxy::{Answer, Fault, Moment, Rule, Tokens};
use libtest_mimic::Trial;

use crate::expect::{Says, assert_met, assert_says, trial};
use crate::image::{REPOSITORY, TAG};
use crate::stage::{Stage, User, block_on};

const MANIFEST: &str = "/v2/*/manifests/*";
const BLOB: &str = "/v2/*/blobs/*";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("reading::a_manifest_that_is_damaged", damaged_manifest),
        trial("reading::a_manifest_that_breaks_off_once", manifest_breaks_off),
        trial("reading::a_manifest_that_comes_slowly", slow_manifest),
        trial("reading::a_manifest_that_is_a_page", manifest_is_a_page),
        trial("reading::a_tag_without_its_digest", tag_without_digest),
        trial("reading::a_tag_with_another_digest", tag_with_other_digest),
        trial("reading::a_blob_that_is_damaged", damaged_blob),
        trial("reading::a_blob_that_breaks_off_goes_on_where_it_was", blob_breaks_off),
        trial("reading::a_blob_of_another_length", blob_of_other_length),
        trial("reading::a_blob_elsewhere_without_credentials", blob_elsewhere),
    ]
}

/// A registry that holds the image, and then these faults.
fn holding(rules: Vec<Rule>) -> Stage {
    let stage = Stage::new(Vec::new());
    stage.push().unwrap();
    stage.proxy.restart(rules);
    stage
}

fn damaged_manifest() {
    let stage = holding(vec![Rule::on("GET", MANIFEST, Fault::Corrupt)]);
    let digest = stage.image.digest();
    let error = block_on(stage.client.manifest(REPOSITORY, digest.as_str())).unwrap_err();
    assert_says(&error, Says { kind: ErrorKind::BuildFailed, message: "another manifest", hint: "" });
    // By its tag too: the registry says itself which digest it should have.
    assert!(block_on(stage.client.manifest(REPOSITORY, TAG)).is_err());
}

fn manifest_breaks_off() {
    let stage = holding(vec![Rule::on("GET", MANIFEST, Fault::Truncate(20)).first(1)]);
    let read = block_on(stage.client.manifest(REPOSITORY, TAG)).unwrap().unwrap();
    assert_eq!(read.bytes, stage.image.manifest);
    assert_met(&stage, 1);
}

fn slow_manifest() {
    let trickle = Fault::Trickle { piece: 64, pause: Duration::from_millis(5) };
    let stage = holding(vec![Rule::on("GET", MANIFEST, trickle)]);
    let read = block_on(stage.client.manifest(REPOSITORY, TAG)).unwrap().unwrap();
    assert_eq!(read.digest, stage.image.digest());
    assert_met(&stage, 1);
}

fn manifest_is_a_page() {
    let stage = holding(vec![Rule::on("GET", MANIFEST, Fault::Answer(Answer::page(200, "Welcome")))]);
    let error = block_on(stage.client.manifest(REPOSITORY, TAG)).unwrap_err();
    assert_says(&error, Says { kind: ErrorKind::BuildFailed, message: "no JSON", hint: "" });
}

fn tag_without_digest() {
    let stage = holding(vec![Rule::on("HEAD", MANIFEST, Fault::Header("Docker-Content-Digest", None))]);
    let digest = block_on(stage.client.digest_of(REPOSITORY, TAG)).unwrap();
    assert_eq!(digest, Some(stage.image.digest()));
    assert_met(&stage, 1);
}

fn tag_with_other_digest() {
    let other = Some(format!("sha256:{}", "ef".repeat(32)));
    let stage = holding(vec![Rule::on("GET", MANIFEST, Fault::Header("Docker-Content-Digest", other))]);
    let error = block_on(stage.client.manifest(REPOSITORY, TAG)).unwrap_err();
    assert_says(&error, Says { kind: ErrorKind::BuildFailed, message: "another manifest", hint: "" });
}

fn damaged_blob() {
    let stage = holding(vec![Rule::on("GET", BLOB, Fault::Corrupt)]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("layer");
    let descriptor = stage.image.first();
    let error = block_on(stage.client.download_blob(REPOSITORY, &descriptor, &path, &|_| {})).unwrap_err();
    assert_says(&error, Says { kind: ErrorKind::BuildFailed, message: "another blob", hint: "" });
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "something was left behind");
}

fn blob_breaks_off() {
    let rules = vec![
        Rule::on("GET", BLOB, Fault::Truncate(200_000)).first(1),
        Rule::on("GET", BLOB, Fault::Reset(Moment::InAnswer(0))).first(1),
    ];
    let stage = holding(rules);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("layer");
    let descriptor = stage.image.first();
    block_on(stage.client.download_blob(REPOSITORY, &descriptor, &path, &|_| {})).unwrap();
    assert!(std::fs::read(&path).unwrap() == stage.image.layers[0]);
    assert_met(&stage, 2);
    let received: u64 = stage.proxy.exchanges_of("GET", BLOB).iter().map(|exchange| exchange.received).sum();
    assert_eq!(received, descriptor.size, "what had arrived was asked for again");
}

fn blob_of_other_length() {
    let stage = holding(vec![Rule::on("GET", BLOB, Fault::Length(1_000))]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("layer");
    let error =
        block_on(stage.client.download_blob(REPOSITORY, &stage.image.first(), &path, &|_| {})).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(!path.exists());
}

/// Registries send readers on to their storage, whose addresses are signed: the registry's own credentials stay here.
fn blob_elsewhere() {
    let user = Arc::new(User("builder", "word"));
    let stage = Stage::with_tokens(Vec::new(), Tokens::for_user("builder", "word"), user);
    stage.push().unwrap();
    let elsewhere = FaultProxy::start(&stage.registry, Vec::new()).unwrap();
    stage.proxy.restart(vec![Rule::on("GET", BLOB, Fault::Redirect(elsewhere.url()))]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("layer");
    block_on(stage.client.download_blob(REPOSITORY, &stage.image.first(), &path, &|_| {})).unwrap();
    assert!(std::fs::read(&path).unwrap() == stage.image.layers[0]);
    let there = elsewhere.exchanges();
    assert_eq!(there.len(), 1, "{there:#?}");
    assert!(there.iter().all(|exchange| exchange.authorization.is_none()), "{there:#?}");
}
