//! Pushes through a network and a registry that fail: each fault is survived, or ends in a clear error and no tag.

use std::time::Duration;

use haute_core::error::ErrorKind;
use haute_test_services::proxy::{Answer, Fault, Moment, Rule};
use haute_test_services::{FaultProxy, Registry, RegistryOptions};
use libtest_mimic::Failed;

use crate::Check;
use crate::support::{Image, REPOSITORY, client, run};

pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("every_fault_that_passes_is_survived", passing_faults),
    ("every_fault_that_stays_is_a_clear_error_without_a_tag", lasting_faults),
    ("a_refusal_before_a_large_blob_is_read_is_heard", early_refusal),
    ("an_answer_that_is_lost_does_not_send_a_blob_twice", lost_answer),
];

const UPLOAD: &str = "/v2/*/blobs/uploads/*";
const BY_DIGEST: &str = "/v2/*/manifests/sha256:*";
const BY_TAG: &str = "/v2/*/manifests/1";

fn passing() -> Vec<(&'static str, Vec<Rule>)> {
    let busy = || Answer::error(429, "TOOMANYREQUESTS", "later").with_header("Retry-After", "0");
    let slow = || Fault::Answer(Answer::status(503));
    vec![
        (
            "a reset before the upload begins",
            vec![Rule::on("POST", UPLOAD, Fault::Reset(Moment::BeforeAnswer)).first(2)],
        ),
        (
            "a reset after the upload began",
            vec![Rule::on("POST", UPLOAD, Fault::Reset(Moment::AfterEffect)).first(2)],
        ),
        (
            "a reset at the first byte of a blob",
            vec![Rule::on("PUT", UPLOAD, Fault::Reset(Moment::InRequest(1))).first(2)],
        ),
        (
            "a reset in the middle of a blob",
            vec![Rule::on("PUT", UPLOAD, Fault::Reset(Moment::InRequest(900_000))).first(2)],
        ),
        (
            "a reset after a blob was stored",
            vec![Rule::on("PUT", UPLOAD, Fault::Reset(Moment::AfterEffect)).first(2)],
        ),
        ("500 to a blob", vec![Rule::on("PUT", UPLOAD, Fault::Answer(Answer::status(500))).first(2)]),
        (
            "502 of a proxy to a blob",
            vec![Rule::on("PUT", UPLOAD, Fault::Answer(Answer::page(502, "no"))).first(2)],
        ),
        (
            "503 before the body of a blob is read",
            vec![Rule::on("PUT", UPLOAD, Fault::AnswerEarly(Answer::status(503))).first(2)],
        ),
        (
            "504 after a blob was stored",
            vec![Rule::on("PUT", UPLOAD, Fault::Replace(Answer::status(504))).first(2)],
        ),
        ("429 with a wait", vec![Rule::on("PUT", UPLOAD, Fault::Answer(busy())).first(2)]),
        ("429 to everything at first", vec![Rule::on("*", "/v2/*", Fault::Answer(busy())).first(6)]),
        ("503 to the first questions", vec![Rule::on("HEAD", "/v2/*", slow()).first(4)]),
        ("408 to a blob", vec![Rule::on("PUT", UPLOAD, Fault::Answer(Answer::status(408))).first(1)]),
        (
            "an upload the registry forgot",
            vec![
                Rule::on(
                    "PUT",
                    UPLOAD,
                    Fault::Answer(Answer::error(404, "BLOB_UPLOAD_UNKNOWN", "what upload")),
                )
                .first(2),
            ],
        ),
        (
            "a blob that is said to have arrived damaged",
            vec![
                Rule::on("PUT", UPLOAD, Fault::Answer(Answer::error(400, "DIGEST_INVALID", "not this")))
                    .first(1),
            ],
        ),
        (
            "a blob stored without naming its digest",
            vec![Rule::on("PUT", UPLOAD, Fault::Header("Docker-Content-Digest", None))],
        ),
        (
            "a blob that is said to be stored and is not",
            vec![Rule::on("PUT", UPLOAD, Fault::Answer(Answer::status(201))).first(1)],
        ),
        ("a registry that does not answer", vec![Rule::on("POST", UPLOAD, Fault::Hang).first(1)]),
        ("a registry that does not answer to a blob", vec![Rule::on("PUT", UPLOAD, Fault::Hang).first(1)]),
        ("a slow registry", vec![Rule::on("*", "/v2/*", Fault::Delay(Duration::from_millis(150)))]),
        (
            "a reset of the manifest",
            vec![Rule::on("PUT", BY_DIGEST, Fault::Reset(Moment::BeforeAnswer)).first(2)],
        ),
        (
            "a lost answer to the manifest",
            vec![Rule::on("PUT", BY_DIGEST, Fault::Reset(Moment::AfterEffect)).first(2)],
        ),
        ("503 to the manifest", vec![Rule::on("PUT", BY_DIGEST, slow()).first(2)]),
        ("a reset of the tag", vec![Rule::on("PUT", BY_TAG, Fault::Reset(Moment::BeforeAnswer)).first(2)]),
        (
            "a lost answer to the tag",
            vec![Rule::on("PUT", BY_TAG, Fault::Reset(Moment::AfterEffect)).first(2)],
        ),
        ("503 to the tag", vec![Rule::on("PUT", BY_TAG, slow()).first(2)]),
        (
            "a refusal that breaks off",
            vec![
                Rule::on(
                    "PUT",
                    BY_TAG,
                    Fault::Answer(Answer::error(500, "UNKNOWN", "x").with_header("Content-Length", "900")),
                )
                .first(1),
            ],
        ),
    ]
}

