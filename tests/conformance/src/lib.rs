//! Checks any deploy target can be run through.
//!
//! A target's crate writes a [`Fixture`]: a world of its own with the target in it, and releases to deploy. Then
//! [`conformance!`] makes one test per check:
//!
//! ```text
//! haute_conformance::conformance!(MyFixture::new());
//! ```
//!
//! Each check takes a fresh fixture, says in one sentence what must hold, and fails with what did not. New checks may
//! appear in minor versions: a target that breaks a rule of the contract breaks it already.

mod checks;
mod fixture;
mod release;
mod session;

pub use checks::{Check, checks, run};
pub use fixture::Fixture;
pub use release::{Quote, make_release, prove};
pub use session::Session;

/// Makes one `#[tokio::test]` per check. The argument is an expression that makes a fresh fixture; it may use `.await`.
#[macro_export]
macro_rules! conformance {
    ($fixture:expr) => {
        $crate::conformance!(@each $fixture;
            c02_reads_only, c03_planning_twice_is_equal, c04_plan_survives_json, c05_applied_is_no_drift,
            c06_stale_plan_is_refused, c07_every_failing_call, c08_every_call_failing_after_its_effect,
            c09_killed_at_every_call, c11_rollback_restores, c12_remove_is_idempotent,
            c13_cancelled_at_every_step, c14_events_are_well_formed, c15_no_secret_leaks,
            c17_capabilities_tell_the_truth, c18_one_deployment_at_a_time);
    };
    (@each $fixture:expr; $($name:ident),+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let fixture = $fixture;
                let result = $crate::run(stringify!($name), &fixture).await;
                $crate::Fixture::close(&fixture).await;
                if let Err(problem) = result {
                    panic!("{problem}");
                }
            }
        )+
    };
}
