//! Whole images into a real registry.

use std::sync::Arc;

use haute_container::oci::media_type;
use haute_container::registry::{Credentials, NothingMissing, Presence, Push, PushSource};
use haute_core::error::ErrorKind;
use haute_core::event::Event;
use haute_test_services::proxy::{Answer, Fault, Gate, Rule};
use haute_test_services::{FaultProxy, Registry, RegistryOptions};
use libtest_mimic::Failed;

use crate::Check;
use crate::support::{Changing, Image, REPOSITORY, client, client_with, context, options, run};

pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("only_what_is_missing_is_sent", only_what_is_missing_is_sent),
    ("the_tag_is_written_last", tag_last),
    ("a_stopped_push_leaves_no_tag_and_goes_on_cheaply", stopped_push),
    ("assumed_layers_are_not_asked_for_and_made_when_lost", assumed_layers),
    ("a_lost_layer_nobody_makes_leaves_no_tag", lost_layer),
    ("a_tag_that_may_not_change_and_is_the_same_is_done", same_immutable_tag),
    ("a_tag_that_may_not_change_and_differs_names_both", other_immutable_tag),
    ("a_tag_that_cannot_be_read_is_said_so", unreadable_tag),
    ("rights_to_push_only_are_enough", push_only),
    ("a_private_authority_is_trusted_when_named", private_authority),
    ("a_registry_that_refuses_changes_is_told_before", read_only),
];

fn only_what_is_missing_is_sent() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let proxy = FaultProxy::start(&registry, Vec::new())?;
    let image = Image::new(&[2_000_000, 700_000, 10], 1);
    run(async {
        let client = client(proxy.address());
        let (context, sink) = context();
        let push = image.push().with_tag("1");
        let first = client.push(&push, &NothingMissing, &context).await?;
        assert_eq!((first.blobs_uploaded, first.blobs_present, first.tag_existed), (4, 0, false));
        let size = 2_700_010 + image.config.1.len() as u64;
        assert_eq!(first.bytes_moved, size + 2 * image.manifest.len() as u64);
        match sink.events().last() {
            Some(Event::Progress { done, total, unit, .. }) => {
                assert_eq!((*done, *total, unit.as_str()), (size, Some(size), "bytes"));
            }
            other => return Err(format!("{other:?}").into()),
        }
        let again = client.push(&push, &NothingMissing, &context).await?;
        assert_eq!((again.blobs_uploaded, again.blobs_present, &again.digest), (0, 4, &first.digest));
        assert_eq!(again.bytes_moved, 2 * image.manifest.len() as u64);
        Ok::<_, Failed>(())
    })?;
    // Each blob went out as one request with a length, and nothing else was tried.
    assert_eq!(proxy.exchanges_of("PUT", "*/blobs/uploads/*").len(), 4);
    assert!(proxy.exchanges_of("PATCH", "*").is_empty());
    assert!(proxy.exchanges_of("GET", "*/manifests/*").is_empty(), "a manifest was asked for without need");
    assert!(proxy.exchanges_of("HEAD", "*/manifests/*").is_empty(), "a manifest was asked for without need");
    Ok(())
}

fn tag_last() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let proxy = FaultProxy::start(&registry, Vec::new())?;
    let image = Image::new(&[50_000, 50_001], 2);
    let pushed = run(async { image.push_as(&client(proxy.address()), "1").await })?;
    let writes: Vec<_> = proxy.exchanges_of("PUT", "*").iter().map(|e| e.path().to_owned()).collect();
    let expected =
        [format!("/v2/{REPOSITORY}/manifests/{}", pushed.digest), format!("/v2/{REPOSITORY}/manifests/1")];
    assert_eq!(writes[writes.len() - 2..], expected);
    assert_eq!(registry.digest_of(REPOSITORY, "1")?, Some(pushed.digest));
    Ok(())
}

