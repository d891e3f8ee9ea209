//! Where to look further.

use super::findings::Findings;
use super::subject::Subject;

/// The partition of a region, as ARNs name it.
pub fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

/// Addresses in the console of a region's partition.
#[derive(Clone, Debug)]
pub struct Console<'a> {
    subject: &'a Subject,
}

impl<'a> Console<'a> {
    /// Of the service.
    pub fn new(subject: &'a Subject) -> Self {
        Self { subject }
    }

    fn base(&self) -> String {
        let domain = match partition(&self.subject.region) {
            "aws-cn" => "console.amazonaws.cn",
            "aws-us-gov" => "console.amazonaws-us-gov.com",
            _ => "console.aws.amazon.com",
        };
        format!("https://{}.{domain}", self.subject.region)
    }

    /// The deployments of the service.
    pub fn deployments(&self) -> String {
        let Subject { region, cluster, service, .. } = self.subject;
        format!(
            "{}/ecs/v2/clusters/{}/services/{}/deployments?region={region}",
            self.base(),
            percent(cluster),
            percent(service)
        )
    }

    /// One task.
    pub fn task(&self, id: &str) -> String {
        let Subject { region, cluster, .. } = self.subject;
        format!(
            "{}/ecs/v2/clusters/{}/tasks/{}/configuration?region={region}",
            self.base(),
            percent(cluster),
            percent(id)
        )
    }

    /// A stream of the log group. Names are encoded twice there, with `$` for the outer `%`.
    pub fn log(&self, stream: &str) -> String {
        let twice = |name: &str| percent(&percent(name)).replace('%', "$");
        format!(
            "{}/cloudwatch/home?region={}#logsV2:log-groups/log-group/{}/log-events/{}",
            self.base(),
            self.subject.region,
            twice(&self.subject.log_group),
            twice(stream)
        )
    }
}

fn percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            use std::fmt::Write as _;
            // Writing to a string cannot fail.
            let _written = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

pub(super) fn links(findings: &Findings<'_>) -> Vec<String> {
    let subject = &findings.subject;
    if subject.region.is_empty() || subject.cluster.is_empty() || subject.service.is_empty() {
        return Vec::new();
    }
    let console = Console::new(subject);
    let log = findings.logs.iter().find(|log| !log.stream.is_empty() && !subject.log_group.is_empty());
    std::iter::once(console.deployments()).chain(log.map(|log| console.log(&log.stream))).collect()
}
