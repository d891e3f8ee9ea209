//! What is said of a deployment that failed, on one screen.

use haute_aws_fake::{Behaviour, Policy, Script, ServiceSetup, Tier};
use haute_core::event::Event;
use haute_core::report::FailureReport;

use crate::lab::{CLUSTER, Lab, SERVICE};

/// The report of deploying release 2 upon release 1, whose tasks fare so.
async fn report(lab: &Lab, behaviour: Behaviour) -> FailureReport {
    lab.deploy(1).await.unwrap();
    lab.fake.script(Script::Revision("motor:3".to_owned()), behaviour);
    lab.deploy(2).await.unwrap_err();
    told(lab)
}

fn told(lab: &Lab) -> FailureReport {
    let reports = lab.events.events().into_iter().filter_map(|event| match event {
        Event::FailureReport { report } => Some(report),
        _ => None,
    });
    reports.collect::<Vec<_>>().pop().unwrap()
}

fn text(report: &FailureReport) -> String {
    format!("{report:#?}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_is_told_with_its_exit_code_and_its_last_lines() {
    let report = report(&Lab::new(), Behaviour::crash(3)).await;
    let text = text(&report);
    assert!(text.contains("circuit breaker"), "{text}");
    assert!(text.contains("ModuleNotFoundError: No module named 'polars'"), "{text}");
    assert!(text.contains("motor:2"), "what serves: {text}");
    assert!(report.missing_permissions.is_empty() && !report.links.is_empty(), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_known_cause_has_its_fix() {
    let seconds = std::time::Duration::from_secs;
    let causes = [
        (Behaviour::PullFails, "not in the repository"),
        (Behaviour::ExecFormatError, "architecture"),
        (Behaviour::OutOfMemory(seconds(3)), "memory"),
        (Behaviour::SecretsFail, "secret"),
        (Behaviour::TargetUnhealthy("Health checks failed with these codes: [404]".to_owned()), "/health"),
        (Behaviour::ContainerUnhealthy, "health"),
    ];
    for (behaviour, fix) in causes {
        let (fake, group) = (Lab::balanced(), behaviour.clone());
        let report = report(&fake, behaviour).await;
        let hints = report.hints.join(" | ").to_lowercase();
        assert!(hints.contains(fix), "{group:?}: {}", text(&report));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_read_is_named() {
    let lab = Lab::new();
    lab.fake.set_policy(Tier::T1);
    let report = report(&lab, Behaviour::crash(3)).await;
    assert!(
        report.missing_permissions.iter().any(|action| action.contains("ecs:ListTasks")),
        "{}",
        text(&report)
    );
    let lab = Lab::new();
    lab.fake.set_policy(Policy::tier(Tier::T2).deny("logs:GetLogEvents"));
    let report = self::report(&lab, Behaviour::crash(3)).await;
    assert!(
        report.missing_permissions.iter().any(|action| action.contains("logs:GetLogEvents")),
        "{}",
        text(&report)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_may_not_be_updated_says_what_is_missing() {
    let lab = Lab::with(ServiceSetup::new(CLUSTER, SERVICE));
    lab.fake.set_policy(Policy::tier(Tier::T4).deny("ecs:UpdateService"));
    lab.deploy(1).await.unwrap_err();
    let report = told(&lab);
    assert!(report.hints.join(" ").contains("ecs:UpdateService"), "{}", text(&report));
}
