//! Connections that are cut, slow, silent or never made.

use std::sync::Arc;
use std::time::{Duration, Instant};

use haute_container::registry::{Anonymous, NothingMissing};
use haute_core::error::ErrorKind;
use haute_core::event::RecordingSink;
use haute_core::target::{Cancellation, Context};
use haute_test_services::RegistryOptions;
use haute_test_services::proxy::{Fault, Moment, Rule};
use libtest_mimic::Trial;

use crate::expect::{Says, assert_met, assert_says, refused, survived, trial};
use crate::image::Image;
use crate::stage::{Stage, block_on, client_of, quick};

const BEGIN: &str = "/v2/*/blobs/uploads/";
const UPLOAD: &str = "/v2/*/blobs/uploads/*digest=*";
const BY_DIGEST: &str = "/v2/*/manifests/sha256:*";
const BY_TAG: &str = "/v2/*/manifests/a1b2c3d";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        survived("connections::reset_when_a_blob_is_asked_for", || {
            vec![Rule::on("HEAD", "/v2/*/blobs/*", Fault::Reset(Moment::BeforeAnswer)).first(2)]
        }),
        survived("connections::reset_when_an_upload_begins", || {
            vec![Rule::on("POST", BEGIN, Fault::Reset(Moment::BeforeAnswer)).first(1)]
        }),
        survived("connections::reset_when_an_upload_has_begun", || {
            vec![Rule::on("POST", BEGIN, Fault::Reset(Moment::AfterEffect)).first(1)]
        }),
        survived("connections::reset_before_the_first_byte_of_a_blob", || {
            vec![Rule::on("PUT", UPLOAD, Fault::Reset(Moment::InRequest(0))).first(1)]
        }),
        survived("connections::reset_in_the_middle_of_a_blob", || {
            vec![Rule::on("PUT", UPLOAD, Fault::Reset(Moment::InRequest(150_000))).first(2)]
        }),
        trial("connections::reset_when_a_blob_is_stored_sends_it_once", stored_and_not_told),
        survived("connections::reset_when_the_manifest_is_sent", || {
            vec![Rule::on("PUT", BY_DIGEST, Fault::Reset(Moment::BeforeAnswer)).first(1)]
        }),
        survived("connections::reset_when_the_manifest_is_stored", || {
            vec![Rule::on("PUT", BY_DIGEST, Fault::Reset(Moment::AfterEffect)).first(1)]
        }),
        survived("connections::reset_when_the_tag_is_written", || {
            vec![Rule::on("PUT", BY_TAG, Fault::Reset(Moment::AfterEffect)).first(1)]
        }),
        survived("connections::reset_in_the_answer_to_the_tag", || {
            vec![Rule::on("PUT", BY_TAG, Fault::Reset(Moment::InAnswer(0))).first(1)]
        }),
        refused(
            "connections::reset_always",
            || vec![Rule::on("PUT", UPLOAD, Fault::Reset(Moment::InRequest(1_000)))],
            Says { kind: ErrorKind::Unavailable, message: "broke off", hint: "" },
        ),
        survived("connections::everything_is_late", || {
            vec![Rule::on("*", "*", Fault::Delay(Duration::from_millis(40)))]
        }),
        trial("connections::silence_once", silence_once),
        trial("connections::silence_always", silence_always),
        trial("connections::silence_after_a_blob", silence_after_a_blob),
        trial("connections::several_at_a_time", several_at_a_time),
        trial("connections::refused", nobody_listens),
        trial("connections::no_such_host", no_such_host),
        trial("connections::unknown_authority", unknown_authority),
        trial("connections::known_authority", known_authority),
        trial("connections::plain_where_tls_is_spoken", plain_to_tls),
        trial("connections::tls_where_plain_is_spoken", tls_to_plain),
    ]
}

/// The answer is lost, not the blob: it is asked for, and not sent again.
fn stored_and_not_told() {
    let stage = Stage::new(vec![Rule::on("PUT", UPLOAD, Fault::Reset(Moment::AfterEffect)).first(1)]);
    stage.push().unwrap();
    stage.assert_complete();
    let size: u64 = stage.image.blobs().map(|(descriptor, _)| descriptor.size).sum();
    assert_eq!(stage.sent("*", "/v2/*/blobs/*"), size);
}

fn silence_once() {
    let stage = Stage::impatient(vec![Rule::on("HEAD", "/v2/*/blobs/*", Fault::Hang).first(1)]);
    stage.push().unwrap();
    stage.assert_complete();
    assert_met(&stage, 1);
}

