//! Values that must not be shown.

use std::borrow::Cow;

/// A value that never prints and never serialises.
///
/// There is no `Serialize`, so a plan, record or event that tried to hold one would not compile.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one call that sends it. The name is long so that a reader stops at it.
    pub fn expose_secret(&self) -> &T {
        &self.0
    }
}

impl<T> std::fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// `text` with whatever looks like a key, a token or a password in it replaced by `[redacted]`.
///
/// For text of others that is shown or recorded: lines of a log, arguments of a command. What is found is what is refused in `haute.toml`.
pub fn redact(text: &str) -> Cow<'_, str> {
    let found = crate::config::secrets::find(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for (range, _) in found {
        // Two findings may overlap; the second one then only lengthens the first.
        if let Some(between) = text.get(at..range.start) {
            shown.push_str(between);
            shown.push_str("[redacted]");
        }
        at = at.max(range.end);
    }
    shown.push_str(text.get(at..).unwrap_or_default());
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_taken_out_of_a_text() {
        let key = ["AK", "IAIOSFODNN7EXAMPLE"].concat();
        let line = format!("reading postgres://app:hunter2@db/prices with {key}, row 7");
        let shown = redact(&line);
        assert_eq!(shown, "reading postgres://[redacted]@db/prices with [redacted], row 7");
        assert!(matches!(redact("row 7 of 9"), Cow::Borrowed(_)));
        assert_eq!(redact(&key), "[redacted]");
    }
}
