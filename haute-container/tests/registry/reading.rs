//! Manifests, blobs, tags and referrers, as a real registry gives them.

use haute_container::oci::{Descriptor, Index, Manifest, media_type, to_bytes};
use haute_container::registry::{BlobSource, Presence};
use haute_core::digest::Digest;
use haute_core::error::ErrorKind;
use haute_test_services::proxy::{Answer, Fault, Moment, Rule};
use haute_test_services::{FaultProxy, Registry, RegistryOptions};
use libtest_mimic::Failed;

use crate::Check;
use crate::support::{Image, REPOSITORY, client, noise, quiet, run};

pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("what_was_pushed_is_read_back", what_was_pushed_is_read_back),
    ("what_is_not_there_is_none", what_is_not_there_is_none),
    ("a_download_goes_on_where_it_broke_off", download_goes_on),
    ("a_download_without_ranges_starts_over", download_without_ranges),
    ("a_changed_blob_is_never_written", changed_blob),
    ("tags_are_read_page_by_page", tags_by_page),
    ("attachments_are_found_without_a_list_of_the_registrys_own", attachments),
    ("a_registry_that_keeps_referrers_gets_no_list_of_ours", native_referrers),
];

fn what_was_pushed_is_read_back() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let image = Image::new(&[300_000, 0], 1);
    run(async {
        let client = client(registry.address());
        let pushed = image.push_as(&client, "1").await?;
        let fetched = client.manifest(REPOSITORY, "1").await?.ok_or("no manifest")?;
        assert_eq!((&fetched.bytes, &fetched.digest), (&image.manifest, &pushed.digest));
        assert_eq!(fetched.media_type, media_type::MANIFEST);
        let by_digest = client.manifest(REPOSITORY, pushed.digest.as_str()).await?;
        assert_eq!(by_digest, Some(fetched));
        assert_eq!(client.digest_of(REPOSITORY, "1").await?, Some(pushed.digest));
        let (config, bytes) = &image.config;
        assert_eq!(client.blob(REPOSITORY, &config.digest, 4096).await?.as_deref(), Some(bytes.as_ref()));
        let refused = client.blob(REPOSITORY, &config.digest, 10).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::BuildFailed);
        let folder = tempfile::tempdir()?;
        for (number, (layer, _)) in image.layers.iter().enumerate() {
            assert_eq!(client.blob_exists(REPOSITORY, &layer.digest).await?, Presence::Present);
            let path = folder.path().join(number.to_string());
            client.download_blob(REPOSITORY, layer, &path, &quiet).await?;
            assert_eq!(Digest::of_file(&path)?, layer.digest);
        }
        Ok(())
    })
}

fn what_is_not_there_is_none() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    run(async {
        let client = client(registry.address());
        let nothing = Digest::of("nothing");
        assert_eq!(client.manifest(REPOSITORY, "1").await?, None);
        assert_eq!(client.digest_of(REPOSITORY, "1").await?, None);
        assert_eq!(client.blob(REPOSITORY, &nothing, 10).await?, None);
        assert_eq!(client.blob_exists(REPOSITORY, &nothing).await?, Presence::Absent);
        assert!(client.tags(REPOSITORY).await?.is_empty());
        assert!(client.referrers(REPOSITORY, &nothing).await?.is_empty());
        let folder = tempfile::tempdir()?;
        let absent = Descriptor::new(media_type::LAYER_GZIP, nothing, 7);
        let error =
            client.download_blob(REPOSITORY, &absent, &folder.path().join("x"), &quiet).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
        for wrong in ["a/../b", "A", "", "a?b", "a:b"] {
            assert_eq!(
                client.manifest(wrong, "1").await.unwrap_err().kind(),
                ErrorKind::InvalidInput,
                "{wrong}"
            );
        }
        assert_eq!(client.manifest("a", "../1").await.unwrap_err().kind(), ErrorKind::InvalidInput);
        Ok(())
    })
}

