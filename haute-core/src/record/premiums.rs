//! Premiums that change from one deployment to the next.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ProofSummary;

/// One price of one quote that changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PremiumChange {
    /// The quote's id.
    pub quote: String,
    /// The price column.
    pub column: String,
    /// Before; `None` when the quote or the column is new.
    pub before: Option<Value>,
    /// After; `None` when the quote or the column is gone.
    pub after: Option<Value>,
}

/// Every price that differs, in order of the new proof; what is gone comes last.
pub fn premium_changes(before: &ProofSummary, after: &ProofSummary) -> Vec<PremiumChange> {
    let mut changes = Vec::new();
    let find = |summary: &ProofSummary, quote: &str, column: &str| {
        summary.quotes.iter().find(|one| one.id == quote).and_then(|one| one.prices.get(column)).cloned()
    };
    for quote in &after.quotes {
        for (column, value) in &quote.prices {
            let old = find(before, &quote.id, column);
            if old.as_ref() != Some(value) {
                changes.push(PremiumChange {
                    quote: quote.id.clone(),
                    column: column.clone(),
                    before: old,
                    after: Some(value.clone()),
                });
            }
        }
    }
    for quote in &before.quotes {
        for (column, value) in &quote.prices {
            if find(after, &quote.id, column).is_none() {
                changes.push(PremiumChange {
                    quote: quote.id.clone(),
                    column: column.clone(),
                    before: Some(value.clone()),
                    after: None,
                });
            }
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn summary(quotes: &Value) -> ProofSummary {
        serde_json::from_value(json!({"passed": true, "checks": [], "environment": {}, "quotes": quotes}))
            .unwrap()
    }

    #[test]
    fn old_and_new_are_set_side_by_side_per_quote() {
        let before = summary(&json!([
            {"id": "a", "prices": {"premium": 100.0, "tax": 5.0}},
            {"id": "gone", "prices": {"premium": 1.0}},
        ]));
        let after = summary(&json!([
            {"id": "a", "prices": {"premium": 101.5, "tax": 5.0}},
            {"id": "new", "prices": {"premium": 2.0}},
        ]));
        let changes = premium_changes(&before, &after);
        let text: Vec<_> = changes
            .iter()
            .map(|change| format!("{} {:?} -> {:?}", change.quote, change.before, change.after))
            .collect();
        assert_eq!(
            text,
            [
                "a Some(Number(100.0)) -> Some(Number(101.5))",
                "new None -> Some(Number(2.0))",
                "gone Some(Number(1.0)) -> None",
            ]
        );
        assert!(premium_changes(&after, &after).is_empty());
    }
}
