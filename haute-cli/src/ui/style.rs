//! Colours, and what keeps foreign text from driving the terminal.

use std::borrow::Cow;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Style};

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Palette(bool);

impl Palette {
    pub(crate) const fn new(enabled: bool) -> Self {
        Self(enabled)
    }

    pub(crate) const fn enabled(self) -> bool {
        self.0
    }

    fn paint(self, style: Style, text: &str) -> String {
        if self.0 { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint(Style::new().bold(), text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.paint(AnsiColor::Green.on_default().bold(), text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default().bold(), text)
    }

    pub(crate) fn warn(self, text: &str) -> String {
        self.paint(AnsiColor::Yellow.on_default().bold(), text)
    }

    pub(crate) fn accent(self, text: &str) -> String {
        self.paint(AnsiColor::Cyan.on_default(), text)
    }
}

/// `text` without control characters but line ends and tabs: a log line, a file name or an answer of a service must not
/// move the cursor, change colours or set the title of a reader's terminal.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    let harmless = |c: char| matches!(c, '\n' | '\t') || !(c.is_control() || is_bidirectional(c));
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if harmless(c) { c } else { '\u{FFFD}' }).collect())
}

/// Marks that make text read in another order than it is stored.
fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// A duration for people.
pub(crate) fn duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        _ => format!("{} min {} s", milliseconds / 60_000, milliseconds % 60_000 / 1_000),
    }
}

/// `512 B`, `9.2 kB`, `310.5 MB`: decimal units, as registries count.
pub(crate) fn bytes(number: u64) -> String {
    match number {
        0..1_000 => format!("{number} B"),
        1_000..1_000_000 => format!("{}.{} kB", number / 1_000, number % 1_000 / 100),
        1_000_000..1_000_000_000 => format!("{}.{} MB", number / 1_000_000, number % 1_000_000 / 100_000),
        _ => format!("{}.{} GB", number / 1_000_000_000, number % 1_000_000_000 / 100_000_000),
    }
}

/// `1 step`, `2 steps`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Prose with lines of at most `width` characters. Indented lines (examples) stay as they are.
pub(crate) fn wrapped(text: &str, width: usize) -> String {
    let mut wrapped = String::with_capacity(text.len());
    for line in text.lines() {
        let mut column = 0;
        if line.starts_with([' ', '\t']) {
            wrapped.push_str(line.trim_end());
        } else {
            for word in line.split_whitespace() {
                let length = word.chars().count();
                if column > 0 && column + 1 + length > width {
                    wrapped.push('\n');
                    column = 0;
                } else if column > 0 {
                    wrapped.push(' ');
                    column += 1;
                }
                wrapped.push_str(word);
                column += length;
            }
        }
        wrapped.push('\n');
    }
    wrapped
}

/// The first paragraph of a message, on one line.
pub(crate) fn first_paragraph(text: &str) -> String {
    let lines = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim);
    lines.collect::<Vec<_>>().join(" ").trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_drive_the_terminal() {
        assert_eq!(clean("\u{1b}[2Jgone\r\u{202E}txet\tok\n"), "\u{FFFD}[2Jgone\u{FFFD}\u{FFFD}txet\tok\n");
        assert!(matches!(clean("Prämie 12 €"), Cow::Borrowed(_)));
    }

    #[test]
    fn durations_read_well_at_every_size() {
        let shown = [0, 12, 999, 1_000, 3_250, 59_999, 72_000].map(|ms| duration(Duration::from_millis(ms)));
        assert_eq!(shown, ["0 ms", "12 ms", "999 ms", "1.0 s", "3.2 s", "59.9 s", "1 min 12 s"]);
    }

    #[test]
    fn prose_is_wrapped_and_examples_are_not() {
        let text = "one two three four\n\n    an example that is long\nend";
        assert_eq!(wrapped(text, 9), "one two\nthree\nfour\n\n    an example that is long\nend\n");
    }

    #[test]
    fn no_palette_no_escapes() {
        assert_eq!(Palette::new(false).bad("x"), "x");
        assert!(Palette::new(true).bad("x").starts_with('\u{1b}'));
    }
}
