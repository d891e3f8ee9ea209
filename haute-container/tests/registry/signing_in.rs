//! Who signs in, how often, and to whom a password is never shown.

use haute_container::registry::{Credentials, DockerCredentials, Presence};
use haute_core::error::{ErrorKind, chain};
use haute_core::variables::Variables;
use haute_test_services::proxy::{Answer, Fault, Rule, Tokens};
use haute_test_services::{FaultProxy, Registry, RegistryOptions};
use libtest_mimic::Failed;
use std::sync::Arc;

use crate::Check;
use crate::support::{Changing, Image, REPOSITORY, client, client_with, context, noise, options, quiet, run};

pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("a_password_of_the_variables_is_used", password_of_variables),
    ("a_wrong_password_is_said_and_not_shown", wrong_password),
    ("no_credentials_at_all_say_what_to_set", no_credentials),
    ("a_token_is_fetched_once_and_shared", token_is_shared),
    ("a_token_that_expires_half_way_is_renewed", token_expires),
    ("a_password_that_expires_half_way_is_asked_for_anew", password_expires),
    ("a_token_that_is_never_good_ends_the_push", token_worth_nothing),
    ("tokens_to_push_only_are_enough", push_only_tokens),
    ("a_token_server_without_encryption_is_refused", plain_realm),
    ("a_host_that_is_redirected_to_is_told_nothing", redirect),
    ("a_registry_that_repeats_the_password_is_not_quoted", echoed_password),
];

const SECRET: &str = "pass-w0rd-nobody-sees";

fn password() -> Credentials {
    Credentials::password("builder", SECRET)
}

fn password_of_variables() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain().with_credentials("builder", SECRET))?;
    let variables: Variables =
        [("DOCKER_USERNAME", "builder"), ("DOCKER_PASSWORD", SECRET)].into_iter().collect();
    let source = DockerCredentials::new(variables).with_variables_for(registry.address());
    let client = client_with(registry.address(), Arc::new(source), &options());
    let pushed = run(async { Image::new(&[10_000], 1).push_as(&client, "1").await })?;
    assert_eq!(registry.digest_of(REPOSITORY, "1")?, Some(pushed.digest));
    assert!(!format!("{client:?}").contains(SECRET));
    Ok(())
}

fn wrong_password() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain().with_credentials("builder", "another"))?;
    let proxy = FaultProxy::start(&registry, Vec::new())?;
    let client = client_with(proxy.address(), Changing::always(password()), &options());
    let error = run(async { Image::new(&[10], 2).push_as(&client, "1").await }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.hints().iter().any(|hint| hint.contains("docker login")));
    assert!(!format!("{error:?}{:?}", chain(&error)).contains(SECRET));
    // The blobs are asked for side by side; none of them tries the same password again and again.
    assert!(proxy.exchanges().len() <= 6, "{}", proxy.exchanges().len());
    Ok(())
}

fn no_credentials() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain().with_credentials("builder", SECRET))?;
    run(async {
        let error = Image::new(&[10], 3).push_as(&client(registry.address()), "1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        let hints = error.hints().join("\n");
        assert!(hints.contains("DOCKER_USERNAME") && hints.contains(registry.address()), "{hints}");
    });
    Ok(())
}

fn token_is_shared() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let proxy = FaultProxy::start_with(&registry, Vec::new(), Some(Tokens::for_user("builder", SECRET)))?;
    let source = Changing::always(password());
    let client = client_with(proxy.address(), source.clone(), &options());
    let image = Image::new(&[10_000, 20_000, 30_000, 40_000], 4);
    run(async { image.push_as(&client, "1").await })?;
    assert_eq!(proxy.exchanges_of("GET", "/token*").len(), 1);
    assert_eq!(*source.asked.lock().unwrap(), [(proxy.address().to_owned(), false)]);
    for exchange in proxy.exchanges_of("*", "/v2/*") {
        let shown = exchange.authorization.unwrap_or_default();
        assert!(shown.is_empty() || shown.starts_with("Bearer "), "a password went to the registry itself");
    }
    Ok(())
}

fn token_expires() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let tokens = Tokens::for_user("builder", SECRET).that_expire_after(3);
    let proxy = FaultProxy::start_with(&registry, Vec::new(), Some(tokens))?;
    let client = client_with(proxy.address(), Changing::always(password()), &options());
    let image = Image::new(&[500_000, 20_000, 30_000], 5);
    let pushed =
        run(async { client.push(&image.push().with_tag("1").with_parallel(1), &image, &context().0).await })?;
    assert_eq!(registry.digest_of(REPOSITORY, "1")?, Some(pushed.digest));
    assert!(proxy.exchanges_of("GET", "/token*").len() > 2);
    Ok(())
}

