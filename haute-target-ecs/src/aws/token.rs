//! Signing in to ECR.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use haute_container::registry::{CredentialSource, Credentials};
use haute_core::error::{Error, ErrorKind, Result};
use serde_json::Value;
use tokio::sync::Mutex;

use super::Connection;

/// A password is asked for again when it has less than this left, in seconds: it must last for one push.
const MARGIN: f64 = 1800.0;

/// Credentials of ECR registries, asked of ECR when a registry first demands them and again when they are about to end; all
/// other registries are signed in to as Docker's configuration says. `DOCKER_USERNAME` and `DOCKER_PASSWORD`, where set, win.
pub(crate) struct EcrCredentials {
    connection: Connection,
    others: Arc<dyn CredentialSource>,
    /// The registry that is pushed to.
    registry: String,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    credentials: Credentials,
    proxy: String,
    ends: f64,
}

impl EcrCredentials {
    /// Credentials for `registry`, and by `others` for every other host.
    pub(crate) fn new(
        connection: Connection,
        registry: impl Into<String>,
        others: Arc<dyn CredentialSource>,
    ) -> Self {
        Self { connection, others, registry: registry.into(), kept: Mutex::default() }
    }

    /// Whether `host` belongs to ECR. With an endpoint of one's own, so does the registry that is pushed to.
    async fn is_ecr(&self, host: &str) -> Result<bool> {
        if RegistryHost::parse(host).is_some() {
            return Ok(true);
        }
        Ok(host == self.registry && self.connection.aws().await?.session.endpoint("ECR").is_some())
    }

    fn given(&self) -> bool {
        let set = |name| self.connection.variables().get(name).is_some_and(|value| !value.is_empty());
        set("DOCKER_USERNAME") || set("DOCKER_PASSWORD")
    }
}

#[async_trait]
impl CredentialSource for EcrCredentials {
    async fn credentials(&self, host: &str, fresh: bool) -> Result<Option<Credentials>> {
        if (host == self.registry && self.given()) || !self.is_ecr(host).await? {
            return self.others.credentials(host, fresh).await;
        }
        let mut kept = self.kept.lock().await;
        let now = seconds(SystemTime::now());
        if let Some(known) = kept.as_ref().filter(|known| !fresh && known.ends - MARGIN > now) {
            return Ok(Some(known.credentials.clone()));
        }
        let aws = self.connection.aws().await?;
        let new = read(&aws.ecr.authorization_token().await?)?;
        // An endpoint of one's own that does not answer for this registry has no say in it.
        if RegistryHost::parse(host).is_none() && host_of(&new.proxy) != host {
            return self.others.credentials(host, fresh).await;
        }
        let credentials = new.credentials.clone();
        *kept = Some(new);
        Ok(Some(credentials))
    }
}

/// Reads `authorizationData`: base64 of `AWS:` and the password.
fn read(answer: &Value) -> Result<Kept> {
    let unreadable = || {
        Error::new(ErrorKind::Unauthenticated, "ECR gave no password that can be used")
            .with_operation("ecr.GetAuthorizationToken")
    };
    let data = answer.pointer("/authorizationData/0").ok_or_else(unreadable)?;
    let token = data.get("authorizationToken").and_then(Value::as_str).ok_or_else(unreadable)?;
    let pair = STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = pair.ok_or_else(unreadable)?;
    let (name, password) = pair.split_once(':').ok_or_else(unreadable)?;
    Ok(Kept {
        credentials: Credentials::password(name, password),
        proxy: data.get("proxyEndpoint").and_then(Value::as_str).unwrap_or_default().to_owned(),
        ends: data.get("expiresAt").and_then(Value::as_f64).unwrap_or_default(),
    })
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map(|since| since.as_secs_f64()).unwrap_or_default()
}

/// The host of an ECR registry: `<account>.dkr.ecr[-fips].<region>.amazonaws.com[.cn]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RegistryHost {
    /// The twelve digits of its account.
    pub(crate) account: String,
    /// Its region.
    pub(crate) region: String,
}

impl RegistryHost {
    /// Reads a host; `None` when it is none of ECR's.
    pub(crate) fn parse(host: &str) -> Option<Self> {
        let mut parts = host.split('.');
        let (account, dkr, ecr, region) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let rest: Vec<&str> = parts.collect();
        let fits = account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && dkr == "dkr"
            && (ecr == "ecr" || ecr == "ecr-fips")
            && rest.first() == Some(&"amazonaws");
        fits.then(|| Self { account: account.to_owned(), region: region.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hosts_of_ecr_name_account_and_region() {
        let host = RegistryHost::parse("123456789012.dkr.ecr.eu-west-1.amazonaws.com").unwrap();
        assert_eq!((host.account.as_str(), host.region.as_str()), ("123456789012", "eu-west-1"));
        assert!(RegistryHost::parse("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn").is_some());
        for other in ["registry.example", "12.dkr.ecr.eu-west-1.amazonaws.com", "public.ecr.aws"] {
            assert_eq!(RegistryHost::parse(other), None, "{other}");
        }
    }

    #[test]
    fn the_password_is_what_stands_behind_the_name() {
        let token = STANDARD.encode("AWS:hun:ter2");
        let answer = json!({"authorizationData": [{"authorizationToken": token, "expiresAt": 17.0, "proxyEndpoint": "https://h:1"}]});
        let kept = read(&answer).unwrap();
        assert_eq!(kept.credentials, Credentials::password("AWS", "hun:ter2"));
        assert_eq!(host_of(&kept.proxy), "h:1");
        assert!((kept.ends - 17.0).abs() < f64::EPSILON);
        assert!(read(&json!({"authorizationData": []})).is_err());
    }
}
