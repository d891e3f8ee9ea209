//! Uploads that go another way than the plain one.

use std::sync::Arc;

use haute_container::registry::{Anonymous, BlobSource, NothingMissing, PushSource};
use haute_core::error::ErrorKind;
use haute_core::event::Event;
use haute_test_services::proxy::{Answer, Fault, Moment, Rule};
use haute_test_services::{Program, Registry, RegistryOptions, both, require, test};
use libtest_mimic::{Failed, Trial};

use crate::expect::{Says, assert_says, refused, survived, trial};
use crate::image::{REPOSITORY, TAG};
use crate::stage::{Stage, quick};

const BEGIN: &str = "/v2/*/blobs/uploads/";
const UPLOAD: &str = "/v2/*/blobs/uploads/*digest=*";
const SESSION: &str = "/v2/*/blobs/uploads/*";
/// More than half of the largest layer.
const HALF: u64 = 250_000;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("uploads::nothing_goes_wrong", nothing_goes_wrong),
        test(
            "uploads::others_read_what_arrived",
            both(
                require("`docker-registry`", Registry::find()),
                require("`skopeo`", Program::find("skopeo")),
            ),
            |((), skopeo)| others_read(&skopeo),
        ),
        trial("uploads::addresses_without_a_host", relative_addresses),
        survived("uploads::damaged_on_its_way", || {
            let answer =
                Answer::error(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
            vec![Rule::on("PUT", UPLOAD, Fault::Answer(answer)).first(1)]
        }),
        trial("uploads::a_file_that_changed_meanwhile", a_file_that_changed),
        trial("uploads::a_file_that_shrank_meanwhile", a_file_that_shrank),
        survived("uploads::another_digest_is_answered_once", || {
            vec![Rule::on("PUT", UPLOAD, other_digest()).first(1)]
        }),
        survived("uploads::no_digest_is_answered", || {
            vec![Rule::on("PUT", UPLOAD, Fault::Header("Docker-Content-Digest", None))]
        }),
        survived("uploads::taken_and_not_kept", || {
            vec![Rule::on("PUT", UPLOAD, Fault::Answer(Answer::status(201))).first(1)]
        }),
        survived("uploads::forgotten_before_it_is_used", || {
            let answer = Answer::error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
            vec![Rule::on("PUT", UPLOAD, Fault::Answer(answer)).first(1)]
        }),
        refused(
            "uploads::no_address_to_send_to",
            || vec![Rule::on("POST", BEGIN, Fault::Header("Location", None))],
            Says { kind: ErrorKind::Unavailable, message: "without saying where", hint: "" },
        ),
        survived("uploads::another_size_is_told", || {
            vec![Rule::on(
                "HEAD",
                "/v2/*/blobs/*",
                Fault::Answer(Answer::status(200).with_header("Content-Length", "7")),
            )]
        }),
        trial("uploads::the_rest_follows_a_break", the_rest_follows),
        survived("uploads::no_rest_is_taken", || {
            vec![
                Rule::on("PUT", UPLOAD, Fault::Reset(Moment::InRequest(HALF))).first(1),
                Rule::on("GET", SESSION, so_far(HALF)).first(1),
                Rule::on("PATCH", SESSION, Fault::Answer(Answer::status(405))),
            ]
        }),
        survived("uploads::the_rest_is_out_of_order", || {
            vec![
                Rule::on("PUT", UPLOAD, Fault::Reset(Moment::InRequest(HALF))).first(1),
                Rule::on("GET", SESSION, so_far(HALF)).first(1),
                Rule::on("PATCH", SESSION, Fault::Answer(Answer::status(416).with_header("Range", "0-99"))),
            ]
        }),
        survived("uploads::nobody_says_how_far_it_is", || {
            vec![
                Rule::on("PUT", UPLOAD, Fault::Reset(Moment::InRequest(HALF))).first(1),
                Rule::on("GET", SESSION, Fault::Answer(Answer::status(404))),
            ]
        }),
        trial("uploads::what_is_there_is_not_sent", what_is_there),
        trial("uploads::redirected_without_credentials", redirected),
        refused(
            "uploads::redirected_for_ever",
            || {
                vec![Rule::on(
                    "POST",
                    BEGIN,
                    Fault::Answer(Answer::status(307).with_header("Location", "/v2/x/blobs/uploads/")),
                )]
            },
            Says { kind: ErrorKind::Unavailable, message: "redirects more than", hint: "" },
        ),
    ]
}

fn other_digest() -> Fault {
    Fault::Header("Docker-Content-Digest", Some(format!("sha256:{}", "ab".repeat(32))))
}

/// How much of an upload a registry says it has.
fn so_far(bytes: u64) -> Fault {
    let range = format!("0-{}", bytes - 1);
    Fault::Answer(Answer::status(204).with_header("Range", &range))
}

