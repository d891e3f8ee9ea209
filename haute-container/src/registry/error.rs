//! What a registry refuses, in the project's own terms (OCI distribution-spec 1.1, "Error Codes").

use std::time::Duration;

use haute_core::error::{Error, ErrorKind, Retry};
use reqwest::StatusCode;
use serde::Deserialize;

/// The most of a registry's own words that goes into an error, in characters.
const WORDS: usize = 300;

/// What a registry said when it refused.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// `NAME_UNKNOWN` and the like; empty when it gave none.
    pub(super) codes: Vec<String>,
    /// Its own words, shortened, without what a terminal would act on.
    pub(super) words: String,
    /// The digests its details name.
    pub(super) digests: Vec<haute_core::digest::Digest>,
    /// How long it wants to be left alone.
    pub(super) retry_after: Option<Duration>,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    errors: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    detail: serde_json::Value,
}

impl Refusal {
    /// Reads an answer's status and body.
    pub(super) fn new(status: StatusCode, body: &[u8]) -> Self {
        let mut refusal = Self { status: status.as_u16(), ..Self::default() };
        match serde_json::from_slice::<Body>(body) {
            Ok(body) if !body.errors.is_empty() => {
                let mut words = Vec::new();
                for entry in body.errors {
                    if !entry.code.is_empty() {
                        refusal.codes.push(clean(&entry.code, 60));
                    }
                    if !entry.message.is_empty() {
                        words.push(entry.message);
                    }
                    collect(&entry.detail, &mut refusal.digests, 0);
                }
                refusal.words = clean(&words.join("; "), WORDS);
            }
            // A page of a proxy: its first words are better than nothing, a whole page is not.
            _ => {
                let text = String::from_utf8_lossy(body.get(..2048.min(body.len())).unwrap_or_default())
                    .into_owned();
                let text = if text.trim_start().starts_with('<') { String::new() } else { text };
                refusal.words = clean(&text, 120);
            }
        }
        refusal
    }

    pub(super) fn says(&self, code: &str) -> bool {
        self.codes.iter().any(|own| own.eq_ignore_ascii_case(code))
    }

    /// Whether the same request may be answered otherwise a moment later.
    pub(super) fn passes(&self) -> bool {
        matches!(self.status, 408 | 425 | 429 | 500 | 502 | 503 | 504) || self.says("TOOMANYREQUESTS")
    }

    pub(super) fn kind(&self) -> ErrorKind {
        if self.says("TOOMANYREQUESTS") || matches!(self.status, 429 | 507) {
            return ErrorKind::RateLimited;
        }
        if self.says("DENIED") && self.status != 404 {
            return ErrorKind::PermissionDenied;
        }
        match self.status {
            401 => ErrorKind::Unauthenticated,
            403 => ErrorKind::PermissionDenied,
            404 | 410 => ErrorKind::NotFound,
            408 | 425 | 500..=599 if self.status != 501 => ErrorKind::Unavailable,
            405 | 501 => ErrorKind::Unsupported,
            409 | 412 => ErrorKind::Conflict,
            413 => ErrorKind::BuildFailed,
            400..=499 if self.says("NAME_INVALID") => ErrorKind::InvalidInput,
            400..=499 => ErrorKind::BuildFailed,
            _ => ErrorKind::Unavailable,
        }
    }

    fn retry(&self) -> Retry {
        match self.retry_after {
            _ if !self.passes() => Retry::Never,
            Some(wait) => Retry::After(wait),
            None => Retry::Soon,
        }
    }
}

/// Where and for what a request was made: what an error says besides the answer.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) operation: &'static str,
    /// The registry, as the name of the image writes it.
    pub(super) host: String,
    pub(super) repository: String,
    /// Whether it writes: what a permission is missing for.
    pub(super) writes: bool,
}

