//! Which distributions of the lock an image leaves out.

use std::collections::{BTreeMap, BTreeSet};

use super::lock::{Lock, SERVING, normalise};
use super::observe::ObservedImports;

/// What scoring and serving never imported, less what must be there all the same.
///
/// `named` is what somebody asked for by name: the project, its pipeline, its models, the key `keep`. A distribution that
/// was asked for and not imported may need anything of what it requires, so that is kept as well; so is everything the
/// server requires, because not every request that may reach it can be rehearsed.
pub(super) fn unused<'a>(
    imports: &'a BTreeMap<String, ObservedImports>,
    lock: &Lock,
    named: &'a BTreeSet<String>,
) -> Vec<String> {
    let is_unused = |name: &str| imports.get(name).is_some_and(|found| !found.unused.is_empty());
    let mut kept: BTreeSet<&'a str> = named.iter().map(String::as_str).collect();
    kept.insert("haute");
    let mut open: Vec<&'a str> = kept.iter().copied().filter(|name| is_unused(name)).collect();
    open.extend(SERVING);
    let mut followed = BTreeSet::new();
    while let Some(name) = open.pop() {
        kept.insert(name);
        if followed.insert(name) {
            open.extend(imports.get(name).into_iter().flat_map(|found| &found.needs).map(String::as_str));
        }
    }
    lock.versions.keys().filter(|name| is_unused(name) && !kept.contains(name.as_str())).cloned().collect()
}

/// The root modules of `unused`, each with its distribution.
pub(super) fn modules(
    imports: &BTreeMap<String, ObservedImports>,
    unused: &[String],
) -> BTreeMap<String, String> {
    let modules_of = |name: &String| imports.get(name).map(|found| found.unused.clone()).unwrap_or_default();
    unused.iter().flat_map(|name| modules_of(name).into_iter().map(|module| (module, name.clone()))).collect()
}

/// The normalised names in `requirements`, as the project declares them, and in `keep`.
pub(super) fn named<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    names.map(normalise).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(entries: &[(&str, &[&str], &[&str])]) -> BTreeMap<String, ObservedImports> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        entries
            .iter()
            .map(|(name, needs, unused)| {
                ((*name).to_owned(), ObservedImports { needs: owned(needs), unused: owned(unused) })
            })
            .collect()
    }

    fn lock(names: &[&str]) -> Lock {
        Lock::parse(&(names.join("==1\n") + "==1\n"))
    }

    #[test]
    fn what_an_imported_library_drags_in_is_left_out() {
        let imports = imports(&[
            ("catboost", &["matplotlib", "numpy"], &[]),
            ("matplotlib", &["pillow"], &["matplotlib", "pylab"]),
            ("numpy", &[], &[]),
            ("pillow", &[], &["PIL"]),
            ("elsewhere", &[], &["elsewhere"]),
        ]);
        let lock = lock(&["catboost", "matplotlib", "numpy", "pillow"]);
        let found = unused(&imports, &lock, &named(["catboost"].into_iter()));
        assert_eq!(found, ["matplotlib", "pillow"], "in order, and only what is in the lock");
        let roots = modules(&imports, &found);
        assert_eq!(roots["pylab"], "matplotlib");
        assert_eq!(roots.len(), 3);
    }

    #[test]
    fn what_was_asked_for_stays_with_all_it_may_need() {
        let imports = imports(&[
            ("plotly", &["narwhals"], &["plotly"]),
            ("narwhals", &[], &["narwhals"]),
            ("pillow", &[], &["PIL"]),
        ]);
        let lock = lock(&["narwhals", "pillow", "plotly"]);
        assert_eq!(unused(&imports, &lock, &named(["Plotly"].into_iter())), ["pillow"]);
    }

    #[test]
    fn what_the_server_requires_stays() {
        let imports = imports(&[
            ("uvicorn", &["h11"], &[]),
            ("h11", &[], &["h11"]),
            ("haute", &[], &["haute"]),
            ("idna", &[], &["idna"]),
        ]);
        let lock = lock(&["h11", "haute", "idna", "uvicorn"]);
        assert_eq!(unused(&imports, &lock, &BTreeSet::new()), ["idna"]);
    }
}
