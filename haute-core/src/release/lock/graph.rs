//! Which of the resolved distributions a release carries.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One resolved distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    /// The exact version.
    pub(super) version: String,
    /// `sha256:<hex>` of each file that may be installed.
    pub(super) hashes: BTreeSet<String>,
    /// Normalised names of the distributions that need it.
    pub(super) needed_by: BTreeSet<String>,
}

/// Keeps `roots` and everything they need, but does not follow what `opaque` needs.
pub(super) fn keep(
    all: &BTreeMap<String, Resolved>,
    roots: &BTreeSet<String>,
    opaque: &str,
) -> BTreeMap<String, Resolved> {
    let mut needs: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, resolved) in all {
        for parent in &resolved.needed_by {
            needs.entry(parent).or_default().push(name);
        }
    }
    let mut kept = BTreeMap::new();
    let mut open: VecDeque<&str> = roots.iter().map(String::as_str).collect();
    while let Some(name) = open.pop_front() {
        let Some(resolved) = all.get(name) else { continue };
        if kept.insert(name.to_owned(), resolved.clone()).is_none() && name != opaque {
            open.extend(needs.get(name).into_iter().flatten());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_the_opaque_one_needs_is_left_out() {
        let entry = |parents: &[&str]| Resolved {
            version: "1".to_owned(),
            hashes: BTreeSet::new(),
            needed_by: parents.iter().map(|p| (*p).to_owned()).collect(),
        };
        let all = BTreeMap::from([
            ("haute".to_owned(), entry(&[])),
            ("mlflow".to_owned(), entry(&["haute"])),
            ("polars".to_owned(), entry(&["haute", "mlflow"])),
            ("polars-runtime".to_owned(), entry(&["polars"])),
        ]);
        let roots = BTreeSet::from(["haute".to_owned(), "polars".to_owned()]);
        let kept: Vec<_> = keep(&all, &roots, "haute").into_keys().collect();
        assert_eq!(kept, ["haute", "polars", "polars-runtime"]);
    }
}