fn silence_always() {
    let (stage, old) = Stage::impatient(vec![Rule::on("PUT", BY_DIGEST, Fault::Hang)]).with_old_image();
    let error = stage.push().unwrap_err();
    assert_says(&error, Says { kind: ErrorKind::Timeout, message: "silent", hint: "" });
    stage.assert_stored(&old);
}

/// All of a blob has left, and no answer comes: whether it arrived is asked, and then it is sent again.
fn silence_after_a_blob() {
    let stage = Stage::impatient(vec![Rule::on("PUT", UPLOAD, Fault::Hang).first(1)]);
    stage.push().unwrap();
    stage.assert_complete();
    assert_met(&stage, 1);
}

/// Faults of one blob do not spoil another one that is sent beside it.
fn several_at_a_time() {
    let rules = vec![
        Rule::on("PUT", UPLOAD, Fault::Reset(Moment::InRequest(200))).first(2),
        Rule::on("POST", BEGIN, Fault::Reset(Moment::BeforeAnswer)).first(2),
        Rule::on("HEAD", "/v2/*/blobs/*", Fault::Reset(Moment::AfterEffect)).first(2),
    ];
    let stage = Stage::new(rules);
    stage.push_so(&stage.image.push().with_parallel(6), &NothingMissing).unwrap();
    stage.assert_complete();
    assert_met(&stage, 3);
}

fn nobody_listens() {
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    fails_at(
        &free,
        Says { kind: ErrorKind::Unavailable, message: "cannot be reached", hint: "reached from here" },
    );
}

fn no_such_host() {
    let says = Says { kind: ErrorKind::Unavailable, message: "cannot be reached", hint: "right name" };
    // Never resolves (RFC 6761 §6.4).
    fails_at("registry.invalid:5000", says);
}

fn fails_at(address: &str, says: Says) {
    let client = client_of(address, Arc::new(Anonymous), &quick().with_insecure(address));
    let context = Context::new(Arc::new(RecordingSink::default()), Cancellation::default());
    let begun = Instant::now();
    let error = block_on(client.push(&Image::new(1).push(), &NothingMissing, &context)).unwrap_err();
    assert_says(&error, says);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

fn unknown_authority() {
    let options = RegistryOptions::plain().with_tls();
    let stage = Stage::with(options, Vec::new(), None, Arc::new(Anonymous), &quick());
    let address = stage.registry.address();
    let client = client_of(address, Arc::new(Anonymous), &quick().with_secure(address));
    let error = block_on(client.push(&stage.image.push(), &NothingMissing, &stage.context())).unwrap_err();
    assert_says(
        &error,
        Says { kind: ErrorKind::Unavailable, message: "no encrypted connection", hint: "SSL_CERT_FILE" },
    );
    stage.assert_untagged();
}

fn known_authority() {
    let options = RegistryOptions::plain().with_tls();
    let stage = Stage::with(options, Vec::new(), None, Arc::new(Anonymous), &quick());
    let address = stage.registry.address();
    let authority = std::fs::read(stage.registry.certificates().unwrap().authority()).unwrap();
    let options = quick().with_secure(address).with_certificates(authority);
    let client = client_of(address, Arc::new(Anonymous), &options);
    block_on(client.push(&stage.image.push(), &NothingMissing, &stage.context())).unwrap();
    stage.assert_complete();
}

fn plain_to_tls() {
    let options = RegistryOptions::plain().with_tls();
    let stage = Stage::with(options, Vec::new(), None, Arc::new(Anonymous), &quick());
    let client = client_of(stage.registry.address(), Arc::new(Anonymous), &quick());
    let error = block_on(client.push(&stage.image.push(), &NothingMissing, &stage.context())).unwrap_err();
    assert_says(
        &error,
        Says { kind: ErrorKind::BuildFailed, message: "HTTP request to an HTTPS server", hint: "" },
    );
    stage.assert_untagged();
}

fn tls_to_plain() {
    let stage = Stage::new(Vec::new());
    let address = stage.registry.address();
    let client = client_of(address, Arc::new(Anonymous), &quick().with_secure(address));
    let error = block_on(client.push(&stage.image.push(), &NothingMissing, &stage.context())).unwrap_err();
    assert_says(
        &error,
        Says { kind: ErrorKind::Unavailable, message: "no encrypted connection", hint: "plain HTTP" },
    );
    stage.assert_untagged();
}
