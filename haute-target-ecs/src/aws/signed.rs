//! Single calls of services that are not worth a generated client: signed here (Signature Version 4), answered in JSON or XML.

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use haute_core::error::{Error, ErrorKind, Result, Retry};
use serde_json::Value;

use super::error::{Action, Refusal, unreached};
use super::session::Session;
use super::xml;

/// The most of an answer that is read, in bytes.
const MOST: usize = 4 << 20;

/// A service by the names signatures, endpoints and configurations know it by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    /// `logs`: in the signature, and the first part of its host.
    pub(super) name: &'static str,
    /// `CloudWatch Logs`: in `AWS_ENDPOINT_URL_CLOUDWATCH_LOGS`.
    pub(super) id: &'static str,
    /// One endpoint for all regions.
    pub(super) global: bool,
}

/// What is sent.
pub(super) enum Body<'a> {
    /// AWS JSON 1.1, with the value of `X-Amz-Target`.
    Json { target: &'a str, body: Value },
    /// The query protocol: a form.
    Query { version: &'a str, operation: &'a str, fields: &'a [(&'a str, &'a str)] },
}

/// Makes signed calls.
#[derive(Debug)]
pub(super) struct Signed {
    http: reqwest::Client,
}

impl Signed {
    pub(super) fn new(attempt_timeout: Duration) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(attempt_timeout).build().map_err(|source| {
            Error::new(ErrorKind::Unavailable, "no HTTP client can be made").with_source(source)
        })?;
        Ok(Self { http })
    }

    /// Makes one call and gives the body of the answer.
    pub(super) async fn call(
        &self,
        session: &Session,
        service: Service,
        action: Action,
        body: &Body<'_>,
    ) -> Result<String> {
        let region = signing_region(session, service);
        let url = session.endpoint(service.id).unwrap_or_else(|| {
            let suffix = session.suffix();
            if service.global {
                format!("https://{}.{suffix}", service.name)
            } else {
                format!("https://{}.{region}.{suffix}", service.name)
            }
        });
        let url = reqwest::Url::parse(&format!("{url}/")).map_err(|source| {
            Error::new(ErrorKind::InvalidInput, format!("the endpoint of {} is no address", service.id))
                .with_operation(action.operation)
                .with_source(source)
        })?;
        let (content, headers) = written(body);
        let host = host_of(&url);
        let mut signed: Vec<(&str, &str)> = vec![("host", host.as_str())];
        signed.extend(headers.iter().map(|(name, value)| (*name, value.as_str())));
        let identity = session.credentials(action).await?.into();
        let unsigned = |source: Box<dyn std::error::Error + Send + Sync>| {
            Error::new(ErrorKind::Unexpected, "a call to AWS cannot be signed")
                .with_operation(action.operation)
                .with_source(source)
        };
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(&region)
            .name(service.name)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| unsigned(error.into()))?
            .into();
        let request = SignableRequest::new(
            "POST",
            url.as_str(),
            signed.iter().copied(),
            SignableBody::Bytes(content.as_bytes()),
        )
        .map_err(|error| unsigned(error.into()))?;
        let (instructions, _signature) =
            sign(request, &parameters).map_err(|error| unsigned(error.into()))?.into_parts();
        let mut call = self.http.post(url);
        for (name, value) in &headers {
            call = call.header(*name, value);
        }
        for (name, value) in instructions.headers() {
            call = call.header(name, value);
        }
        let response =
            call.body(content).send().await.map_err(|error| unreached(action, error.without_url()))?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(|error| unreached(action, error.without_url()))?;
        if bytes.len() > MOST {
            return Err(Error::new(ErrorKind::Unavailable, "the answer of AWS is too long")
                .with_operation(action.operation)
                .with_retry(Retry::Never));
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if status.is_success() {
            return Ok(text);
        }
        Err(refusal(status.as_u16(), &text).error(action))
    }
}

fn signing_region(session: &Session, service: Service) -> String {
    match (service.global, session.region()) {
        (false, region) => region.to_owned(),
        (true, region) if region.starts_with("cn-") => "cn-north-1".to_owned(),
        (true, _) => "us-east-1".to_owned(),
    }
}

/// The host as it goes into the `Host` header.
fn host_of(url: &reqwest::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn written(body: &Body<'_>) -> (String, Vec<(&'static str, String)>) {
    match body {
        Body::Json { target, body } => (
            body.to_string(),
            vec![
                ("content-type", "application/x-amz-json-1.1".to_owned()),
                ("x-amz-target", (*target).to_owned()),
            ],
        ),
        Body::Query { version, operation, fields } => {
            let mut form = format!("Action={operation}&Version={version}");
            for (name, value) in *fields {
                form.push('&');
                form.push_str(name);
                form.push('=');
                form.push_str(&encoded(value));
            }
            let kind = "application/x-www-form-urlencoded; charset=utf-8".to_owned();
            (form, vec![("content-type", kind)])
        }
    }
}

/// Percent-encodes everything but unreserved characters (RFC 3986, section 2.3).
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else if write!(out, "%{byte:02X}").is_err() {
            break;
        }
    }
    out
}

/// A refusal in JSON (`__type`, `message`) or XML (`<Code>`, `<Message>`).
pub(super) fn refusal(status: u16, body: &str) -> Refusal {
    if let Ok(value) = serde_json::from_str::<Value>(body) {
        let text = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| value.get(name).and_then(Value::as_str))
                .unwrap_or_default()
                .to_owned()
        };
        let code = text(&["__type", "code"]);
        let code = code.rsplit_once('#').map_or(code.as_str(), |(_, name)| name).to_owned();
        return Refusal { status, code, message: text(&["message", "Message"]) };
    }
    let text = |name: &str| xml::first(body, name).unwrap_or_default();
    Refusal { status, code: text("Code"), message: text("Message") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read_in_both_protocols() {
        let json =
            refusal(400, r#"{"__type":"com.amazonaws.logs#ResourceNotFoundException","message":"gone"}"#);
        assert_eq!((json.code.as_str(), json.message.as_str()), ("ResourceNotFoundException", "gone"));
        let xml = refusal(
            403,
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>a &amp; b</Message></Error></ErrorResponse>",
        );
        assert_eq!((xml.code.as_str(), xml.message.as_str()), ("AccessDenied", "a & b"));
    }

    #[test]
    fn forms_are_encoded() {
        let fields = [("TargetGroupArns.member.1", "arn:aws:x/y z")];
        let body = Body::Query { version: "2015-12-01", operation: "DescribeTargetGroups", fields: &fields };
        let (form, _) = written(&body);
        assert_eq!(
            form,
            "Action=DescribeTargetGroups&Version=2015-12-01&TargetGroupArns.member.1=arn%3Aaws%3Ax%2Fy%20z"
        );
    }
}
