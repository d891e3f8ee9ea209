//! Values of `[deploy.aws-ecs]` whose form matters.

use haute_core::config::Config;
use haute_core::diagnostic::Diagnostic;

use super::{EcsConfig, Update, VALUE};

/// The longest a rollout may take, in seconds: 36 hours, as long as the longest of AWS's own waits.
const LONGEST: u64 = 36 * 3600;

impl EcsConfig {
    /// Every value that cannot be used, at its place in `config`.
    pub fn validate(&self, config: &Config) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let mut wrong = |key: &str, message: String, help: &str| {
            let key = format!("deploy.aws-ecs.{key}");
            found.push(config.point(Diagnostic::error(VALUE, message).help(help), &key, "here"));
        };
        if !is_region(&self.region) {
            let message = format!("`{}` is no region of AWS", self.region.escape_debug());
            wrong("region", message, "write a region such as `region = \"eu-west-1\"`");
        }
        for (key, value) in [("cluster", &self.cluster), ("service", &self.service)] {
            if value.is_empty() {
                let help =
                    format!("add `{key} = \"…\"` under [deploy.aws-ecs]; `aws ecs list-{key}s` names them");
                wrong(key, format!("`{key}` is not set"), &help);
            } else if !(is_name(value) || key == "cluster" && is_cluster_arn(value)) {
                let message = format!("`{}` cannot name a {key}", value.escape_debug());
                wrong(key, message, "names have at most 255 letters, digits, `-` and `_`");
            }
        }
        if !self.container.is_empty() && !is_name(&self.container) {
            let message = format!("`{}` cannot name a container", self.container.escape_debug());
            wrong("container", message, "write the name it has in the task definition");
        }
        if !(30..=LONGEST).contains(&self.timeout) {
            wrong("timeout", format!("`timeout` is {}", self.timeout), "write 30 to 129600 seconds");
        }
        if !self.expected_account.is_empty() && !is_account(&self.expected_account) {
            let message = format!("`{}` is no account of AWS", self.expected_account.escape_debug());
            wrong("expected_account", message, "write its twelve digits in quotes: leading zeros count");
        }
        if !self.role_arn.is_empty() && !is_role(&self.role_arn) {
            let message = format!("`{}` is no ARN of a role", self.role_arn.escape_debug());
            wrong("role_arn", message, "write it whole: `arn:aws:iam::123456789012:role/deploy`");
        }
        if !self.verify_url.is_empty() && !is_url(&self.verify_url) {
            let message = format!("`{}` is no address", self.verify_url.escape_debug());
            wrong(
                "verify_url",
                message,
                "write `https://` and a host, without `/quote` and without credentials",
            );
        }
        if self.max_failed_tasks == 0 {
            wrong("max_failed_tasks", "`max_failed_tasks` is 0".to_owned(), "write 1 or more");
        }
        if self.update == Update::ExistingRevision && self.task_definition.is_empty() {
            let message = "`update = \"existing-revision\"` needs a `task_definition`".to_owned();
            wrong("update", message, "add `task_definition = \"family\"` or `\"family:revision\"`");
        }
        if self.update != Update::ExistingRevision && !self.task_definition.is_empty() {
            let message =
                format!("`task_definition` has no meaning with `update = \"{}\"`", self.update.as_str());
            wrong("task_definition", message, "set `update = \"existing-revision\"`, or leave it out");
        }
        if self.update != Update::MovingTag && !self.moving_tag.is_empty() {
            let message = format!("`moving_tag` has no meaning with `update = \"{}\"`", self.update.as_str());
            wrong("moving_tag", message, "set `update = \"moving-tag\"`, or leave it out");
        }
        found
    }
}

/// `eu-west-1`, `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [first, middle @ .., last] = parts.as_slice() else { return false };
    first.len() == 2
        && !middle.is_empty()
        && [first]
            .into_iter()
            .chain(middle)
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase()))
        && !last.is_empty()
        && last.bytes().all(|b| b.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn is_cluster_arn(text: &str) -> bool {
    text.starts_with("arn:aws") && text.rsplit_once(":cluster/").is_some_and(|(_, name)| is_name(name))
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_role(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    matches!(parts.as_slice(), ["arn", partition, "iam", "", account, role]
        if partition.starts_with("aws") && is_account(account) && role.strip_prefix("role/").is_some_and(|name| !name.is_empty()))
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['@', ' ', '?', '#'])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EcsConfig;

    #[test]
    fn the_documented_form_stands_as_it_is() {
        let found = EcsConfig::new("eu-west-1", "pricing", "motor").validate(&Config::default());
        assert!(found.is_empty(), "{found:?}");
        let arn = "arn:aws:ecs:eu-west-1:123456789012:cluster/pricing";
        let config = EcsConfig::new("us-gov-west-1", arn, "motor");
        assert!(config.validate(&Config::default()).is_empty());
        assert_eq!(config.address(), "us-gov-west-1/pricing/motor");
    }

    #[test]
    fn every_bad_value_is_told_at_once() {
        let config = EcsConfig {
            region: "Ireland".to_owned(),
            service: "motor pricing".to_owned(),
            timeout: 5,
            expected_account: "42".to_owned(),
            role_arn: "deploy".to_owned(),
            verify_url: "https://user:password@prices.example".to_owned(),
            max_failed_tasks: 0,
            update: Update::ExistingRevision,
            moving_tag: "latest".to_owned(),
            ..EcsConfig::default()
        };
        let found = config.validate(&Config::default());
        assert_eq!(found.len(), 10, "{found:#?}");
    }

    #[test]
    fn regions_have_their_grammar() {
        for region in ["eu-west-1", "us-gov-west-1", "ap-southeast-12", "cn-north-1"] {
            assert!(is_region(region), "{region}");
        }
        for other in ["", "eu", "eu-west", "eu-west-", "EU-west-1", "eu--1", "eu-west-1a"] {
            assert!(!is_region(other), "{other}");
        }
    }
}
