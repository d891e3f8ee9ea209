//! Stable codes. A code is never reused for something else.

use std::fmt;

/// A stable code such as `HT0104`: 01 config, 02 pipeline, 03 test quotes, 04 release, 05 proof, 06 targets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(&'static str);

impl Code {
    /// Names a code. Codes of targets outside this workspace use a prefix of their own.
    pub const fn new(code: &'static str) -> Self {
        Self(code)
    }

    /// The text, `HT0104`.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What a code means: the text behind `haute-cli explain CODE`.
#[derive(Clone, Copy, Debug)]
pub struct CodeInfo {
    /// The code.
    pub code: Code,
    /// A few words.
    pub title: &'static str,
    /// What it means, why it matters for a price, and how to mend it, with an example.
    pub explain: &'static str,
}

/// Every code of this crate, in order of code.
pub fn all_codes() -> Vec<&'static CodeInfo> {
    let mut codes: Vec<&'static CodeInfo> = crate::config::CODES.iter().collect();
    codes.extend(crate::pipeline::codes());
    codes.extend(crate::quotes::CODES);
    codes.extend(crate::release::CODES);
    codes.sort_by_key(|info| info.code);
    codes
}

/// The entry of `code`, in any case; `None` when there is none.
pub fn find_code(code: &str) -> Option<&'static CodeInfo> {
    all_codes().into_iter().find(|info| info.code.as_str().eq_ignore_ascii_case(code))
}