fn download_goes_on() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let bytes = noise(5_000_000, 3);
    let layer = Descriptor::of(media_type::LAYER_GZIP, &bytes);
    registry.put_blob(REPOSITORY, &bytes)?;
    let rules = vec![
        Rule::on("GET", "/v2/*/blobs/*", Fault::Truncate(2_000_000)).first(1),
        Rule::on("GET", "/v2/*/blobs/*", Fault::Truncate(1_000_000)).first(1),
        Rule::on("GET", "/v2/*/blobs/*", Fault::Answer(Answer::status(503))).first(1),
    ];
    let proxy = FaultProxy::start(&registry, rules)?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("layer");
    run(async { client(proxy.address()).download_blob(REPOSITORY, &layer, &path, &quiet).await })?;
    assert_eq!(std::fs::read(&path)?, bytes);
    let given: u64 = proxy.exchanges_of("GET", "*/blobs/*").iter().map(|exchange| exchange.received).sum();
    assert!(given < 5_200_000, "{given} bytes were given for 5,000,000");
    // A reset may take along what was on its way.
    proxy.restart(vec![Rule::on("GET", "/v2/*/blobs/*", Fault::Reset(Moment::InAnswer(2_000_000))).first(2)]);
    run(async { client(proxy.address()).download_blob(REPOSITORY, &layer, &path, &quiet).await })?;
    assert_eq!(std::fs::read(&path)?, bytes);
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 1);
    Ok(())
}

fn download_without_ranges() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let bytes = noise(600_000, 4);
    let layer = Descriptor::of(media_type::LAYER_GZIP, &bytes);
    registry.put_blob(REPOSITORY, &bytes)?;
    let whole = Answer::status(200).with_body("application/octet-stream", &bytes);
    let rules = vec![
        Rule::on("GET", "/v2/*/blobs/*", Fault::Truncate(250_000)).first(1),
        Rule::on("GET", "/v2/*/blobs/*", Fault::Answer(whole)),
    ];
    let proxy = FaultProxy::start(&registry, rules)?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("layer");
    run(async { client(proxy.address()).download_blob(REPOSITORY, &layer, &path, &quiet).await })?;
    assert_eq!(std::fs::read(&path)?, bytes);
    Ok(())
}

fn changed_blob() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let bytes = noise(100_000, 5);
    let layer = Descriptor::of(media_type::LAYER_GZIP, &bytes);
    registry.put_blob(REPOSITORY, &bytes)?;
    let rules = vec![Rule::on("GET", "/v2/*", Fault::Corrupt)];
    let proxy = FaultProxy::start(&registry, rules)?;
    let folder = tempfile::tempdir()?;
    run(async {
        let client = client(proxy.address());
        let error =
            client.download_blob(REPOSITORY, &layer, &folder.path().join("layer"), &quiet).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BuildFailed);
        let error = client.blob(REPOSITORY, &layer.digest, 200_000).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BuildFailed);
        let image = Image::new(&[10], 6);
        image.push_as(&client, "1").await?;
        let error = client.manifest(REPOSITORY, "1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BuildFailed);
        Ok::<_, Failed>(())
    })?;
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
    Ok(())
}