fn lasting() -> Vec<(&'static str, Vec<Rule>, ErrorKind)> {
    let refusal = |status, code| Fault::Answer(Answer::error(status, code, "no"));
    let moved = Answer::status(307).with_header("Location", "ftp://elsewhere.example/");
    vec![
        (
            "no right to push",
            vec![Rule::on("POST", UPLOAD, refusal(403, "DENIED"))],
            ErrorKind::PermissionDenied,
        ),
        (
            "no such repository",
            vec![Rule::on("POST", UPLOAD, refusal(404, "NAME_UNKNOWN"))],
            ErrorKind::NotFound,
        ),
        ("a quota", vec![Rule::on("PUT", UPLOAD, refusal(507, "DENIED"))], ErrorKind::RateLimited),
        (
            "a limit of a proxy",
            vec![Rule::on("PUT", UPLOAD, Fault::AnswerEarly(Answer::page(413, "too large")))],
            ErrorKind::BuildFailed,
        ),
        ("500 for ever", vec![Rule::on("PUT", UPLOAD, refusal(500, "UNKNOWN"))], ErrorKind::Unavailable),
        (
            "resets for ever",
            vec![Rule::on("PUT", UPLOAD, Fault::Reset(Moment::InRequest(100)))],
            ErrorKind::Unavailable,
        ),
        (
            "a long wait asked for",
            vec![Rule::on(
                "POST",
                UPLOAD,
                Fault::Answer(Answer::error(429, "TOOMANYREQUESTS", "x").with_header("Retry-After", "9999")),
            )],
            ErrorKind::RateLimited,
        ),
        (
            "an upload without a place",
            vec![Rule::on("POST", UPLOAD, Fault::Header("Location", None))],
            ErrorKind::Unavailable,
        ),
        (
            "a place that is no address",
            vec![Rule::on("POST", UPLOAD, Fault::Header("Location", Some("http://[".into())))],
            ErrorKind::Unavailable,
        ),
        (
            "a redirect to something else than HTTP",
            vec![Rule::on("HEAD", "/v2/*", Fault::Answer(moved))],
            ErrorKind::Unavailable,
        ),
        (
            "blobs that vanish",
            vec![Rule::on("PUT", UPLOAD, Fault::Answer(Answer::status(201)))],
            ErrorKind::BuildFailed,
        ),
        (
            "another digest stored",
            vec![
                Rule::on(
                    "PUT",
                    UPLOAD,
                    Fault::Header("Docker-Content-Digest", Some(format!("sha256:{}", "0".repeat(64)))),
                ),
                Rule::on("HEAD", "/v2/*/blobs/*", Fault::Answer(Answer::status(404))),
            ],
            ErrorKind::BuildFailed,
        ),
        (
            "a manifest that is refused",
            vec![Rule::on("PUT", BY_DIGEST, refusal(400, "MANIFEST_INVALID"))],
            ErrorKind::BuildFailed,
        ),
        (
            "a manifest stored as another",
            vec![Rule::on(
                "PUT",
                BY_DIGEST,
                Fault::Header("Docker-Content-Digest", Some(format!("sha256:{}", "0".repeat(64)))),
            )],
            ErrorKind::BuildFailed,
        ),
        (
            "a manifest whose blobs stay unknown",
            vec![Rule::on("PUT", BY_DIGEST, refusal(400, "MANIFEST_BLOB_UNKNOWN"))],
            ErrorKind::Unavailable,
        ),
        (
            "503 to the tag for ever",
            vec![Rule::on("PUT", BY_TAG, refusal(503, "UNAVAILABLE"))],
            ErrorKind::Unavailable,
        ),
        (
            "a tag nobody may write",
            vec![Rule::on("PUT", BY_TAG, refusal(403, "DENIED"))],
            ErrorKind::PermissionDenied,
        ),
        (
            "a page instead of a registry",
            vec![Rule::on("*", "/v2/*", Fault::Answer(Answer::page(200, "welcome")))],
            ErrorKind::Unavailable,
        ),
    ]
}

