//! The rules, one file and one code each.
//!
//! A rule about how a file is written hands a diagnostic to the reader that found the mistake; a rule about the
//! graph is a `check` over the [`Context`].

RULE_MODS

use super::files::Files;
use super::graph::Graph;
use super::path::ScoringPath;
use crate::diagnostic::{CodeInfo, Diagnostic};

/// What a rule may look at.
pub(crate) struct Context<'a> {
    pub(crate) graph: &'a Graph,
    /// `None` while there is no single output to start from.
    pub(crate) path: Option<&'a ScoringPath>,
    pub(crate) files: &'a Files,
}

impl Context<'_> {
    /// The nodes a price goes through; all of them while that is unknown.
    pub(crate) fn nodes_on_path(&self) -> Vec<usize> {
        match self.path {
            Some(path) => path.nodes.clone(),
            None => Vec::new(),
        }
    }
}

/// Every code of the pipeline, in order.
pub(crate) const CODES: &[&CodeInfo] = &[
RULE_CODES
];

/// The rules about the whole graph, in the order of their codes.
pub(crate) const CHECKS: &[fn(&Context<'_>, &mut Vec<Diagnostic>)] = &[
RULE_CHECKS
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_its_own_and_explains_itself() {
        for pair in CODES.windows(2) {
            assert!(pair[0].code < pair[1].code, "{} comes before {}", pair[0].code, pair[1].code);
        }
        for info in CODES {
            assert!(info.code.as_str().starts_with("HT02"), "{}", info.code);
            assert!(info.explain.len() > 300, "{} explains too little", info.code);
            assert!(info.explain.contains("Example"), "{} has no example", info.code);
        }
    }
}