impl Place {
    /// An error about this place.
    pub(super) fn error(&self, kind: ErrorKind, message: impl Into<String>) -> Error {
        Error::new(kind, message)
            .with_operation(self.operation)
            .with_context("registry", self.host.clone())
            .with_context("repository", self.repository.clone())
    }

    /// A refusal as an error that says what to do.
    pub(super) fn refused(&self, what: &str, refusal: &Refusal) -> Error {
        self.refused_as(refusal.kind(), what, refusal)
    }

    /// The same, where the request says more about the kind than the answer.
    pub(super) fn refused_as(&self, kind: ErrorKind, what: &str, refusal: &Refusal) -> Error {
        let words = if refusal.words.is_empty() { String::new() } else { format!(": {}", refusal.words) };
        let codes = if refusal.codes.is_empty() {
            refusal.status.to_string()
        } else {
            format!("{} {}", refusal.status, refusal.codes.join(", "))
        };
        let mut error = self
            .error(kind, format!("the registry {}{words}", verdict(kind, what)))
            .with_context("answer", codes)
            .with_retry(refusal.retry());
        for hint in self.hints(kind, refusal) {
            error = error.with_hint(hint);
        }
        error
    }

    fn hints(&self, kind: ErrorKind, refusal: &Refusal) -> Vec<String> {
        let Self { host, repository, .. } = self;
        let right = if self.writes { "push to" } else { "pull from" };
        match kind {
            ErrorKind::Unauthenticated => vec![format!(
                "set DOCKER_USERNAME and DOCKER_PASSWORD, or run `docker login {host}`; the account must be allowed to {right} `{repository}`"
            )],
            ErrorKind::PermissionDenied => vec![format!(
                "the account is signed in, but must be allowed to {right} `{repository}` on {host}"
            )],
            ErrorKind::NotFound if is_ecr(host) => vec![missing_ecr_repository(host, repository)],
            ErrorKind::NotFound if self.writes => vec![format!(
                "`{repository}` may have to be created on {host} first, or its name is written otherwise there"
            )],
            ErrorKind::NotFound => vec![format!("see whether {host} holds `{repository}` under this name")],
            ErrorKind::RateLimited if refusal.status == 507 => {
                vec![format!("{host} has no room left: delete old images or raise the quota")]
            }
            ErrorKind::RateLimited => {
                vec!["run it again later; signed-in accounts are usually allowed more".to_owned()]
            }
            ErrorKind::BuildFailed if refusal.status == 413 => vec![format!(
                "a proxy in front of {host} limits the size of a request (nginx: `client_max_body_size`); raise it above the largest layer"
            )],
            ErrorKind::Unavailable => {
                vec!["run it again: what arrived already is not sent twice".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}

fn verdict(kind: ErrorKind, what: &str) -> String {
    match kind {
        ErrorKind::Unauthenticated => format!("wants to know who calls before it lets anyone {what}"),
        ErrorKind::PermissionDenied => format!("does not allow this account to {what}"),
        ErrorKind::NotFound => format!("does not know what was asked for, to {what}"),
        ErrorKind::RateLimited => format!("asks to slow down, to {what}"),
        ErrorKind::Unavailable => format!("was not able to {what}"),
        ErrorKind::Unsupported => format!("does not offer to {what}"),
        _ => format!("refused to {what}"),
    }
}

/// Whether a host is Amazon's ECR: `<account>.dkr.ecr.<region>.amazonaws.com`, its FIPS, China and dual-stack forms, and
/// the public gallery.
pub(super) fn is_ecr(host: &str) -> bool {
    let name = host.split(':').next().unwrap_or(host).to_ascii_lowercase();
    name == "public.ecr.aws"
        || (name.contains(".dkr.ecr")
            && (name.ends_with(".amazonaws.com") || name.ends_with(".amazonaws.com.cn")))
        || (name.contains(".dkr-ecr")
            && (name.ends_with(".on.aws") || name.ends_with(".on.amazonwebservices.com.cn")))
}

/// How a repository is made that Amazon's ECR does not have.
pub(super) fn missing_ecr_repository(host: &str, repository: &str) -> String {
    let region = host
        .split('.')
        .skip_while(|part| !part.starts_with("ecr") && !part.starts_with("dkr-ecr"))
        .nth(1)
        .map_or_else(String::new, |region| format!(" --region {region}"));
    format!("make the repository first: `aws ecr create-repository --repository-name {repository}{region}`")
}

/// Keeps what a terminal shows as it is, and shortens.
fn clean(text: &str, most: usize) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().filter(|c| !c.is_control()));
        if line.chars().count() > most {
            return line.chars().take(most).chain("…".chars()).collect();
        }
    }
    line
}

/// The digests anywhere in the details of an error: registries put them at different places.
fn collect(value: &serde_json::Value, into: &mut Vec<haute_core::digest::Digest>, depth: usize) {
    if depth > 8 || into.len() > 256 {
        return;
    }
    match value {
        serde_json::Value::String(text) => into.extend(haute_core::digest::Digest::parse(text)),
        serde_json::Value::Array(values) => values.iter().for_each(|value| collect(value, into, depth + 1)),
        serde_json::Value::Object(map) => map.values().for_each(|value| collect(value, into, depth + 1)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(host: &str) -> Place {
        Place {
            operation: "registry.upload",
            host: host.to_owned(),
            repository: "pricing/motor".to_owned(),
            writes: true,
        }
    }

    #[test]
    fn codes_become_kinds_with_something_to_do() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        for (status, code, kind) in [
            (401, "UNAUTHORIZED", ErrorKind::Unauthenticated),
            (401, "DENIED", ErrorKind::PermissionDenied),
            (403, "DENIED", ErrorKind::PermissionDenied),
            (404, "NAME_UNKNOWN", ErrorKind::NotFound),
            (429, "TOOMANYREQUESTS", ErrorKind::RateLimited),
            (503, "UNAVAILABLE", ErrorKind::Unavailable),
        ] {
            let body = format!(
                r#"{{"errors":[{{"code":"{code}","message":"no\u001b[31m","detail":{{"d":["{digest}"]}}}}]}}"#
            );
            let refusal = Refusal::new(StatusCode::from_u16(status).unwrap(), body.as_bytes());
            assert_eq!(refusal.digests.len(), 1);
            let error = place("registry.example").refused("store a layer", &refusal);
            assert_eq!(error.kind(), kind, "{code}");
            assert!(!error.hints().is_empty(), "{code}");
            assert!(error.to_string().contains(code) && !error.to_string().contains('\u{1b}'));
        }
    }

    #[test]
    fn a_page_of_a_proxy_is_not_repeated() {
        let refusal = Refusal::new(StatusCode::BAD_GATEWAY, b"<html><body>502 Bad Gateway</body></html>");
        assert_eq!(refusal.words, "");
        assert!(refusal.passes());
        let error = place("registry.example").refused("store a layer", &refusal);
        assert_eq!(error.retry(), Retry::Soon);
    }

    #[test]
    fn amazon_is_known_by_its_name_and_the_hint_names_the_region() {
        for host in [
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
            "123456789012.dkr-ecr.eu-west-1.on.aws",
            "public.ecr.aws",
        ] {
            assert!(is_ecr(host), "{host}");
        }
        for host in ["registry.example", "dkr.ecr.example", "localhost:5000"] {
            assert!(!is_ecr(host), "{host}");
        }
        let refusal = Refusal::new(StatusCode::NOT_FOUND, br#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#);
        let error = place("123456789012.dkr.ecr.eu-west-1.amazonaws.com").refused("store a layer", &refusal);
        assert_eq!(
            error.hints(),
            [
                "make the repository first: `aws ecr create-repository --repository-name pricing/motor --region eu-west-1`"
            ]
        );
    }
}
