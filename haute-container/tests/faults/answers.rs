//! Answers that say no, or later, or nothing anybody can read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use haute_container::registry::Anonymous;
use haute_core::error::ErrorKind;
use haute_test_services::RegistryOptions;
use haute_test_services::proxy::{Answer, Fault, Rule};
use libtest_mimic::Trial;

use crate::expect::{Says, assert_says, refused, survived, trial};
use crate::stage::{Stage, quick};

const UPLOAD: &str = "/v2/*/blobs/uploads/*digest=*";
const BY_DIGEST: &str = "/v2/*/manifests/sha256:*";
const BY_TAG: &str = "/v2/*/manifests/a1b2c3d";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        survived("answers::later_without_a_time", || vec![Rule::on("*", "/v2/*", later(None)).first(3)]),
        trial("answers::later_by_a_time_is_kept", a_time_is_kept),
        refused(
            "answers::later_always",
            || vec![Rule::on("POST", "/v2/*", later(None))],
            Says { kind: ErrorKind::RateLimited, message: "asks to slow down", hint: "later" },
        ),
        trial("answers::much_later_is_not_waited_for", much_later),
        survived("answers::trouble_everywhere_once", || {
            vec![
                Rule::on("HEAD", "/v2/*/blobs/*", Fault::Answer(Answer::status(500))).first(1),
                Rule::on("POST", "/v2/*", Fault::Answer(Answer::page(502, "Bad Gateway"))).first(1),
                Rule::on("PUT", UPLOAD, Fault::Answer(Answer::error(503, "UNAVAILABLE", "busy"))).first(1),
                Rule::on("PUT", BY_DIGEST, Fault::Answer(Answer::status(504))).first(1),
                Rule::on("PUT", BY_TAG, Fault::Answer(Answer::page(500, "Oops"))).first(1),
            ]
        }),
        survived("answers::trouble_before_the_body_is_read", || {
            vec![Rule::on("PUT", UPLOAD, Fault::AnswerEarly(Answer::page(502, "Bad Gateway"))).first(1)]
        }),
        refused(
            "answers::trouble_with_every_blob",
            || {
                vec![Rule::on(
                    "PUT",
                    UPLOAD,
                    Fault::Answer(Answer::error(503, "UNAVAILABLE", "storage is down")),
                )]
            },
            Says { kind: ErrorKind::Unavailable, message: "storage is down", hint: "not sent twice" },
        ),
        refused(
            "answers::trouble_with_the_tag",
            || vec![Rule::on("PUT", BY_TAG, Fault::Answer(Answer::status(500)))],
            Says { kind: ErrorKind::Unavailable, message: "answer: 500", hint: "run it again" },
        ),
        refused(
            "answers::a_page_that_forbids",
            || vec![Rule::on("POST", "/v2/*", Fault::Answer(Answer::page(403, "Forbidden by the company")))],
            Says {
                kind: ErrorKind::PermissionDenied,
                message: "does not allow",
                hint: "push to `pricing/motor`",
            },
        ),
        refused(
            "answers::too_large_for_a_proxy",
            || {
                vec![Rule::on(
                    "PUT",
                    UPLOAD,
                    Fault::AnswerEarly(Answer::page(413, "Request Entity Too Large")),
                )]
            },
            Says { kind: ErrorKind::BuildFailed, message: "413", hint: "client_max_body_size" },
        ),
        refused(
            "answers::no_room_left",
            || vec![Rule::on("PUT", UPLOAD, Fault::Answer(Answer::error(507, "UNKNOWN", "quota exceeded")))],
            Says { kind: ErrorKind::RateLimited, message: "quota exceeded", hint: "no room left" },
        ),
        refused(
            "answers::no_such_repository",
            || {
                vec![Rule::on(
                    "POST",
                    "/v2/*",
                    Fault::Answer(Answer::error(404, "NAME_UNKNOWN", "no such repository")),
                )]
            },
            Says { kind: ErrorKind::NotFound, message: "NAME_UNKNOWN", hint: "created" },
        ),
        refused(
            "answers::a_status_nobody_knows",
            || vec![Rule::on("POST", "/v2/*", Fault::Answer(Answer::status(299)))],
            Says { kind: ErrorKind::Unavailable, message: "without saying where", hint: "" },
        ),
        trial("answers::a_registry_that_takes_nothing", read_only),
        trial("answers::what_a_terminal_would_act_on_is_left_out", control_characters),
    ]
}

fn later(seconds: Option<&str>) -> Fault {
    let answer = Answer::error(429, "TOOMANYREQUESTS", "too many requests");
    Fault::Answer(match seconds {
        Some(seconds) => answer.with_header("Retry-After", seconds),
        None => answer,
    })
}

fn a_time_is_kept() {
    let stage = Stage::new(vec![Rule::on("POST", "/v2/*", later(Some("1"))).first(1)]);
    let begun = Instant::now();
    stage.push().unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    stage.assert_complete();
}

fn much_later() {
    let stage = Stage::new(vec![Rule::on("POST", "/v2/*", later(Some("3600")))]);
    let error = stage.push().unwrap_err();
    assert_says(&error, Says { kind: ErrorKind::RateLimited, message: "slow down", hint: "later" });
    assert_eq!(stage.proxy.exchanges_of("POST", "*").len(), 1, "asked again before the time");
    stage.assert_untagged();
}

fn read_only() {
    let options = RegistryOptions::plain().read_only();
    let stage = Stage::with(options, Vec::new(), None, Arc::new(Anonymous), &quick());
    let error = stage.push().unwrap_err();
    assert_says(&error, Says { kind: ErrorKind::Unsupported, message: "405", hint: "" });
    stage.assert_untagged();
}

fn control_characters() {
    let words = "no\u{1b}[31m room\u{7}";
    let stage =
        Stage::new(vec![Rule::on("POST", "/v2/*", Fault::Answer(Answer::error(400, "DENIED", words)))]);
    let error = stage.push().unwrap_err();
    assert_says(&error, Says { kind: ErrorKind::PermissionDenied, message: "room", hint: "" });
    assert!(!format!("{error} {error:?}").contains(['\u{1b}', '\u{7}']), "{error}");
}
