//! Credentials where Docker's own tools keep them.

use std::path::PathBuf;

use async_trait::async_trait;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::variables::Variables;

use super::credentials::{CredentialSource, Credentials};
use super::docker_config::{DockerConfig, helper_address, same_registry};
use super::helper;

/// Credentials from, in this order: `DOCKER_USERNAME` and `DOCKER_PASSWORD`, the credential helper of the host or the
/// credential store, and the Docker configuration itself (`$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`).
///
/// The two variables name no registry, so they go to one host only, the one [`with_variables_for`](Self::with_variables_for)
/// names: the registry that is pushed to. The registry of a base image never sees them.
///
/// Nothing is kept: every question reads the configuration and asks the helper anew, and a client keeps the answer.
#[derive(Clone, Debug)]
pub struct DockerCredentials {
    variables: Variables,
    pushed_to: Option<String>,
}

impl DockerCredentials {
    /// Credentials of the Docker configuration that `variables` lead to (`DOCKER_CONFIG`, `HOME`). Helpers run with these
    /// variables and no others.
    pub fn new(variables: Variables) -> Self {
        Self { variables, pushed_to: None }
    }

    /// Gives `DOCKER_USERNAME` and `DOCKER_PASSWORD` to `host`, and to no other.
    #[must_use]
    pub fn with_variables_for(mut self, host: impl Into<String>) -> Self {
        self.pushed_to = Some(host.into());
        self
    }

    fn of_variables(&self, host: &str) -> Result<Option<Credentials>> {
        if !self.pushed_to.as_deref().is_some_and(|own| same_registry(own, host)) {
            return Ok(None);
        }
        let get = |name| self.variables.get(name).filter(|value| !value.is_empty());
        match (get("DOCKER_USERNAME"), get("DOCKER_PASSWORD")) {
            (Some(username), Some(password)) => Ok(Some(Credentials::password(username, password))),
            (None, None) => Ok(None),
            (one, _) => {
                let (set, unset) = if one.is_some() {
                    ("DOCKER_USERNAME", "DOCKER_PASSWORD")
                } else {
                    ("DOCKER_PASSWORD", "DOCKER_USERNAME")
                };
                Err(Error::new(ErrorKind::InvalidInput, format!("`{set}` is set and `{unset}` is not"))
                    .with_operation("registry.credentials")
                    .with_hint("set both, or neither to use what `docker login` stored"))
            }
        }
    }

    fn path(&self) -> Option<PathBuf> {
        let get = |name| self.variables.get(name).filter(|value| !value.is_empty());
        let directory = get("DOCKER_CONFIG").map(PathBuf::from).or_else(|| {
            get("HOME").or_else(|| get("USERPROFILE")).map(|home| PathBuf::from(home).join(".docker"))
        })?;
        Some(directory.join("config.json"))
    }

    async fn configuration(&self) -> Result<Option<DockerConfig>> {
        let Some(path) = self.path() else { return Ok(None) };
        let failed = |what: &str| {
            Error::new(ErrorKind::InvalidInput, what.to_owned())
                .with_operation("registry.credentials")
                .with_context("file", path.display().to_string())
        };
        let text = match tokio::fs::read(&path).await {
            Ok(text) => text,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(failed("the Docker configuration cannot be read").with_source(source));
            }
        };
        // Where it is wrong is said by line and column only: the text around it may hold a password.
        DockerConfig::parse(&text).map(Some).map_err(|source| {
            failed("the Docker configuration is not as Docker writes it")
                .with_context("place", format!("line {}, column {}", source.line(), source.column()))
        })
    }
}

#[async_trait]
impl CredentialSource for DockerCredentials {
    async fn credentials(&self, host: &str, _fresh: bool) -> Result<Option<Credentials>> {
        if let Some(credentials) = self.of_variables(host)? {
            return Ok(Some(credentials));
        }
        let Some(configuration) = self.configuration().await? else { return Ok(None) };
        if let Some(helper) = configuration.helper(host)
            && let Some(credentials) = helper::ask(helper, helper_address(host), &self.variables).await?
        {
            return Ok(Some(credentials));
        }
        configuration.stored(host).map_err(|_| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("the Docker configuration's entry for `{host}` is not as Docker writes it"),
            )
            .with_operation("registry.credentials")
            .with_hint(format!("run `docker login {host}` again"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        pairs.iter().copied().collect()
    }

    #[tokio::test]
    async fn the_variables_go_to_the_registry_that_is_pushed_to_and_to_no_other() {
        let source = DockerCredentials::new(variables(&[("DOCKER_USERNAME", "u"), ("DOCKER_PASSWORD", "p")]))
            .with_variables_for("registry.example:5000");
        let own = source.credentials("registry.example:5000", false).await.unwrap();
        assert_eq!(own, Some(Credentials::password("u", "p")));
        assert_eq!(source.credentials("docker.io", false).await.unwrap(), None);
        assert_eq!(source.credentials("registry.example", false).await.unwrap(), None);
    }

    #[tokio::test]
    async fn half_a_pair_is_refused_without_showing_it() {
        let source =
            DockerCredentials::new(variables(&[("DOCKER_PASSWORD", "hunter2")])).with_variables_for("r");
        let error = source.credentials("r", false).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("DOCKER_USERNAME") && !format!("{error:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn a_broken_configuration_is_named_without_showing_it() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("config.json"), r#"{"auths": {"r": {"auth": "hunter2""#)
            .unwrap();
        let source =
            DockerCredentials::new(variables(&[("DOCKER_CONFIG", directory.path().to_str().unwrap())]));
        let error = source.credentials("r", false).await.unwrap_err();
        assert!(error.to_string().contains("config.json"));
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn helpers_are_asked_and_may_not_know() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let helper = |name: &str, script: &str| {
            let path = directory.path().join(format!("docker-credential-{name}"));
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        helper(
            "knows",
            r#"read -r host; printf '{"ServerURL":"%s","Username":"%s","Secret":"s"}' "$host" "$host""#,
        );
        helper("token", r#"printf '{"ServerURL":"x","Username":"<token>","Secret":"t"}'"#);
        helper("empty", "echo 'credentials not found in native keychain'; exit 1");
        helper("broken", "echo hunter2; exit 3");
        helper("chatty", "echo hunter2");
        std::fs::write(
            directory.path().join("config.json"),
            r#"{"auths": {"e.example": {"auth": "dTpw"}},
                "credHelpers": {"a.example": "knows", "docker.io": "knows", "t.example": "token",
                                "e.example": "empty", "b.example": "broken", "c.example": "chatty",
                                "n.example": "absent", "x.example": "../x"}}"#,
        )
        .unwrap();
        let here = directory.path().to_str().unwrap();
        let source = DockerCredentials::new(variables(&[
            ("DOCKER_CONFIG", here),
            ("PATH", &format!("{here}:/usr/bin:/bin")),
        ]));
        let ask = |host: &'static str| {
            let source = source.clone();
            async move { source.credentials(host, false).await }
        };
        assert_eq!(ask("a.example").await.unwrap(), Some(Credentials::password("a.example", "s")));
        let hub = ask("registry-1.docker.io").await.unwrap();
        assert_eq!(hub, Some(Credentials::password("https://index.docker.io/v1/", "s")));
        assert_eq!(ask("t.example").await.unwrap(), Some(Credentials::identity_token("t")));
        assert_eq!(ask("e.example").await.unwrap(), Some(Credentials::password("u", "p")));
        for host in ["b.example", "c.example", "n.example", "x.example"] {
            let error = ask(host).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{host}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
            assert!(!error.hints().is_empty());
        }
    }
}
