//! The proof as the runtime package writes it, turned into a [`Proof`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Check, PROOF_SCHEMA, Proof, ProvenQuote, Unchecked};
use crate::digest::Digest;
use crate::quotes::TestQuote;

/// What `haute_serve prove` writes (`python/MANIFEST.md`, "Commands").
#[derive(Deserialize)]
pub(super) struct RuntimeProof {
    pub(super) schema: String,
    release: Digest,
    passed: bool,
    environment: Map<String, Value>,
    quotes: Vec<RuntimeQuote>,
    checks: Vec<RuntimeCheck>,
}

#[derive(Deserialize)]
struct RuntimeQuote {
    id: String,
    #[serde(default)]
    outputs: Option<Vec<Map<String, Value>>>,
    #[serde(default)]
    prices: Map<String, Value>,
    checks: Vec<RuntimeCheck>,
}

#[derive(Deserialize)]
struct RuntimeCheck {
    name: String,
    /// `null`: it could not be made.
    passed: Option<bool>,
    #[serde(default)]
    reason: Option<String>,
}

impl RuntimeProof {
    /// Joins it with the quotes it is about.
    pub(super) fn into_proof(self, quotes: Vec<TestQuote>) -> Proof {
        let mut inputs: BTreeMap<String, _> =
            quotes.into_iter().map(|quote| (quote.id, quote.input)).collect();
        let mut unchecked = Vec::new();
        let mut sort = |quote: Option<&str>, checks: Vec<RuntimeCheck>| -> Vec<Check> {
            let mut made = Vec::new();
            for check in checks {
                let detail = check.reason.unwrap_or_default();
                match check.passed {
                    Some(passed) => made.push(Check { name: check.name, passed, detail }),
                    None => unchecked.push(Unchecked {
                        quote: quote.map(str::to_owned),
                        name: check.name,
                        reason: detail,
                    }),
                }
            }
            made
        };
        let checks = sort(None, self.checks);
        let quotes: Vec<ProvenQuote> = self
            .quotes
            .into_iter()
            .map(|quote| ProvenQuote {
                checks: sort(Some(&quote.id), quote.checks),
                input: inputs.remove(&quote.id).unwrap_or_default(),
                outputs: quote.outputs.unwrap_or_default(),
                prices: quote.prices,
                id: quote.id,
            })
            .collect();
        // Both the runtime and this program must find nothing wrong.
        let failed =
            checks.iter().chain(quotes.iter().flat_map(|quote| &quote.checks)).any(|check| !check.passed);
        Proof {
            schema: PROOF_SCHEMA.to_owned(),
            release: self.release,
            passed: self.passed && !failed,
            environment: self.environment,
            quotes,
            checks,
            unchecked,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_check_that_could_not_be_made_is_neither_passed_nor_failed() {
        let digest = Digest::of("release");
        let written = json!({
            "schema": PROOF_SCHEMA, "release": digest, "passed": true, "environment": {},
            "quotes": [{"id": "a#0", "outputs": [{"premium": 1.5}], "prices": {"premium": 1.5}, "checks": [
                {"name": "expected", "passed": null, "reason": "nothing was written down"},
                {"name": "finite", "passed": true, "reason": null}]}],
            "checks": [],
        });
        let runtime: RuntimeProof = serde_json::from_value(written).unwrap();
        let quote = serde_json::from_value(json!({"id": "a#0", "input": {"age": 42}})).unwrap();
        let proof = runtime.into_proof(vec![quote]);
        assert!(proof.passed);
        assert_eq!(proof.quotes[0].checks.len(), 1);
        assert_eq!(proof.unchecked[0].quote.as_deref(), Some("a#0"));
        assert_eq!(proof.quotes[0].input["age"], 42);
    }

    #[test]
    fn a_failed_check_fails_the_proof_whatever_the_runtime_says() {
        let written = json!({
            "schema": PROOF_SCHEMA, "release": Digest::of("r"), "passed": true, "environment": {}, "quotes": [],
            "checks": [{"name": "batch", "passed": false, "reason": "another premium"}],
        });
        let runtime: RuntimeProof = serde_json::from_value(written).unwrap();
        assert!(!runtime.into_proof(Vec::new()).passed);
    }
}
