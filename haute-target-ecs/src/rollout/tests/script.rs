//! A small language for what ECS answers.
//!
//! A read is deployments, the newest first, between bars: `8* 1/2 +1 !3 going | 7 2/2 done`. A deployment is its revision of `motor`
//! (`*`: the one that is to serve), how many tasks of how many run, `+` how many are starting, `!` how many failed, and its state: `going`,
//! `done`, `failed`, `failed(why)`, `going(why)`, or none. Its id is `ecs-svc/<revision>` and it was begun at `<revision>` × 100 s;
//! `7@b:950` has the id `ecs-svc/b` and began at 950 s. After `//` comes what the other API says: `ROLLBACK_SUCCESSFUL(why)`, `hook`,
//! and `@950` for another beginning. `gone`, `draining`, `inactive` and `empty` are services without deployments. `3x …` is three reads.

use std::time::Duration;

use serde_json::{Value, json};

use crate::model::{self, Deployment, Service, ServiceDeployment};
use crate::rollout::{Baseline, Observation, Rollout, Rules, Watch, Watched};

pub(super) const FAMILY: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition/motor";

/// How the service is set up, and what is known before the first read.
#[derive(Clone)]
pub(super) struct Setup {
    /// The deployment that is followed, as `revision` or `revision@id:begun`.
    pub(super) ours: &'static str,
    /// What was there before; empty: nothing.
    pub(super) baseline: &'static str,
    pub(super) guard: Guard,
    pub(super) pinned: bool,
    pub(super) knows_beginning: bool,
    pub(super) strategy: &'static str,
    pub(super) threshold: Option<i64>,
}

/// What ends a deployment that fails.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Guard {
    Nothing,
    Breaker,
    BreakerWithRollback,
    AlarmsWithRollback,
}

/// Revision 8 is deployed over a completed revision 7, with circuit breaker and rollback.
pub(super) const USUAL: Setup = Setup {
    ours: "8",
    baseline: "7*",
    guard: Guard::BreakerWithRollback,
    pinned: true,
    knows_beginning: true,
    strategy: "ROLLING",
    threshold: None,
};

impl Setup {
    pub(super) fn watch(&self) -> Watch {
        let ours = deployment(self.ours);
        let mut watched = Watched::new(text(&ours, "id"), text(&ours, "taskDefinition"));
        if self.pinned {
            watched = watched.with_pinned_image();
        }
        if self.knows_beginning {
            watched = watched.with_beginning(
                model::read::<Deployment>(ours).expect("it is read").created_at.expect("a time"),
            );
        }
        if !self.baseline.is_empty() {
            let before = read(self.baseline, self).service.expect("a service");
            let baseline = Baseline::of(&before).expect("one that is to serve");
            watched = watched.with_baseline(baseline);
        }
        Watch::new(watched, Rules::default())
    }
}

/// One read.
#[derive(Clone)]
pub(super) struct Read {
    pub(super) service: Option<Service>,
    pub(super) told: Option<ServiceDeployment>,
}

/// What each read of a history means, ten seconds apart.
pub(super) fn follow(setup: &Setup, reads: &[&str]) -> Vec<Rollout> {
    let mut watch = setup.watch();
    let mut elapsed = Duration::ZERO;
    let reads = reads.iter().flat_map(|line| {
        let (times, line) = match line.split_once("x ") {
            Some((times, rest)) if times.parse::<usize>().is_ok() => (times.parse().unwrap_or(1), rest),
            _ => (1, *line),
        };
        std::iter::repeat_n(read(line, setup), times)
    });
    reads
        .map(|read| {
            elapsed += Duration::from_secs(10);
            // What was written down between two reads is as good as what was kept.
            let kept = serde_json::to_string(&watch).expect("it is written");
            watch = serde_json::from_str(&kept).expect("it is read back");
            watch.observe(
                Observation::new(read.service.as_ref(), elapsed).with_service_deployment(read.told.as_ref()),
            )
        })
        .collect()
}

