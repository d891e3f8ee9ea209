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

/// One line per quote: the premiums, and whatever else has changed since the last record.
pub(crate) fn render(premiums: &[Premium], palette: Palette) -> String {
    if premiums.is_empty() {
        return "The project has no test quotes: no premium was looked at.\n".to_owned();
    }
    let (shown, hidden) = columns(premiums);
    let compared = premiums.iter().any(|premium| premium.before.is_some());
    let header: Vec<(&str, Align)> = [("test quote", Align::Left)]
        .into_iter()
        .chain(shown.iter().map(|column| (*column, Align::Right)))
        .collect();
    let rows: Vec<Vec<String>> = premiums
        .iter()
        .map(|premium| {
            let cells = shown.iter().map(|column| cell(premium, column, compared));
            [premium.quote.clone()].into_iter().chain(cells).collect()
        })
        .collect();
    let mut text = table(palette, &header, &rows);
    if !hidden.is_empty() {
        text.extend([palette.dim(&format!("Also priced: {}.", hidden.join(", "))).as_str(), "\n"]);
    }
    if compared {
        let line = match premiums.iter().filter(|premium| premium.changed()).count() {
            0 => "No premium has changed since the last record.".to_owned(),
            moved => palette.warn(&format!(
                "{moved} of {} changed since the last record.",
                count(premiums.len(), "quote")
            )),
        };
        text.extend([line.as_str(), "\n"]);
    }
    text
}

/// The price columns to show and the others: a pipeline often answers a dozen factors beside its premium. Shown are the
/// columns whose name says that they are a price, and those that changed; all of them where no name says so.
fn columns(premiums: &[Premium]) -> (Vec<&str>, Vec<&str>) {
    let mut all: Vec<&str> = Vec::new();
    for column in premiums.iter().flat_map(|premium| premium.prices.keys()) {
        if !all.contains(&column.as_str()) {
            all.push(column);
        }
    }
    let changed = |column: &str| premiums.iter().any(|premium| premium.change(column).is_some());
    let (shown, hidden): (Vec<&str>, Vec<&str>) =
        all.iter().partition(|column| is_price_name(column) || changed(column));
    if shown.iter().any(|column| is_price_name(column)) { (shown, hidden) } else { (all, Vec::new()) }
}

/// Whether a column's name says that it is a price: for showing only, every price column is proven and compared.
pub(crate) fn is_price_name(column: &str) -> bool {
    let name = column.to_lowercase();
    ["premium", "price", "prämie", "praemie", "prime", "tariff"].iter().any(|word| name.contains(word))
}

fn cell(premium: &Premium, column: &str, compared: bool) -> String {
    let Some(now) = premium.prices.get(column) else { return "-".to_owned() };
    match (premium.change(column), &premium.before) {
        (Some(before), _) => format!("{before} → {now}{}", percentage(premium.change_percent.get(column))),
        (None, Some(before)) if before.contains_key(column) => now.to_string(),
        _ if compared => format!("{now} (new)"),
        _ => now.to_string(),
    }
}

impl Premium {
    /// The price before, where it was another one.
    fn change(&self, column: &str) -> Option<&Value> {
        let before = self.before.as_ref()?.get(column)?;
        (Some(before) != self.prices.get(column)).then_some(before)
    }

    fn changed(&self) -> bool {
        self.prices.keys().any(|column| self.change(column).is_some())
    }
}

fn percentage(percent: Option<&Value>) -> String {
    match percent.and_then(Value::as_f64) {
        // A change too small for two digits is still a change.
        Some(percent) if percent.abs() < 0.005 => format!("  {percent:+.1e} %"),
        Some(percent) => format!("  {percent:+.2} %"),
        None => String::new(),
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
        test quote                                premium
        a.json#0                  100.0 → 110.0  +10.00 %
        a.json#1                                     80.5
        a.json#2    0.3 → 0.30000000000000004  +1.9e-14 %
        b.json#0                                  7 (new)
        2 of 4 quotes changed since the last record.
        ");
    }

    #[test]
    fn factors_are_named_and_shown_only_where_they_changed() {
        let quotes = [quote("a.json#0", &json!({"area_factor": 1.2, "age_factor": 1, "premium": 12.5}))];
        let text = render(&compare(&quotes, None), Palette::new(false));
        insta::assert_snapshot!(text, @r"
        test quote  premium
        a.json#0       12.5
        Also priced: area_factor, age_factor.
        ");
        let earlier =
            json!({"area_factor": 1.1, "age_factor": 1, "premium": 12.5}).as_object().cloned().unwrap();
        let earlier: Earlier = [("a.json#0".to_owned(), earlier)].into();
        let text = render(&compare(&quotes, Some(&earlier)), Palette::new(false));
        assert!(text.contains("1.1 → 1.2  +9.09 %") && text.contains("1 of 1 quote changed"), "{text}");
    }

    #[test]
    fn without_a_premium_by_name_every_column_is_shown() {
        let quotes = [quote("a.json#0", &json!({"net": 10, "gross": 12.5}))];
        insta::assert_snapshot!(render(&compare(&quotes, None), Palette::new(false)), @r"
        test quote  net  gross
        a.json#0     10   12.5
        ");
    }
}
