//! Who calls: tokens that expire, credentials that are refused, and what must not get out.

use std::sync::Arc;

use haute_container::registry::Anonymous;
use haute_core::error::{ErrorKind, chain};
use haute_test_services::RegistryOptions;
use haute_test_services::proxy::{Answer, Fault, Rule, Tokens};
use libtest_mimic::Trial;

use crate::expect::{Says, assert_says, trial};
use crate::image::REPOSITORY;
use crate::stage::{Stage, User, block_on, client_of, quick};

const PASSWORD: &str = "correct horse ?~> battery";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("tokens::for_everybody", for_everybody),
        trial("tokens::expire_half_way", expire_half_way),
        trial("tokens::that_live_no_second", live_no_second),
        trial("tokens::that_live_for_ever", live_for_ever),
        trial("tokens::are_worth_nothing", worth_nothing),
        trial("tokens::for_push_alone", push_alone),
        trial("tokens::of_a_server_in_trouble_once", server_in_trouble),
        trial("tokens::of_a_server_that_is_down", server_down),
        trial("tokens::of_a_server_that_gives_none", server_gives_none),
        trial("tokens::of_a_server_that_is_not_encrypted", server_not_encrypted),
        trial("tokens::a_password_that_is_right", right_password),
        trial("tokens::a_password_that_is_wrong", wrong_password),
        trial("tokens::no_password_at_all", no_password),
        trial("tokens::asked_again_and_again", asked_again_and_again),
        trial("tokens::a_way_to_sign_in_nobody_knows", unknown_scheme),
        trial("tokens::a_registry_that_repeats_the_password", repeats_the_password),
    ]
}

fn user() -> Arc<User> {
    Arc::new(User("builder", PASSWORD))
}

fn asking() -> Tokens {
    Tokens::for_user("builder", PASSWORD)
}

fn for_everybody() {
    let stage = Stage::with_tokens(Vec::new(), Tokens::for_everybody(), Arc::new(Anonymous));
    stage.push().unwrap();
    stage.assert_complete();
    assert_eq!(stage.proxy.exchanges_of("GET", "/token*").len(), 1, "one token is enough");
}

fn expire_half_way() {
    let stage = Stage::with_tokens(Vec::new(), asking().that_expire_after(3), user());
    stage.push().unwrap();
    stage.assert_complete();
    let tokens = stage.proxy.exchanges_of("GET", "/token*").len();
    assert!(tokens >= 3, "{tokens}");
}

/// A server whose clock, or whose number, is wrong.
fn live_no_second() {
    let stage = Stage::with_tokens(Vec::new(), asking().that_live_seconds(0), user());
    stage.push().unwrap();
    stage.assert_complete();
}

fn live_for_ever() {
    let stage = Stage::with_tokens(Vec::new(), asking().that_live_seconds(u64::MAX), user());
    stage.push().unwrap();
    stage.assert_complete();
    assert_eq!(stage.proxy.exchanges_of("GET", "/token*").len(), 1);
}

fn worth_nothing() {
    let stage = Stage::with_tokens(Vec::new(), asking().that_expire_after(0), user());
    let error = stage.push().unwrap_err();
    assert_says(
        &error,
        Says { kind: ErrorKind::Unauthenticated, message: "refused the credentials", hint: "docker login" },
    );
    assert!(stage.proxy.exchanges().len() < 20, "{}", stage.proxy.exchanges().len());
    stage.assert_untagged();
}

/// An account that may push and not pull.
fn push_alone() {
    let stage = Stage::with_tokens(Vec::new(), asking().without("pull"), user());
    stage.push().unwrap();
    stage.assert_complete();
    assert!(stage.proxy.exchanges_of("GET", "/v2/*").is_empty());
    assert!(stage.proxy.exchanges_of("HEAD", "/v2/*/manifests/*").is_empty());
}

fn server_in_trouble() {
    let rules = vec![Rule::on("GET", "/token*", Fault::Answer(Answer::status(503))).first(1)];
    let stage = Stage::with_tokens(rules, asking(), user());
    stage.push().unwrap();
    stage.assert_complete();
}

fn server_down() {
    let rules = vec![Rule::on("GET", "/token*", Fault::Answer(Answer::page(503, "Maintenance")))];
    let stage = Stage::with_tokens(rules, asking(), user());
    let error = stage.push().unwrap_err();
    assert_says(&error, Says { kind: ErrorKind::Unavailable, message: "token", hint: "run it again" });
    stage.assert_untagged();
}

