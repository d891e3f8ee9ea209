//! Verification: what really serves, held against the proof.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::proof::{Check, Proof, ProvenQuote};

/// What `GET /health` said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Health {
    /// `ok` once quotes are answered.
    pub status: String,
    /// The release that answers; `None` from a service that is not one of ours.
    pub release: Option<Digest>,
    /// The model's name.
    pub model: Option<String>,
}

impl Health {
    /// A health answer.
    pub fn new(status: impl Into<String>, release: Option<Digest>, model: Option<String>) -> Self {
        Self { status: status.into(), release, model }
    }
}

/// A served price, asked over whatever protocol it speaks. `haute-probe` has the HTTP one.
#[async_trait]
pub trait QuoteService: Send + Sync {
    /// Asks for the service's health. Cancel-safe: it reads only.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when nothing answers, and what else the transport found.
    async fn health(&self) -> Result<Health>;

    /// Prices `rows` as one request and returns the answers in order of the rows: one per row, unless the pipeline makes
    /// several of one. Cancel-safe: a quote changes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when nothing answers; [`ErrorKind::VerificationFailed`] with the service's own
    /// words when it refuses a row.
    async fn quote(&self, rows: &[Map<String, Value>]) -> Result<Vec<Map<String, Value>>>;
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Verification {
    /// Whether what serves is what was proven.
    pub passed: bool,
    /// The release `/health` named.
    pub release: Option<Digest>,
    /// One check per question: `health`, then one per test quote.
    pub checks: Vec<Check>,
}

/// Asks `service` for its health and every quote of `proof`, singly and as one batch, and compares the answers
/// bit for bit with the proven ones.
///
/// Cancel-safe: it reads only.
///
/// # Errors
/// What the service's transport found. An answer that differs is not an error but a failed check.
pub async fn verify(service: &dyn QuoteService, proof: &Proof) -> Result<Verification> {
    let health = service.health().await?;
    let mut checks = vec![health_check(&health, &proof.release)];
    if proof.quotes.is_empty() {
        checks.push(Check {
            name: "quotes".to_owned(),
            passed: true,
            detail: "the project has no test quotes".to_owned(),
        });
    }
    for quote in &proof.quotes {
        let detail = match service.quote(std::slice::from_ref(&quote.input)).await {
            Ok(answers) => differences(&[quote], &answers),
            Err(error) => Some(refusal(error)?),
        };
        checks.push(Check {
            name: quote.id.clone(),
            passed: detail.is_none(),
            detail: detail.unwrap_or_default(),
        });
    }
    let rows: Vec<_> = proof.quotes.iter().map(|quote| quote.input.clone()).collect();
    if rows.len() > 1 {
        let wrong = match service.quote(&rows).await {
            Ok(answers) => differences(&proof.quotes.iter().collect::<Vec<_>>(), &answers),
            Err(error) => Some(refusal(error)?),
        };
        checks.push(Check {
            name: "batch".to_owned(),
            passed: wrong.is_none(),
            detail: wrong.unwrap_or_default(),
        });
    }
    Ok(Verification { passed: checks.iter().all(|check| check.passed), release: health.release, checks })
}

impl Verification {
    /// A verification in which one check failed: nothing else could be asked.
    pub fn failed(check: impl Into<String>, detail: impl Into<String>) -> Self {
        let check = Check { name: check.into(), passed: false, detail: detail.into() };
        Self { passed: false, release: None, checks: vec![check] }
    }

    /// Fails unless it passed, naming the first thing that differs.
    ///
    /// # Errors
    /// [`ErrorKind::VerificationFailed`].
    pub fn require(&self) -> Result<()> {
        let Some(failed) = self.checks.iter().find(|check| !check.passed) else { return Ok(()) };
        let others = self.checks.iter().filter(|check| !check.passed).count() - 1;
        let mut error = Error::new(
            ErrorKind::VerificationFailed,
            format!("what serves is not what was proven: {}: {}", failed.name, failed.detail),
        );
        if others > 0 {
            error = error.with_context("further differences", others.to_string());
        }
        Err(error)
    }
}

/// The words of a service that refuses a quote: a finding, not an error. Anything else stays an error.
fn refusal(error: Error) -> Result<String> {
    if error.kind() == ErrorKind::VerificationFailed { Ok(error.to_string()) } else { Err(error) }
}

/// The first difference between the proven answers of `quotes`, in order, and the served ones.
fn differences(quotes: &[&ProvenQuote], answers: &[Map<String, Value>]) -> Option<String> {
    let proven = quotes.iter().flat_map(|quote| quote.outputs.iter().map(move |output| (quote, output)));
    let wrong = proven.clone().zip(answers).find_map(|((quote, output), answer)| {
        difference(output, answer).map(|found| format!("{}: {found}", quote.id))
    });
    wrong.or_else(|| {
        let (answered, expected) = (answers.len(), proven.count());
        (answered != expected)
            .then(|| format!("{answered} answers to {} quotes, proven {expected}", quotes.len()))
    })
}

fn health_check(health: &Health, release: &Digest) -> Check {
    let detail = match &health.release {
        Some(serving) if serving == release && health.status == "ok" => None,
        Some(serving) if serving == release => {
            Some(format!("the release answers, but with status `{}`", health.status))
        }
        Some(serving) => Some(format!("release {} serves, not {}", serving.short(), release.short())),
        None => Some("the service names no release in /health".to_owned()),
    };
    Check { name: "health".to_owned(), passed: detail.is_none(), detail: detail.unwrap_or_default() }
}

/// The first difference between a proven and a served answer, in words; `None` when they are the same.
pub fn difference(proven: &Map<String, Value>, served: &Map<String, Value>) -> Option<String> {
    for (key, value) in proven {
        match served.get(key) {
            None => return Some(format!("`{key}` is missing (proven: {value})")),
            Some(other) if other != value => return Some(format!("`{key}` is {other}, proven {value}")),
            Some(_) => {}
        }
    }
    served
        .keys()
        .find(|key| !proven.contains_key(*key))
        .map(|key| format!("`{key}` was not in the proven answer"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn one_bit_of_a_premium_is_a_difference() {
        let proven = object(&json!({"premium": 0.1 + 0.2}));
        assert_eq!(
            difference(&proven, &object(&json!({"premium": 0.3}))).unwrap(),
            "`premium` is 0.3, proven 0.30000000000000004"
        );
        assert_eq!(difference(&proven, &object(&json!({"premium": 0.300_000_000_000_000_04}))), None);
        assert!(difference(&proven, &object(&json!({}))).unwrap().contains("missing"));
        assert!(difference(&object(&json!({})), &proven).unwrap().contains("not in the proven answer"));
    }
}
