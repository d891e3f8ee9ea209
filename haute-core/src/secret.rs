//! Values that must not be shown.

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
