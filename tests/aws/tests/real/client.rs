//! A client of the APIs and of the registry.

use std::future::Future;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use haute_aws_fake::AwsFake;
use haute_core::digest::Digest;
use reqwest::{Client, Method};
use serde_json::{Value, json};

pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

pub(crate) fn client() -> Client {
    Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}

/// Calls an action of `ecs` or `ecr`, or of the logs.
pub(crate) fn call(fake: &AwsFake, service: &str, action: &str, body: &Value) -> Value {
    let prefix = match service {
        "ecs" => "AmazonEC2ContainerServiceV20141113",
        "ecr" => "AmazonEC2ContainerRegistry_V20150921",
        _ => "Logs_20140328",
    };
    let header = format!(
        "AWS4-HMAC-SHA256 Credential=AKIAFAKEDEPLOYER0001/20260105/eu-west-1/{service}/aws4_request, SignedHeaders=host;x-amz-date, Signature={}",
        Digest::of("signed").hex()
    );
    run(async {
        let request = client()
            .post(fake.endpoint())
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("{prefix}.{action}"))
            .header("x-amz-date", "20260105T090000Z")
            .header("authorization", header)
            .body(body.to_string());
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{action}: {text}");
        serde_json::from_str(&text).unwrap()
    })
}

/// The password of a fresh token.
pub(crate) fn password(fake: &AwsFake) -> String {
    let answer = call(fake, "ecr", "GetAuthorizationToken", &json!({}));
    let token = answer["authorizationData"][0]["authorizationToken"].as_str().unwrap();
    let text = String::from_utf8(STANDARD.decode(token).unwrap()).unwrap();
    text.strip_prefix("AWS:").unwrap().to_owned()
}

/// What a registry answered: status, `Location`, `WWW-Authenticate`, body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: String,
    pub(crate) challenge: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Code and message of a refusal.
    pub(crate) fn refusal(&self) -> (String, String) {
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        let text = |name: &str| body["errors"][0][name].as_str().unwrap().to_owned();
        (text("code"), text("message"))
    }
}

/// One request to the registry.
pub(crate) fn ask(
    fake: &AwsFake,
    password: Option<&str>,
    method: Method,
    path: &str,
    body: Option<(&str, Vec<u8>)>,
) -> Answer {
    run(async {
        let address =
            if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", fake.endpoint()) };
        let mut request = client().request(method, address).header("accept", format!("{MANIFEST}, */*"));
        if let Some(password) = password {
            request = request.basic_auth("AWS", Some(password));
        }
        if let Some((kind, bytes)) = body {
            request = request.header("content-type", kind).body(bytes);
        }
        let answer = request.send().await.unwrap();
        let header = |name: &str| {
            answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let (location, challenge) = (header("location"), header("www-authenticate"));
        Answer {
            status: answer.status().as_u16(),
            location,
            challenge,
            body: answer.bytes().await.unwrap().to_vec(),
        }
    })
}

/// Pushes a blob; gives its digest.
pub(crate) fn push_blob(fake: &AwsFake, password: &str, repository: &str, bytes: &[u8]) -> String {
    let digest = Digest::of(bytes).to_string();
    let begun = ask(fake, Some(password), Method::POST, &format!("/v2/{repository}/blobs/uploads/"), None);
    assert_eq!(begun.status, 202, "{begun:?}");
    let place = begun.location.replace(&fake.endpoint(), "");
    let separator = if place.contains('?') { '&' } else { '?' };
    let path = format!("{place}{separator}digest={digest}");
    let done =
        ask(fake, Some(password), Method::PUT, &path, Some(("application/octet-stream", bytes.to_vec())));
    assert_eq!(done.status, 201, "{done:?}");
    digest
}

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Puts a manifest under a tag.
pub(crate) fn put_manifest(
    fake: &AwsFake,
    password: &str,
    repository: &str,
    tag: &str,
    manifest: &Value,
) -> Answer {
    let path = format!("/v2/{repository}/manifests/{tag}");
    ask(fake, Some(password), Method::PUT, &path, Some((MANIFEST, manifest.to_string().into_bytes())))
}
