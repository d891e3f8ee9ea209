//! What a registry asks for with `401`: the `WWW-Authenticate` header (RFC 9110 §11.6.1; Docker's token protocol).

/// One way to sign in that the registry offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    /// In lower case: `basic`, `bearer`.
    pub(super) scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// The value of a parameter; names are compared without case.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Every challenge of a header's value. What cannot be read is left out: the registry is told what is understood.
pub(super) fn parse(header: &str) -> Vec<Challenge> {
    let mut reader = Reader { rest: header };
    let mut challenges: Vec<Challenge> = Vec::new();
    loop {
        reader.skip(|c| c == ',' || c.is_ascii_whitespace());
        let word = reader.token();
        if word.is_empty() {
            // A stray character: step over it, or stop at the end.
            if reader.next().is_none() {
                return challenges;
            }
            continue;
        }
        let spaced = reader.skip(|c| c.is_ascii_whitespace());
        if !reader.rest.starts_with('=') {
            challenges.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
            continue;
        }
        reader.skip(|c| c == '=');
        if spaced == 0 && (reader.rest.is_empty() || reader.rest.starts_with(',')) {
            // `Negotiate YWJj==`: one value in base 64, no parameter.
            continue;
        }
        reader.skip(|c| c.is_ascii_whitespace());
        let value = if reader.rest.starts_with('"') { reader.quoted() } else { reader.token().to_owned() };
        if let Some(challenge) = challenges.last_mut() {
            challenge.parameters.push((word.to_ascii_lowercase(), value));
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        next
    }

    fn skip(&mut self, what: impl Fn(char) -> bool) -> usize {
        let before = self.rest.len();
        self.rest = self.rest.trim_start_matches(what);
        before - self.rest.len()
    }

    fn token(&mut self) -> &'a str {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/:".contains(c);
        let end = self.rest.find(|c| !is_token(c)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        token
    }

    fn quoted(&mut self) -> String {
        let mut value = String::new();
        self.next();
        while let Some(c) = self.next() {
            match c {
                '"' => break,
                '\\' => value.extend(self.next()),
                other => value.push(other),
            }
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_server_is_read() {
        let found = parse(
            r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push",error="insufficient_scope""#,
        );
        assert_eq!(found.len(), 1);
        let challenge = &found[0];
        assert_eq!(challenge.scheme, "bearer");
        assert_eq!(challenge.parameter("realm"), Some("https://auth.example/token"));
        assert_eq!(challenge.parameter("scope"), Some("repository:a/b:pull,push"));
        assert_eq!(challenge.parameter("error"), Some("insufficient_scope"));
        assert_eq!(challenge.parameter("absent"), None);
    }

    #[test]
    fn several_challenges_in_one_header_are_told_apart() {
        let found =
            parse(r#"Negotiate YWJjZA==, BASIC Realm = "a \"quoted\", one" , charset=UTF-8, Bearer realm=x"#);
        let schemes: Vec<_> = found.iter().map(|c| c.scheme.as_str()).collect();
        assert!(schemes.contains(&"basic") && schemes.contains(&"bearer"), "{schemes:?}");
        let basic = found.iter().find(|c| c.scheme == "basic").unwrap();
        assert_eq!(basic.parameter("realm"), Some("a \"quoted\", one"));
        assert_eq!(basic.parameter("charset"), Some("UTF-8"));
        assert_eq!(found.iter().find(|c| c.scheme == "bearer").unwrap().parameter("realm"), Some("x"));
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_fail_or_hang(header in ".{0,200}") {
            for challenge in parse(&header) {
                proptest::prop_assert!(!challenge.scheme.is_empty());
            }
        }
    }
}
