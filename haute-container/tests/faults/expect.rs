//! The two ways a fault may end.

use haute_core::error::{Error, ErrorKind, chain};
use haute_test_services::proxy::Rule;
use haute_test_services::{Registry, require, test};
use libtest_mimic::{Failed, Trial};

use crate::stage::Stage;

/// A test that needs nothing but a registry.
pub(crate) fn trial(name: &str, run: fn()) -> Trial {
    test(name, require("`docker-registry`", Registry::find()), move |()| {
        run();
        Ok::<(), Failed>(())
    })
}

/// A push survives these faults: each was met, and the whole image is there.
pub(crate) fn survived(name: &str, rules: fn() -> Vec<Rule>) -> Trial {
    test(name, require("`docker-registry`", Registry::find()), move |()| {
        let stage = Stage::new(rules());
        let pushed = stage.push().map_err(|error| format!("{:?}", chain(&error)))?;
        assert_eq!(pushed.digest, stage.image.digest());
        stage.assert_complete();
        assert_met(&stage, rules().len());
        Ok(())
    })
}

/// What an error has to say.
#[derive(Clone, Copy)]
pub(crate) struct Says {
    pub(crate) kind: ErrorKind,
    /// In the message with its context.
    pub(crate) message: &'static str,
    /// In one of the hints; empty: there need be none.
    pub(crate) hint: &'static str,
}

/// A push ends in an error that says so, and what was tagged before, or nothing, is tagged.
pub(crate) fn refused(name: &str, rules: fn() -> Vec<Rule>, says: Says) -> Trial {
    test(name, require("`docker-registry`", Registry::find()), move |()| {
        let stage = Stage::new(rules());
        assert_says(&stage.push().unwrap_err(), says);
        stage.assert_untagged();
        assert_met(&stage, rules().len());

        let (stage, old) = Stage::new(rules()).with_old_image();
        assert_says(&stage.push().unwrap_err(), says);
        stage.assert_stored(&old);
        Ok(())
    })
}

pub(crate) fn assert_says(error: &Error, says: Says) {
    let told = format!("{:?} {:?} hints {:?}", error.kind(), chain(error), error.hints());
    assert_eq!(error.kind(), says.kind, "{told}");
    assert!(error.to_string().contains(says.message), "{told}");
    assert!(error.operation().is_some(), "{told}");
    if !says.hint.is_empty() {
        assert!(error.hints().iter().any(|hint| hint.contains(says.hint)), "{told}");
    }
}

/// Every fault was met: a test of a fault that did not happen shows nothing.
pub(crate) fn assert_met(stage: &Stage, rules: usize) {
    for rule in 0..rules {
        assert!(
            stage.proxy.used(rule).unwrap() > 0,
            "fault {rule} was not met: {:#?}",
            stage.proxy.exchanges()
        );
    }
}
