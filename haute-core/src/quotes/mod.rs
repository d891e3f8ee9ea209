//! Test quotes: the rows a release must price, with the prices it must give.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::diagnostic::{CodeInfo, Report};
use crate::project::Project;

/// The codes of this module.
pub const CODES: &[CodeInfo] = &[];

/// One test quote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TestQuote {
    /// File and index: `tests/quotes/young.json#0`.
    pub id: String,
    /// The row, without `_` keys.
    pub input: Map<String, Value>,
    /// What the answer must hold, by top-level column; `None` where nothing was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Map<String, Value>>,
    /// How far a number may be from the expected one, as a fraction of it: 0.01 is one per cent.
    #[serde(default)]
    pub tolerance_pct: f64,
}

/// Reads every test quote of a project. Mistakes go to `report`, all of them.
pub fn read(project: &Project, report: &mut Report) -> Vec<TestQuote> {
    let _ = (project, report);
    Vec::new()
}
