//! How AWS names things: ARNs, and the identifiers in them.

use haute_core::digest::Digest;

/// The account and region everything is in, and the names made of them.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) account: String,
    pub(crate) region: String,
}

impl Names {
    fn ecs(&self, what: &str) -> String {
        format!("arn:aws:ecs:{}:{}:{what}", self.region, self.account)
    }

    pub(crate) fn cluster(&self, cluster: &str) -> String {
        self.ecs(&format!("cluster/{cluster}"))
    }

    pub(crate) fn service(&self, cluster: &str, service: &str) -> String {
        self.ecs(&format!("service/{cluster}/{service}"))
    }

    pub(crate) fn task_definition(&self, family: &str, revision: usize) -> String {
        self.ecs(&format!("task-definition/{family}:{revision}"))
    }

    pub(crate) fn task(&self, cluster: &str, id: &str) -> String {
        self.ecs(&format!("task/{cluster}/{id}"))
    }

    pub(crate) fn service_deployment(&self, cluster: &str, service: &str, id: &str) -> String {
        self.ecs(&format!("service-deployment/{cluster}/{service}/{id}"))
    }

    pub(crate) fn service_revision(&self, cluster: &str, service: &str, id: &str) -> String {
        self.ecs(&format!("service-revision/{cluster}/{service}/{id}"))
    }

    pub(crate) fn repository(&self, repository: &str) -> String {
        format!("arn:aws:ecr:{}:{}:repository/{repository}", self.region, self.account)
    }

    pub(crate) fn log_group(&self, group: &str) -> String {
        format!("arn:aws:logs:{}:{}:log-group:{group}", self.region, self.account)
    }

    pub(crate) fn target_group(&self, name: &str, id: &str) -> String {
        format!("arn:aws:elasticloadbalancing:{}:{}:targetgroup/{name}/{id}", self.region, self.account)
    }

    pub(crate) fn load_balancer(&self, name: &str, id: &str) -> String {
        format!("arn:aws:elasticloadbalancing:{}:{}:loadbalancer/app/{name}/{id}", self.region, self.account)
    }

    /// Who the caller is, as a denial and `GetCallerIdentity` name it.
    pub(crate) fn caller(&self) -> String {
        format!("arn:aws:iam::{}:user/deployer", self.account)
    }
}

/// The part behind the last `/` of an ARN, or the whole of a plain name.
pub(crate) fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Counts, and makes of each number identifiers that look like those of AWS and are the same in every run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identifiers {
    count: u64,
}

impl Identifiers {
    /// 64 hex digits nobody has had.
    fn hex(&mut self) -> String {
        self.count += 1;
        Digest::of(format!("identifier {}", self.count)).hex().to_owned()
    }

    /// As of tasks: 32 hex digits.
    pub(crate) fn long(&mut self) -> String {
        self.hex().chars().take(32).collect()
    }

    /// As of deployments and service revisions: 19 decimal digits.
    pub(crate) fn digits(&mut self) -> String {
        let hex: String = self.hex().chars().take(15).collect();
        let number = u64::from_str_radix(&hex, 16).unwrap_or(self.count);
        format!("{:019}", 1_000_000_000_000_000_000 + number)
    }

    /// As of service deployments: 21 letters and digits.
    pub(crate) fn short(&mut self) -> String {
        self.hex().chars().take(21).collect()
    }

    /// As of requests and events: a UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let hex = self.hex();
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_look_as_they_should_and_differ() {
        let mut identifiers = Identifiers::default();
        assert_eq!(identifiers.digits().len(), 19);
        assert_eq!(identifiers.long().len(), 32);
        assert_eq!(identifiers.uuid().split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert_ne!(identifiers.digits(), identifiers.digits());
    }
}
