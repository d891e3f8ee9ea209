//! Registered models, their versions and aliases.
//!
//! MLflow REST API, "Registered models", "Model versions"; Unity Catalog has the same calls under another prefix.

use haute_core::digest::Digest;
use haute_core::error::Result;
use haute_core::target::PastRelease;
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::{ApiClient, absent};
use crate::tags::{self, Tag};
use crate::tracking::{API, part};

/// A registry: where the versions of models are kept.
#[derive(Clone, Copy)]
pub(crate) struct Registry<'a> {
    client: &'a ApiClient,
    /// What its calls have in front.
    prefix: &'static str,
}

/// A version of a registered model.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Version {
    /// Text on this surface, a number on others.
    #[serde(rename = "version")]
    pub(crate) number: String,
    #[serde(default)]
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) status_message: String,
    /// What it was made of: `models:/m-…`.
    #[serde(default)]
    pub(crate) source: String,
    #[serde(default)]
    pub(crate) run_id: String,
    /// Who made it.
    #[serde(default)]
    pub(crate) user_id: String,
    /// When, in milliseconds since 1970; a number, or one in quotes.
    #[serde(default)]
    pub(crate) creation_timestamp: Value,
    #[serde(default)]
    pub(crate) tags: Vec<Tag>,
}

impl Version {
    /// When it was made.
    pub(crate) fn made(&self) -> Option<Timestamp> {
        let number = &self.creation_timestamp;
        let number = number.as_i64().or_else(|| number.as_str()?.parse().ok())?;
        Timestamp::from_millisecond(number).ok()
    }

    /// Whether it was found to serve the proven prices.
    pub(crate) fn is_verified(&self) -> bool {
        tags::value(&self.tags, tags::VERIFIED).is_some()
    }

    /// The release it is of.
    pub(crate) fn release(&self) -> Option<Digest> {
        tags::release(&self.tags)
    }

    /// For comparing: 10 comes after 9.
    pub(crate) fn order(&self) -> u64 {
        self.number.parse().unwrap_or_default()
    }

    /// Whether it can be loaded.
    pub(crate) fn is_ready(&self) -> bool {
        self.status == "READY"
    }

    /// Whether it can never be.
    pub(crate) fn has_failed(&self) -> bool {
        self.status == "FAILED_REGISTRATION"
    }
}

impl Version {
    /// The version as its registry remembers it; `serving` is the number of the one that serves.
    pub(crate) fn past(&self, model: &str, serving: Option<&str>) -> PastRelease {
        let mut past = PastRelease::new(self.number.as_str());
        past.release = self.release();
        past.commit = tags::value(&self.tags, tags::COMMIT).map(str::to_owned);
        past.who = Some(self.user_id.clone()).filter(|who| !who.is_empty());
        past.when = self.made();
        past.verified = self.is_verified();
        past.serving = serving == Some(self.number.as_str());
        let outcome = match (self.is_ready(), self.has_failed()) {
            (true, _) => "registered",
            (_, true) => "not registered",
            _ => "being registered",
        };
        outcome.clone_into(&mut past.outcome);
        past.details.insert("model".to_owned(), format!("models:/{model}/{}", self.number));
        past
    }
}

impl<'a> Registry<'a> {
    /// The registry of an open MLflow server.
    pub(crate) fn open(client: &'a ApiClient) -> Self {
        Self { client, prefix: "" }
    }

    /// Unity Catalog.
    pub(crate) fn unity_catalog(client: &'a ApiClient) -> Self {
        Self { client, prefix: "unity-catalog/" }
    }

    fn path(&self, call: &str) -> String {
        format!("{API}/{}{call}", self.prefix)
    }

    /// Whether there is a registered model of that name.
    pub(crate) async fn has_model(&self, name: &str) -> Result<bool> {
        let found = absent(self.client.get(&self.path("registered-models/get"), &[("name", name)]).await)?;
        Ok(found.is_some())
    }

