//! A client of the APIs that knows no more than their protocols.

use haute_aws_fake::AwsFake;
use haute_core::digest::Digest;
use serde_json::{Value, json};

/// What was answered: a status, headers, JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) request: Option<String>,
    pub(crate) body: Value,
}

impl Answer {
    /// The body of an answer that is no refusal.
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// Type and message of a refusal.
    pub(crate) fn refusal(self) -> (String, String) {
        assert_eq!(self.status, 400, "{}", self.body);
        let text = |name: &str| self.body[name].as_str().unwrap_or_default().to_owned();
        (text("__type"), text("message"))
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// The header of Signature Version 4, by somebody who has no secret to sign with.
pub(crate) fn authorization(service: &str, region: &str) -> String {
    let signature = Digest::of("signed");
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIAFAKEDEPLOYER0001/20260105/{region}/{service}/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={}",
        signature.hex()
    )
}

/// Calls an action of AWS JSON 1.1; an error of the connection is the `Err`.
pub(crate) fn try_call(fake: &AwsFake, target: &str, body: &Value) -> Result<Answer, String> {
    let service = match target.split_once('.').unwrap().0 {
        "AmazonEC2ContainerServiceV20141113" => "ecs",
        "AmazonEC2ContainerRegistry_V20150921" => "ecr",
        _ => "logs",
    };
    send(fake, target, &authorization(service, &fake.region()), body.to_string())
}

/// Sends one request with this authorization.
pub(crate) fn send(
    fake: &AwsFake,
    target: &str,
    authorization: &str,
    body: String,
) -> Result<Answer, String> {
    send_with_token(fake, target, authorization, body, None)
}

fn request(fake: &AwsFake, target: &str, authorization: &str, body: String) -> reqwest::RequestBuilder {
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let request = client
        .post(fake.endpoint())
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", target)
        .header("x-amz-date", "20260105T090000Z")
        .body(body);
    if authorization.is_empty() { request } else { request.header("authorization", authorization) }
}

/// The same with the token of a session.
pub(crate) fn send_with_token(
    fake: &AwsFake,
    target: &str,
    authorization: &str,
    body: String,
    token: Option<&str>,
) -> Result<Answer, String> {
    runtime().block_on(async {
        let mut request = request(fake, target, authorization, body);
        if let Some(token) = token {
            request = request.header("x-amz-security-token", token);
        }
        let answer = request.send().await.map_err(|error| format!("{error:?}"))?;
        let status = answer.status().as_u16();
        let request = answer.headers().get("x-amzn-requestid").map(|id| id.to_str().unwrap().to_owned());
        let text = answer.text().await.map_err(|error| format!("{error:?}"))?;
        Ok(Answer { status, request, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) })
    })
}

/// Sends one request and gives it up once `until` has returned; whether there was no answer before.
pub(crate) fn abandon(fake: &AwsFake, target: &str, body: &Value, until: impl FnOnce() + Send) -> bool {
    let header = authorization("ecs", &fake.region());
    std::thread::scope(|scope| {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let asked = scope.spawn(move || {
            runtime().block_on(async {
                tokio::select! {
                    _ = request(fake, target, &header, body.to_string()).send() => false,
                    _ = stopped => true,
                }
            })
        });
        until();
        // Nobody listens any more where it was answered.
        let listens = stop.send(()).is_ok();
        asked.join().unwrap() && listens
    })
}

/// An action of ECS.
pub(crate) fn ecs(fake: &AwsFake, action: &str, body: &Value) -> Answer {
    try_call(fake, &format!("AmazonEC2ContainerServiceV20141113.{action}"), body).unwrap()
}

/// An action of ECR.
pub(crate) fn ecr(fake: &AwsFake, action: &str, body: &Value) -> Answer {
    try_call(fake, &format!("AmazonEC2ContainerRegistry_V20150921.{action}"), body).unwrap()
}

/// An action of the logs.
pub(crate) fn logs(fake: &AwsFake, action: &str, body: &Value) -> Answer {
    try_call(fake, &format!("Logs_20140328.{action}"), body).unwrap()
}

/// The service `motor` in `pricing`, described.
pub(crate) fn motor(fake: &AwsFake) -> Value {
    let asked = json!({ "cluster": "pricing", "services": ["motor"], "include": ["TAGS"] });
    ecs(fake, "DescribeServices", &asked).ok()["services"][0].clone()
}

/// Registers another revision of `motor` with this image; gives its ARN.
pub(crate) fn revision(fake: &AwsFake, image: &str) -> String {
    let mut definition =
        ecs(fake, "DescribeTaskDefinition", &json!({ "taskDefinition": "motor" })).ok()["taskDefinition"]
            .clone();
    let members = definition.as_object_mut().unwrap();
    for name in [
        "taskDefinitionArn",
        "revision",
        "status",
        "requiresAttributes",
        "compatibilities",
        "registeredAt",
        "registeredBy",
    ] {
        members.remove(name).unwrap();
    }
    definition["containerDefinitions"][0]["image"] = json!(image);
    let registered = ecs(fake, "RegisterTaskDefinition", &definition).ok();
    registered["taskDefinition"]["taskDefinitionArn"].as_str().unwrap().to_owned()
}

/// Updates `motor` to a revision with this image; gives the id of the deployment.
pub(crate) fn deploy(fake: &AwsFake, image: &str) -> String {
    let arn = revision(fake, image);
    let asked = json!({ "cluster": "pricing", "service": "motor", "taskDefinition": arn });
    let answer = ecs(fake, "UpdateService", &asked).ok();
    let first = &answer["service"]["deployments"][0];
    assert_eq!(
        (first["status"].as_str(), first["taskDefinition"].as_str()),
        (Some("PRIMARY"), Some(arn.as_str()))
    );
    first["id"].as_str().unwrap().to_owned()
}

/// Sends a form; gives status and text.
pub(crate) fn post_form(fake: &AwsFake, authorization: &str, body: &str) -> (u16, String) {
    runtime().block_on(async {
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let mut request = client
            .post(fake.endpoint())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-amz-date", "20260105T090000Z")
            .body(body.to_owned());
        if !authorization.is_empty() {
            request = request.header("authorization", authorization);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    })
}

/// The status of a plain question.
pub(crate) fn get(url: &str) -> u16 {
    runtime().block_on(async {
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        client.get(url).send().await.unwrap().status().as_u16()
    })
}
