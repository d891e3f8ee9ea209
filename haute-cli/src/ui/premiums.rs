//! The prices of the test quotes, against the last ones on record.

use std::collections::BTreeMap;

use haute_core::proof::ProvenQuote;
use serde::Serialize;
use serde_json::{Map, Value};

use super::style::{Palette, count};
use super::table::{Align, table};

/// The prices of one test quote.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Premium {
    /// The quote's id.
    pub(crate) quote: String,
    /// Its prices by column.
    pub(crate) prices: Map<String, Value>,
    /// The prices on the last record, when there is one that priced this quote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Map<String, Value>>,
    /// The change per column in per cent of the price before.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(crate) change_percent: Map<String, Value>,
}

/// The prices by quote id of an earlier record.
pub(crate) type Earlier = BTreeMap<String, Map<String, Value>>;

/// Puts the new prices beside the earlier ones.
pub(crate) fn compare(quotes: &[ProvenQuote], earlier: Option<&Earlier>) -> Vec<Premium> {
    let one = |quote: &ProvenQuote| {
        let before = earlier.and_then(|earlier| earlier.get(&quote.id)).cloned();
        let changes = quote.prices.iter().filter_map(|(column, now)| {
            let percent = percent(before.as_ref()?.get(column)?.as_f64()?, now.as_f64()?)?;
            Some((column.clone(), Value::from(percent)))
        });
        Premium {
            quote: quote.id.clone(),
            prices: quote.prices.clone(),
            change_percent: changes.collect(),
            before,
        }
    };
    quotes.iter().map(one).collect()
}

/// The change from `before` to `now` in per cent; `None` where there is none or it has no meaning.
fn percent(before: f64, now: f64) -> Option<f64> {
    let percent = (now - before) / before.abs() * 100.0;
    (before.to_bits() != now.to_bits() && percent.is_finite()).then_some(percent)
}

/// One line per quote and price column.
pub(crate) fn render(premiums: &[Premium], palette: Palette) -> String {
    if premiums.is_empty() {
        return "The project has no test quotes: no premium was looked at.\n".to_owned();
    }
    let columns: Vec<&String> = premiums.iter().flat_map(|premium| premium.prices.keys()).collect();
    let single =
        columns.first().filter(|first| columns.iter().all(|column| column == *first)).map(|c| c.as_str());
    let compared = premiums.iter().any(|premium| premium.before.is_some());
    let mut header = vec![("test quote", Align::Left)];
    header.extend(single.is_none().then_some(("price", Align::Left)));
    header.extend(compared.then_some(("before", Align::Right)));
    header.push((single.unwrap_or("value"), Align::Right));
    header.extend(compared.then_some(("change", Align::Right)));
    let mut rows = Vec::new();
    let mut moved = 0;
    for premium in premiums {
        let mut changed = false;
        for (column, now) in &premium.prices {
            let before = premium.before.as_ref().and_then(|before| before.get(column));
            changed |= before.is_some_and(|before| before != now);
            let mut row = vec![premium.quote.clone()];
            row.extend(single.is_none().then(|| column.clone()));
            let arrow = |before: &Value| if before == now { String::new() } else { format!("{before} →") };
            row.extend(compared.then(|| before.map_or_else(String::new, arrow)));
            row.push(now.to_string());
            let percent = premium.change_percent.get(column);
            row.extend(
                compared
                    .then(|| before.map_or_else(|| "new".to_owned(), |before| change(before, now, percent))),
            );
            rows.push(row);
        }
        if premium.prices.is_empty() {
            rows.push(vec![premium.quote.clone(), "no price column".to_owned()]);
        }
        moved += usize::from(changed);
    }
    let mut text = table(palette, &header, &rows);
    if compared {
        let line = match moved {
            0 => "No premium has changed since the last record.".to_owned(),
            _ => palette.warn(&format!(
                "{} of {} changed since the last record.",
                moved,
                count(premiums.len(), "quote")
            )),
        };
        text.extend([line.as_str(), "\n"]);
    }
    text
}

fn change(before: &Value, now: &Value, percent: Option<&Value>) -> String {
    match percent.and_then(Value::as_f64) {
        _ if before == now => "unchanged".to_owned(),
        // A change too small for two digits is still a change.
        Some(percent) if percent.abs() < 0.005 => format!("{percent:+.1e} %"),
        Some(percent) => format!("{percent:+.2} %"),
        None => "changed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn quote(id: &str, prices: &Value) -> ProvenQuote {
        let quote = json!({"id": id, "input": {}, "outputs": [prices], "prices": prices, "checks": []});
        serde_json::from_value(quote).unwrap()
    }

    #[test]
    fn each_premium_is_held_against_the_last_record() {
        let quotes = [
            quote("a.json#0", &json!({"premium": 110.0})),
            quote("a.json#1", &json!({"premium": 80.5})),
            quote("a.json#2", &json!({"premium": 0.300_000_000_000_000_04})),
            quote("b.json#0", &json!({"premium": 7})),
        ];
        let earlier: Earlier = [("a.json#0", 100.0), ("a.json#1", 80.5), ("a.json#2", 0.3)]
            .map(|(id, price)| (id.to_owned(), json!({"premium": price}).as_object().cloned().unwrap()))
            .into();
        let premiums = compare(&quotes, Some(&earlier));
        let text = render(&premiums, Palette::new(false));
        assert!(text.contains("+10.00 %") && text.contains("2 of 4 quotes changed"), "{text}");
        insta::assert_snapshot!(text, @r"
        test quote   before              premium      change
        a.json#0    100.0 →                110.0    +10.00 %
        a.json#1                            80.5   unchanged
        a.json#2      0.3 →  0.30000000000000004  +1.9e-14 %
        b.json#0                               7         new
        2 of 4 quotes changed since the last record.
        ");
    }

    #[test]
    fn several_price_columns_each_get_a_line() {
        let quotes = [quote("a.json#0", &json!({"net": 10, "gross": 12.5}))];
        insta::assert_snapshot!(render(&compare(&quotes, None), Palette::new(false)), @r"
        test quote  price  value
        a.json#0    net       10
        a.json#0    gross   12.5
        ");
    }
}
