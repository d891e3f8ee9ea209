//! JSON in which every value and key knows its place.
//!
//! Numbers and strings are read by `serde_json`, the structure is walked here: `serde_json` keeps neither places nor keys
//! given twice, and stops at the first number out of range, while a report tells all of them.

use std::ops::Range;

use serde_json::{Map, Number, Value};

/// Deeper than any quote, in arrays and objects inside each other. `serde_json` itself stops at 128.
const DEPTH_LIMIT: usize = 100;

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Json {
    /// Its bytes in the file.
    pub(super) range: Range<usize>,
    /// What it is.
    pub(super) kind: Kind,
}

/// A key with its place.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// The text, without quotes.
    pub(super) text: String,
    /// Its bytes in the file, with quotes.
    pub(super) range: Range<usize>,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Null,
    Boolean(bool),
    Number(Number),
    String(String),
    Array(Vec<Json>),
    /// In the order of the file, also where a key is there twice.
    Object(Vec<(Key, Json)>),
}

impl Json {
    /// What kind of value it is, in words.
    pub(super) fn words(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Boolean(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::String(_) => "a string",
            Kind::Array(_) => "an array",
            Kind::Object(_) => "an object",
        }
    }

    /// The value without places. Of a key given twice the last counts, as in Python.
    pub(super) fn value(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Boolean(flag) => Value::Bool(*flag),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::String(text) => Value::String(text.clone()),
            Kind::Array(items) => Value::Array(items.iter().map(Self::value).collect()),
            Kind::Object(entries) => Value::Object(object(entries)),
        }
    }
}

/// The entries without places.
pub(super) fn object(entries: &[(Key, Json)]) -> Map<String, Value> {
    entries.iter().map(|(key, value)| (key.text.clone(), value.value())).collect()
}

/// Something in the text that is not as it should be, though the structure is clear.
#[derive(Debug)]
pub(super) enum Flaw {
    /// A key is there twice: the first place and the second.
    Duplicate { key: String, first: Range<usize>, second: Range<usize> },
    /// A number no 64-bit number holds, `NaN` or `Infinity`.
    Number { range: Range<usize>, message: String },
    /// A whole number that a reader with floats only would change.
    Large { range: Range<usize> },
}

/// What stands for a number that was reported, so that no rule reports it again.
fn stand_in() -> Kind {
    Kind::Number(Number::from(0))
}

/// Text that is not JSON: where, and what is wrong.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) range: Range<usize>,
    pub(super) message: String,
    pub(super) help: Option<&'static str>,
}

