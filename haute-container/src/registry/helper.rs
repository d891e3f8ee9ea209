//! Credential helpers: programs named `docker-credential-…` that keep what a file should not
//! (docs.docker.com, `docker login`, "Credential helper protocol").

use std::process::Stdio;
use std::time::Duration;

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::variables::Variables;
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::credentials::Credentials;

/// A helper may open a browser or ask a cloud; one that takes longer waits for somebody who is not there.
const PATIENCE: Duration = Duration::from_mins(1);

/// What helpers print when they know nothing, by the protocol's own reference implementation.
const NOT_FOUND: &str = "credentials not found";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// Asks `docker-credential-<helper> get` for `address`. The address goes in by its input and the secret comes back by its
/// output, so neither is in an argument. Dropping the future ends the helper.
pub(super) async fn ask(helper: &str, address: &str, variables: &Variables) -> Result<Option<Credentials>> {
    let program = format!("docker-credential-{helper}");
    let failed = |what: String| {
        Error::new(ErrorKind::Unauthenticated, what)
            .with_operation("registry.credentials")
            .with_context("helper", program.clone())
            .with_hint(format!(
                "see what `echo {address} | {program} get` says, or set DOCKER_USERNAME and DOCKER_PASSWORD"
            ))
    };
    if !helper.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        return Err(failed(
            "the Docker configuration names a credential helper that is no program's name".into(),
        ));
    }
    let talk = async {
        let mut child = Command::new(&program)
            .arg("get")
            .env_clear()
            .envs(variables.iter())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            // A helper that ends without reading says more by its exit code than by a broken pipe.
            drop(input.write_all(address.as_bytes()).await);
        }
        child.wait_with_output().await
    };
    let output = match tokio::time::timeout(PATIENCE, talk).await {
        Ok(Ok(output)) => output,
        Ok(Err(source)) => {
            return Err(failed("the credential helper cannot be run".into()).with_source(source));
        }
        Err(_) => {
            return Err(failed(format!("the credential helper did not answer in {} s", PATIENCE.as_secs())));
        }
    };
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stdout);
        if words.contains(NOT_FOUND) {
            return Ok(None);
        }
        // Its words are not repeated: nobody knows what a program that handles secrets prints when it fails.
        return Err(failed(format!("the credential helper failed ({})", output.status)));
    }
    let answer: Answer = serde_json::from_slice(&output.stdout)
        .map_err(|_| failed("the credential helper gave an answer that is not of the protocol".into()))?;
    Ok(match answer.username.as_str() {
        "" if answer.secret.is_empty() => None,
        "<token>" => Some(Credentials::identity_token(answer.secret)),
        _ => Some(Credentials::password(answer.username, answer.secret)),
    })
}