fn password_expires() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain().with_credentials("builder", SECRET))?;
    let source = Changing::new(Some(Credentials::password("builder", "expired")), Some(password()));
    let client = client_with(registry.address(), source.clone(), &options());
    run(async { Image::new(&[10_000], 6).push_as(&client, "1").await })?;
    let fresh = source.asked.lock().unwrap().iter().filter(|(_, fresh)| *fresh).count();
    assert_eq!(fresh, 1);
    // The same of a token server.
    let registry = Registry::start(RegistryOptions::plain())?;
    let proxy = FaultProxy::start_with(&registry, Vec::new(), Some(Tokens::for_user("builder", SECRET)))?;
    let source = Changing::new(Some(Credentials::password("builder", "expired")), Some(password()));
    let client = client_with(proxy.address(), source, &options());
    run(async { Image::new(&[10_000], 6).push_as(&client, "1").await })?;
    Ok(())
}

fn token_worth_nothing() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let tokens = Tokens::for_user("builder", SECRET).that_expire_after(0);
    let proxy = FaultProxy::start_with(&registry, Vec::new(), Some(tokens))?;
    let client = client_with(proxy.address(), Changing::always(password()), &options());
    let error = run(async { client.check_push(REPOSITORY).await }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
    assert_eq!(proxy.exchanges_of("GET", "/token*").len(), 2);
    Ok(())
}

fn push_only_tokens() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let tokens = Tokens::for_user("builder", SECRET).without("pull");
    let proxy = FaultProxy::start_with(&registry, Vec::new(), Some(tokens))?;
    let client = client_with(proxy.address(), Changing::always(password()), &options());
    let image = Image::new(&[10_000, 20], 7);
    let pushed = run(async { image.push_as(&client, "1").await })?;
    assert_eq!(registry.digest_of(REPOSITORY, "1")?, Some(pushed.digest));
    run(async {
        assert_eq!(
            client.blob_exists(REPOSITORY, &image.layers[0].0.digest).await.unwrap(),
            Presence::Unknown
        );
        let error = client.manifest(REPOSITORY, "1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    });
    Ok(())
}

fn plain_realm() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let challenge = r#"Bearer realm="http://auth.example.test/token",service="x""#;
    let rules = vec![Rule::on(
        "*",
        "/v2/*",
        Fault::Answer(Answer::status(401).with_header("WWW-Authenticate", challenge)),
    )];
    let proxy = FaultProxy::start(&registry, rules)?;
    let source = Changing::always(password());
    let client = client_with(proxy.address(), source.clone(), &options());
    let error = run(async { client.manifest(REPOSITORY, "1").await }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(
        error.to_string().contains("auth.example.test") && error.to_string().contains("without encryption")
    );
    assert!(source.asked.lock().unwrap().is_empty());
    Ok(())
}

fn redirect() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let bytes = noise(10_000, 8);
    let digest = registry.put_blob(REPOSITORY, &bytes)?;
    let storage = FaultProxy::start(&registry, Vec::new())?;
    let rules = vec![Rule::on("GET", "*/blobs/*", Fault::Redirect(storage.url()))];
    let proxy = FaultProxy::start_with(&registry, rules, Some(Tokens::for_user("builder", SECRET)))?;
    let client = client_with(proxy.address(), Changing::always(password()), &options());
    run(async {
        let blob = client.blob(REPOSITORY, &digest, 20_000).await?;
        assert_eq!(blob, Some(bytes.clone()));
        let layer = haute_container::oci::Descriptor::of("x", &bytes);
        let folder = tempfile::tempdir()?;
        client.download_blob(REPOSITORY, &layer, &folder.path().join("x"), &quiet).await?;
        Ok::<_, Failed>(())
    })?;
    let told = storage.exchanges();
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|exchange| exchange.authorization.is_none()), "{told:?}");
    Ok(())
}

fn echoed_password() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let rules = vec![
        Rule::on("POST", "/v2/*", Fault::Answer(Answer::error(403, "DENIED", &format!("not {SECRET}")))),
        Rule::on(
            "HEAD",
            "/v2/*",
            Fault::Answer(Answer::status(401).with_header("WWW-Authenticate", "Basic realm=x")),
        )
        .first(1),
    ];
    let proxy = FaultProxy::start(&registry, rules)?;
    let client = client_with(proxy.address(), Changing::always(password()), &options());
    let image = Image::new(&[10], 9);
    let error =
        run(async { client.push(&image.push().with_parallel(1), &image, &context().0).await }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("[redacted]"), "{error}");
    assert!(!format!("{error:?}{:?}", chain(&error)).contains(SECRET));
    Ok(())
}
