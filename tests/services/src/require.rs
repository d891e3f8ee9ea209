//! What a test needs of the machine, and what becomes of it where that is missing.

use libtest_mimic::{Failed, Trial};

/// Something a test cannot do without is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(String);

/// What a test needs, or what is missing.
pub type Required<T> = Result<T, Missing>;

/// What was found, or that `what` is missing: `a Docker engine (HAUTE_TEST_ENGINE)`.
///
/// # Errors
/// When nothing was found.
pub fn require<T>(what: &str, found: Option<T>) -> Required<T> {
    found.ok_or_else(|| Missing(what.to_owned()))
}

/// Both, or everything that is missing.
///
/// # Errors
/// When either is missing.
pub fn both<A, B>(first: Required<A>, second: Required<B>) -> Required<(A, B)> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(Missing(first)), Err(Missing(second))) => Err(Missing(format!("{first}; {second}"))),
        (Err(missing), Ok(_)) | (Ok(_), Err(missing)) => Err(missing),
    }
}

/// A test that needs `required`: ignored by name where it is missing, failed where nothing may be.
pub fn test<T: Send + 'static>(
    name: impl Into<String>,
    required: Required<T>,
    run: impl FnOnce(T) -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let all = std::env::var_os("HAUTE_TESTS_REQUIRE_ALL").is_some_and(|value| value == "1");
    match required {
        Ok(found) => Trial::test(name, move || run(found)),
        Err(Missing(what)) => {
            let trial = Trial::test(name, {
                let what = what.clone();
                move || Err(format!("not run: {what} is missing").into())
            });
            if all { trial } else { trial.with_kind(format!("skipped: no {what}")).with_ignored_flag(true) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_missing_is_named() {
        let nothing: Required<(u8, u8)> = both(require("this", None), require("that", None));
        assert_eq!(nothing, Err(Missing("this; that".to_owned())));
        assert_eq!(
            both(require("this", Some(1)), require::<u8>("that", None)),
            Err(Missing("that".to_owned()))
        );
        assert_eq!(both(require("this", Some(1)), require("that", Some(2))), Ok((1, 2)));
    }

    #[test]
    fn a_test_without_what_it_needs_says_what_it_needs() {
        let missing: Required<()> = require("nothing at all", None);
        let trial = test("absent", missing, |()| Ok(()));
        let all = std::env::var_os("HAUTE_TESTS_REQUIRE_ALL").is_some_and(|value| value == "1");
        assert_eq!(trial.has_ignored_flag(), !all);
        assert!(all || trial.kind().contains("nothing at all"), "{}", trial.kind());
        assert!(!test("present", require("this", Some(())), |()| Ok(())).has_ignored_flag());
    }
}
