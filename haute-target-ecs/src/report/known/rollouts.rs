//! What the course of the rollout itself shows.

use super::{Kind, known, or};
use crate::report::findings::{Denied, Findings};
use crate::report::subject::Subject;
use crate::rollout::Rollout;

pub(super) const CAUSES: Kind = &[
    known(&[&["alarm"], &["detected", "went off", "in alarm", "in the alarm state"]], |_, _| {
        "an alarm of the service ended the deployment: look at it in CloudWatch; it watches what callers see, so the price may be slow or failing".to_owned()
    }),
    known(
        &[&[
            "taskdefinition is inactive",
            "task definition is inactive",
            "taskdefinition not found",
            "unable to describe task definition",
        ]],
        |_, _| {
            "the revision was deregistered by somebody, and nothing new starts from it: deploy again, which registers one".to_owned()
        },
    ),
    known(&[&["what serves is not what was proven: health"], &["serves, not"]], |_, _| {
        "another release answers than was deployed: see that `verify_url` in `[deploy.aws-ecs]` leads to this service, and that its load balancer sends to no other".to_owned()
    }),
    known(&[&["throttled on elb", "operations are being throttled"]], |_, _| {
        "AWS slows the service's calls down: wait, and deploy fewer services of the account at once"
            .to_owned()
    }),
];

/// The service runs another image than was pushed: the classic of a service that "does not update".
pub(super) fn other_image(subject: &Subject) -> Option<String> {
    if subject.pushed.is_empty() || subject.running.is_empty() || subject.pushed == subject.running {
        return None;
    }
    let image = or(&subject.image, "of the task definition");
    if image.contains("@sha256:") {
        return Some(format!(
            "the service runs the image its task definition names, `{image}`, and another one was pushed: let a revision be registered (`update = \"register\"` in `[deploy.aws-ecs]`, with `ecs:DescribeTaskDefinition`, `ecs:RegisterTaskDefinition` and `iam:PassRole`)"
        ));
    }
    Some(format!(
        "the task definition names `{image}`, and restarting the service only pulls that again: let a revision be registered (`update = \"register\"` in `[deploy.aws-ecs]`, with `ecs:DescribeTaskDefinition`, `ecs:RegisterTaskDefinition` and `iam:PassRole`), or name the tag it follows (`update = \"moving-tag\"`, `moving_tag = \"…\"`)"
    ))
}

/// What to do about an outcome that is not a failure of tasks.
pub(super) fn of_outcome(subject: &Subject, rollout: &Rollout) -> Option<String> {
    let Subject { cluster, service, region, .. } = subject;
    let (cluster, service, region) =
        (or(cluster, "<cluster>"), or(service, "<service>"), or(region, "<region>"));
    match rollout {
        Rollout::Stalled { reason } if reason.contains("no circuit breaker") => Some(format!(
            "ECS keeps trying until somebody ends it: turn on the circuit breaker, which goes back by itself: `aws ecs update-service --cluster {cluster} --service {service} --region {region} --deployment-configuration 'deploymentCircuitBreaker={{enable=true,rollback=true}}'`"
        )),
        Rollout::Stalled { .. } => Some("ECS keeps trying until somebody ends it: `haute-cli rollback` brings the last verified release back".to_owned()),
        Rollout::Superseded { by } => Some(format!(
            "somebody deployed after this: follow theirs with `haute-cli watch --deployment {}`, and let one CI job at a time deploy this service",
            by.deployment
        )),
        Rollout::Paused { at } => Some(format!(
            "let it go on with `aws ecs continue-service-deployment --service-deployment-arn {} --hook-id {} --region {region}`, or back with `--action ROLLBACK`",
            at.service_deployment, at.hook
        )),
        Rollout::Gone { .. } => Some(format!(
            "make the service anew, or correct `cluster` and `service` in `[deploy.aws-ecs]`: `aws ecs describe-services --cluster {cluster} --services {service} --region {region}`"
        )),
        _ => None,
    }
}

/// Where nothing is known.
pub(super) fn look_further(findings: &Findings<'_>) -> String {
    let subject = &findings.subject;
    let hidden = findings.denied.iter().any(Denied::hides_reasons);
    if hidden {
        return "why its tasks stopped could not be read: allow who deploys `ecs:ListTasks`, `ecs:DescribeTasks` and `logs:GetLogEvents`, and the next report says it; until then the console shows it".to_owned();
    }
    if subject.log_group.is_empty() {
        return "the cause is not known here: look at the stopped tasks in the console, and give the containers a `logConfiguration`".to_owned();
    }
    format!(
        "the cause is not known here: `aws logs tail {} --since 30m --region {}` shows what the containers wrote",
        subject.log_group,
        or(&subject.region, "<region>")
    )
}
