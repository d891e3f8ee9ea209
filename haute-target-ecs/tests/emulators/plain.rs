//! Calls of AWS apart from the client under test: signed, and otherwise as they are written.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use libtest_mimic::Failed;
use serde_json::Value;

use crate::lab::REGION;

/// Whoever sets the stage.
#[derive(Clone, Debug)]
pub(crate) struct Plain {
    endpoint: String,
    http: reqwest::Client,
}

impl Plain {
    pub(crate) fn new(endpoint: String) -> Result<Self, Failed> {
        Ok(Self { endpoint, http: reqwest::Client::builder().no_proxy().build()? })
    }

    /// An operation of ECS.
    pub(crate) async fn ecs(&self, operation: &str, body: &Value) -> Result<Value, Failed> {
        self.json("ecs", "AmazonEC2ContainerServiceV20141113", operation, body).await
    }

    /// An operation of ECR.
    pub(crate) async fn ecr(&self, operation: &str, body: &Value) -> Result<Value, Failed> {
        self.json("ecr", "AmazonEC2ContainerRegistry_V20150921", operation, body).await
    }

    async fn json(&self, service: &str, api: &str, operation: &str, body: &Value) -> Result<Value, Failed> {
        let target = format!("{api}.{operation}");
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        let text = self.call(service, &headers, body.to_string()).await?;
        Ok(serde_json::from_str(&text)?)
    }

    /// An operation of IAM, as the form it is sent as; gives the XML.
    pub(crate) async fn iam(&self, form: &str) -> Result<String, Failed> {
        let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        self.call("iam", &headers, format!("{form}&Version=2010-05-08")).await
    }

    /// A page of the emulator's own.
    pub(crate) async fn own(&self, path: &str, body: &str) -> Result<(), Failed> {
        let sent = self.http.post(format!("{}{path}", self.endpoint)).body(body.to_owned()).send();
        sent.await?.error_for_status()?;
        Ok(())
    }

    async fn call(&self, service: &str, headers: &[(&str, &str)], body: String) -> Result<String, Failed> {
        let url = format!("{}/", self.endpoint);
        let host = self.endpoint.trim_start_matches("http://");
        let identity =
            Credentials::new("AKIASTAGEHAND0000001", "of-the-stage-hand", None, None, "test").into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let named = headers.iter().copied().chain([("host", host)]);
        let request = SignableRequest::new("POST", &url, named, SignableBody::Bytes(body.as_bytes()))?;
        let (instructions, _) = sign(request, &parameters)?.into_parts();
        let mut call = self.http.post(&url);
        for (name, value) in headers.iter().copied().chain(instructions.headers()) {
            call = call.header(name, value);
        }
        let answer = call.body(body).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if status.is_success() { Ok(text) } else { Err(format!("{service}: {status}: {text}").into()) }
    }
}
