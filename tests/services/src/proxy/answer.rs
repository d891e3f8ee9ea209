//! An answer: of the registry, or made up.

/// Status, headers and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// An answer of this status, and nothing else.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// A registry's error (OCI distribution-spec 1.1, "Error Codes").
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({ "errors": [{ "code": code, "message": message, "detail": null }] });
        Self::status(status).with_body("application/json", body.to_string().as_bytes())
    }

    /// A page of HTML, as something between client and registry answers.
    pub fn page(status: u16, text: &str) -> Self {
        Self::status(status)
            .with_body("text/html", format!("<html><body><h1>{text}</h1></body></html>").as_bytes())
    }

    /// Adds a header, or replaces it.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.set(name, Some(value));
        self
    }

    /// Replaces the body.
    #[must_use]
    pub fn with_body(mut self, kind: &str, body: &[u8]) -> Self {
        self.set("Content-Type", Some(kind));
        body.clone_into(&mut self.body);
        self
    }

    pub(super) fn set(&mut self, name: &str, value: Option<&str>) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        if let Some(value) = value {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
    }

    /// The head as it is sent, with the body's length as `length` says.
    pub(super) fn head(&self, length: Option<u64>) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            if !name.eq_ignore_ascii_case("content-length") {
                head.extend([name, ": ", value, "\r\n"]);
            }
        }
        if let Some(length) = length {
            head.extend(["Content-Length: ", &length.to_string(), "\r\n"]);
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

fn reason(status: u16) -> &'static str {
    reqwest::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Unknown")
}