    /// Makes a registered model, unless it is there.
    pub(crate) async fn create_model(&self, name: &str, description: &str) -> Result<()> {
        let body = json!({"name": name, "description": description});
        match self.client.send(Method::POST, &self.path("registered-models/create"), &body).await {
            Ok(_) => Ok(()),
            Err(error) if error.is("RESOURCE_ALREADY_EXISTS") => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Every version of a model, newest first.
    pub(crate) async fn versions(&self, name: &str) -> Result<Vec<Version>> {
        let filter = format!("name='{name}'");
        let mut versions: Vec<Version> = Vec::new();
        let mut page = String::new();
        loop {
            let mut query = vec![("filter", filter.as_str()), ("max_results", "1000")];
            if !page.is_empty() {
                query.push(("page_token", page.as_str()));
            }
            let answer = self.client.get(&self.path("model-versions/search"), &query).await?;
            if answer.get("model_versions").is_some() {
                versions.extend(part::<Vec<Version>>(&answer, "model_versions")?);
            }
            match answer.get("next_page_token").and_then(Value::as_str) {
                Some(next) if !next.is_empty() && next != page => next.clone_into(&mut page),
                _ => break,
            }
        }
        versions.sort_by_key(|version| std::cmp::Reverse(version.order()));
        Ok(versions)
    }

    /// One version; `None` when it is not there.
    pub(crate) async fn version(&self, name: &str, version: &str) -> Result<Option<Version>> {
        let query = [("name", name), ("version", version)];
        let found = absent(self.client.get(&self.path("model-versions/get"), &query).await)?;
        found.map(|answer| part(&answer, "model_version")).transpose()
    }

    /// Makes a version. Its number is the server's, from its answer: a search may find another's.
    pub(crate) async fn create_version(&self, body: &Value) -> Result<Version> {
        let answer = self.client.send(Method::POST, &self.path("model-versions/create"), body).await?;
        part(&answer, "model_version")
    }

    /// Says that every file of a version is there (Unity Catalog).
    pub(crate) async fn finalise_version(&self, name: &str, version: &str) -> Result<()> {
        let body = json!({"name": name, "version": version});
        self.client.send(Method::POST, &self.path("model-versions/finalize"), &body).await?;
        Ok(())
    }

    /// Tags a version.
    pub(crate) async fn tag_version(&self, name: &str, version: &str, key: &str, value: &str) -> Result<()> {
        let body = json!({"name": name, "version": version, "key": key, "value": value});
        self.client.send(Method::POST, &self.path("model-versions/set-tag"), &body).await?;
        Ok(())
    }

    /// Takes a version away. One that is not there is no error.
    pub(crate) async fn delete_version(&self, name: &str, version: &str) -> Result<()> {
        let body = json!({"name": name, "version": version});
        absent(self.client.send(Method::DELETE, &self.path("model-versions/delete"), &body).await).map(drop)
    }

    /// The version an alias stands for; `None` when there is none.
    pub(crate) async fn alias(&self, name: &str, alias: &str) -> Result<Option<Version>> {
        let query = [("name", name), ("alias", alias)];
        match self.client.get(&self.path("registered-models/alias"), &query).await {
            Ok(answer) => part(&answer, "model_version").map(Some),
            // An open server says so for an alias that is not there; the name was checked before.
            Err(error) if error.is("INVALID_PARAMETER_VALUE") => Ok(None),
            Err(error) => absent::<Version>(Err(error)),
        }
    }

    /// Lets an alias stand for a version.
    pub(crate) async fn set_alias(&self, name: &str, alias: &str, version: &str) -> Result<()> {
        let body = json!({"name": name, "alias": alias, "version": version});
        self.client.send(Method::POST, &self.path("registered-models/alias"), &body).await?;
        Ok(())
    }

    /// Takes an alias away. One that is not there is no error.
    pub(crate) async fn delete_alias(&self, name: &str, alias: &str) -> Result<()> {
        let body = json!({"name": name, "alias": alias});
        match self.client.send(Method::DELETE, &self.path("registered-models/alias"), &body).await {
            Err(error) if error.is("INVALID_PARAMETER_VALUE") => Ok(()),
            result => absent(result).map(drop),
        }
    }
}
