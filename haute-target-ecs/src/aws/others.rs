//! Calls of STS, `CloudWatch` Logs, Elastic Load Balancing and IAM.

use haute_core::error::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::error::{Action, action};
use super::signed::{Body, Service};
use super::{Aws, xml};

const STS: Service = Service { name: "sts", id: "STS", global: false };
const LOGS: Service = Service { name: "logs", id: "CloudWatch Logs", global: false };
const BALANCING: Service =
    Service { name: "elasticloadbalancing", id: "Elastic Load Balancing v2", global: false };
const IAM: Service = Service { name: "iam", id: "IAM", global: true };

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The twelve digits of the account.
    pub(crate) account: String,
    /// Who: a user, or a session of a role.
    pub(crate) arn: String,
}

/// A target group of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TargetGroup {
    /// The path health checks ask for; `None` for TCP.
    pub(crate) health_check_path: Option<String>,
    /// `traffic-port`, or a number.
    pub(crate) health_check_port: Option<String>,
    /// The balancers that send to it.
    pub(crate) load_balancers: Vec<String>,
}

impl Aws {
    /// `GetCallerIdentity`: needs no permission.
    pub(crate) async fn identity(&self) -> Result<Identity> {
        let action = action!("sts", "GetCallerIdentity");
        let body = Body::Query { version: "2011-06-15", operation: "GetCallerIdentity", fields: &[] };
        let text = self.signed.call(&self.session, STS, action, &body).await?;
        let field = |name: &str| xml::first(&text, name).ok_or_else(|| unreadable(action));
        Ok(Identity { account: field("Account")?, arn: field("Arn")? })
    }

    /// The last `most` lines of a log stream, oldest first.
    pub(crate) async fn log_lines(&self, group: &str, stream: &str, most: usize) -> Result<Vec<String>> {
        let action = action!("logs", "GetLogEvents");
        let request =
            json!({"logGroupName": group, "logStreamName": stream, "limit": most, "startFromHead": false});
        let body = Body::Json { target: "Logs_20140328.GetLogEvents", body: request };
        let answer = self.json(action, &body).await?;
        let events = answer.get("events").and_then(Value::as_array).cloned().unwrap_or_default();
        let lines = events
            .iter()
            .filter_map(|event| event.get("message").and_then(Value::as_str))
            .map(|line| line.trim_end().to_owned());
        Ok(lines.collect())
    }

    /// Whether there is a log group of this name.
    pub(crate) async fn has_log_group(&self, group: &str) -> Result<bool> {
        let action = action!("logs", "DescribeLogGroups");
        let body = Body::Json {
            target: "Logs_20140328.DescribeLogGroups",
            body: json!({"logGroupNamePrefix": group}),
        };
        let answer = self.json(action, &body).await?;
        let groups = answer.get("logGroups").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(groups.iter().any(|one| one.get("logGroupName").and_then(Value::as_str) == Some(group)))
    }

    async fn json(&self, action: Action, body: &Body<'_>) -> Result<Value> {
        let text = self.signed.call(&self.session, LOGS, action, body).await?;
        serde_json::from_str(&text).map_err(|source| unreadable(action).with_source(source))
    }

    /// A target group by its ARN.
    pub(crate) async fn target_group(&self, arn: &str) -> Result<Option<TargetGroup>> {
        let action = action!("elasticloadbalancing", "DescribeTargetGroups");
        let fields = [("TargetGroupArns.member.1", arn)];
        let text = self.balancing(action, "DescribeTargetGroups", &fields).await?;
        let Some(groups) = xml::inner(&text, "TargetGroups").first().copied() else { return Ok(None) };
        Ok(Some(TargetGroup {
            health_check_path: xml::first(groups, "HealthCheckPath"),
            health_check_port: xml::first(groups, "HealthCheckPort"),
            load_balancers: xml::inner(groups, "LoadBalancerArns")
                .iter()
                .flat_map(|list| xml::all(list, "member"))
                .collect(),
        }))
    }

    /// The address a load balancer answers at: its DNS name with the protocol and port of its first HTTP listener.
    pub(crate) async fn balancer_url(&self, arn: &str) -> Result<Option<String>> {
        let action = action!("elasticloadbalancing", "DescribeLoadBalancers");
        let fields = [("LoadBalancerArns.member.1", arn)];
        let text = self.balancing(action, "DescribeLoadBalancers", &fields).await?;
        let (Some(name), scheme) = (xml::first(&text, "DNSName"), xml::first(&text, "Scheme")) else {
            return Ok(None);
        };
        if scheme.as_deref() == Some("internal") {
            return Ok(None);
        }
        let action = action!("elasticloadbalancing", "DescribeListeners");
        let text = self.balancing(action, "DescribeListeners", &[("LoadBalancerArn", arn)]).await?;
        // Where a listener redirects to is no place it listens at.
        let actions = xml::inner(&text, "DefaultActions");
        let text = actions.iter().fold(text.clone(), |rest, actions| rest.replace(actions, ""));
        let protocols = xml::all(&text, "Protocol");
        let ports = xml::all(&text, "Port");
        let listeners: Vec<(&String, &String)> = protocols.iter().zip(&ports).collect();
        // A certificate is for the service's own name and not for the balancer's: HTTPS cannot be asked by this name.
        Ok(listeners.iter().find(|(protocol, _)| protocol.as_str() == "HTTP").map(|(_, port)| {
            if port.as_str() == "80" { format!("http://{name}") } else { format!("http://{name}:{port}") }
        }))
    }

    async fn balancing(&self, action: Action, operation: &str, fields: &[(&str, &str)]) -> Result<String> {
        let body = Body::Query { version: "2015-12-01", operation, fields };
        self.signed.call(&self.session, BALANCING, action, &body).await
    }

    /// The trust policy of a role, as JSON.
    pub(crate) async fn role_trust(&self, name: &str) -> Result<Value> {
        let action = action!("iam", "GetRole");
        let fields = [("RoleName", name)];
        let body = Body::Query { version: "2010-05-08", operation: "GetRole", fields: &fields };
        let text = self.signed.call(&self.session, IAM, action, &body).await?;
        let policy = xml::first(&text, "AssumeRolePolicyDocument").ok_or_else(|| unreadable(action))?;
        serde_json::from_str(&decoded(&policy)).map_err(|source| unreadable(action).with_source(source))
    }
}

/// Undoes percent-encoding, as IAM writes policies (RFC 3986).
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits: Vec<u8> = rest.by_ref().take(2).collect();
        let value = std::str::from_utf8(&digits).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(value.unwrap_or(b'?'));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn unreadable(action: Action) -> Error {
    Error::new(ErrorKind::Unavailable, format!("`{}` was answered with something unreadable", action.name))
        .with_operation(action.operation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_decoded() {
        assert_eq!(decoded("%7B%22a%22%3A1%7D"), "{\"a\":1}");
    }
}
