//! A push that is stopped leaves no tag, and the next one sends what is missing.

use std::sync::Arc;

use haute_container::registry::{NothingMissing, Pushed};
use haute_core::error::{ErrorKind, Result};
use haute_test_services::proxy::{Fault, Gate, Rule};
use libtest_mimic::Trial;

use crate::expect::{Says, assert_says, trial};
use crate::stage::{Stage, block_on};

const UPLOAD: &str = "/v2/*/blobs/uploads/*digest=*";
const BY_DIGEST: &str = "/v2/*/manifests/sha256:*";
const BY_TAG: &str = "/v2/*/manifests/a1b2c3d";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("cancel::in_the_middle_of_a_blob", in_a_blob),
        trial("cancel::when_the_manifest_is_sent", in_the_manifest),
        trial("cancel::when_the_tag_is_written", in_the_tag),
        trial("cancel::before_anything", before_anything),
        trial("cancel::by_dropping_the_call", by_dropping),
    ]
}

/// Pushes until a request stands at the gate, and stops. `lets_go`: the request goes on then; else the registry never gets it.
fn stopped_at(stage: &Stage, gate: &Gate, lets_go: bool) -> Result<Pushed> {
    block_on(async {
        let push = stage.image.push();
        let context = stage.context();
        let stop = async {
            gate.reached().await;
            stage.cancellation.cancel();
            if lets_go {
                gate.open();
            }
        };
        let (pushed, ()) = tokio::join!(stage.client.push(&push, &NothingMissing, &context), stop);
        pushed
    })
}

const STOPPED: Says = Says { kind: ErrorKind::Cancelled, message: "before its tag", hint: "not sent twice" };

fn in_a_blob() {
    let gate = Gate::closed();
    // The second blob: the first has arrived.
    let hold = Fault::Hold { after: 1_000, gate: gate.clone() };
    let stage = Stage::new(vec![Rule::on("PUT", UPLOAD, hold).after(1).first(1)]);
    assert_says(&stopped_at(&stage, &gate, false).unwrap_err(), STOPPED);
    stage.assert_untagged();
    goes_on(stage, 3);
}

fn in_the_manifest() {
    let gate = Gate::closed();
    let stage = Stage::new(vec![Rule::on("PUT", BY_DIGEST, Fault::Hold { after: 0, gate: gate.clone() })]);
    assert_says(&stopped_at(&stage, &gate, false).unwrap_err(), STOPPED);
    stage.assert_untagged();
    goes_on(stage, 0);
}

/// Whether a tag that is being written was written nobody could say: that call goes to its end.
fn in_the_tag() {
    let gate = Gate::closed();
    let stage = Stage::new(vec![Rule::on("PUT", BY_TAG, Fault::Hold { after: 0, gate: gate.clone() })]);
    let pushed = stopped_at(&stage, &gate, true).unwrap();
    assert_eq!(pushed.digest, stage.image.digest());
    stage.assert_complete();
}

fn before_anything() {
    let stage = Stage::new(Vec::new());
    stage.cancellation.cancel();
    assert_says(&stage.push().unwrap_err(), STOPPED);
    assert!(stage.proxy.exchanges().is_empty(), "{:#?}", stage.proxy.exchanges());
}

fn by_dropping() {
    let gate = Gate::closed();
    let stage = Stage::new(vec![Rule::on("PUT", BY_DIGEST, Fault::Hold { after: 0, gate: gate.clone() })]);
    block_on(async {
        let push = stage.image.push();
        let context = stage.context();
        tokio::select! {
            _ = stage.client.push(&push, &NothingMissing, &context) => {}
            () = gate.reached() => {}
        }
    });
    gate.open();
    stage.assert_untagged();
    goes_on(stage, 0);
}

/// A second push of the same image sends so many blobs and is complete.
fn goes_on(mut stage: Stage, blobs: usize) {
    stage.proxy.restart(Vec::new());
    stage.cancellation = haute_core::target::Cancellation::default();
    stage.events = Arc::default();
    let pushed = stage.push().unwrap();
    stage.assert_complete();
    assert_eq!((pushed.blobs_uploaded, pushed.blobs_present), (blobs, 4 - blobs));
}