fn server_gives_none() {
    let rules = vec![Rule::on("GET", "/token*", Fault::Answer(Answer::page(200, "Sign in here")))];
    let stage = Stage::with_tokens(rules, asking(), user());
    let error = stage.push().unwrap_err();
    assert_says(&error, Says { kind: ErrorKind::Unauthenticated, message: "gave no token", hint: "" });
    stage.assert_untagged();
}

/// Credentials do not go to a token server anybody on the way can listen to, whoever names it.
fn server_not_encrypted() {
    let challenge = "Bearer realm=\"http://tokens.invalid/token\",service=\"registry\"";
    let answer = Answer::status(401).with_header("WWW-Authenticate", challenge);
    let stage = Stage::with_tokens(vec![Rule::on("*", "/v2/*", Fault::Answer(answer))], asking(), user());
    let error = stage.push().unwrap_err();
    let message = "without encryption, and credentials would be sent";
    assert_says(&error, Says { kind: ErrorKind::Unauthenticated, message, hint: "" });
    assert!(stage.proxy.exchanges().len() < 5);
    stage.assert_untagged();
}

fn right_password() {
    let options = RegistryOptions::plain().with_credentials("builder", PASSWORD);
    let stage = Stage::with(options, Vec::new(), None, user(), &quick());
    let client = client_of(stage.registry.address(), user(), &quick());
    block_on(client.push(&stage.image.push(), &haute_container::registry::NothingMissing, &stage.context()))
        .unwrap();
    stage.assert_complete();
}

fn wrong_password() {
    let options = RegistryOptions::plain().with_credentials("builder", "another");
    let stage = Stage::with(options, Vec::new(), None, user(), &quick());
    let client = client_of(stage.registry.address(), user(), &quick());
    let pushed = block_on(client.push(
        &stage.image.push(),
        &haute_container::registry::NothingMissing,
        &stage.context(),
    ));
    let error = pushed.unwrap_err();
    assert_says(
        &error,
        Says {
            kind: ErrorKind::Unauthenticated,
            message: "refused the credentials",
            hint: "DOCKER_PASSWORD",
        },
    );
    let told = format!("{error:?} {:?} {:?}", chain(&error), stage.events.events());
    assert!(!told.contains("horse"), "the password got out: {told}");
    stage.assert_untagged();
}

fn no_password() {
    let options = RegistryOptions::plain().with_credentials("builder", PASSWORD);
    let stage = Stage::with(options, Vec::new(), None, user(), &quick());
    let client = client_of(stage.registry.address(), Arc::new(Anonymous), &quick());
    let pushed = block_on(client.push(
        &stage.image.push(),
        &haute_container::registry::NothingMissing,
        &stage.context(),
    ));
    assert_says(
        &pushed.unwrap_err(),
        Says { kind: ErrorKind::Unauthenticated, message: "no credentials", hint: "DOCKER_USERNAME" },
    );
    assert!(stage.registry.tags(REPOSITORY).unwrap().is_empty());
}

fn asked_again_and_again() {
    let answer = Answer::error(401, "UNAUTHORIZED", "who are you")
        .with_header("WWW-Authenticate", "Basic realm=\"registry\"");
    let stage = Stage::with_tokens(vec![Rule::on("*", "/v2/*", Fault::Answer(answer))], asking(), user());
    let error = stage.push().unwrap_err();
    assert_says(
        &error,
        Says { kind: ErrorKind::Unauthenticated, message: "refused the credentials", hint: "docker login" },
    );
    assert!(stage.proxy.exchanges().len() <= 5, "{:#?}", stage.proxy.exchanges());
}

fn unknown_scheme() {
    let answer = Answer::status(401).with_header("WWW-Authenticate", "Negotiate");
    let stage = Stage::with_tokens(vec![Rule::on("*", "/v2/*", Fault::Answer(answer))], asking(), user());
    let error = stage.push().unwrap_err();
    assert_says(&error, Says { kind: ErrorKind::Unauthenticated, message: "no way of signing in", hint: "" });
}

fn repeats_the_password() {
    let words = format!("user builder with password {PASSWORD} may not push");
    let rules = vec![Rule::on("POST", "/v2/*", Fault::Answer(Answer::error(403, "DENIED", &words)))];
    let stage = Stage::with_tokens(rules, asking(), user());
    let error = stage.push().unwrap_err();
    assert_says(&error, Says { kind: ErrorKind::PermissionDenied, message: "may not push", hint: "push to" });
    let told = format!("{error:?} {:?} {:?}", chain(&error), stage.events.events());
    assert!(!told.contains("horse"), "the password got out: {told}");
    stage.assert_untagged();
}
