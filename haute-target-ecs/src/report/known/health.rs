//! Tasks run, and their health checks fail.

use super::{Kind, known, or};
use crate::report::subject::Subject;

pub(super) const CAUSES: Kind = &[
    known(&[LOAD_BALANCER, &["[404]", "codes: 404"]], |subject, text| {
        format!(
            "the load balancer asks for a path that is not there: the price answers on `/health`. `aws elbv2 modify-target-group --target-group-arn {} --health-check-path /health --region {}`",
            target_group(text),
            or(&subject.region, "<region>")
        )
    }),
    known(&[LOAD_BALANCER, &["[301]", "[302]", "[307]", "[308]", "[401]", "[403]"]], |_, text| {
        format!(
            "the load balancer's health check is answered with a redirect or a refusal: let it ask `/health` over HTTP (`aws elbv2 modify-target-group --target-group-arn {} --health-check-path /health --health-check-protocol HTTP`)",
            target_group(text)
        )
    }),
    known(&[LOAD_BALANCER, &["codes: [5", "codes: 5"]], |subject, _| {
        format!(
            "the container answers its health check with an error of its own: read its log ({})",
            or(&subject.log_group, "the log group of the task definition")
        )
    }),
    known(&[LOAD_BALANCER, &["timed out", "timeout"]], |subject, _| {
        format!(
            "the load balancer got no answer: let its security group reach port {} of the tasks' security group, and give a slow start time: {}",
            port(subject),
            grace(subject)
        )
    }),
    known(&[LOAD_BALANCER], |subject, _| {
        format!(
            "the load balancer cannot speak to the container: the container must listen on port {} on all addresses (0.0.0.0), and the target group, the service's `containerPort` and `portMappings` must name the same port. If it only starts slowly: {}",
            port(subject),
            grace(subject)
        )
    }),
    known(&[&["failed container health checks", "container health check failed"]], container),
];

const LOAD_BALANCER: &[&str] =
    &["is unhealthy in", "failed elb health checks", "instance health check failed", "target health"];

fn container(subject: &Subject, _: &str) -> String {
    let check = subject.health_check.to_ascii_lowercase();
    let asks = format!(
        "`[\"CMD\", \"python\", \"-c\", \"import urllib.request; urllib.request.urlopen('http://localhost:{}/health', timeout=4)\"]`",
        port(subject)
    );
    if check.contains("curl") || check.contains("wget") {
        return format!(
            "the container's own health check calls `{}`, which slim Python images do not have: set `healthCheck.command` of the task definition to {asks}",
            if check.contains("curl") { "curl" } else { "wget" }
        );
    }
    format!(
        "the container's own health check fails: let it ask `/health` (`healthCheck.command` {asks}), with a `startPeriod` as long as its start, such as 60 seconds"
    )
}

fn grace(subject: &Subject) -> String {
    format!(
        "`aws ecs update-service --cluster {} --service {} --health-check-grace-period-seconds 120 --region {}`",
        or(&subject.cluster, "<cluster>"),
        or(&subject.service, "<service>"),
        or(&subject.region, "<region>")
    )
}

fn port(subject: &Subject) -> String {
    subject.port.or(subject.load_balancer_port).map_or_else(|| "<port>".to_owned(), |port| port.to_string())
}

/// `(target-group arn:…)`
fn target_group(text: &str) -> &str {
    let rest = text.split("(target-group ").nth(1).unwrap_or_default();
    or(rest.split(')').next().unwrap_or_default(), "<arn>")
}
