//! The control plane of ECR.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use haute_aws_fake::AwsFake;
use haute_core::digest::Digest;
use serde_json::json;

use crate::client::ecr;

#[test]
fn a_token_is_a_password_for_half_a_day() {
    let fake = AwsFake::start().unwrap();
    let answer = ecr(&fake, "GetAuthorizationToken", &json!({})).ok();
    let data = &answer["authorizationData"][0];
    let text = STANDARD.decode(data["authorizationToken"].as_str().unwrap()).unwrap();
    assert!(text.starts_with(b"AWS:"));
    let expires = data["expiresAt"].as_f64().unwrap();
    assert!((expires - fake.now().as_secs_f64() - 43_200.0).abs() < 1.0, "{expires}");
    assert_eq!(data["proxyEndpoint"], fake.endpoint());
}

#[test]
fn repositories_are_made_once_and_described() {
    let fake = AwsFake::start().unwrap();
    let create = |name: &str| {
        ecr(&fake, "CreateRepository", &json!({ "repositoryName": name, "imageTagMutability": "IMMUTABLE" }))
    };
    let made = create("team/motor").ok();
    assert_eq!(made["repository"]["repositoryUri"], format!("{}/team/motor", fake.registry()));
    assert_eq!(made["repository"]["imageTagMutability"], "IMMUTABLE");
    assert_eq!(create("team/motor").refusal().0, "RepositoryAlreadyExistsException");
    assert_eq!(create("Team/Motor").refusal().0, "InvalidParameterException");
    let all = ecr(&fake, "DescribeRepositories", &json!({})).ok();
    assert_eq!(all["repositories"].as_array().unwrap().len(), 1);
    let missing = ecr(&fake, "DescribeRepositories", &json!({ "repositoryNames": ["home"] })).refusal();
    assert_eq!(
        missing,
        (
            "RepositoryNotFoundException".to_owned(),
            "The repository with name 'home' does not exist in the registry with id '123456789012'"
                .to_owned()
        )
    );
}

#[test]
fn images_are_put_found_and_immovable() {
    let fake = AwsFake::start().unwrap().with_repository("motor", true).with_repository("home", false);
    let put = |repository: &str, manifest: &str| {
        let asked = json!({ "repositoryName": repository, "imageManifest": manifest, "imageTag": "a1b2c3d" });
        ecr(&fake, "PutImage", &asked)
    };
    let (one, other) =
        (r#"{"schemaVersion":2,"layers":[{"size":7}],"config":{"size":3}}"#, r#"{"schemaVersion":2}"#);
    let digest = Digest::of(one).to_string();
    assert_eq!(put("motor", one).ok()["image"]["imageId"]["imageDigest"], digest.as_str());
    assert_eq!(put("motor", one).refusal().0, "ImageAlreadyExistsException");
    let (kind, message) = put("motor", other).refusal();
    assert_eq!(kind, "ImageTagAlreadyExistsException");
    assert!(message.contains("immutable"), "{message}");
    let describe = |asked: serde_json::Value| ecr(&fake, "DescribeImages", &asked);
    let found = describe(json!({ "repositoryName": "motor", "imageIds": [{ "imageTag": "a1b2c3d" }] })).ok();
    let detail = &found["imageDetails"][0];
    assert_eq!((&detail["imageDigest"], &detail["imageSizeInBytes"]), (&json!(digest), &json!(10)));
    assert_eq!(detail["imageTags"], json!(["a1b2c3d"]));
    let missing = describe(json!({ "repositoryName": "motor", "imageIds": [{ "imageTag": "b" }] })).refusal();
    assert_eq!(missing.0, "ImageNotFoundException");
    put("home", one).ok();
    put("home", other).ok();
    let ids = json!([{ "imageTag": "a1b2c3d" }, { "imageDigest": digest }, { "imageTag": "none" }]);
    let got = ecr(&fake, "BatchGetImage", &json!({ "repositoryName": "home", "imageIds": ids })).ok();
    let manifests: Vec<_> =
        got["images"].as_array().unwrap().iter().map(|image| &image["imageManifest"]).collect();
    assert_eq!(manifests, [other, one], "the tag has moved");
    assert_eq!(got["failures"][0]["failureCode"], "ImageNotFound");
    let layers = json!({ "repositoryName": "home", "layerDigests": [digest, "latest"] });
    let answer = ecr(&fake, "BatchCheckLayerAvailability", &layers).ok();
    assert_eq!(answer["layers"][0]["layerAvailability"], "UNAVAILABLE");
    assert_eq!(answer["failures"][0]["failureCode"], "InvalidLayerDigest");
}
