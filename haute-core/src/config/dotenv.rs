//! Reads `.env` as python-dotenv 1.x does, because Haute reads it with that.
//!
//! Facts: `dotenv/parser.py` and `dotenv/variables.py` of python-dotenv 1.2. Quotes of both kinds with escapes, values
//! over several lines, `export`, comments, `${NAME}` and `${NAME:-default}` (in quotes of both kinds too), names without
//! a value. The Rust crates for `.env` read another dialect (`$NAME`, no defaults, no values over lines), and a price
//! must not depend on which of two programs read the file.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::variables::Variables;

/// One line of `.env`, or several for a value over lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    /// The variable's name.
    pub(super) name: String,
    /// Its value before `${…}` is filled in; `None` for a name without `=`.
    pub(super) value: Option<String>,
    /// Where the value stands, with its quotes.
    pub(super) range: Range<usize>,
}

/// What a `.env` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DotEnv {
    /// Its variables, in order.
    pub(super) bindings: Vec<Binding>,
    /// The places of lines that could not be read. They are skipped, as python-dotenv does.
    pub(super) broken: Vec<Range<usize>>,
}

/// Reads `text`, whose line ends are `\n`.
pub(super) fn parse(text: &str) -> DotEnv {
    let mut result = DotEnv::default();
    let mut reader = Reader { text, at: 0 };
    if text.starts_with('\u{feff}') {
        reader.at = '\u{feff}'.len_utf8();
    }
    loop {
        reader.skip(char::is_whitespace);
        let start = reader.at;
        if reader.rest().is_empty() {
            return result;
        }
        match reader.binding() {
            Some(Some(binding)) => result.bindings.push(binding),
            Some(None) => {}
            None => {
                // A quote that never closes leaves the reader where the value began: the rest of that line is skipped.
                reader.skip(|c| c != '\n');
                result.broken.push(start..reader.at);
            }
        }
    }
}

/// Fills in `${…}` and lays the values below `variables`, which always win. Returns the names `.env` has set.
pub(super) fn apply(bindings: &[Binding], variables: &mut Variables) -> BTreeMap<String, Range<usize>> {
    let process = variables.clone();
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    let mut ranges = BTreeMap::new();
    for binding in bindings {
        let Some(raw) = &binding.value else { continue };
        let value =
            interpolate(raw, |name| process.get(name).map(str::to_owned).or_else(|| seen.get(name).cloned()));
        seen.insert(&binding.name, value);
        ranges.insert(binding.name.clone(), binding.range.clone());
    }
    for (name, value) in seen {
        if process.get(name).is_some() {
            ranges.remove(name);
        }
        variables.set_default(name, value);
    }
    ranges
}

