//! Lines of others, as they may be shown.

use haute_core::secret;
use jiff::Timestamp;

/// How long a line may be, in characters.
const LONGEST: usize = 320;

/// A text without what looks like a secret, without control characters, and not too long.
pub(super) fn clean(text: &str) -> String {
    let text = secret::redact(text);
    let mut line = String::new();
    for (at, c) in text.trim().chars().enumerate() {
        if at == LONGEST {
            line.push('…');
            break;
        }
        line.push(match c {
            '\t' | '\n' | '\r' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        });
    }
    line
}

/// The time of day, in UTC.
pub(super) fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "--:--:--".to_owned(), |at| at.strftime("%H:%M:%S").to_string())
}