fn passing_faults() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let proxy = FaultProxy::start(&registry, Vec::new())?;
    let mut failed = Vec::new();
    for (number, (name, rules)) in passing().into_iter().enumerate() {
        let image = Image::new(&[1_500_000, 30_000], 100 + 10 * number as u64);
        let rule_count = rules.len();
        proxy.restart(rules);
        match run(async { image.push_as(&client(proxy.address()), "1").await }) {
            Err(error) => failed.push(format!("{name}: {error:?}")),
            Ok(pushed) => {
                assert_eq!(registry.digest_of(REPOSITORY, "1")?, Some(pushed.digest), "{name}");
                for (layer, _) in &image.layers {
                    assert_eq!(registry.blobs().get(&layer.digest), Some(&layer.size), "{name}");
                }
                for rule in 0..rule_count {
                    assert!(proxy.used(rule)? > 0, "{name}: the fault was never met");
                }
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n").into()) }
}

fn lasting_faults() -> Result<(), Failed> {
    let mut failed = Vec::new();
    for (number, (name, rules, kind)) in lasting().into_iter().enumerate() {
        let registry = Registry::start(RegistryOptions::plain())?;
        let proxy = FaultProxy::start(&registry, rules)?;
        let image = Image::new(&[300_000, 3_000], 10 * number as u64);
        match run(async { image.push_as(&client(proxy.address()), "1").await }) {
            Ok(_) => failed.push(format!("{name}: pushed")),
            Err(error) if error.kind() != kind => failed.push(format!("{name}: {error:?}")),
            Err(error) => {
                assert!(
                    error.operation().is_some_and(|operation| operation.starts_with("registry.")),
                    "{name}"
                );
                assert!(error.to_string().contains(proxy.address()), "{name}: {error}");
            }
        }
        assert!(registry.tags(REPOSITORY)?.is_empty(), "{name}: something was tagged");
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n").into()) }
}

fn lost_answer() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let rules = vec![Rule::on("PUT", UPLOAD, Fault::Reset(Moment::AfterEffect))];
    let proxy = FaultProxy::start(&registry, rules)?;
    let image = Image::new(&[1_000_000], 1);
    run(async { image.push_as(&client(proxy.address()), "1").await })?;
    let sent: u64 = proxy.exchanges_of("PUT", UPLOAD).iter().map(|exchange| exchange.sent).sum();
    assert!(sent < 1_100_000, "{sent}");
    Ok(())
}

/// A registry that answers without reading on: the answer must be heard over the noise of a connection that breaks.
fn early_refusal() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let image = Image::new(&[30_000_000], 2);
    let large = format!("*{}*", image.layers[0].0.digest.hex());
    let proxy = FaultProxy::start(&registry, Vec::new())?;
    for (status, kind) in [(413, ErrorKind::BuildFailed), (403, ErrorKind::PermissionDenied)] {
        let refusal = Fault::AnswerEarly(Answer::error(status, "SIZE_LIMIT", "no"));
        proxy.restart(vec![Rule::on("PUT", &large, refusal)]);
        let error = run(async { image.push_as(&client(proxy.address()), "1").await }).unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
    }
    let busy = Fault::AnswerEarly(Answer::status(503));
    proxy.restart(vec![Rule::on("PUT", &large, busy).first(2)]);
    run(async { image.push_as(&client(proxy.address()), "1").await })?;
    Ok(())
}
