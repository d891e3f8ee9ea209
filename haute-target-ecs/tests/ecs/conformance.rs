//! Every check of the conformance suite.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use haute_conformance::Fixture;
use haute_core::target::{DeployTarget, ProvenRelease};

use crate::lab::{CLUSTER, Lab, SERVICE};

#[async_trait]
impl Fixture for Lab {
    fn project_root(&self) -> &Path {
        self.root()
    }

    fn target(&self) -> Arc<dyn DeployTarget> {
        Arc::new(Lab::target(self))
    }

    fn release(&self, number: usize) -> ProvenRelease {
        Lab::release(self, number)
    }

    fn secret(&self) -> Option<String> {
        self.fake
            .variables()
            .into_iter()
            .find(|(name, _)| name == "AWS_SECRET_ACCESS_KEY")
            .map(|(_, value)| value)
    }

    async fn world(&self) -> String {
        let service = self.fake.service(CLUSTER, SERVICE).unwrap();
        format!("{:?} {} {:?}", self.revisions(), service.task_definition, service.deployments)
    }
}

haute_conformance::conformance!(Lab::new());
