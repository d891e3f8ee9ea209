//! What Amazon's ECR does otherwise than others (its tracker: aws/containers-roadmap 2831, 2860; dotnet/sdk-container-builds 279).

use haute_core::error::ErrorKind;
use haute_test_services::proxy::{Answer, Fault, Moment, Rule, Tokens};
use libtest_mimic::Trial;
use std::sync::Arc;

use crate::expect::{Says, assert_met, assert_says, refused, survived, trial};
use crate::image::{REPOSITORY, TAG};
use crate::stage::{Stage, User};

const BEGIN: &str = "/v2/*/blobs/uploads/";
const UPLOAD: &str = "/v2/*/blobs/uploads/*digest=*";
const SESSION: &str = "/v2/*/blobs/uploads/*";
const BY_TAG: &str = "/v2/*/manifests/a1b2c3d";
const HALF: u64 = 250_000;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        survived("amazon::the_rest_of_an_upload_is_lost_without_a_word", || {
            vec![
                Rule::on("PUT", UPLOAD, Fault::Reset(Moment::InRequest(HALF))).first(1),
                Rule::on("GET", SESSION, Fault::Answer(Answer::status(204).with_header("Range", "0-249999")))
                    .first(1),
                Rule::on("PATCH", SESSION, Fault::Answer(Answer::status(201))),
            ]
        }),
        trial("amazon::a_fixed_tag_with_the_same_content", same_content),
        trial("amazon::a_fixed_tag_with_other_content", other_content),
        trial("amazon::a_fixed_tag_that_cannot_be_read", unreadable_tag),
        refused(
            "amazon::a_missing_repository_cuts_the_connection",
            || vec![Rule::on("POST", BEGIN, Fault::Reset(Moment::BeforeAnswer))],
            Says { kind: ErrorKind::Unavailable, message: "broke off", hint: "" },
        ),
        refused(
            "amazon::too_many_images",
            || {
                let answer = Answer::error(429, "TOOMANYREQUESTS", "Rate exceeded");
                vec![Rule::on("PUT", "/v2/*/manifests/sha256:*", Fault::Answer(answer))]
            },
            Says { kind: ErrorKind::RateLimited, message: "Rate exceeded", hint: "" },
        ),
    ]
}

fn fixed() -> Fault {
    let words = "The image tag 'a1b2c3d' already exists in the 'pricing/motor' repository and cannot be overwritten because the tag is immutable.";
    Fault::Answer(Answer::error(400, "TAG_INVALID", words))
}

fn same_content() {
    let stage = Stage::new(Vec::new());
    stage.push().unwrap();
    stage.proxy.restart(vec![Rule::on("PUT", BY_TAG, fixed())]);
    let again = stage.push().unwrap();
    assert!(again.tag_existed);
    assert_eq!(again.digest, stage.image.digest());
    assert_met(&stage, 1);
    stage.assert_complete();
}

fn other_content() {
    let (stage, old) = Stage::new(vec![Rule::on("PUT", BY_TAG, fixed())]).with_old_image();
    let error = stage.push().unwrap_err();
    assert_says(
        &error,
        Says { kind: ErrorKind::AlreadyExists, message: "stands for another image", hint: "another tag" },
    );
    for digest in [old.digest(), stage.image.digest()] {
        assert!(error.to_string().contains(digest.as_str()), "{error}");
    }
    stage.assert_stored(&old);
    // By its digest the new image is there.
    assert!(stage.registry.manifest(REPOSITORY, stage.image.digest().as_str()).unwrap().is_some());
}

fn unreadable_tag() {
    let tokens = Tokens::for_user("builder", "word").without("pull");
    let rules = vec![Rule::on("PUT", BY_TAG, fixed())];
    let (stage, old) = Stage::with_tokens(rules, tokens, Arc::new(User("builder", "word"))).with_old_image();
    let error = stage.push().unwrap_err();
    assert_says(&error, Says { kind: ErrorKind::AlreadyExists, message: TAG, hint: "cannot be read" });
    stage.assert_stored(&old);
}
