//! The operations of ECR this crate uses (API version 2015-09-21). Images go over the registry's own protocol.

use haute_core::error::Result;
use serde_json::{Value, json};

use super::error::action;
use super::raw::Raw;

/// ECR in one region.
#[derive(Clone, Debug)]
pub(crate) struct Ecr(aws_sdk_ecr::Client);

macro_rules! call {
    ($client:expr, $method:ident, $name:literal, $body:expr) => {{
        let raw = Raw::new(&$body);
        let sent = $client.$method().customize().interceptor(raw.clone()).send().await;
        raw.finish(action!("ecr", $name), sent)
    }};
}

impl Ecr {
    pub(super) fn new(config: &aws_config::SdkConfig) -> Self {
        Self(aws_sdk_ecr::Client::new(config))
    }

    /// `GetAuthorizationToken`: a password for every repository these credentials reach, for 12 hours.
    pub(crate) async fn authorization_token(&self) -> Result<Value> {
        call!(self.0, get_authorization_token, "GetAuthorizationToken", json!({}))
    }

    /// `DescribeRepositories` of one repository.
    pub(crate) async fn describe_repository(&self, registry: Option<&str>, name: &str) -> Result<Value> {
        let body = with_registry(registry, json!({"repositoryNames": [name]}));
        call!(self.0, describe_repositories, "DescribeRepositories", body)
    }

    /// `CreateRepository`.
    pub(crate) async fn create_repository(&self, registry: Option<&str>, name: &str) -> Result<Value> {
        let body = with_registry(registry, json!({"repositoryName": name}));
        call!(self.0, create_repository, "CreateRepository", body)
    }
}

fn with_registry(registry: Option<&str>, mut body: Value) -> Value {
    if let (Some(registry), Some(fields)) = (registry, body.as_object_mut()) {
        fields.insert("registryId".to_owned(), registry.into());
    }
    body
}
