//! The checks, by name.

mod faults;
mod life;
mod plans;
mod telling;

use std::pin::Pin;

use crate::Fixture;

/// What a check found: nothing, or what is wrong.
pub(crate) type Found = Result<(), String>;

type Future<'a> = Pin<Box<dyn std::future::Future<Output = Found> + Send + 'a>>;

/// One check.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Check {
    /// Its name, number first.
    pub name: &'static str,
    /// What must hold.
    pub sentence: &'static str,
    run: for<'a> fn(&'a dyn Fixture) -> Future<'a>,
}

/// Every check, in order.
pub fn checks() -> Vec<Check> {
    macro_rules! check {
        ($module:ident :: $name:ident, $sentence:literal) => {
            Check {
                name: stringify!($name),
                sentence: $sentence,
                run: |fixture| Box::pin($module::$name(fixture)),
            }
        };
    }
    vec![
        check!(plans::c02_reads_only, "plan, preflight, status and logs change nothing"),
        check!(plans::c03_planning_twice_is_equal, "the same world gives the same plan"),
        check!(plans::c04_plan_survives_json, "a plan that was stored and read again applies"),
        check!(
            plans::c05_applied_is_no_drift,
            "after an apply there is nothing to change, and deploying again writes nothing"
        ),
        check!(
            plans::c06_stale_plan_is_refused,
            "a plan whose world has changed is refused, and nothing is changed"
        ),
        check!(
            faults::c07_every_failing_call,
            "whichever call fails, for a while or for good, running again reaches the goal"
        ),
        check!(
            faults::c08_every_call_failing_after_its_effect,
            "whichever call fails after it took effect, running again reaches the goal"
        ),
        check!(
            faults::c09_killed_at_every_call,
            "killed before or after any call, running again reaches the goal"
        ),
        check!(life::c11_rollback_restores, "a rollback serves the release before, and leaves no drift"),
        check!(life::c12_remove_is_idempotent, "removing twice is removing once"),
        check!(
            faults::c13_cancelled_at_every_step,
            "a cancellation says so and leaves what a second run completes"
        ),
        check!(telling::c14_events_are_well_formed, "what starts ends once, and steps are those of the plan"),
        check!(telling::c15_no_secret_leaks, "a secret is in no plan, event, error, journal or record"),
        check!(
            life::c17_capabilities_tell_the_truth,
            "what a target says it can do it does, what it cannot is refused"
        ),
        check!(life::c18_one_deployment_at_a_time, "two deployments of one address never mix"),
    ]
}

/// Runs the check named `name`.
///
/// # Errors
/// What does not hold, after the sentence that says what must.
pub async fn run(name: &str, fixture: &dyn Fixture) -> Found {
    let check = checks().into_iter().find(|check| check.name == name);
    let check = check.ok_or_else(|| format!("there is no check named `{name}`"))?;
    (check.run)(fixture).await.map_err(|found| format!("{}: {}\nfound: {found}", check.name, check.sentence))
}

/// Fails with words unless `holds`.
pub(crate) fn ensure(holds: bool, words: impl FnOnce() -> String) -> Found {
    if holds { Ok(()) } else { Err(words()) }
}
