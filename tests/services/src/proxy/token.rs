//! Bearer tokens (the `distribution` project's token authentication): issued, checked and expired by the proxy itself.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::answer::Answer;
use super::message::Request;

/// Where tokens are issued.
const REALM: &str = "/token";

/// How tokens are issued and when they expire.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    credentials: Option<(String, String)>,
    uses: Option<u32>,
    seconds: Option<u64>,
    denied: Vec<String>,
    issued: HashMap<String, Token>,
}

#[derive(Clone, Debug)]
struct Token {
    scopes: Vec<String>,
    left: Option<u32>,
}

impl Tokens {
    /// Tokens for everybody that never expire.
    pub fn for_everybody() -> Self {
        Self::default()
    }

    /// Tokens for who knows user and password.
    pub fn for_user(user: &str, password: &str) -> Self {
        Self { credentials: Some((user.to_owned(), password.to_owned())), ..Self::default() }
    }

    /// A token is worth this many requests and has expired then; none at all: every token is refused.
    #[must_use]
    pub fn that_expire_after(mut self, uses: u32) -> Self {
        self.uses = Some(uses);
        self
    }

    /// A token is said to live so many seconds; else nothing is said of it.
    #[must_use]
    pub fn that_live_seconds(mut self, seconds: u64) -> Self {
        self.seconds = Some(seconds);
        self
    }

    /// Nobody is granted this action: `pull` makes a registry one can only push to.
    #[must_use]
    pub fn without(mut self, action: &str) -> Self {
        self.denied.push(action.to_owned());
        self
    }

    /// The answer to a request that may not pass: a token, a challenge or a refusal. `None`: it may.
    pub(super) fn judge(&mut self, request: &Request, address: &str) -> Option<Answer> {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        if path == REALM {
            return Some(self.issue(request, query));
        }
        let needed = needed(&request.method, path);
        let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let known = token.and_then(|token| self.issued.get_mut(token));
        let Some(known) = known else { return Some(challenge(address, needed.as_ref(), None)) };
        match &mut known.left {
            Some(0) => return Some(challenge(address, needed.as_ref(), Some("invalid_token"))),
            Some(left) => *left -= 1,
            None => {}
        }
        let (repository, action) = needed?;
        if self.denied.contains(&action) {
            return Some(Answer::error(403, "DENIED", &format!("{action} is not allowed")));
        }
        let covered = known.scopes.iter().any(|scope| {
            scope
                .strip_prefix(&format!("repository:{repository}:"))
                .is_some_and(|actions| actions.split(',').any(|granted| granted == action || granted == "*"))
        });
        (!covered).then(|| challenge(address, Some(&(repository, action)), Some("insufficient_scope")))
    }

    fn issue(&mut self, request: &Request, query: &str) -> Answer {
        if let Some((user, password)) = &self.credentials {
            let expected = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            if request.header("authorization") != Some(expected.as_str()) {
                return Answer::error(401, "UNAUTHORIZED", "user or password is wrong");
            }
        }
        let scopes = query
            .split('&')
            .filter_map(|pair| pair.strip_prefix("scope="))
            .flat_map(|scope| decode(scope).split(' ').map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let token = format!("token-{}", self.issued.len() + 1);
        self.issued.insert(token.clone(), Token { scopes, left: self.uses });
        let body = match self.seconds {
            Some(seconds) => serde_json::json!({ "token": token, "expires_in": seconds }),
            None => serde_json::json!({ "access_token": token }),
        };
        Answer::status(200).with_body("application/json", body.to_string().as_bytes())
    }
}

/// Repository and action a request needs; `None` for `/v2/` itself.
fn needed(method: &str, path: &str) -> Option<(String, String)> {
    let rest = path.strip_prefix("/v2/")?;
    let repository = ["/manifests/", "/blobs/", "/tags/", "/referrers/"]
        .into_iter()
        .find_map(|part| rest.rfind(part).and_then(|end| rest.get(..end)))?;
    let action = if matches!(method, "GET" | "HEAD") { "pull" } else { "push" };
    Some((repository.to_owned(), action.to_owned()))
}

fn challenge(address: &str, needed: Option<&(String, String)>, error: Option<&str>) -> Answer {
    let mut value = format!("Bearer realm=\"http://{address}{REALM}\",service=\"a registry of one test\"");
    if let Some((repository, action)) = needed {
        let actions = if action == "push" { "pull,push" } else { action };
        value.extend([",scope=\"repository:", repository, ":", actions, "\""]);
    }
    if let Some(error) = error {
        value.extend([",error=\"", error, "\""]);
    }
    Answer::error(401, "UNAUTHORIZED", "authentication required").with_header("WWW-Authenticate", &value)
}

/// Undoes the escapes of a query.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                let digits = String::from_utf8_lossy(&digits).into_owned();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap_or(b'?'));
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