/// Reads one line of the language.
pub(super) fn read(line: &str, setup: &Setup) -> Read {
    let (line, told) = line.split_once("//").map_or((line, None), |(line, told)| (line, Some(told.trim())));
    let line = line.trim();
    let told = told.map(|told| service_deployment(told, setup));
    let (status, deployments) = match line {
        "gone" => return Read { service: None, told },
        "draining" => ("DRAINING", vec![]),
        "inactive" => ("INACTIVE", vec![]),
        "empty" => ("ACTIVE", vec![]),
        line => ("ACTIVE", line.split('|').map(deployment).collect()),
    };
    let wanted = deployments.iter().find(|deployment| deployment["status"] == json!("PRIMARY"));
    let alarms = setup.guard == Guard::AlarmsWithRollback;
    let service = model::read(json!({
        "serviceName": "motor",
        "status": status,
        "taskDefinition": wanted.map(|wanted| wanted["taskDefinition"].clone()),
        "deployments": deployments,
        "deploymentConfiguration": {
            "strategy": setup.strategy,
            "deploymentCircuitBreaker": {"enable": matches!(setup.guard, Guard::Breaker | Guard::BreakerWithRollback),
                "rollback": setup.guard == Guard::BreakerWithRollback,
                "thresholdConfiguration": setup.threshold.map(|value| json!({"type": "COUNT", "value": value}))},
            "alarms": {"enable": alarms, "rollback": alarms, "alarmNames": ["motor-5xx"]},
        },
    }));
    Read { service: Some(service.expect("it is read")), told }
}

fn deployment(line: &str) -> Value {
    let mut words = line.split_whitespace();
    let name = words.next().expect("a revision");
    let (name, status) = name.strip_suffix('*').map_or((name, "ACTIVE"), |name| (name, "PRIMARY"));
    let (revision, id) = name.split_once('@').unwrap_or((name, ""));
    let (id, begun) = id.split_once(':').unwrap_or((id, ""));
    let id = if id.is_empty() { revision } else { id };
    let begun = begun.parse().unwrap_or_else(|_| revision.parse::<f64>().expect("a number") * 100.0);
    let mut value = json!({
        "id": format!("ecs-svc/{id}"),
        "status": status,
        "taskDefinition": format!("{FAMILY}:{revision}"),
        "createdAt": begun,
    });
    let rest: Vec<&str> = words.collect();
    let rest = rest.join(" ");
    let (rest, why) = match rest.split_once('(') {
        Some((rest, why)) => (rest.to_owned(), Some(why.trim_end_matches(')').to_owned())),
        None => (rest, None),
    };
    for word in rest.split_whitespace() {
        if let Some((running, desired)) = word.split_once('/') {
            value["runningCount"] = json!(running.parse::<i64>().expect("a number"));
            value["desiredCount"] = json!(desired.parse::<i64>().expect("a number"));
        } else if let Some(pending) = word.strip_prefix('+') {
            value["pendingCount"] = json!(pending.parse::<i64>().expect("a number"));
        } else if let Some(failed) = word.strip_prefix('!') {
            value["failedTasks"] = json!(failed.parse::<i64>().expect("a number"));
        } else {
            value["rolloutState"] = match word {
                "going" => json!("IN_PROGRESS"),
                "done" => json!("COMPLETED"),
                "failed" => json!("FAILED"),
                "new" => json!("A_STATE_OF_TOMORROW"),
                other => panic!("`{other}` is no state"),
            };
        }
    }
    if let Some(why) = why {
        value["rolloutStateReason"] = json!(why);
    }
    value
}

fn service_deployment(line: &str, setup: &Setup) -> ServiceDeployment {
    let (line, begun) =
        line.split_once('@').map_or((line, None), |(line, begun)| (line, begun.trim().parse::<f64>().ok()));
    let begun = begun.unwrap_or_else(|| deployment(setup.ours)["createdAt"].as_f64().expect("a time") + 0.4);
    let (status, why) = line
        .trim()
        .split_once('(')
        .map_or((line.trim(), None), |(status, why)| (status, Some(why.trim_end_matches(')'))));
    let (status, hooks) = match status {
        "hook" => (
            "IN_PROGRESS",
            json!([{"hookId": "h1", "targetType": "PAUSE", "status": "AWAITING_ACTION",
            "expiresAt": 5000, "timeoutAction": "ROLLBACK"}]),
        ),
        status => (status, json!([])),
    };
    model::read(json!({
        "serviceDeploymentArn": "arn:aws:ecs:eu-west-1:123456789012:service-deployment/pricing/motor/d8",
        "status": status, "statusReason": why, "createdAt": begun, "lifecycleStage": "POST_SCALE_UP",
        "lifecycleHookDetails": hooks,
    }))
    .expect("it is read")
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().expect("a text").to_owned()
}