fn nothing_goes_wrong() {
    let stage = Stage::new(Vec::new());
    let pushed = stage.push().unwrap();
    stage.assert_complete();
    assert_eq!((pushed.blobs_uploaded, pushed.blobs_present, pushed.blobs_mounted), (4, 0, 0));
    let size: u64 = stage.image.blobs().map(|(descriptor, _)| descriptor.size).sum();
    assert_eq!(stage.sent("*", "/v2/*/blobs/*"), size, "every byte once");
    // A manifest may be unreadable for who may only push: it is not asked for.
    assert!(stage.proxy.exchanges_of("GET", "/v2/*/manifests/*").is_empty());
    assert!(stage.proxy.exchanges_of("HEAD", "/v2/*/manifests/*").is_empty());
    let mut told = stage.events.events().into_iter().filter_map(|event| match event {
        Event::Progress { done, total, unit, .. } => Some((done, total, unit)),
        _ => None,
    });
    assert_eq!(told.next_back(), Some((size, Some(size), "bytes".to_owned())));
}

/// Another program unpacks every layer of what was pushed through faults, and finds each as its digests say.
fn others_read(skopeo: &Program) -> Result<(), Failed> {
    let rules = vec![
        Rule::on("PUT", UPLOAD, Fault::Reset(Moment::InRequest(HALF))).first(1),
        Rule::on("POST", BEGIN, Fault::Answer(Answer::status(503))).first(2),
    ];
    let stage = Stage::new(rules);
    stage.push()?;
    let directory = tempfile::tempdir()?;
    let from = format!("docker://{}/{REPOSITORY}:{TAG}", stage.registry.address());
    let to = format!("docker-archive:{}:copied:1", directory.path().join("image.tar").display());
    skopeo.run(["copy", "--src-tls-verify=false", &from, &to])?;
    Ok(())
}

fn relative_addresses() {
    let options = RegistryOptions::plain().with_relative_addresses();
    let stage = Stage::with(options, Vec::new(), None, Arc::new(Anonymous), &quick());
    stage.push().unwrap();
    stage.assert_complete();
}

/// The source is not what its digest says: that is said, and not blamed on the registry.
fn a_file_that_changed() {
    let stage = Stage::new(Vec::new());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("layer");
    let mut bytes = stage.image.layers[0].clone();
    bytes[1000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let first = stage.image.first();
    let push = stage.image.push_from(|descriptor, bytes| {
        PushSource::Blob(if *descriptor == first {
            BlobSource::File(path.clone())
        } else {
            BlobSource::Bytes(bytes.clone().into())
        })
    });
    let error = stage.push_so(&push, &NothingMissing).unwrap_err();
    assert_says(
        &error,
        Says {
            kind: ErrorKind::BuildFailed,
            message: "changed while it was pushed",
            hint: "nothing was tagged",
        },
    );
    stage.assert_untagged();
}

fn a_file_that_shrank() {
    let stage = Stage::new(Vec::new());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("layer");
    std::fs::write(&path, &stage.image.layers[0][..1000]).unwrap();
    let push = stage.image.push_from(|_, _| PushSource::Blob(BlobSource::File(path.clone())));
    let error = stage.push_so(&push, &NothingMissing).unwrap_err();
    assert_says(
        &error,
        Says { kind: ErrorKind::BuildFailed, message: "changed while it was pushed", hint: "" },
    );
    stage.assert_untagged();
}

/// After a break in the middle of a blob, what the registry says it has is not sent again.
fn the_rest_follows() {
    let stage = Stage::new(vec![Rule::on("PUT", UPLOAD, Fault::Keep(HALF)).first(1)]);
    stage.push().unwrap();
    stage.assert_complete();
    let rest = stage.image.first().size - HALF;
    assert_eq!(stage.sent("PATCH", SESSION), rest, "{:#?}", stage.proxy.exchanges());
    let size: u64 = stage.image.blobs().map(|(descriptor, _)| descriptor.size).sum();
    assert_eq!(stage.sent("*", "/v2/*/blobs/*"), size, "every byte once");
}

/// A second push of the same image moves no blob.
fn what_is_there() {
    let stage = Stage::new(Vec::new());
    stage.push().unwrap();
    stage.proxy.restart(Vec::new());
    let again = stage.push().unwrap();
    assert_eq!((again.blobs_uploaded, again.blobs_present), (0, 4));
    assert!(stage.proxy.exchanges_of("POST", "*").is_empty());
    assert!(again.bytes_moved < 3_000, "{}", again.bytes_moved);
    stage.assert_complete();
}

/// Uploads may be sent elsewhere (a storage's own address); who calls is told to the registry only.
fn redirected() {
    let credentials = Arc::new(crate::stage::User("builder", "word"));
    let tokens = haute_test_services::proxy::Tokens::for_user("builder", "word");
    let stage = Stage::with_tokens(Vec::new(), tokens, credentials);
    let elsewhere = haute_test_services::FaultProxy::start(&stage.registry, Vec::new()).unwrap();
    stage.proxy.restart(vec![Rule::on("PUT", UPLOAD, Fault::Redirect(elsewhere.url()))]);
    stage.push().unwrap();
    stage.assert_complete();
    let there = elsewhere.exchanges();
    assert_eq!(there.len(), 4, "{there:#?}");
    assert!(there.iter().all(|exchange| exchange.authorization.is_none()), "{there:#?}");
    let here = stage.proxy.exchanges_of("PUT", UPLOAD);
    assert!(here.iter().all(|exchange| exchange.authorization.is_some()), "{here:#?}");
}
