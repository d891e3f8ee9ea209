//! Reads `requirements.lock` as a list of distributions.

use std::collections::BTreeSet;

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::release::lock::normalise;
use serde::Serialize;

/// One distribution of a lock.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Locked {
    /// Its normalised name.
    pub name: String,
    /// Its version, as the lock says it.
    pub version: String,
    /// The digests of the files that may be installed for it: one, or all wheels of the version.
    pub hashes: BTreeSet<Digest>,
}

impl Locked {
    /// A distribution.
    pub fn new(name: &str, version: impl Into<String>, hashes: BTreeSet<Digest>) -> Self {
        Self { name: normalise(name), version: version.into(), hashes }
    }
}

/// Reads the text of a `requirements.lock`: lines `name==version`, each with its `--hash=sha256:…`, in the file's order.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for a line that is neither, a distribution without a hash, or one that comes twice.
pub fn read_lock(text: &str) -> Result<Vec<Locked>> {
    let mut all: Vec<Locked> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let wrong = |what: &str| {
            Error::new(ErrorKind::InvalidInput, format!("line {} of the lock {what}", number + 1))
                .with_operation("wheel.lock")
                .with_hint("`requirements.lock` is written by `haute-cli build`; build the release again")
        };
        let content = line.split(" #").next().unwrap_or_default().trim().trim_end_matches('\\').trim_end();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        for word in content.split_whitespace() {
            if let Some(hash) = word.strip_prefix("--hash=") {
                let digest = Digest::parse(hash).ok_or_else(|| wrong("has a hash that is no sha256"))?;
                let entry = all.last_mut().ok_or_else(|| wrong("has a hash before any distribution"))?;
                entry.hashes.insert(digest);
            } else {
                let (name, version) = word
                    .split_once("==")
                    .filter(|(name, version)| is_word(name) && is_word(version))
                    .ok_or_else(|| wrong("is no `name==version` and no hash"))?;
                let locked = Locked::new(name, version, BTreeSet::new());
                if all.iter().any(|other| other.name == locked.name) {
                    return Err(wrong(&format!("names `{}` a second time", locked.name)));
                }
                all.push(locked);
            }
        }
    }
    match all.iter().find(|locked| locked.hashes.is_empty()) {
        None => Ok(all),
        Some(bare) => Err(Error::new(
            ErrorKind::InvalidInput,
            format!("`{}=={}` has no hash in the lock", bare.name, bare.version),
        )
        .with_operation("wheel.lock")
        .with_hint("without a hash nobody can say whether what is installed is what was proven; build the release again")),
    }
}

/// Whether `text` is a name or a version: it becomes part of paths and addresses.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('.')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+!".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_read_with_all_its_hashes() {
        let (one, two) = ("a1".repeat(32), "b2".repeat(32));
        let text = format!(
            "# 2 distributions\nuvloop==0.23.0 \\\n    --hash=sha256:{one} \\\n    --hash=sha256:{two}\nZope.Interface==7.0+cpu --hash=sha256:{one} # here\n"
        );
        let lock = read_lock(&text).unwrap();
        let names: Vec<_> =
            lock.iter().map(|l| (l.name.as_str(), l.version.as_str(), l.hashes.len())).collect();
        assert_eq!(names, [("uvloop", "0.23.0", 2), ("zope-interface", "7.0+cpu", 1)]);
    }

    #[test]
    fn what_cannot_be_checked_is_refused() {
        let hash = format!("--hash=sha256:{}", "a1".repeat(32));
        for (text, says) in [
            ("six==1.0\n".to_owned(), "`six==1.0` has no hash"),
            (format!("{hash}\n"), "before any distribution"),
            ("six==1.0 --hash=md5:aa\n".to_owned(), "no sha256"),
            ("six>=1.0\n".to_owned(), "line 1"),
            ("git+https://host.test/a.git\n".to_owned(), "line 1"),
            (format!("six==1 {hash}\nSIX==2 {hash}\n"), "second time"),
            (format!("../six==1 {hash}\n"), "line 1"),
        ] {
            let error = read_lock(&text).unwrap_err();
            assert!(error.message().contains(says), "{text}: {error}");
        }
    }
}
