//! The codes of configuration.

use crate::diagnostic::Code;

/// A value of the wrong type.
pub(super) const WRONG_TYPE: Code = Code::new("HT0106");
/// A value out of its range.
pub(super) const OUT_OF_RANGE: Code = Code::new("HT0107");
/// A key that must be there is not.
pub(super) const MISSING_KEY: Code = Code::new("HT0123");
