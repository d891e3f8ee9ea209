//! What a task needs before it can start, and memory.

use super::image::{UNREACHABLE, denied, no_route};
use super::{Kind, known, or, role_name};
use crate::report::subject::Subject;

pub(super) const CAUSES: Kind = &[
    known(&[&["outofmemory", "out of memory", "killed due to memory usage", "oom-kill"]], memory),
    known(&[&["log group does not exist", "the specified log group does not exist"]], |subject, _| {
        format!(
            "the log group is not there: `aws logs create-log-group --log-group-name {} --region {}`",
            or(&subject.log_group, "<group>"),
            or(&subject.region, "<region>")
        )
    }),
    known(&[&["not authorized to perform: logs:"]], |subject, text| {
        format!(
            "the {} may not write logs: allow it `{}` on log group `{}`",
            role(subject),
            action(text),
            or(&subject.log_group, "<group>")
        )
    }),
    known(
        &[&[
            "can't find the specified secret",
            "secret was not found",
            "invalid ssm parameters",
            "parameternotfound",
        ]],
        |_, _| {
            "a secret or parameter that the task definition names is not there: compare `secrets[].valueFrom` with `aws secretsmanager list-secrets` and `aws ssm describe-parameters`, also the region in the ARN".to_owned()
        },
    ),
    known(&[&["did not contain json key"]], |_, _| {
        "a secret has not the JSON key that `secrets[].valueFrom` asks for after its ARN: correct the key there, or add it to the secret".to_owned()
    }),
    known(
        &[&[
            "not authorized to perform: secretsmanager:",
            "not authorized to perform: ssm:",
            "not authorized to perform: kms:",
            "access to kms is not allowed",
        ]],
        |subject, text| {
            format!(
                "the {} may not read a secret: allow it `{}` on the ARN of that secret, and `kms:Decrypt` where a key of yours encrypts it",
                role(subject),
                action(text)
            )
        },
    ),
    known(&[&["resourceinitializationerror"], &["not authorized to perform: ecr:"]], denied),
    known(&[&["resourceinitializationerror"], UNREACHABLE], |subject, _| no_route(subject)),
    known(&[&["resourceinitializationerror"], &["efs", "mount"]], |_, _| {
        "the file system could not be mounted: check its mount target in the task's subnets, and port 2049 in its security group".to_owned()
    }),
    known(&[&["resourceinitializationerror"], &["secret", "registry auth"]], |subject, _| {
        format!(
            "the task could not fetch its secrets or its sign-in to the registry: check that the {} may read them, and that its subnets reach AWS",
            role(subject)
        )
    }),
    known(&[&["unable to assume the role", "unable to assume role", "failed to assume role"]], assume),
];

pub(super) fn memory(subject: &Subject, _: &str) -> String {
    match subject.memory {
        Some(memory) => format!(
            "the container was killed, most likely for want of memory: the task has {memory} MiB. Raise `memory` of the task definition to {} or more, as its CPU allows; `haute-cli preflight` says what the proof needed",
            memory.saturating_mul(2)
        ),
        None => "the container was killed, most likely for want of memory: raise `memory` of the task definition; `haute-cli preflight` says what the proof needed".to_owned(),
    }
}

fn assume(subject: &Subject, text: &str) -> String {
    let named = text.split(['\'', '"']).find(|part| part.starts_with("arn:") && part.contains(":role/"));
    let role = role_name(named.unwrap_or_else(|| or(&subject.execution_role, &subject.task_role)));
    format!(
        "ECS may not take on the role `{role}`: see that it exists, and that its trust policy allows `sts:AssumeRole` to the service `ecs-tasks.amazonaws.com`: `aws iam get-role --role-name {role}`",
        role = or(role, "<role>")
    )
}

fn role(subject: &Subject) -> String {
    match role_name(&subject.execution_role) {
        "" => "execution role".to_owned(),
        name => format!("execution role `{name}`"),
    }
}

/// The IAM action a refusal names.
pub(super) fn action(text: &str) -> &str {
    let rest = text.split("not authorized to perform: ").nth(1).unwrap_or_default();
    rest.split(|c: char| c.is_whitespace() || c == ',').next().unwrap_or_default().trim_end_matches('.')
}