fn tags_by_page() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let page = |tags: &str, next: Option<&str>| {
        let answer = Answer::status(200).with_body("application/json", tags.as_bytes());
        Fault::Answer(match next {
            Some(next) => answer.with_header("Link", &format!("<{next}>; rel=\"next\"")),
            None => answer,
        })
    };
    let rules = vec![
        Rule::on("GET", "*last=b*", page(r#"{"name":"x","tags":["c"]}"#, None)),
        Rule::on("GET", "*/tags/list*", page(r#"{"name":"x","tags":["a","b"]}"#, Some("list?n=2&last=b"))),
    ];
    let proxy = FaultProxy::start(&registry, rules)?;
    run(async { assert_eq!(client(proxy.address()).tags(REPOSITORY).await.unwrap(), ["a", "b", "c"]) });
    Ok(())
}

fn attachments() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let image = Image::new(&[1_000], 7);
    run(async {
        let client = client(registry.address());
        let pushed = image.push_as(&client, "1").await?;
        let subject =
            Descriptor::new(media_type::MANIFEST, pushed.digest.clone(), image.manifest.len() as u64);
        let empty = Descriptor::of(media_type::EMPTY, b"{}");
        let mut attached = Vec::new();
        for kind in ["application/vnd.cyclonedx+json", "application/vnd.dev.haute.proof+json"] {
            let body = bytes::Bytes::from(format!("{{\"kind\":\"{kind}\"}}"));
            let named = Descriptor::of(kind, &body);
            for (named, body) in [(&empty, bytes::Bytes::from_static(b"{}")), (&named, body)] {
                client.upload_blob(REPOSITORY, named, &BlobSource::Bytes(body), &quiet).await?;
            }
            let manifest = Manifest::new(empty.clone(), vec![named]).attached_to(subject.clone(), kind);
            attached.extend(
                client
                    .attach(REPOSITORY, std::slice::from_ref(&manifest))
                    .await?
                    .into_iter()
                    .map(|one| one.digest),
            );
            // Once more changes nothing.
            client.attach(REPOSITORY, std::slice::from_ref(&manifest)).await?;
        }
        let found = client.referrers(REPOSITORY, &pushed.digest).await?;
        let digests: Vec<_> = found.iter().map(|entry| entry.descriptor.digest.clone()).collect();
        assert_eq!(digests, attached);
        assert_eq!(found[0].artifact_type.as_deref(), Some("application/vnd.cyclonedx+json"));
        let list = client.manifest(REPOSITORY, &format!("sha256-{}", pushed.digest.hex())).await?;
        let list = list.ok_or("no list under the tag")?;
        assert_eq!(list.media_type, media_type::INDEX);
        let read: Index = serde_json::from_slice(&list.bytes)?;
        assert_eq!(to_bytes(&read)?, list.bytes);
        Ok(())
    })
}

fn native_referrers() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let image = Image::new(&[1_000], 8);
    let subject = Descriptor::of(media_type::MANIFEST, &image.manifest);
    let page = |entry: &str| {
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{entry}]}}"#);
        Answer::status(200).with_body(media_type::INDEX, index.as_bytes())
    };
    let entry = |name: &str| {
        let digest = Digest::of(name);
        format!(
            r#"{{"mediaType":"{}","digest":"{digest}","size":2,"artifactType":"x/{name}"}}"#,
            media_type::MANIFEST
        )
    };
    let next = format!("</v2/{REPOSITORY}/referrers/{}?page=2>; rel=\"next\"", subject.digest);
    let rules = vec![
        Rule::on(
            "PUT",
            "*/manifests/sha256:*",
            Fault::Header("OCI-Subject", Some(subject.digest.to_string())),
        ),
        Rule::on("GET", "*/referrers/*page=2", Fault::Answer(page(&entry("b")))),
        Rule::on("GET", "*/referrers/*", Fault::Answer(page(&entry("a")).with_header("Link", &next))),
    ];
    let proxy = FaultProxy::start(&registry, rules)?;
    run(async {
        let client = client(proxy.address());
        image.push_as(&client, "1").await?;
        let empty = Descriptor::of(media_type::EMPTY, b"{}");
        let nothing = BlobSource::Bytes(bytes::Bytes::from_static(b"{}"));
        client.upload_blob(REPOSITORY, &empty, &nothing, &quiet).await?;
        let manifest = Manifest::new(empty.clone(), vec![empty.clone()]).attached_to(subject.clone(), "x/a");
        client.attach(REPOSITORY, std::slice::from_ref(&manifest)).await?;
        let found = client.referrers(REPOSITORY, &subject.digest).await?;
        let kinds: Vec<_> = found.iter().filter_map(|entry| entry.artifact_type.as_deref()).collect();
        assert_eq!(kinds, ["x/a", "x/b"]);
        assert_eq!(registry.tags(REPOSITORY)?, ["1"]);
        Ok(())
    })
}
