//! The proof: test quotes scored through the release itself, in an environment made from its lock.

mod prove;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use prove::prove;

use crate::digest::Digest;

/// The version of the proof document.
pub const PROOF_SCHEMA: &str = "haute.proof/1";

/// What the release answered to the test quotes, and whether that is right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Proof {
    /// [`PROOF_SCHEMA`].
    pub schema: String,
    /// The release that was proven.
    pub release: Digest,
    /// Whether every check passed.
    pub passed: bool,
    /// Where it ran: Python, platform, and every installed distribution with its version.
    pub environment: Map<String, Value>,
    /// One entry per test quote, in order.
    pub quotes: Vec<ProvenQuote>,
    /// Checks over all quotes: single = batch = shuffled, row order, one scoring path.
    pub checks: Vec<Check>,
}

/// One test quote's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProvenQuote {
    /// The quote's id.
    pub id: String,
    /// The row that was priced.
    pub input: Map<String, Value>,
    /// The answer, as the served API gives it.
    pub output: Map<String, Value>,
    /// The numeric price columns of the answer.
    pub prices: Map<String, Value>,
    /// The checks of this quote: expected values, finite prices.
    pub checks: Vec<Check>,
}

/// One check and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name: `expected`, `finite`, `batch`, `shuffled`, `order`, `score`.
    pub name: String,
    /// Whether it holds.
    pub passed: bool,
    /// Why not, or what was compared.
    #[serde(default)]
    pub detail: String,
}

impl Proof {
    /// Every check that failed, with the quote it belongs to (`None`: the whole proof).
    pub fn failures(&self) -> impl Iterator<Item = (Option<&ProvenQuote>, &Check)> {
        let whole = self.checks.iter().map(|check| (None, check));
        let each =
            self.quotes.iter().flat_map(|quote| quote.checks.iter().map(move |check| (Some(quote), check)));
        whole.chain(each).filter(|(_, check)| !check.passed)
    }
}
