//! Layers from one registry, or repository, to another.

use haute_container::oci::{Descriptor, media_type};
use haute_container::registry::{BlobSource, NothingMissing, PushSource, Uploaded};
use haute_core::error::ErrorKind;
use haute_test_services::proxy::{Answer, Fault, Moment, Rule};
use haute_test_services::{FaultProxy, Registry, RegistryOptions};
use libtest_mimic::Failed;

use crate::Check;
use crate::support::{Image, REPOSITORY, client, context, noise, quiet, run};

pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("a_mount_moves_nothing", mount),
    ("a_registry_that_mounts_nothing_is_sent_the_layer", declined_mount),
    ("a_layer_is_sent_on_as_it_arrives", copy),
    ("a_source_that_breaks_off_is_taken_up", copy_of_a_source_that_breaks_off),
    ("a_source_that_lies_stores_nothing", copy_of_a_source_that_lies),
];

/// A layer that the repository `base` of a registry has.
fn base(registry: &Registry, size: usize) -> Result<Descriptor, Failed> {
    let bytes = noise(size, 77);
    registry.put_blob("base", &bytes)?;
    Ok(Descriptor::of(media_type::LAYER_GZIP, &bytes))
}

fn mount() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let proxy = FaultProxy::start(&registry, Vec::new())?;
    let layer = base(&registry, 400_000)?;
    run(async {
        let client = client(proxy.address());
        assert!(client.mount(REPOSITORY, "base", &layer.digest).await?);
        assert!(!client.mount(REPOSITORY, "elsewhere", &haute_core::digest::Digest::of("x")).await?);
        let again = client.mount_or_copy(REPOSITORY, "base", &layer, &quiet).await?;
        assert_eq!(again, Uploaded::Present);
        assert_eq!(client.mount_or_copy("other", "base", &layer, &quiet).await?, Uploaded::Mounted);
        Ok::<_, Failed>(())
    })?;
    assert!(registry.blob("other", &layer.digest)?.is_some());
    let moved: u64 = proxy.exchanges().iter().map(|exchange| exchange.sent + exchange.received).sum();
    assert!(moved < 4_000, "{moved}");
    Ok(())
}

fn declined_mount() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let layer = base(&registry, 400_000)?;
    for status in [400, 401, 403, 404, 405] {
        let refusal = Answer::error(status, "UNSUPPORTED", "no");
        let rules = vec![Rule::on("POST", "*mount=*", Fault::Answer(refusal))];
        let proxy = FaultProxy::start(&registry, rules)?;
        let repository = format!("copy/s{status}");
        let uploaded =
            run(async { client(proxy.address()).mount_or_copy(&repository, "base", &layer, &quiet).await })?;
        assert_eq!(uploaded, Uploaded::Sent { bytes: 400_000 }, "{status}");
        assert!(registry.blob(&repository, &layer.digest)?.is_some());
    }
    Ok(())
}

fn copy() -> Result<(), Failed> {
    let (from, to) = (Registry::start(RegistryOptions::plain())?, Registry::start(RegistryOptions::plain())?);
    let layer = base(&from, 3_000_000)?;
    let image = Image::new(&[10], 20);
    run(async {
        let (source, target) = (client(from.address()), client(to.address()));
        let reading = BlobSource::Registry { client: source.clone(), repository: "base".to_owned() };
        let own = PushSource::Blob(image.layers[0].1.clone());
        let push = image
            .push_from(vec![(layer.clone(), PushSource::Blob(reading)), (image.layers[0].0.clone(), own)]);
        let pushed = target.push(&push.with_tag("1"), &NothingMissing, &context().0).await?;
        assert_eq!(pushed.blobs_uploaded, 3);
        let again = target.copy_blob(REPOSITORY, &layer, (&source, "base"), &quiet).await?;
        assert_eq!(again, Uploaded::Present);
        Ok::<_, Failed>(())
    })?;
    assert_eq!(to.blobs().get(&layer.digest), Some(&layer.size));
    Ok(())
}

fn copy_of_a_source_that_breaks_off() -> Result<(), Failed> {
    let (from, to) = (Registry::start(RegistryOptions::plain())?, Registry::start(RegistryOptions::plain())?);
    let layer = base(&from, 3_000_000)?;
    let rules = vec![
        Rule::on("GET", "/v2/*", Fault::Reset(Moment::InAnswer(1_000_000))).first(1),
        Rule::on("GET", "/v2/*", Fault::Answer(Answer::status(503))).first(1),
    ];
    let proxy = FaultProxy::start(&from, rules)?;
    let uploaded = run(async {
        let (source, target) = (client(proxy.address()), client(to.address()));
        target.copy_blob(REPOSITORY, &layer, (&source, "base"), &quiet).await
    })?;
    assert!(matches!(uploaded, Uploaded::Sent { bytes } if bytes >= layer.size), "{uploaded:?}");
    assert_eq!(to.blobs().get(&layer.digest), Some(&layer.size));
    Ok(())
}

fn copy_of_a_source_that_lies() -> Result<(), Failed> {
    let (from, to) = (Registry::start(RegistryOptions::plain())?, Registry::start(RegistryOptions::plain())?);
    let layer = base(&from, 300_000)?;
    let proxy = FaultProxy::start(&from, vec![Rule::on("GET", "/v2/*", Fault::Corrupt)])?;
    let error = run(async {
        let (source, target) = (client(proxy.address()), client(to.address()));
        target.copy_blob(REPOSITORY, &layer, (&source, "base"), &quiet).await
    })
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BuildFailed);
    assert!(to.blobs().is_empty());
    Ok(())
}
