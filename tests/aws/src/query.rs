//! The query protocol: STS, and what a preflight asks of Elastic Load Balancing and IAM. Forms in, XML out.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::names::last;
use crate::world::World;

const STS: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
const IAM: &str = "https://iam.amazonaws.com/doc/2010-05-08/";
const BALANCING: &str = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/";

/// The service an action is of.
pub(crate) fn service_of(action: &str) -> &'static str {
    match action {
        "GetCallerIdentity" | "AssumeRoleWithWebIdentity" | "AssumeRole" => "sts",
        "GetRole" => "iam",
        _ => "elasticloadbalancing",
    }
}

/// The region a request is signed for: IAM is the same in all of them.
pub(crate) fn region_of<'a>(service: &str, region: &'a str) -> &'a str {
    if service == "iam" { "us-east-1" } else { region }
}

/// Whether it is asked without a signature.
pub(crate) fn unsigned(action: &str) -> bool {
    action == "AssumeRoleWithWebIdentity"
}

/// What IAM is asked about a call.
pub(crate) fn permissions(world: &World, action: &str, request: &Value) -> Vec<(String, String)> {
    match service_of(action) {
        "sts" => Vec::new(),
        "iam" => {
            let role = request.get("RoleName").and_then(Value::as_str).unwrap_or_default();
            let role = format!("arn:aws:iam::{}:role/{role}", world.ground.names.account);
            vec![(format!("iam:{action}"), role)]
        }
        service => vec![(format!("{service}:{action}"), "*".to_owned())],
    }
}

/// Carries a call out and gives the XML of its result.
pub(crate) fn act(world: &mut World, action: &str, request: &Value) -> Result<String, Failure> {
    let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
    let names = world.ground.names.clone();
    match action {
        "GetCallerIdentity" => Ok(result(
            STS,
            action,
            &format!(
                "<Arn>{}</Arn><UserId>AIDAFAKEDEPLOYER00001</UserId><Account>{}</Account>",
                escape(&names.caller()),
                names.account
            ),
        )),
        "AssumeRoleWithWebIdentity" | "AssumeRole" => {
            if action == "AssumeRoleWithWebIdentity" && text("WebIdentityToken").is_empty() {
                return Err(Failure::new("ValidationError", "WebIdentityToken must not be null"));
            }
            if text("WebIdentityToken") == "expired" {
                return Err(Failure::new("ExpiredTokenException", "Token expired"));
            }
            let role = text("RoleArn");
            if !role.starts_with("arn:aws:iam::") {
                return Err(Failure::new("ValidationError", "RoleArn is no ARN of a role"));
            }
            let session = text("RoleSessionName");
            let (role, session) = (escape(last(role)), escape(session));
            let seconds = text("DurationSeconds").parse().unwrap_or(3600);
            let until = world.ground.now + std::time::Duration::from_secs(seconds);
            let (expires, key) = (rfc3339(until), world.ground.identifiers.short().to_uppercase());
            let key: String = "ASIA".chars().chain(key.chars().take(16)).collect();
            world.sessions.insert(key.clone(), until);
            Ok(result(
                STS,
                action,
                &format!(
                    "<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>fake-web-identity-secret</SecretAccessKey><SessionToken>fake-web-identity-session</SessionToken><Expiration>{expires}</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>AROAFAKE:{session}</AssumedRoleId><Arn>arn:aws:sts::{}:assumed-role/{role}/{session}</Arn></AssumedRoleUser>",
                    names.account
                ),
            ))
        }
        "DescribeTargetGroups" => {
            let members = members(request, "TargetGroupArns", &world.target_groups, "TargetGroupNotFound")?;
            Ok(result(BALANCING, action, &element("TargetGroups", &members)))
        }
        "DescribeLoadBalancers" => {
            let members = members(request, "LoadBalancerArns", &world.balancers, "LoadBalancerNotFound")?;
            Ok(result(BALANCING, action, &element("LoadBalancers", &members)))
        }
        "DescribeListeners" => {
            let arn = text("LoadBalancerArn");
            let listeners = world.listeners.get(arn).ok_or_else(|| {
                Failure::new("LoadBalancerNotFound", format!("Load balancers '[{arn}]' not found"))
            })?;
            Ok(result(BALANCING, action, &element("Listeners", &elements(listeners))))
        }
        "GetRole" => {
            let name = text("RoleName");
            let trusts = world.roles.get(name).ok_or_else(|| {
                Failure::new("NoSuchEntity", format!("The role with name {name} cannot be found."))
                    .with_status(404)
            })?;
            let policy = json!({
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow", "Principal": { "Service": trusts }, "Action": "sts:AssumeRole",
                }],
            });
            let policy: String = form_urlencoded::byte_serialize(policy.to_string().as_bytes()).collect();
            let role = json!({
                "Path": "/",
                "RoleName": name,
                "RoleId": "AROAFAKEROLE000000001",
                "Arn": format!("arn:aws:iam::{}:role/{name}", names.account),
                "CreateDate": "2025-01-01T00:00:00Z",
                "AssumeRolePolicyDocument": policy,
            });
            Ok(result(IAM, action, &element("Role", &elements(&role))))
        }
        _ => Err(Failure::new(
            "InvalidAction",
            format!("The action {action} is not valid for this web service."),
        )),
    }
}

/// The members of a list that a request names, as elements.
fn members(
    request: &Value,
    list: &str,
    all: &BTreeMap<String, Value>,
    missing: &str,
) -> Result<String, Failure> {
    let mut members = String::new();
    for number in 1..=20 {
        let Some(arn) = request.get(format!("{list}.member.{number}")).and_then(Value::as_str) else { break };
        let found = all.get(arn).ok_or_else(|| Failure::new(missing, format!("'{arn}' not found")))?;
        members.push_str(&element("member", &elements(found)));
    }
    Ok(members)
}

fn result(namespace: &str, action: &str, inner: &str) -> String {
    format!(
        "<{action}Response xmlns=\"{namespace}\"><{action}Result>{inner}</{action}Result><ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000001</RequestId></ResponseMetadata></{action}Response>"
    )
}

/// A refusal in XML.
pub(crate) fn refusal(failure: &Failure) -> String {
    // The query protocol names its types without the ending.
    let kind = failure.kind.strip_suffix("Exception").unwrap_or(&failure.kind);
    let kind = if kind == "AccessDenied" || kind == "Throttling" { kind } else { failure.kind.as_str() };
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error><RequestId>00000000-0000-4000-8000-000000000001</RequestId></ErrorResponse>",
        escape(kind),
        escape(&failure.message)
    )
}

/// A JSON object as elements, in its order.
fn elements(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            members.iter().map(|(name, value)| element(name, &elements(value))).collect()
        }
        Value::Array(values) => values.iter().map(|value| element("member", &elements(value))).collect(),
        Value::String(text) => escape(text),
        other => other.to_string(),
    }
}

fn element(name: &str, inner: &str) -> String {
    format!("<{name}>{inner}</{name}>")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// `2026-01-05T09:00:00Z`, of a time since the Unix epoch.
fn rfc3339(at: std::time::Duration) -> String {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}

/// What a form says, as an object.
pub(crate) fn form(body: &[u8]) -> Value {
    let pairs = form_urlencoded::parse(body);
    Value::Object(pairs.map(|(name, value)| (name.into_owned(), json!(value.into_owned()))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_aws_does() {
        let at = |seconds| rfc3339(std::time::Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(1_767_603_661), "2026-01-05T09:01:01Z");
    }
}
