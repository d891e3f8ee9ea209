//! The diagnostic codes of this target.

use haute_core::diagnostic::{Code, CodeInfo};

/// A value of `[deploy.aws-ecs]` that cannot be used.
pub(crate) const VALUE: Code = Code::new("HT0901");

/// The codes of this target.
pub(crate) const CODES: &[CodeInfo] = &[CodeInfo {
    code: VALUE,
    title: "a value of `[deploy.aws-ecs]` cannot be used",
    explain: "`[deploy.aws-ecs]` names the service that serves the price, and how it comes to run a new image:\n\n    \
              [deploy]\n    target = \"aws-ecs\"\n    model_name = \"motor-pricing\"\n\n    \
              [deploy.container]\n    registry = \"123456789012.dkr.ecr.eu-west-1.amazonaws.com\"\n    port = 8080\n\n    \
              [deploy.aws-ecs]\n    region = \"eu-west-1\"\n    cluster = \"pricing\"\n    service = \"motor\"\n\n\
              Everything below is optional, belongs to haute-cli and not to Haute, and so into `haute.<env>.toml`:\n\n    \
              [deploy.aws-ecs]\n    container = \"api\"              # where the task has several\n    \
              update = \"register\"            # or \"moving-tag\", \"existing-revision\", \"none\"\n    \
              task_definition = \"motor:12\"   # for \"existing-revision\"\n    \
              moving_tag = \"latest\"          # for \"moving-tag\"\n    \
              timeout = 1200                 # seconds a rollout may take, 30 to 129600\n    \
              on_failure = \"report\"          # or \"rollback\"\n    \
              expected_account = \"123456789012\"\n    \
              in_flight = \"fail\"             # or \"wait\", \"supersede\"\n    \
              verify_url = \"https://prices.example\"\n    \
              role_arn = \"arn:aws:iam::123456789012:role/deploy\"\n    \
              create_repository = false\n    \
              max_failed_tasks = 3           # where no circuit breaker is on\n\n\
              Credentials never stand here: they come from the environment, a profile or a role.",
}];
