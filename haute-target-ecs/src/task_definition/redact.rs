//! Which values of a task definition must not be shown.

use haute_core::secret;
use serde_json::Value;

/// What stands in the place of a secret.
pub(super) const REDACTED: &str = "[redacted]";

/// Where in a task definition a value is.
#[derive(Clone, Copy, Default)]
pub(super) struct Around<'a> {
    /// The member it is in.
    member: &'a str,
    /// Whether people chose the member's name, rather than ECS.
    named_by_people: bool,
    /// The name of the thing it is the value of, such as a variable.
    name: Option<&'a str>,
    /// The item before it in a list.
    before: Option<&'a str>,
    /// Whether it is where a secret is named, not held.
    names_secrets: bool,
}

impl<'a> Around<'a> {
    pub(super) fn inside(&self, member: &'a str) -> Self {
        Self {
            member,
            named_by_people: matches!(
                member,
                "environment" | "options" | "dockerLabels" | "properties" | "driverOpts" | "labels"
            ),
            name: if self.named_by_people { Some(member) } else { self.name },
            before: None,
            names_secrets: self.names_secrets || matches!(member, "secrets" | "secretOptions"),
        }
    }

    pub(super) fn item(&self, key: &'a str) -> Self {
        Self { name: if self.named_by_people { Some(key) } else { None }, ..*self }
    }

    pub(super) fn after(&self, before: Option<&'a str>) -> Self {
        Self { before, ..*self }
    }

    /// The list it is directly in.
    pub(super) fn list(&self) -> &'a str {
        self.member
    }
}

/// Whether `value` looks like a secret, by the name it has or by its own look.
///
/// The references of `secrets` are names of secrets, which a reader needs to see.
pub(super) fn is_secret(value: &Value, around: &Around<'_>) -> bool {
    let Value::String(text) = value else {
        // A number can be a secret too, such as a PIN; its name says so.
        return value.is_number() && !around.names_secrets && around.name.is_some_and(is_secret_name);
    };
    if around.names_secrets || text.is_empty() {
        return false;
    }
    let refers = text.starts_with("arn:");
    (!refers && around.name.is_some_and(is_secret_name)) || looks_secret(text) || follows_flag(around.before)
}

/// Whether the value of a tag looks like a secret.
pub(super) fn is_secret_tag(key: &str, value: &str) -> bool {
    is_secret_name(key) || looks_secret(value)
}

fn looks_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.contains("authorization:")
        || lower.contains("bearer ")
        || text.split_whitespace().filter_map(|word| word.split_once('=')).any(|(name, value)| {
            !value.is_empty() && !value.starts_with('$') && is_secret_name(name.trim_start_matches('-'))
        })
        || !matches!(secret::redact(text), std::borrow::Cow::Borrowed(_))
}

/// `--password` `hunter2`, as two arguments.
fn follows_flag(before: Option<&str>) -> bool {
    before.is_some_and(|flag| {
        flag.starts_with('-') && !flag.contains('=') && is_secret_name(flag.trim_start_matches('-'))
    })
}

/// Whether what has this name is a secret, as far as names go. A name too many costs a reader one value; one too few costs a secret.
fn is_secret_name(name: &str) -> bool {
    const PARTS: &[&str] = &[
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "credential",
        "apikey",
        "accesskey",
        "privatekey",
        "signingkey",
        "encryptionkey",
        "licensekey",
        "connectionstring",
        "connstr",
    ];
    const WORDS: &[&str] = &["key", "pwd", "pass", "pin", "auth", "dsn", "salt", "cookie", "jwt", "sas"];
    let joined: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    PARTS.iter().any(|part| joined.contains(part))
        || name
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|word| WORDS.contains(&word.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known() {
        for name in [
            "DB_PASSWORD",
            "ApiKey",
            "splunk-token",
            "AWS_SECRET_ACCESS_KEY",
            "SIGNING_KEY",
            "db.pwd",
            "SENTRY_DSN",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "LOG_LEVEL",
            "KEYBOARD",
            "AUTHOR",
            "PASSENGERS",
            "PORT",
            "awslogs-group",
            "MONKEY",
            "SPINNER",
            "HAUTE_MODEL",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn looks_of_secrets_are_known() {
        let key = ["AK", "IAIOSFODNN7EXAMPLE"].concat();
        for text in [
            key.as_str(),
            "postgres://app:hunter2@db/prices",
            "curl -H 'Authorization: Basic abc' http://localhost",
            "serve --api-token=abc",
            "export PASSWORD=hunter2; serve",
        ] {
            assert!(looks_secret(text), "{text}");
        }
        for text in [
            "python -m haute_serve --port=8080",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/motor@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "serve --password=$PASSWORD",
            "curl -f http://localhost:8080/health || exit 1",
        ] {
            assert!(!looks_secret(text), "{text}");
        }
    }
}
