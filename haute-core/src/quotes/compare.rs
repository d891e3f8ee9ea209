//! Rows whose keys are not those of the other rows: usually a misspelt column.

use std::collections::BTreeMap;

use super::codes;
use super::rows::Placed;
use crate::diagnostic::{Diagnostic, closest};

/// So many rows are named; the rest is counted.
const SHOWN: usize = 10;

/// Warns of every row that lacks a key most rows have, or has one that most lack.
pub(super) fn compare(rows: &[Placed], out: &mut Vec<Diagnostic>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        for key in row.quote.input.keys() {
            *counts.entry(key).or_default() += 1;
        }
    }
    // Of two rows the first is taken for the usual one.
    let first = rows.first().filter(|_| rows.len() == 2);
    let usual = |key: &str| match first {
        Some(first) => first.quote.input.contains_key(key),
        None => counts.get(key).is_some_and(|count| count * 2 > rows.len()),
    };
    let mut different = 0;
    for row in rows {
        let lacks: Vec<&str> =
            counts.keys().copied().filter(|key| usual(key) && !row.quote.input.contains_key(*key)).collect();
        let extra: Vec<&str> = row.quote.input.keys().map(String::as_str).filter(|key| !usual(key)).collect();
        if lacks.is_empty() && extra.is_empty() {
            continue;
        }
        different += 1;
        if different > SHOWN {
            continue;
        }
        let list = |keys: &[&str]| {
            keys.iter().map(|key| format!("`{}`", key.escape_debug())).collect::<Vec<_>>().join(", ")
        };
        let message = match (lacks.is_empty(), extra.is_empty()) {
            (false, true) => format!("the quote lacks {}, which the other quotes have", list(&lacks)),
            (true, _) => format!("the quote has {}, which the other quotes lack", list(&extra)),
            (false, false) => {
                format!("the quote lacks {} and has {}, unlike the other quotes", list(&lacks), list(&extra))
            }
        };
        let range = row.range.start..row.range.start + 1;
        let diagnostic = Diagnostic::warning(codes::ROWS_DIFFER, message).at(row.file, range, "this quote");
        let meant = extra.iter().find_map(|key| Some((key, closest(key, lacks.iter().copied())?)));
        out.push(match meant {
            Some((key, near)) => {
                diagnostic.help(format!("is `{}` meant to be `{near}`?", key.escape_debug()))
            }
            None => diagnostic.help("write a value that is not known as `null`"),
        });
    }
    if different > SHOWN {
        let message = format!("{} further quotes have other keys than most", different - SHOWN);
        out.push(Diagnostic::warning(codes::ROWS_DIFFER, message));
    }
}