fn stopped_push() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let gate = Gate::closed();
    let image = Image::new(&[100_000, 3_000_000], 3);
    let large = image.layers[1].0.digest.hex().to_owned();
    let hold = Fault::Hold { after: 1_000_000, gate: gate.clone() };
    let proxy = FaultProxy::start(&registry, vec![Rule::on("PUT", &format!("*{large}*"), hold)])?;
    run(async {
        let client = client(proxy.address());
        let (context, _) = context();
        let push = image.push().with_tag("1").with_parallel(1);
        let pushing = client.push(&push, &NothingMissing, &context);
        let stop = async {
            gate.reached().await;
            context.cancelled.cancel();
        };
        let (pushed, ()) = tokio::join!(pushing, stop);
        assert_eq!(pushed.unwrap_err().kind(), ErrorKind::Cancelled);
        assert!(registry.tags(REPOSITORY)?.is_empty());
        assert_eq!(client.blob_exists(REPOSITORY, &image.layers[0].0.digest).await?, Presence::Present);
        gate.open();
        proxy.restart(Vec::new());
        let again = image.push_as(&client, "1").await?;
        assert_eq!((again.blobs_present, again.blobs_uploaded), (1, 2));
        assert_eq!(registry.tags(REPOSITORY)?, ["1"]);
        Ok(())
    })
}

fn assumed_layers() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let proxy = FaultProxy::start(&registry, Vec::new())?;
    let image = Image::new(&[40_000, 50_000], 4);
    let assumed = |image: &Image| {
        let layers = image.layers.iter().map(|(named, _)| (named.clone(), PushSource::Assumed)).collect();
        image.push_from(layers)
    };
    run(async {
        let client = client(proxy.address());
        image.push_as(&client, "1").await?;
        proxy.restart(Vec::new());
        let again = client.push(&assumed(&image).with_tag("2"), &image, &context().0).await?;
        assert_eq!((again.blobs_present, again.blobs_uploaded), (3, 0));
        assert_eq!(proxy.exchanges().len(), 3, "{:?}", proxy.exchanges());
        registry.lose(&image.layers[1].0.digest)?;
        let mended = client.push(&assumed(&image).with_tag("3"), &image, &context().0).await?;
        assert_eq!((mended.blobs_present, mended.blobs_uploaded), (2, 1));
        assert_eq!(
            registry.blob(REPOSITORY, &image.layers[1].0.digest)?.map(|blob| blob.len()),
            Some(50_000)
        );
        Ok(())
    })
}

fn lost_layer() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let image = Image::new(&[40_000], 5);
    run(async {
        let client = client(registry.address());
        // A manifest alone, of an image whose blobs are gone.
        let bare =
            Push::new(REPOSITORY, Vec::new(), image.manifest.clone(), media_type::MANIFEST).with_tag("1");
        let error = client.push(&bare, &NothingMissing, &context().0).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        let layers = vec![(image.layers[0].0.clone(), PushSource::Assumed)];
        let push = image.push_from(layers).with_tag("1");
        let error = client.push(&push, &NothingMissing, &context().0).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains(image.layers[0].0.digest.as_str()), "{error}");
        assert!(registry.tags(REPOSITORY)?.is_empty());
        Ok(())
    })
}

/// What Amazon's ECR answers to a tag that may not change.
fn immutable() -> Vec<Rule> {
    let refusal =
        Answer::error(400, "TAG_INVALID", "The image tag '1' already exists and cannot be overwritten");
    vec![Rule::on("PUT", "*/manifests/1", Fault::Answer(refusal))]
}

fn same_immutable_tag() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let proxy = FaultProxy::start(&registry, Vec::new())?;
    let image = Image::new(&[1_000], 6);
    run(async {
        let client = client(proxy.address());
        let first = image.push_as(&client, "1").await?;
        proxy.restart(immutable());
        let again = image.push_as(&client, "1").await?;
        assert!(again.tag_existed);
        assert_eq!(again.digest, first.digest);
        Ok(())
    })
}

