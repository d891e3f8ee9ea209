//! Who deploys is not allowed to.

use super::resources::action;
use super::{Kind, known, or};
use crate::report::links::partition;
use crate::report::subject::Subject;

pub(super) const CAUSES: Kind = &[
    known(&[&["authorization token has expired"]], |_, _| {
        "the sign-in to the registry has expired: a password of Amazon ECR is good for 12 hours. Remove the stored `DOCKER_PASSWORD`; with AWS credentials alone a fresh one is fetched before every push".to_owned()
    }),
    known(&[&["no basic auth credentials"]], |_, _| sign_in()),
    known(&[&["not authorized to perform: iam:passrole"]], |subject, _| {
        let roles: Vec<String> = [&subject.execution_role, &subject.task_role]
            .into_iter()
            .filter(|role| !role.is_empty())
            .map(|role| format!("`{role}`"))
            .collect();
        format!(
            "allow who deploys `iam:PassRole` on {}, with the condition `iam:PassedToService` = `ecs-tasks.amazonaws.com`",
            if roles.is_empty() {
                "the two roles of the task definition".to_owned()
            } else {
                roles.join(" and ")
            }
        )
    }),
    known(&[&["not authorized to perform: ecr:getauthorizationtoken"]], |_, _| {
        "allow who deploys `ecr:GetAuthorizationToken` on `*`: it knows no other resource".to_owned()
    }),
    known(&[PUSH_ACTIONS], |subject, _| push(subject)),
    // The words of the crate that speaks to registries, where the registry has none of its own.
    known(&[&["the registry does not allow this account to"]], |subject, _| push(subject)),
    known(&[&["the registry wants to know who calls"]], |_, _| sign_in()),
    known(&[&["push"], &["denied", "forbidden", "not allowed"]], |subject, _| push(subject)),
    known(
        &[
            &["the repository with name", "name unknown", "repositorynotfound"],
            &["does not exist", "unknown", "not found"],
        ],
        |subject, _| {
            let name = repository_name(subject);
            format!(
                "the repository is not there: `aws ecr create-repository --repository-name {name} --region {}`, or `create_repository = true` in `[deploy.aws-ecs]`",
                or(&subject.region, "<region>")
            )
        },
    ),
    known(
        &[&[
            "tag is immutable",
            "repository is immutable",
            "imagetagalreadyexists",
            "tag_invalid",
            "tag invalid",
        ]],
        |_, _| {
            "the tag is taken by another image, and the repository lets no tag be moved: commit what differs and deploy that commit, or exclude the moving tag from immutability".to_owned()
        },
    ),
    known(&[&["not authorized to perform: ecs:"]], |subject, text| {
        let action = action(text);
        format!("allow who deploys `{action}` on `{}`", resource_of(subject, action))
    }),
];

/// What a push needs; a refusal names the first of them that is missing.
const PUSH_ACTIONS: &[&str] = &[
    "not authorized to perform: ecr:initiatelayerupload",
    "not authorized to perform: ecr:uploadlayerpart",
    "not authorized to perform: ecr:completelayerupload",
    "not authorized to perform: ecr:batchchecklayeravailability",
    "not authorized to perform: ecr:putimage",
];

fn sign_in() -> String {
    "nobody is signed in to the registry: give AWS credentials (`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or a role of the CI job), and `ecr:GetAuthorizationToken` on `*`; a `DOCKER_PASSWORD` of ECR is good for 12 hours".to_owned()
}

fn push(subject: &Subject) -> String {
    format!(
        "allow who deploys to push: `ecr:GetAuthorizationToken` on `*`, and `ecr:BatchCheckLayerAvailability`, `ecr:InitiateLayerUpload`, `ecr:UploadLayerPart`, `ecr:CompleteLayerUpload`, `ecr:PutImage` on `arn:{}:ecr:{}:{}:repository/{}`; for a repository of another account, in its repository policy too",
        partition(&subject.region),
        or(&subject.region, "<region>"),
        or(&subject.account, "<account>"),
        repository_name(subject)
    )
}

fn repository_name(subject: &Subject) -> &str {
    or(subject.repository.split_once('/').map(|(_, name)| name).unwrap_or_default(), "<repository>")
}

fn resource_of(subject: &Subject, action: &str) -> String {
    let (region, account) = (or(&subject.region, "<region>"), or(&subject.account, "<account>"));
    let prefix = format!("arn:{}:ecs:{region}:{account}", partition(&subject.region));
    let service = format!("{}/{}", or(&subject.cluster, "<cluster>"), or(&subject.service, "<service>"));
    match action {
        "ecs:DescribeServices" | "ecs:UpdateService" => format!("{prefix}:service/{service}"),
        "ecs:DescribeServiceDeployments" | "ecs:StopServiceDeployment" | "ecs:ContinueServiceDeployment" => {
            format!("{prefix}:service-deployment/{service}/*")
        }
        "ecs:DescribeServiceRevisions" => format!("{prefix}:service-revision/{service}/*"),
        "ecs:DescribeTasks" => format!("{prefix}:task/{}/*", or(&subject.cluster, "<cluster>")),
        _ => "*".to_owned(),
    }
}
