//! Blobs that another repository of the registry has: a base image's.

use haute_container::registry::{BlobSource, NothingMissing, Push, PushSource};
use haute_core::error::ErrorKind;
use haute_test_services::proxy::{Answer, Fault, Rule};
use libtest_mimic::Trial;

use crate::expect::{Says, assert_met, assert_says, trial};
use crate::stage::Stage;

const BASE: &str = "library/python";
const MOUNT: &str = "/v2/pricing/motor/blobs/uploads/*mount=*";
const BASE_BLOB: &str = "/v2/library/python/blobs/*";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("mounts::taken_over", taken_over),
        trial("mounts::an_upload_is_begun_instead", || {
            copied(vec![Rule::on("POST", MOUNT, Fault::WithoutQuery)]);
        }),
        trial("mounts::not_offered", || {
            copied(vec![Rule::on("POST", MOUNT, Fault::Answer(Answer::status(405)))]);
        }),
        trial("mounts::not_allowed", || {
            copied(vec![Rule::on("POST", MOUNT, Fault::Answer(Answer::error(403, "DENIED", "no")))]);
        }),
        trial("mounts::the_copy_breaks_off", || {
            copied(vec![
                Rule::on("POST", MOUNT, Fault::WithoutQuery),
                Rule::on("GET", BASE_BLOB, Fault::Truncate(100_000)).first(1),
            ]);
        }),
        trial("mounts::the_copy_arrives_damaged_once", || {
            copied(vec![
                Rule::on("POST", MOUNT, Fault::WithoutQuery),
                Rule::on("GET", BASE_BLOB, Fault::Corrupt).first(1),
            ]);
        }),
        trial("mounts::the_copy_is_always_damaged", always_damaged),
        trial("mounts::the_base_is_gone", base_is_gone),
    ]
}

/// A stage whose registry has the first layer in a repository of a base image, and a push that takes it from there.
fn with_base(rules: Vec<Rule>) -> (Stage, Push) {
    let stage = Stage::new(rules);
    stage.registry.put_blob(BASE, &stage.image.layers[0]).unwrap();
    let first = stage.image.first();
    let push = stage.image.push_from(|descriptor, bytes| {
        if *descriptor == first {
            PushSource::Mount { from: BASE.to_owned() }
        } else {
            PushSource::Blob(BlobSource::Bytes(bytes.clone().into()))
        }
    });
    (stage, push)
}

fn taken_over() {
    let (stage, push) = with_base(Vec::new());
    let pushed = stage.push_so(&push, &NothingMissing).unwrap();
    stage.assert_complete();
    assert_eq!((pushed.blobs_mounted, pushed.blobs_uploaded), (1, 3));
    assert!(stage.proxy.exchanges_of("GET", BASE_BLOB).is_empty(), "a mounted layer was read");
}

/// Where nothing is mounted the layer goes through this machine.
fn copied(rules: Vec<Rule>) {
    let faults = rules.len();
    let (stage, push) = with_base(rules);
    let pushed = stage.push_so(&push, &NothingMissing).unwrap();
    stage.assert_complete();
    assert_eq!((pushed.blobs_mounted, pushed.blobs_uploaded), (0, 4));
    assert_met(&stage, faults);
}

fn always_damaged() {
    let rules =
        vec![Rule::on("POST", MOUNT, Fault::WithoutQuery), Rule::on("GET", BASE_BLOB, Fault::Corrupt)];
    let (stage, push) = with_base(rules);
    let error = stage.push_so(&push, &NothingMissing).unwrap_err();
    assert_says(
        &error,
        Says { kind: ErrorKind::BuildFailed, message: "gave another one", hint: "changes what it gives" },
    );
    stage.assert_untagged();
    let first = stage.image.first().digest;
    assert_eq!(stage.registry.blob("pricing/motor", &first).unwrap(), None, "a damaged layer was stored");
}

fn base_is_gone() {
    let (stage, push) = with_base(Vec::new());
    stage.registry.lose(&stage.image.first().digest).unwrap();
    let error = stage.push_so(&push, &NothingMissing).unwrap_err();
    assert_says(
        &error,
        Says { kind: ErrorKind::NotFound, message: "library/python", hint: "library/python" },
    );
    stage.assert_untagged();
}
