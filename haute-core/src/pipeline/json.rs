//! A JSON reader that keeps the place of every value, and every mistake it can name.
//!
//! `serde_json` gives no places for values, keeps the last of two equal keys and accepts a number too large for
//! a float; each of these decides a price here, so sidecars are read by this reader.

use std::collections::HashMap;
use std::ops::Range;

use super::value::{Member, Value, ValueKind};

/// How deep arrays and objects may nest.
const DEPTH_LIMIT: usize = 128;

/// What is wrong with a JSON text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum JsonProblem {
    /// It does not follow the grammar; the reader stops there.
    Syntax {
        /// Where.
        range: Range<usize>,
        /// What was expected or found.
        message: String,
    },
    /// An object holds a key twice.
    DuplicateKey {
        /// The first one.
        first: Range<usize>,
        /// The later one.
        second: Range<usize>,
        /// The key.
        key: String,
    },
}

/// Reads `text`. `None` when it does not follow the grammar; repeated keys are reported and the last one counts.
pub(crate) fn read(text: &str, problems: &mut Vec<JsonProblem>) -> Option<Value> {
    let mut reader = Reader { bytes: text.as_bytes(), text, at: 0, problems };
    let outcome = reader.document();
    match outcome {
        Ok(value) => Some(value),
        Err((range, message)) => {
            problems.push(JsonProblem::Syntax { range, message });
            None
        }
    }
}

type Outcome<T> = Result<T, (Range<usize>, String)>;

struct Reader<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
    problems: &'a mut Vec<JsonProblem>,
}

impl Reader<'_> {
    fn document(&mut self) -> Outcome<Value> {
        if self.text.starts_with('\u{feff}') {
            return Err((0..3, "the file starts with a byte order mark, which JSON does not allow".into()));
        }
        let value = self.value(0)?;
        self.blank();
        if self.at < self.bytes.len() {
            return Err((self.here(), "nothing may follow the closing bracket".into()));
        }
        Ok(value)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The character at the current place, so that a caret never splits one.
    fn here(&self) -> Range<usize> {
        let length = self.text.get(self.at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        self.at..self.at + length
    }

    fn found(&self) -> String {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            None => "the end of the file".to_owned(),
            Some(c) if c.is_control() => format!("the control character U+{:04X}", u32::from(c)),
            Some(c) => format!("`{c}`"),
        }
    }

    fn value(&mut self, depth: usize) -> Outcome<Value> {
        self.blank();
        if depth > DEPTH_LIMIT {
            return Err((self.here(), format!("nested more than {DEPTH_LIMIT} levels deep")));
        }
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => ValueKind::Object(self.object(depth)?),
            Some(b'[') => ValueKind::List(self.list(depth)?),
            Some(b'"') => ValueKind::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => ValueKind::Number(self.number()?),
            _ => self.word()?,
        };
        Ok(Value { range: start..self.at, kind })
    }

    fn word(&mut self) -> Outcome<ValueKind> {
        let start = self.at;
        let end = self
            .bytes
            .iter()
            .skip(start)
            .position(|b| !(b.is_ascii_alphanumeric() || *b == b'_'))
            .map_or(self.bytes.len(), |length| start + length);
        let kind = match self.text.get(start..end) {
            Some("true") => ValueKind::Bool(true),
            Some("false") => ValueKind::Bool(false),
            Some("null") => ValueKind::Null,
            Some(word) if !word.is_empty() => {
                let hint = match word {
                    "True" | "False" | "None" => ": JSON writes `true`, `false` and `null`",
                    "NaN" | "Infinity" => ": JSON has no such number",
                    _ => "",
                };
                return Err((start..end, format!("`{word}` is not a JSON value{hint}")));
            }
            _ => return Err((self.here(), format!("expected a value, found {}", self.found()))),
        };
        self.at = end;
        Ok(kind)
    }

    fn object(&mut self, depth: usize) -> Outcome<Vec<Member>> {
        self.at += 1;
        let mut members: Vec<Member> = Vec::new();
        // Most objects are small: a map is only worth its cost for the large ones.
        let mut seen: HashMap<String, Range<usize>> = HashMap::new();
        loop {
            self.blank();
            match self.peek() {
                Some(b'}') if members.is_empty() => {
                    self.at += 1;
                    return Ok(members);
                }
                Some(b'"') => {}
                Some(b'}') => return Err((self.here(), "a comma stands before the closing `}`".into())),
                Some(b'\'') => return Err((self.here(), "a key is written in double quotes".into())),
                _ => return Err((self.here(), format!("expected a key, found {}", self.found()))),
            }
            let key_start = self.at;
            let key = self.string()?;
            let key_range = key_start..self.at;
            let first = if members.len() < 16 {
                members.iter().rev().find(|member| member.key == key).map(|member| member.key_range.clone())
            } else {
                if members.len() == 16 {
                    seen = members.iter().map(|m| (m.key.clone(), m.key_range.clone())).collect();
                }
                seen.insert(key.clone(), key_range.clone())
            };
            if let Some(first) = first {
                let second = key_range.clone();
                self.problems.push(JsonProblem::DuplicateKey { first, second, key: key.clone() });
            }
            self.blank();
            if self.peek() != Some(b':') {
                return Err((self.here(), format!("expected `:` after the key, found {}", self.found())));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            members.push(Member { key, key_range, value });
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(members);
                }
                _ => return Err((self.here(), format!("expected `,` or `}}`, found {}", self.found()))),
            }
        }
    }

    fn list(&mut self, depth: usize) -> Outcome<Vec<Value>> {
        self.at += 1;
        let mut elements = Vec::new();
        loop {
            self.blank();
            if self.peek() == Some(b']') {
                if elements.is_empty() {
                    self.at += 1;
                    return Ok(elements);
                }
                return Err((self.here(), "a comma stands before the closing `]`".into()));
            }
            elements.push(self.value(depth + 1)?);
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(elements);
                }
                _ => return Err((self.here(), format!("expected `,` or `]`, found {}", self.found()))),
            }
        }
    }

    fn number(&mut self) -> Outcome<String> {
        let start = self.at;
        while matches!(self.peek(), Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
            self.at += 1;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        let is_plain = text.len() < 16 && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_number = is_plain || serde_json::from_str::<serde_json::Number>(text).is_ok();
        if !is_number || !is_json_number(text) {
            return Err((start..self.at, format!("`{text}` is not a number JSON can write")));
        }
        Ok(text.to_owned())
    }

    fn string(&mut self) -> Outcome<String> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err((start..self.bytes.len(), "the text is not closed".into())),
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(byte) if byte < 0x20 => {
                    return Err((self.here(), format!("text holds {}; write it as an escape", self.found())));
                }
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let raw = self.text.get(start..self.at).unwrap_or_default();
        if !raw.contains('\\') {
            return Ok(self.text.get(start + 1..self.at - 1).unwrap_or_default().to_owned());
        }
        serde_json::from_str(raw).map_err(|error| {
            let message = error.to_string();
            let message = message.split(" at line").next().unwrap_or_default().to_owned();
            (start..self.at, format!("the text cannot be read: {message}"))
        })
    }
}

