//! The registry, over HTTP.

use std::time::{Duration, Instant};

use haute_aws_fake::{AwsFake, Fault, Rule, Tier};
use haute_test_services::{BaseImage, Program, Registry, RegistryOptions, Required, both, require, test};
use libtest_mimic::{Failed, Trial};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{MANIFEST, ask, call, password, push_blob, put_manifest};

pub(crate) fn trials(registry: impl Fn() -> Required<()>) -> Vec<Trial> {
    let skopeo = require("`skopeo`", Program::find("skopeo"));
    vec![
        test("registry::asks_for_a_token", registry(), |()| asks_for_a_token()),
        test("registry::stores_what_is_pushed", registry(), |()| stores_what_is_pushed()),
        test("registry::keeps_tags_where_they_are", registry(), |()| keeps_tags_where_they_are()),
        test("registry::needs_a_repository", registry(), |()| needs_a_repository()),
        test("registry::refuses_reads_under_the_smallest_policy", registry(), |()| smallest_policy()),
        test("registry::fails_as_told", registry(), |()| fails_as_told()),
        test("registry::others_push_to_it", both(registry(), skopeo), |((), skopeo)| others_push(&skopeo)),
    ]
}

fn fake() -> Result<AwsFake, Failed> {
    Ok(AwsFake::start()?.with_registry()?.with_repository("motor", false).with_repository("fixed", true))
}

/// An image of one blob, which is its configuration as well.
fn image(fake: &AwsFake, password: &str, repository: &str, words: &str) -> Value {
    let digest = push_blob(fake, password, repository, words.as_bytes());
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": words.len() },
        "layers": [],
    })
}

fn asks_for_a_token() -> Result<(), Failed> {
    let fake = fake()?;
    let without = ask(&fake, None, Method::GET, "/v2/", None);
    assert_eq!(without.status, 401);
    assert!(without.challenge.starts_with("Basic realm="), "{}", without.challenge);
    assert!(without.challenge.contains("service=\"ecr.amazonaws.com\""), "{}", without.challenge);
    assert_eq!(ask(&fake, Some("guessed"), Method::GET, "/v2/", None).status, 401);
    let password = password(&fake);
    assert_eq!(ask(&fake, Some(&password), Method::GET, "/v2/", None).status, 200);
    fake.advance(12 * 3600);
    let late = ask(&fake, Some(&password), Method::GET, "/v2/", None);
    assert_eq!(late.status, 403);
    assert!(late.refusal().1.contains("expired"), "{:?}", late.refusal());
    let fake = fake.with_token_life(Duration::from_secs(30));
    let password = crate::client::password(&fake);
    fake.advance(29);
    assert_eq!(ask(&fake, Some(&password), Method::GET, "/v2/", None).status, 200);
    fake.advance(1);
    assert_eq!(ask(&fake, Some(&password), Method::GET, "/v2/", None).status, 403);
    Ok(())
}

fn stores_what_is_pushed() -> Result<(), Failed> {
    let fake = fake()?;
    let password = password(&fake);
    let manifest = image(&fake, &password, "motor", "{}");
    let missing = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "layers": [], "config": {
        "mediaType": "application/vnd.oci.image.config.v1+json", "size": 2,
        "digest": haute_core::digest::Digest::of("nowhere"),
    }});
    assert_eq!(put_manifest(&fake, &password, "motor", "a1", &missing).refusal().0, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(put_manifest(&fake, &password, "motor", "a1", &manifest).status, 201);
    assert_eq!(put_manifest(&fake, &password, "motor", "latest", &manifest).status, 201);
    let read = ask(&fake, Some(&password), Method::GET, "/v2/motor/manifests/a1", None);
    assert_eq!(read.body, manifest.to_string().into_bytes());
    let digest = haute_core::digest::Digest::of(manifest.to_string());
    let described = call(&fake, "ecr", "DescribeImages", &json!({ "repositoryName": "motor" }));
    assert_eq!(described["imageDetails"][0]["imageDigest"], digest.as_str());
    assert_eq!(described["imageDetails"][0]["imageTags"], json!(["a1", "latest"]));
    let config = manifest["config"]["digest"].clone();
    let asked = json!({ "repositoryName": "motor", "layerDigests": [config] });
    let layers = call(&fake, "ecr", "BatchCheckLayerAvailability", &asked);
    assert_eq!(layers["layers"][0]["layerAvailability"], "AVAILABLE");
    assert_eq!(layers["layers"][0]["layerSize"], 2);
    let behind = fake.registry_behind().ok_or("there is one")?;
    assert_eq!(behind.digest_of("motor", "a1")?, Some(digest));
    assert_eq!(fake.writes(), 3, "a blob and a manifest under two tags");
    Ok(())
}

