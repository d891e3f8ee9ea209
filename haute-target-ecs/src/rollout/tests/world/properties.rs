use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::model::{Act, Back, Breaker, Moment, Quality, Ways, World};
use crate::model::{RolloutState, ServiceDeployment, ServiceDeploymentStatus};
use crate::rollout::{Observation, Rollout, Rules, Watch, Watched};

/// What is deployed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Update {
    /// A new revision, which names its image by digest.
    Revision,
    /// The same revision again, which names its image by digest.
    SameRevision,
    /// The same revision again, whose tag points to another image by now.
    MovedTag,
}

#[derive(Clone, Debug)]
struct Case {
    ways: Ways,
    update: Update,
    quality: Quality,
    desired: i64,
    baseline_completed: bool,
    acts: Vec<Act>,
    /// How many moments old each read is.
    lags: Vec<usize>,
    /// What the other API says at each read.
    told: Vec<Option<ServiceDeploymentStatus>>,
}

/// The reads that follow when nothing more happens: more than any patience.
const QUIET: usize = 110;

struct Ending {
    rollout: Rollout,
    /// Whether ECS calls what is to serve completed, where it says so at all.
    completed: bool,
    /// What the last read showed.
    read: Moment,
    ours: String,
    image: u32,
}

/// Follows the deployment to its end; `None`: it has none.
fn play(case: &Case) -> Option<Ending> {
    let mut world =
        World::new(case.ways, case.desired, case.baseline_completed, case.update == Update::MovedTag);
    let before = world.describe(&world.now);
    let mut past = vec![world.now.clone()];
    let ours = world.update(case.update == Update::Revision, case.quality);
    let image = world.now.rollouts.first().map(|rollout| rollout.image)?;
    let watched = Watched::after_update(&before, &world.describe(&world.now)).expect("it was begun");
    assert_eq!(watched.deployment, ours);
    let watched = if case.update == Update::MovedTag { watched } else { watched.with_pinned_image() };
    let mut watch = Watch::new(watched, Rules::default());
    past.push(world.now.clone());
    let acts = case.acts.iter().copied().chain(std::iter::repeat_n(Act::Nothing, QUIET));
    for (at, act) in acts.enumerate() {
        world.step(act);
        past.push(world.now.clone());
        let lag = case.lags.get(at).copied().unwrap_or(0);
        let read = past.get(past.len().saturating_sub(1 + lag)).or_else(|| past.first())?.clone();
        let service = world.describe(&read);
        let told = case
            .told
            .get(at)
            .copied()
            .flatten()
            .map(|status| ServiceDeployment { status: Some(status), ..ServiceDeployment::default() });
        let elapsed = Duration::from_secs(10 * (at as u64 + 1));
        let rollout =
            watch.observe(Observation::new(Some(&service), elapsed).with_service_deployment(told.as_ref()));
        if rollout.is_final() {
            let states: Vec<_> =
                service.primary().into_iter().filter_map(|primary| primary.rollout_state).collect();
            let completed = states.iter().all(|state| *state == RolloutState::Completed);
            return Some(Ending { rollout, completed, read, ours, image });
        }
    }
    None
}

fn quality() -> impl Strategy<Value = Quality> {
    prop_oneof![3 => Just(Quality::Good), 2 => Just(Quality::Broken), 1 => (1_u8..8).prop_map(Quality::Shaky)]
}

fn ways() -> impl Strategy<Value = Ways> {
    let breaker =
        prop_oneof![1 => Just(Breaker::Off), 1 => Just(Breaker::On), 2 => Just(Breaker::WithRollback)];
    (breaker, proptest::bool::weighted(0.25), any::<[bool; 3]>()).prop_map(|(breaker, hides_state, flags)| {
        let [same_id, completes_early, forgets_at_once] = flags;
        Ways {
            // Where no state is told there is no breaker.
            breaker: if hides_state { Breaker::Off } else { breaker },
            hides_state,
            back: if same_id { Back::SameId } else { Back::NewId },
            completes_early,
            forgets_at_once,
        }
    })
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => Just(Act::Nothing),
        1 => quality().prop_map(Act::Deploy),
        1 => Just(Act::DeployBaseline),
        1 => Just(Act::Force),
        1 => (0_i64..6).prop_map(Act::Scale),
        1 => Just(Act::TakeBack),
        1 => proptest::bool::weighted(0.3).prop_map(|delete| if delete { Act::Delete } else { Act::Nothing }),
    ]
}