/// Reads one JSON document.
pub(super) fn parse(text: &str, flaws: &mut Vec<Flaw>) -> Result<Json, Broken> {
    let mut reader = Reader { text, at: 0, flaws };
    reader.skip_blanks();
    let value = reader.value(0)?;
    reader.skip_blanks();
    if reader.at < text.len() {
        return Err(reader.broken("something follows the end of the document", None));
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    flaws: &'a mut Vec<Flaw>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// What is wrong at the place the reader is at.
    fn broken(&self, message: impl Into<String>, help: Option<&'static str>) -> Broken {
        let length = self.rest().chars().next().map_or(0, char::len_utf8);
        Broken { range: self.at..self.at + length, message: message.into(), help }
    }

    fn value(&mut self, depth: usize) -> Result<Json, Broken> {
        if depth > DEPTH_LIMIT {
            return Err(self.broken(format!("nested more than {DEPTH_LIMIT} deep"), None));
        }
        let start = self.at;
        let kind = match self.peek() {
            None => return Err(self.broken("the file ends where a value should be", None)),
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Kind::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(_) => self.word()?,
        };
        Ok(Json { range: start..self.at, kind })
    }

    fn word(&mut self) -> Result<Kind, Broken> {
        let length = self.rest().find(|c: char| !c.is_alphanumeric()).unwrap_or(self.rest().len());
        let range = self.at..self.at + length;
        let word = self.text.get(range.clone()).unwrap_or_default();
        let kind = match word {
            "null" => Kind::Null,
            "true" => Kind::Boolean(true),
            "false" => Kind::Boolean(false),
            "NaN" | "Infinity" => {
                let message = format!("`{word}` is no number of JSON");
                self.flaws.push(Flaw::Number { range: range.clone(), message });
                stand_in()
            }
            _ => return Err(self.no_value(word)),
        };
        self.at = range.end;
        Ok(kind)
    }

    fn no_value(&self, word: &str) -> Broken {
        let help = match (word, self.peek()) {
            ("True", _) => Some("write `true`"),
            ("False", _) => Some("write `false`"),
            ("None", _) => Some("write `null`"),
            (_, Some(b'\'')) => Some("JSON has double quotes only"),
            (_, Some(b'/' | b'#')) => {
                Some("JSON has no comments: write a note as a key that starts with `_`")
            }
            (_, Some(b']' | b'}')) => Some("remove the comma before it"),
            (_, Some(b'+')) => Some("write the number without `+`"),
            (_, Some(b'.')) => Some("write `0` before the decimal point"),
            _ => None,
        };
        let mut broken = self.broken("expected a value", help);
        broken.range.end = broken.range.end.max(self.at + word.len());
        broken
    }

    fn array(&mut self, depth: usize) -> Result<Kind, Broken> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Kind::Array(items));
        }
        loop {
            self.skip_blanks();
            items.push(self.value(depth + 1)?);
            if self.separator(b']', "an array: expected `,` or `]`")? {
                return Ok(Kind::Array(items));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Kind, Broken> {
        self.at += 1;
        let mut entries: Vec<(Key, Json)> = Vec::new();
        let mut seen = std::collections::BTreeMap::new();
        self.skip_blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Kind::Object(entries));
        }
        loop {
            self.skip_blanks();
            let key = self.key()?;
            self.skip_blanks();
            if self.peek() != Some(b':') {
                return Err(self.broken("expected `:` after the key", None));
            }
            self.at += 1;
            self.skip_blanks();
            let value = self.value(depth + 1)?;
            if let Some(first) = seen.insert(key.text.clone(), key.range.clone()) {
                let second = key.range.clone();
                self.flaws.push(Flaw::Duplicate { key: key.text.clone(), first, second });
            }
            entries.push((key, value));
            if self.separator(b'}', "an object: expected `,` or `}`")? {
                return Ok(Kind::Object(entries));
            }
        }
    }

    /// Goes over `,` (gives false) or the end of the list (gives true).
    fn separator(&mut self, end: u8, inside: &str) -> Result<bool, Broken> {
        self.skip_blanks();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(false)
            }
            Some(byte) if byte == end => {
                self.at += 1;
                Ok(true)
            }
            None => Err(self.broken(format!("the file ends inside of {inside}"), None)),
            Some(_) => Err(self.broken(format!("inside of {inside}"), None)),
        }
    }

    fn key(&mut self) -> Result<Key, Broken> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => {
                let text = self.string()?;
                Ok(Key { text, range: start..self.at })
            }
            Some(b'}') => Err(self.broken("expected a key", Some("remove the comma before it"))),
            Some(b'\'') => Err(self.broken("expected a key", Some("JSON has double quotes only"))),
            Some(b'/' | b'#') => {
                let help = "JSON has no comments: write a note as a key that starts with `_`";
                Err(self.broken("expected a key", Some(help)))
            }
            None => Err(self.broken("the file ends inside of an object", None)),
            Some(_) => Err(self.broken("expected a key", Some("a key is a string in double quotes"))),
        }
    }

    fn string(&mut self) -> Result<String, Broken> {
        let bytes = self.text.as_bytes();
        let mut end = self.at + 1;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(b'\n') | None => {
                    let range = self.at..end.min(self.text.len());
                    let message = "the string does not end on its line".to_owned();
                    return Err(Broken {
                        range,
                        message,
                        help: Some("close it with `\"`; a line break is `\\n`"),
                    });
                }
                Some(_) => end += 1,
            }
        }
        let range = self.at..end + 1;
        let read = self.text.get(range.clone()).and_then(|slice| serde_json::from_str(slice).ok());
        let Some(text) = read else {
            let message = "the string holds a control character or an escape JSON does not have".to_owned();
            return Err(Broken { range, message, help: Some("a backslash is `\\\\`, a tab `\\t`") });
        };
        self.at = range.end;
        Ok(text)
    }

    fn number(&mut self) -> Result<Kind, Broken> {
        if self.rest().starts_with("-Infinity") {
            let range = self.at..self.at + "-Infinity".len();
            let message = "`-Infinity` is no number of JSON".to_owned();
            self.flaws.push(Flaw::Number { range: range.clone(), message });
            self.at = range.end;
            return Ok(stand_in());
        }
        let part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        let length = self.rest().find(|c| !part(c)).unwrap_or(self.rest().len());
        let range = self.at..self.at + length;
        let written = self.text.get(range.clone()).unwrap_or_default();
        self.at = range.end;
        let whole = !written.contains(['.', 'e', 'E']);
        match serde_json::from_str::<Number>(written) {
            Ok(number) => {
                if whole && number.as_i64().is_none() && written != "-0" {
                    let message = "the whole number does not fit 64 bits".to_owned();
                    self.flaws.push(Flaw::Number { range, message });
                } else if number.as_i64().is_some_and(|n| n.unsigned_abs() > 1 << 53) {
                    self.flaws.push(Flaw::Large { range });
                }
                Ok(Kind::Number(number))
            }
            Err(error) if error.to_string().starts_with("number out of range") => {
                let message = "the number is out of range: a 64-bit float ends at 1.8e308".to_owned();
                self.flaws.push(Flaw::Number { range, message });
                Ok(stand_in())
            }
            Err(_) => {
                let help = "write it as JSON does: `-0.5`, `12`, `1.5e3`";
                Err(Broken { range, message: "not a number of JSON".to_owned(), help: Some(help) })
            }
        }
    }
}