fn keeps_tags_where_they_are() -> Result<(), Failed> {
    let fake = fake()?;
    let password = password(&fake);
    let (one, other) = (image(&fake, &password, "fixed", "{}"), image(&fake, &password, "fixed", "{ }"));
    assert_eq!(put_manifest(&fake, &password, "fixed", "a1", &one).status, 201);
    assert_eq!(put_manifest(&fake, &password, "fixed", "a1", &one).status, 201, "the same is there already");
    let moved = put_manifest(&fake, &password, "fixed", "a1", &other);
    assert_eq!((moved.status, moved.refusal().0.as_str()), (400, "TAG_INVALID"));
    assert!(moved.refusal().1.contains("tag is immutable"), "{:?}", moved.refusal());
    let digest = haute_core::digest::Digest::of(other.to_string()).to_string();
    assert_eq!(put_manifest(&fake, &password, "fixed", &digest, &other).status, 201, "without a tag");
    Ok(())
}

fn needs_a_repository() -> Result<(), Failed> {
    let fake = fake()?;
    let password = password(&fake);
    let begun = ask(&fake, Some(&password), Method::POST, "/v2/home/blobs/uploads/", None);
    assert_eq!((begun.status, begun.refusal().0.as_str()), (404, "NAME_UNKNOWN"));
    call(&fake, "ecr", "CreateRepository", &json!({ "repositoryName": "home" }));
    assert_eq!(ask(&fake, Some(&password), Method::POST, "/v2/home/blobs/uploads/", None).status, 202);
    Ok(())
}

fn smallest_policy() -> Result<(), Failed> {
    let fake = fake()?.with_policy(Tier::T0);
    let password = password(&fake);
    let manifest = image(&fake, &password, "motor", "{}");
    assert_eq!(put_manifest(&fake, &password, "motor", "a1", &manifest).status, 201);
    assert_eq!(ask(&fake, Some(&password), Method::HEAD, "/v2/motor/manifests/a1", None).status, 403);
    let read = ask(&fake, Some(&password), Method::GET, "/v2/motor/manifests/a1", None);
    assert_eq!(read.refusal().0, "DENIED");
    assert!(
        read.refusal()
            .1
            .contains("ecr:BatchGetImage on resource: arn:aws:ecr:eu-west-1:123456789012:repository/motor "),
        "{:?}",
        read.refusal()
    );
    Ok(())
}

fn fails_as_told() -> Result<(), Failed> {
    let fake = fake()?;
    let password = password(&fake);
    let manifest = image(&fake, &password, "motor", "{}");
    let put = |tag: &str| put_manifest(&fake, &password, "motor", tag, &manifest).status;
    fake.fault(Rule::on("PutManifest", Fault::FailAfter).first(1));
    fake.fault(Rule::on("PutManifest", Fault::Throttle).first(1));
    fake.fault(Rule::on("PutManifest", Fault::Latency(Duration::from_millis(60))).first(1));
    assert_eq!(put("a1"), 500);
    let read = |tag: &str| {
        ask(&fake, Some(&password), Method::GET, &format!("/v2/motor/manifests/{tag}"), None).status
    };
    assert_eq!(read("a1"), 200, "it was carried out");
    assert_eq!(put("a2"), 429);
    assert_eq!(read("a2"), 404);
    let begun = Instant::now();
    assert_eq!(put("a3"), 201);
    assert!(begun.elapsed() >= Duration::from_millis(60));
    let calls = fake.calls_of("PutManifest");
    assert_eq!(calls.iter().map(|call| call.wrote).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(calls[1].body["path"], "/v2/motor/manifests/a2");
    let all = fake.calls().len();
    assert!(fake.wait_for_calls(all, Duration::ZERO) && !fake.wait_for_calls(all + 1, Duration::ZERO));
    Ok(())
}

fn others_push(skopeo: &Program) -> Result<(), Failed> {
    let fake = fake()?;
    let elsewhere = Registry::start(RegistryOptions::plain())?;
    // As large as images are, where there is one.
    let base = BaseImage::find().map_or_else(|| BaseImage::tiny("amd64"), Ok)?;
    let from = format!("docker://{}", base.push_to(&elsewhere, "python", "3.11")?);
    let password = password(&fake);
    let copy = |to: &str, credentials: &str| {
        let to = format!("docker://{}/{to}", fake.registry());
        let credentials = format!("--dest-creds={credentials}");
        skopeo.run(["copy", "--src-tls-verify=false", "--dest-tls-verify=false", &credentials, &from, &to])
    };
    copy("motor:v1", &format!("AWS:{password}"))?;
    assert!(copy("motor:v2", "AWS:guessed").is_err());
    assert!(copy("home:v1", &format!("AWS:{password}")).is_err(), "there is no such repository");
    let described = call(&fake, "ecr", "DescribeImages", &json!({ "repositoryName": "motor" }));
    assert_eq!(described["imageDetails"].as_array().ok_or("images")?.len(), 1);
    let digest = elsewhere.digest_of("python", "3.11")?.ok_or("it is there")?;
    assert_eq!(described["imageDetails"][0]["imageDigest"], digest.as_str());
    let asked = json!({ "repositoryName": "motor", "layerDigests": [base.layer_digest()] });
    let layers = call(&fake, "ecr", "BatchCheckLayerAvailability", &asked);
    assert_eq!(layers["layers"][0]["layerAvailability"], "AVAILABLE");
    Ok(())
}
