//! Credentials by host, from a `.netrc` (the file format of `ftp(1)`, as curl and pip read it).

use std::collections::BTreeMap;

use haute_core::secret::Secret;

/// A name and a password for HTTP Basic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) username: String,
    pub(super) password: Secret<String>,
}

impl Credentials {
    pub(super) fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: username.into(), password: Secret::new(password.into()) }
    }
}

/// Credentials by host; `""` is everybody else's.
#[derive(Clone, Debug, Default)]
pub(super) struct Netrc(BTreeMap<String, Credentials>);

impl Netrc {
    /// Reads the text of a file. What cannot be understood is passed over, as other readers do.
    pub(super) fn parse(text: &str) -> Self {
        let mut all = BTreeMap::new();
        let mut current: Option<(String, String, String)> = None;
        let mut words = words(text).into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "machine" | "default" => {
                    keep(&mut all, current.take());
                    let host = if word == "machine" { words.next() } else { Some(String::new()) };
                    current = host.map(|host| (host.to_ascii_lowercase(), String::new(), String::new()));
                }
                "login" | "user" => {
                    if let (Some((_, login, _)), Some(value)) = (&mut current, words.next()) {
                        *login = value;
                    }
                }
                "password" => {
                    if let (Some((_, _, password)), Some(value)) = (&mut current, words.next()) {
                        *password = value;
                    }
                }
                "account" => {
                    words.next();
                }
                _ => {}
            }
        }
        keep(&mut all, current);
        Self(all)
    }

    /// The credentials for `host`.
    pub(super) fn of(&self, host: &str) -> Option<&Credentials> {
        self.0.get(host).or_else(|| self.0.get(""))
    }
}

fn keep(all: &mut BTreeMap<String, Credentials>, entry: Option<(String, String, String)>) {
    if let Some((host, login, password)) = entry {
        // The first entry of a host counts.
        all.entry(host).or_insert_with(|| Credentials::new(login, password));
    }
}

/// Words between white space; quotes hold a word together; `#` begins a comment at the start of a line; `macdef` runs to the
/// next empty line.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut macro_body = false;
    for line in text.lines() {
        if macro_body {
            macro_body = !line.trim().is_empty();
            continue;
        }
        if line.trim_start().starts_with('#') {
            continue;
        }
        if line.trim_start().starts_with("macdef") {
            macro_body = true;
            continue;
        }
        let mut word = String::new();
        let (mut quoted, mut begun, mut escaped) = (false, false, false);
        for c in line.chars() {
            if escaped {
                word.push(c);
                escaped = false;
            } else if quoted && c == '\\' {
                escaped = true;
            } else if c == '"' && (quoted || word.is_empty()) {
                quoted = !quoted;
                begun = true;
            } else if c.is_whitespace() && !quoted {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            } else {
                word.push(c);
                begun = true;
            }
        }
        if begun {
            words.push(word);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_found_by_host() {
        let netrc = Netrc::parse(
            "# mine\nmachine Index.test login me password p#1\nmachine b.test\n  login \"a b\"\n  password \"x\\\"y\"\nmacdef init\n machine evil.test login no\n\nmachine index.test login later password x\n",
        );
        assert_eq!(netrc.of("index.test"), Some(&Credentials::new("me", "p#1")));
        assert_eq!(netrc.of("b.test"), Some(&Credentials::new("a b", "x\"y")));
        assert_eq!(netrc.of("evil.test"), None);
        assert_eq!(
            Netrc::parse("default login anonymous password me").of("any.test"),
            Some(&Credentials::new("anonymous", "me"))
        );
        assert!(!format!("{netrc:?}").contains("p#1"));
    }
}
