//! Who calls, from where: the configuration every client shares.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_types::os_shim_internal::Env;
use aws_types::service_config::ServiceConfigKey;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::variables::Variables;
use tokio::sync::Mutex;

use super::error::{Action, unreached};

/// Credentials are taken to end this much earlier, so that they do not end on their way.
const MARGIN: Duration = Duration::from_mins(1);

/// How AWS is called.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AwsOptions {
    /// How often one call is made before it counts as failed, the first time included. Writes are repeated only where
    /// they surely did nothing.
    pub attempts: u32,
    /// The first wait between two attempts; doubles, with jitter, up to 20 s.
    pub first_wait: Duration,
    /// How long one attempt may take.
    pub attempt_timeout: Duration,
}

impl Default for AwsOptions {
    /// Eight attempts, from one second; 30 s each.
    fn default() -> Self {
        Self { attempts: 8, first_wait: Duration::from_secs(1), attempt_timeout: Duration::from_secs(30) }
    }
}

impl AwsOptions {
    /// Sets how often one call is made, and the first wait between two attempts.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32, first_wait: Duration) -> Self {
        self.attempts = attempts.max(1);
        self.first_wait = first_wait;
        self
    }

    /// Sets how long one attempt may take.
    #[must_use]
    pub fn with_attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }
}

/// The shared configuration, and credentials as a signature needs them.
#[derive(Debug)]
pub(crate) struct Session {
    config: SdkConfig,
    region: String,
    kept: Mutex<Option<Credentials>>,
}

impl Session {
    /// Loads the configuration from `variables` and the files they lead to. With `role`, every call is made as that role.
    pub(super) async fn load(
        region: &str,
        role: Option<&str>,
        variables: &Variables,
        options: &AwsOptions,
    ) -> Self {
        let environment: HashMap<String, String> =
            variables.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let retries = RetryConfig::standard()
            .with_max_attempts(options.attempts)
            .with_initial_backoff(options.first_wait);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(10))
            .operation_attempt_timeout(options.attempt_timeout)
            .build();
        let mut config = aws_config::defaults(BehaviorVersion::latest())
            .env(Env::from(environment))
            .region(Region::new(region.to_owned()))
            .retry_config(retries)
            .timeout_config(timeouts)
            .load()
            .await;
        if let (Some(role), Some(base)) = (role, config.credentials_provider()) {
            let provider = AssumeRoleProvider::builder(role)
                .session_name("haute-deploy")
                .configure(&config)
                .build_from_provider(base)
                .await;
            let provider = aws_credential_types::provider::SharedCredentialsProvider::new(provider);
            config = config.into_builder().credentials_provider(provider).build();
        }
        Self { config, region: region.to_owned(), kept: Mutex::default() }
    }

    pub(super) fn config(&self) -> &SdkConfig {
        &self.config
    }

    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// The credentials, fetched again when they are about to end.
    pub(super) async fn credentials(&self, action: Action) -> Result<Credentials> {
        let mut kept = self.kept.lock().await;
        let fresh =
            |known: &Credentials| known.expiry().is_none_or(|expiry| expiry > SystemTime::now() + MARGIN);
        if let Some(known) = kept.as_ref().filter(|known| fresh(known)) {
            return Ok(known.clone());
        }
        let provider = self.config.credentials_provider().ok_or_else(|| {
            Error::new(ErrorKind::Unauthenticated, "no AWS credentials were found")
                .with_operation(action.operation)
        })?;
        let found = provider.provide_credentials().await.map_err(|error| unreached(action, error))?;
        *kept = Some(found.clone());
        Ok(found)
    }

    /// When the credentials in use end; `None` when they do not, or nobody knows.
    pub(crate) async fn ends(&self, action: Action) -> Result<Option<SystemTime>> {
        Ok(self.credentials(action).await?.expiry())
    }

    /// The endpoint configured for a service (`AWS_ENDPOINT_URL_<ID>`, `AWS_ENDPOINT_URL`, the profile), without a slash at
    /// its end.
    pub(crate) fn endpoint(&self, service_id: &str) -> Option<String> {
        let key = ServiceConfigKey::builder()
            .service_id(service_id)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .ok()?;
        let url = self.config.service_config()?.load_config(key)?;
        Some(url.trim_end_matches('/').to_owned())
    }

    /// `amazonaws.com`, or what the region's partition has in its place.
    pub(crate) fn suffix(&self) -> &'static str {
        if self.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
    }
}
