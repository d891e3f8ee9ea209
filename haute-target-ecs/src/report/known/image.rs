//! The image cannot be pulled or run.

use super::{Kind, known, or, role_name};
use crate::report::links::partition;
use crate::report::subject::Subject;

pub(super) const CAUSES: Kind = &[
    known(
        &[&[
            "does not contain descriptor matching platform",
            "descriptor for platform",
            "no match for platform",
            "no matching manifest for",
            "exec format error",
        ]],
        architecture,
    ),
    known(&[PULL, &["toomanyrequests", "too many requests", "pull rate limit", "rate exceeded"]], rate),
    known(&[PULL, &["no space left"]], |_, _| {
        "the task's disk is full: raise `ephemeralStorage.sizeInGiB` in the task definition, or free the container instance's disk".to_owned()
    }),
    known(&[PULL, UNREACHABLE], |subject, _| no_route(subject)),
    known(
        &[
            PULL,
            &[
                "not authorized to perform",
                "403 forbidden",
                "pull access denied",
                "no basic auth credentials",
                "denied:",
            ],
        ],
        denied,
    ),
    known(
        &[
            PULL,
            &["digest"],
            &["unable to resolve", "could not resolve", "failed to resolve image", "cannot resolve"],
        ],
        gone,
    ),
    known(&[PULL, &["not found", "manifest unknown", "does not exist", "requested image not found"]], gone),
    known(&[&["version consistency", "image digest"], &["fail", "unable", "could not", "cannot"]], gone),
    known(&[PULL], |subject, _| {
        format!(
            "the image `{}` could not be pulled: the stopped task's reason above says why; `haute-cli preflight` checks the repository, the role and the processor",
            or(&subject.image, "of the task definition")
        )
    }),
];

const PULL: &[&str] = &[
    "cannotpullcontainer",
    "cannotpullimage",
    "cannotpullecrcontainer",
    "pull image manifest",
    "failed to pull image",
];

/// What is written when packets go nowhere.
pub(super) const UNREACHABLE: &[&str] = &[
    "i/o timeout",
    "context deadline exceeded",
    "no such host",
    "network is unreachable",
    "no route to host",
    "connection timed out",
    "request canceled while waiting",
    "context canceled",
    "connect: connection refused",
];

pub(super) fn architecture(subject: &Subject, _: &str) -> String {
    let (task, wanted) = match subject.architecture.as_str() {
        "ARM64" => ("The task runs on ARM64", "arm64"),
        "X86_64" => ("The task runs on X86_64", "amd64"),
        _ => ("The task runs on X86_64 unless `runtimePlatform.cpuArchitecture` says otherwise", "amd64"),
    };
    format!(
        "the image is made for another processor than the task's. {task}: set `architecture = \"{wanted}\"` in `[deploy.build]` and deploy again, or change `runtimePlatform` of the task definition"
    )
}

fn rate(_: &Subject, _: &str) -> String {
    "the registry limits how often images are pulled: wait and deploy again, or pull from Amazon ECR instead of Docker Hub".to_owned()
}

pub(super) fn no_route(subject: &Subject) -> String {
    format!(
        "the task cannot reach AWS from its subnets: give it a public address (`assignPublicIp=ENABLED`) in a public subnet, a NAT gateway, or VPC endpoints for `com.amazonaws.{region}.ecr.api`, `ecr.dkr`, `logs`, `secretsmanager` and a gateway for `s3`; and let its security group out on port 443",
        region = or(&subject.region, "<region>")
    )
}

pub(super) fn denied(subject: &Subject, _: &str) -> String {
    let role = role_name(&subject.execution_role);
    if role.is_empty() {
        return "the task may not pull the image: give the task definition an `executionRoleArn` whose role has the policy `AmazonECSTaskExecutionRolePolicy`".to_owned();
    }
    format!(
        "the execution role `{role}` may not pull the image, or its digest is not in the repository any more: `aws iam attach-role-policy --role-name {role} --policy-arn arn:{}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy`; for a repository of another account, allow this account in its repository policy too",
        partition(&subject.region)
    )
}

fn gone(subject: &Subject, _: &str) -> String {
    format!(
        "the image `{}` is not in the repository: it was never pushed there, or a lifecycle policy deleted it. Deploy again, which pushes it, and except images in use from the lifecycle policy",
        or(&subject.image, "of the task definition")
    )
}
