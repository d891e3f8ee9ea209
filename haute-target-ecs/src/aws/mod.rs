//! AWS, as far as this target needs it: who calls, and the calls.
//!
//! Credentials come from the project's variables by the default chain of AWS: keys, profile, web identity (OIDC), container
//! and instance roles. `AWS_ENDPOINT_URL` and its forms for single services are honoured.

mod ecr;
mod ecs;
pub(crate) mod error;
mod others;
mod raw;
mod session;
mod signed;
mod token;
mod xml;

use std::sync::Arc;

use haute_core::error::Result;
use haute_core::variables::Variables;

pub(crate) use ecr::Ecr;
pub(crate) use ecs::Ecs;
pub use session::AwsOptions;
pub(crate) use session::Session;
pub(crate) use token::{EcrCredentials, RegistryHost};

/// The clients of one account and region.
#[derive(Debug)]
pub(crate) struct Aws {
    pub(crate) ecs: Ecs,
    pub(crate) ecr: Ecr,
    pub(crate) session: Session,
    signed: signed::Signed,
}

/// Where the clients come from: made when first asked for, and then kept. Clones share them.
#[derive(Clone)]
pub(crate) struct Connection(Arc<Source>);

struct Source {
    region: String,
    role: Option<String>,
    variables: Variables,
    options: AwsOptions,
    aws: tokio::sync::OnceCell<Arc<Aws>>,
}

impl Connection {
    /// A connection that is not made yet.
    pub(crate) fn new(region: &str, role: Option<&str>, variables: Variables, options: AwsOptions) -> Self {
        let (region, role) = (region.to_owned(), role.map(str::to_owned));
        Self(Arc::new(Source { region, role, variables, options, aws: tokio::sync::OnceCell::new() }))
    }

    /// The clients. Files of the configuration are read the first time; nothing is sent, but to assume a role.
    pub(crate) async fn aws(&self) -> Result<Arc<Aws>> {
        let source = &self.0;
        let made = source.aws.get_or_try_init(|| async {
            let session =
                Session::load(&source.region, source.role.as_deref(), &source.variables, &source.options)
                    .await;
            let (ecs, ecr) = (Ecs::new(session.config()), Ecr::new(session.config()));
            let signed = signed::Signed::new(source.options.attempt_timeout)?;
            Ok(Arc::new(Aws { ecs, ecr, session, signed }))
        });
        made.await.cloned()
    }

    /// The variables it was made with.
    pub(crate) fn variables(&self) -> &Variables {
        &self.0.variables
    }

    /// The region.
    pub(crate) fn region(&self) -> &str {
        &self.0.region
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("region", &self.0.region).finish_non_exhaustive()
    }
}