fn told() -> impl Strategy<Value = Option<ServiceDeploymentStatus>> {
    use ServiceDeploymentStatus as Status;
    option::weighted(
        0.5,
        proptest::sample::select(vec![
            Status::Pending,
            Status::InProgress,
            Status::Successful,
            Status::Successful,
            Status::Stopped,
            Status::StopRequested,
            Status::RollbackRequested,
            Status::RollbackInProgress,
            Status::RollbackSuccessful,
            Status::RollbackFailed,
            Status::Unknown,
        ]),
    )
}

/// Histories with any act at any time. Reads are old only just after the update, where ECS's are.
fn case() -> impl Strategy<Value = Case> {
    let update = prop_oneof![4 => Just(Update::Revision), 1 => Just(Update::SameRevision), 1 => Just(Update::MovedTag)];
    let world = (ways(), update, quality(), 0_i64..6, proptest::bool::weighted(0.8));
    (world, vec(act(), 0..30), vec(0_usize..4, 0..4)).prop_map(
        |((ways, update, quality, desired, baseline_completed), acts, lags)| Case {
            ways,
            update,
            quality,
            desired,
            baseline_completed,
            acts,
            lags,
            told: Vec::new(),
        },
    )
}

/// What must hold of a success: at that moment nothing else answered.
fn is_true(ending: &Ending) -> Result<(), TestCaseError> {
    if let Rollout::Succeeded { running } = ending.rollout {
        let images = ending.read.images();
        prop_assert!(
            images.iter().all(|image| *image == ending.image),
            "{images:?} answer, not only {}",
            ending.image
        );
        prop_assert_eq!(running > 0, !images.is_empty());
        prop_assert!(ending.completed, "ECS does not call it completed");
        prop_assert!(running > 0 || ending.read.desired() == 0, "nothing answers");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// The one failure that must never happen.
    #[test]
    fn no_success_is_said_while_another_revision_serves(case in case()) {
        if let Some(ending) = play(&case) {
            is_true(&ending)?;
        }
    }

    /// The same, where any read may be old and the other API may say anything at all.
    #[test]
    fn no_lie_of_any_read_makes_a_success(
        case in case(),
        lags in vec(0_usize..9, 40),
        told in vec(told(), 40),
    ) {
        if let Some(ending) = play(&Case { lags, told, ..case }) {
            is_true(&ending)?;
        }
    }

    /// What comes to rest comes to an end.
    #[test]
    fn every_history_that_comes_to_rest_is_given_an_end(case in case()) {
        let ending = play(&case);
        prop_assert!(ending.is_some(), "no end");
    }

    /// No failure is said of what is done and serves alone.
    #[test]
    fn no_failure_is_said_of_what_serves(case in case()) {
        if let Some(ending) = play(&case)
            && !matches!(ending.rollout, Rollout::Succeeded { .. })
        {
            prop_assert!(!ending.read.is_done(&ending.ours), "{:?} is said of {:?}", ending.rollout, ending.read);
        }
    }

    /// Where nothing goes wrong and nobody interferes, it is a success.
    #[test]
    fn what_goes_well_is_a_success(case in case(), scale in option::of(0_i64..6)) {
        let acts = scale.map(|desired| vec![Act::Nothing, Act::Scale(desired)]).unwrap_or_default();
        let shaky = matches!(case.quality, Quality::Shaky(times) if times < 3);
        let quality = if shaky { case.quality } else { Quality::Good };
        let ending = play(&Case { quality, acts, ..case }).expect("it ends");
        prop_assert!(matches!(ending.rollout, Rollout::Succeeded { .. }), "{:?}", ending.rollout);
        is_true(&ending)?;
        // Where ECS tells no state, a read from before its own end may show the same as one from after it.
        prop_assert!(case.ways.hides_state || ending.read.is_done(&ending.ours), "{:?}", ending.read);
    }
}
