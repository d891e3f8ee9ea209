//! There is no room for the task.

use super::{Kind, known, or};
use crate::report::subject::Subject;

pub(super) const CAUSES: Kind = &[
    known(&[&["resource:memory", "insufficient memory"]], |subject, _| no_room(subject, "memory")),
    known(&[&["resource:cpu", "insufficient cpu"]], |subject, _| no_room(subject, "CPU")),
    known(&[&["resource:ports", "port(s) already in use", "already using a port required"]], |_, _| {
        "a port of the host is taken by the running task: set `hostPort` to 0, use `awsvpc` networking, or let ECS stop the old task first (`minimumHealthyPercent=0`)".to_owned()
    }),
    known(&[&["resource:eni"]], |_, _| {
        "the container instances have no network interface left: use larger ones, more of them, or turn on `awsvpcTrunking`".to_owned()
    }),
    known(&[&["no container instances were found", "no container instance met all"]], |subject, _| {
        format!(
            "the cluster `{}` has no container instance that fits: add one, compare its processor and attributes with the task definition, or run the service on Fargate",
            or(&subject.cluster, "of the service")
        )
    }),
    known(
        &[&["capacity is unavailable", "unable to place a task"], &["availability zone", "capacity"]],
        |_, _| {
            "AWS has no capacity there now: deploy again later, or let the service use subnets in more availability zones".to_owned()
        },
    ),
    known(
        &[&["reached the limit on the number", "vcpu limit", "limit on the number of vcpus"]],
        |subject, _| {
            format!(
                "the account's quota is used up: `aws service-quotas list-service-quotas --service-code fargate --region {}`, and ask for more",
                or(&subject.region, "<region>")
            )
        },
    ),
    known(&[&["spotinterruption", "spot task was interrupted"]], |_, _| {
        "a Spot task was taken away: run at least a part of the service on `FARGATE` instead of `FARGATE_SPOT`".to_owned()
    }),
];

fn no_room(subject: &Subject, what: &str) -> String {
    format!(
        "no container instance of cluster `{}` has enough {what} for a second task beside the running one: add one, make the task smaller, or let ECS stop the old task first (`minimumHealthyPercent=0`, with a gap in service)",
        or(&subject.cluster, "of the service")
    )
}
