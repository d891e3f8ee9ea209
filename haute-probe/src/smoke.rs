//! A smoke test of anything that answers quotes.

use std::time::Instant;

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::quotes::TestQuote;
use haute_core::verify::{Health, QuoteService};
use serde_json::{Map, Value};

/// What a smoke test found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SmokeReport {
    /// What `/health` said; `None` where the service has none.
    pub health: Option<Health>,
    /// One entry per quote, in order.
    pub quotes: Vec<SmokeQuote>,
}

/// One quote of a smoke test.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SmokeQuote {
    /// The quote's id.
    pub id: String,
    /// The answer; `None` when there was none.
    pub answer: Option<Map<String, Value>>,
    /// How long it took, in milliseconds.
    pub milliseconds: f64,
    /// What is wrong, in words; empty when all is well.
    pub problems: Vec<String>,
}

impl SmokeReport {
    /// Whether the service is well and every quote gave what was expected.
    pub fn passed(&self) -> bool {
        self.health.as_ref().is_none_or(|health| health.status == "ok")
            && self.quotes.iter().all(|quote| quote.problems.is_empty())
    }

    /// Fails unless it passed, naming the first problem.
    ///
    /// # Errors
    /// [`ErrorKind::VerificationFailed`].
    pub fn require(&self) -> Result<()> {
        if self.passed() {
            return Ok(());
        }
        let failed: Vec<_> = self.quotes.iter().filter(|quote| !quote.problems.is_empty()).collect();
        let first = failed.first().map(|quote| format!("{}: {}", quote.id, quote.problems.join("; ")));
        let status = self.health.as_ref().map(|health| format!("`/health` says `{}`", health.status));
        let words = first.or(status).unwrap_or_default();
        Err(Error::new(ErrorKind::VerificationFailed, format!("the smoke test failed: {words}"))
            .with_context("failed quotes", format!("{} of {}", failed.len(), self.quotes.len())))
    }
}

/// Asks `service` for its health and each quote, and compares with the expected values where a quote has some.
///
/// Cancel-safe: a quote changes nothing.
///
/// # Errors
/// When the service cannot be reached at all. A quote that fails is a problem in the report.
pub async fn smoke(service: &dyn QuoteService, quotes: &[TestQuote]) -> Result<SmokeReport> {
    let health = match service.health().await {
        Ok(health) => Some(health),
        // A service that has no /health may still quote.
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut report = SmokeReport { health, quotes: Vec::new() };
    for quote in quotes {
        let started = Instant::now();
        let result = service.quote(std::slice::from_ref(&quote.input)).await;
        let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
        let (answer, problems) = match result {
            Ok(answers) => match answers.into_iter().next() {
                Some(answer) => {
                    let problems = problems(quote, &answer);
                    (Some(answer), problems)
                }
                None => (None, vec!["no answer".to_owned()]),
            },
            Err(error) => (None, vec![haute_core::error::chain(&error).join(": ")]),
        };
        report.quotes.push(SmokeQuote { id: quote.id.clone(), answer, milliseconds, problems });
    }
    Ok(report)
}

fn problems(quote: &TestQuote, answer: &Map<String, Value>) -> Vec<String> {
    let Some(expected) = &quote.expected else { return Vec::new() };
    expected
        .iter()
        .filter_map(|(column, expected)| match answer.get(column) {
            None => Some(format!("`{column}` is missing, expected {expected}")),
            Some(value) if matches(expected, value, quote.tolerance_pct) => None,
            Some(value) => Some(format!("`{column}` is {value}, expected {expected}")),
        })
        .collect()
}

/// Whether a value is the expected one: numbers within the tolerance (a fraction of the expected value), all else equal.
fn matches(expected: &Value, value: &Value, tolerance: f64) -> bool {
    match (expected.as_f64(), value.as_f64()) {
        (Some(expected), Some(value)) => (value - expected).abs() <= tolerance * expected.abs(),
        _ => expected == value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn quote(expected: &Value, tolerance: f64) -> TestQuote {
        serde_json::from_value(
            json!({"id": "q#0", "input": {}, "expected": expected, "tolerance_pct": tolerance}),
        )
        .unwrap()
    }

    #[test]
    fn the_tolerance_is_a_fraction_of_the_expected_value() {
        let answer = json!({"premium": 101.0, "area": "A"});
        let answer = answer.as_object().unwrap();
        assert!(problems(&quote(&json!({"premium": 100, "area": "A"}), 0.01), answer).is_empty());
        let found = problems(&quote(&json!({"premium": 100, "area": "B", "tax": 1}), 0.0), answer);
        assert_eq!(
            found,
            [
                "`premium` is 101.0, expected 100",
                "`area` is \"A\", expected \"B\"",
                "`tax` is missing, expected 1",
            ]
        );
    }
}