fn other_immutable_tag() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let proxy = FaultProxy::start(&registry, Vec::new())?;
    let (image, other) = (Image::new(&[1_000], 7), Image::new(&[1_000], 8));
    for status in [400, 403, 405, 409, 412] {
        run(async {
            let client = client(proxy.address());
            proxy.restart(Vec::new());
            let first = image.push_as(&client, "1").await?;
            let refusal = Answer::error(status, if status == 400 { "TAG_INVALID" } else { "DENIED" }, "no");
            proxy.restart(vec![Rule::on("PUT", "*/manifests/1", Fault::Answer(refusal))]);
            let error = other.push_as(&client, "1").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{status}: {error}");
            let words = error.to_string();
            let pushed = haute_core::digest::Digest::of(&other.manifest);
            assert!(words.contains(first.digest.as_str()) && words.contains(pushed.as_str()), "{words}");
            assert_eq!(registry.digest_of(REPOSITORY, "1")?, Some(first.digest));
            Ok::<_, Failed>(())
        })?;
    }
    Ok(())
}

fn unreadable_tag() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let mut rules = immutable();
    let denied = Answer::error(403, "DENIED", "no reading");
    rules.push(Rule::on("HEAD", "*/manifests/*", Fault::Answer(denied.clone())));
    rules.push(Rule::on("GET", "*/manifests/*", Fault::Answer(denied)));
    let proxy = FaultProxy::start(&registry, rules)?;
    let error =
        run(async { Image::new(&[1_000], 9).push_as(&client(proxy.address()), "1").await }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.hints().iter().any(|hint| hint.contains("cannot be read")), "{:?}", error.hints());
    Ok(())
}

fn push_only() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let denied = Answer::error(403, "DENIED", "no reading");
    let rules = ["HEAD", "GET"].map(|method| Rule::on(method, "/v2/*", Fault::Answer(denied.clone())));
    let proxy = FaultProxy::start(&registry, rules.into())?;
    let image = Image::new(&[100_000, 10], 10);
    let pushed = run(async { image.push_as(&client(proxy.address()), "1").await })?;
    assert_eq!((pushed.blobs_uploaded, pushed.blobs_present), (3, 0));
    assert_eq!(registry.digest_of(REPOSITORY, "1")?, Some(pushed.digest));
    Ok(())
}

fn private_authority() -> Result<(), Failed> {
    let options_of_registry = RegistryOptions::plain().with_tls().with_credentials("builder", "a ?~> word");
    let registry = Registry::start(options_of_registry)?;
    let authority = registry.certificates().ok_or("no certificates")?.authority().to_owned();
    let credentials = Changing::always(Credentials::password("builder", "a ?~> word"));
    let image = Image::new(&[100_000], 11);
    run(async {
        let stranger =
            client_with(registry.address(), credentials.clone(), &options().with_secure(registry.address()));
        let error = image.push_as(&stranger, "1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.hints().iter().any(|hint| hint.contains("SSL_CERT_FILE")), "{error:?}");
        let mut variables = haute_core::variables::Variables::empty();
        variables.set("SSL_CERT_FILE", authority.to_str().unwrap());
        let trusting = options().with_secure(registry.address()).with_variables(&variables)?;
        let friend = client_with(registry.address(), credentials.clone(), &trusting);
        let pushed = image.push_as(&friend, "1").await?;
        assert_eq!(registry.digest_of(REPOSITORY, "1")?, Some(pushed.digest));
        Ok::<_, Failed>(())
    })?;
    assert_eq!(Arc::strong_count(&credentials), 1);
    Ok(())
}

fn read_only() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain().read_only())?;
    run(async {
        let client = client(registry.address());
        let error = client.check_push(REPOSITORY).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        let error = Image::new(&[10], 12).push_as(&client, "1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        Ok::<_, Failed>(())
    })?;
    let registry = Registry::start(RegistryOptions::plain())?;
    run(async { client(registry.address()).check_push(REPOSITORY).await })?;
    Ok(())
}