fn interpolate(raw: &str, lookup: impl Fn(&str) -> Option<String>) -> String {
    let mut result = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once("${") {
        result.push_str(before);
        let reference = after.split_once('}').and_then(|(inside, tail)| match inside.split_once(':') {
            None => Some((inside, "", tail)),
            Some((name, default)) => default.strip_prefix('-').map(|default| (name, default, tail)),
        });
        if let Some((name, default, tail)) = reference {
            result.push_str(&lookup(name).unwrap_or_else(|| default.to_owned()));
            rest = tail;
        } else {
            result.push_str("${");
            rest = after;
        }
    }
    result.push_str(rest);
    result
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip(&mut self, wanted: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !wanted(c)).unwrap_or(rest.len());
    }

    fn skip_blanks(&mut self) {
        self.skip(|c| c.is_whitespace() && c != '\n');
    }

    /// One binding; `Some(None)` for a comment, `None` when the line cannot be read.
    fn binding(&mut self) -> Option<Option<Binding>> {
        let export = self.rest().strip_prefix("export").is_some_and(|rest| rest.starts_with([' ', '\t']));
        if export {
            self.at += "export".len();
            self.skip_blanks();
        }
        let name = self.name()?;
        self.skip_blanks();
        let mut value = None;
        let mut range = self.at..self.at;
        if self.peek() == Some('=') {
            self.at += 1;
            let equals = self.at;
            self.skip_blanks();
            let start = self.at;
            // A `#` right after `=` belongs to the value; after a blank it starts a comment.
            let text = if start > equals && self.peek() == Some('#') { String::new() } else { self.value()? };
            range = start..self.at;
            value = Some(text);
        }
        self.skip_blanks();
        if self.peek() == Some('#') {
            self.skip(|c| c != '\n');
        }
        if !matches!(self.peek(), None | Some('\n')) {
            return None;
        }
        Some(name.map(|name| Binding { name, value, range }))
    }

    /// The name; `Some(None)` where a comment starts.
    fn name(&mut self) -> Option<Option<String>> {
        match self.peek()? {
            '#' => Some(None),
            '\'' => {
                let inside = self.rest().get(1..)?;
                let (name, _) = inside.split_once('\'')?;
                let name = (!name.is_empty()).then(|| name.to_owned())?;
                self.at += name.len() + 2;
                Some(Some(name))
            }
            _ => {
                let start = self.at;
                self.skip(|c| !c.is_whitespace() && c != '=' && c != '#');
                let name = self.text.get(start..self.at)?;
                if name.is_empty() { None } else { Some(Some(name.to_owned())) }
            }
        }
    }

    fn value(&mut self) -> Option<String> {
        match self.peek() {
            None | Some('\n') => Some(String::new()),
            Some(quote @ ('\'' | '"')) => self.quoted(quote),
            Some(_) => {
                let start = self.at;
                self.skip(|c| c != '\n');
                let line = self.text.get(start..self.at)?;
                let comment = line
                    .char_indices()
                    .zip(line.chars().skip(1))
                    .find_map(|((at, c), next)| (c.is_whitespace() && next == '#').then_some(at));
                let text = line.get(..comment.unwrap_or(line.len()))?.trim_end();
                self.at = start + text.len();
                Some(text.to_owned())
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Option<String> {
        let inside = self.rest().get(1..)?;
        let mut value = String::new();
        let mut characters = inside.char_indices();
        while let Some((at, character)) = characters.next() {
            if character == quote {
                self.at += at + 2;
                return Some(value);
            }
            if character != '\\' {
                value.push(character);
                continue;
            }
            let (_, escaped) = characters.next()?;
            match unescape(escaped, quote) {
                Some(meant) => value.push(meant),
                None => value.extend(['\\', escaped]),
            }
        }
        None
    }
}

fn unescape(character: char, quote: char) -> Option<char> {
    match (character, quote) {
        ('\\' | '\'', _) => Some(character),
        ('"', '"') => Some('"'),
        ('a', '"') => Some('\u{7}'),
        ('b', '"') => Some('\u{8}'),
        ('f', '"') => Some('\u{c}'),
        ('n', '"') => Some('\n'),
        ('r', '"') => Some('\r'),
        ('t', '"') => Some('\t'),
        ('v', '"') => Some('\u{b}'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, process: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut variables: Variables = process.iter().copied().collect();
        apply(&parse(text).bindings, &mut variables);
        variables.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn value(text: &str) -> String {
        values(text, &[]).into_iter().find(|(name, _)| name == "A").map(|(_, value)| value).unwrap()
    }

    #[test]
    fn reads_what_python_dotenv_reads() {
        for (text, expected) in [
            ("A=1", "1"),
            ("A = 1 ", "1"),
            ("export A=1", "1"),
            ("'A'=1", "1"),
            ("A=1 # note", "1"),
            ("A=1#note", "1#note"),
            ("A=#note", "#note"),
            ("A= # note", ""),
            ("A=", ""),
            ("A='x # y'", "x # y"),
            ("A=\"x\\ny\"", "x\ny"),
            ("A='x\\ny'", "x\\ny"),
            ("A='it\\'s'", "it's"),
            ("A=\"over\nlines\"", "over\nlines"),
            ("B=2\nA=${B}x", "2x"),
            ("A=${B:-three}", "three"),
            ("A=${B}", ""),
            ("B=2\nA='${B}'", "2"),
            ("A=${B:three}", "${B:three}"),
            ("A=$B", "$B"),
            ("\u{feff}A=1", "1"),
            ("nonsense here\nA=1", "1"),
            ("A=\"never closed\nA=2", "2"),
            ("A=1\nA=2", "2"),
        ] {
            assert_eq!(value(text), expected, "{text:?}");
        }
        assert_eq!(parse("nonsense here\nA=1").broken, [0..13]);
        assert_eq!(parse("A\n").bindings[0].value, None);
    }

    #[test]
    fn the_process_wins_also_inside_values() {
        let found = values("A=low\nB=${A}", &[("A", "high")]);
        assert_eq!(found, [("A".to_owned(), "high".to_owned()), ("B".to_owned(), "high".to_owned())]);
    }
}
