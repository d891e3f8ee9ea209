//! What was asked and answered.

/// One request and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// `GET`, `PUT` …
    pub method: String,
    /// Path and query, as asked.
    pub target: String,
    /// The request's `Authorization`, where it had one.
    pub authorization: Option<String>,
    /// Bytes of the request's body that arrived.
    pub sent: u64,
    /// The status that was answered; `None` where the connection was cut before.
    pub status: Option<u16>,
    /// Bytes of the answer's body that were given.
    pub received: u64,
    /// Whether a fault met it.
    pub faulted: bool,
}

impl Exchange {
    /// The path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}