/// The grammar of RFC 8259: no leading zeros, no bare point.
fn is_json_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole: &str = digits.split(['.', 'e', 'E']).next().unwrap_or_default();
    whole == "0" || (!whole.starts_with('0') && !whole.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<JsonProblem> {
        let mut problems = Vec::new();
        read(text, &mut problems);
        problems
    }

    #[test]
    fn keeps_places_and_digits() {
        let text = r#"{"a": [1.50, "x\u00e9"], "b": null}"#;
        let mut found = Vec::new();
        let value = read(text, &mut found).unwrap();
        assert!(found.is_empty());
        let list = value.get("a").unwrap();
        assert_eq!(text.get(list.elements()[0].range.clone()), Some("1.50"));
        assert_eq!(list.elements()[1].text(), Some("xé"));
        assert_eq!(value.get("b"), None);
        assert_eq!(value.to_json(), serde_json::from_str::<serde_json::Value>(text).unwrap());
    }

    #[test]
    fn refuses_what_json_refuses() {
        for bad in [
            "",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{'a':1}",
            "[01]",
            "[1e999]",
            "nul",
            "[NaN]",
            "{\"a\" 1}",
            "[1] 2",
            "\u{feff}{}",
            "\"\u{1}\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "[\"",
            "-",
            "[1 2]",
            "\"\\",
            "+1",
            "[.5]",
        ] {
            assert_eq!(problems(bad).len(), 1, "{bad:?}");
            assert!(serde_json::from_str::<serde_json::Value>(bad).is_err(), "{bad:?}");
        }
        assert_eq!(problems(&"[".repeat(100_000)).len(), 1);
    }

    #[test]
    fn names_both_places_of_a_repeated_key() {
        let found = problems(r#"{"a": 1, "a": 2}"#);
        assert_eq!(found, [JsonProblem::DuplicateKey { first: 1..4, second: 9..12, key: "a".into() }]);
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_serde_json(text in "[\\[\\]{}:,\"a0-9. tefnuls\\\\-]{0,24}") {
            let mut found = Vec::new();
            let ours = read(&text, &mut found);
            match serde_json::from_str::<serde_json::Value>(&text) {
                Ok(value) => proptest::prop_assert_eq!(ours.map(|v| v.to_json()), Some(value)),
                Err(_) => proptest::prop_assert!(ours.is_none()),
            }
        }
    }
}
