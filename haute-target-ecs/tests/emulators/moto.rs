//! What `moto` is faithful in: the forms of describe and register, and who may do what. Its `UpdateService` changes the service's
//! task definition and begins no deployment, which is also a thing no deploy may be fooled by.

use std::path::PathBuf;

use haute_core::error::ErrorKind;
use haute_core::target::{DeployTarget as _, FindingLevel};
use haute_test_services::{Required, test};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::emulator::Kind;
use crate::lab::{CLUSTER, Lab, SERVICE, definition, run};

/// The policy of Haute's guide for ECS.
const DOCUMENTED: [&str; 8] = [
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
    "ecs:UpdateService",
    "ecs:DescribeServices",
];

pub(crate) fn trials(needs: impl Fn() -> Required<(PathBuf, ())>) -> Vec<Trial> {
    vec![
        test("moto::a_revision_loses_nothing_on_the_way", needs(), |(python, ())| {
            run(Kind::Moto, &python, lossless)
        }),
        test("moto::what_the_documented_policy_denies_is_named", needs(), |(python, ())| {
            run(Kind::Moto, &python, denied)
        }),
        test("moto::what_is_not_there_is_named", needs(), |(python, ())| run(Kind::Moto, &python, missing)),
    ]
}

async fn lossless(lab: Lab) -> Result<(), Failed> {
    let before = lab.serve(&definition("registry.example/motor:somebodys")).await?;
    let target = lab.target(lab.registry.address())?;
    let release = lab.release()?;
    let deployed = lab.deploy(&target, &release).await;
    // Its service keeps the deployment it has, and of service deployments it knows nothing: the way ends there, and is no success.
    let error = deployed.expect_err("nothing was deployed");
    // It cannot be followed there, so what becomes of it is unknown, and said to be.
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    let whole = format!("{error:?}");
    assert!(whole.contains("ecs.ListServiceDeployments"), "{whole}");
    // What is there is not taken for the release that was to come.
    assert_eq!(target.status(&lab.context()).await?.release, None);
    // What was sent came back whole: nothing is another but the image, and the tags that are ours.
    let service = lab.service().await?;
    let after = service["taskDefinition"].as_str().unwrap_or_default();
    assert!(after.ends_with("task-definition/motor:2"), "{service}");
    let (mut old, mut new) = (lab.revision(&before).await?, lab.revision(after).await?);
    let image = new["taskDefinition"]["containerDefinitions"][0]["image"].take();
    let pushed = lab.registry.tags("pricing/motor")?;
    let digest =
        pushed.first().map(|tag| lab.registry.digest_of("pricing/motor", tag)).transpose()?.flatten();
    let digest = digest.ok_or("nothing was pushed")?;
    assert_eq!(image, format!("{}/pricing/motor@{digest}", lab.registry.address()));
    old["taskDefinition"]["containerDefinitions"][0]["image"].take();
    for one in [&mut old, &mut new] {
        for own in ["taskDefinitionArn", "revision"] {
            one["taskDefinition"][own].take();
        }
    }
    assert_eq!(old["taskDefinition"], new["taskDefinition"]);
    // It keeps only what its copy of AWS's own model knows.
    let container = &new["taskDefinition"]["containerDefinitions"][0];
    assert_eq!(container["restartPolicy"]["enabled"], true, "{container}");
    assert_eq!(container["environment"][0]["value"], "", "{container}");
    let tags = new["tags"].as_array().cloned().unwrap_or_default();
    let tag = |key: &str| tags.iter().find(|tag| tag["key"] == key).map(|tag| tag["value"].clone());
    assert_eq!(tag("owner"), Some(Value::from("platform")), "{tags:?}");
    assert_eq!(tag("haute:release"), Some(Value::from(release.release.digest().to_string())), "{tags:?}");
    assert_eq!((tag("haute:verified"), tag("haute:served")), (None, None), "{tags:?}");
    Ok(())
}

async fn denied(mut lab: Lab) -> Result<(), Failed> {
    lab.serve(&definition("registry.example/motor:somebodys")).await?;
    let actions = DOCUMENTED.map(|action| format!("%22{action}%22")).join(",");
    let policy = format!(
        "%7B%22Version%22:%222012-10-17%22,%22Statement%22:[%7B%22Effect%22:%22Allow%22,%22Action%22:[{actions}],%22Resource%22:%22*%22%7D]%7D"
    );
    lab.plain.iam("Action=CreateUser&UserName=ci").await?;
    lab.plain
        .iam(&format!("Action=PutUserPolicy&UserName=ci&PolicyName=documented&PolicyDocument={policy}"))
        .await?;
    let key = lab.plain.iam("Action=CreateAccessKey&UserName=ci").await?;
    for (variable, element) in
        [("AWS_ACCESS_KEY_ID", "AccessKeyId"), ("AWS_SECRET_ACCESS_KEY", "SecretAccessKey")]
    {
        lab.variables.set(variable, element_of(&key, element).ok_or_else(|| format!("no {element}: {key}"))?);
    }
    // From here on everybody is asked for permission.
    lab.plain.own("/moto-api/reset-auth", "0").await?;
    let target = lab.target(lab.registry.address())?;
    let findings = target.preflight(&lab.context()).await?;
    let level = |subject: &str| findings.iter().find(|one| one.subject == subject).map(|one| one.level);
    assert_eq!(level("identity"), Some(FindingLevel::Ok), "{findings:#?}");
    assert_eq!(level(&format!("service {SERVICE}")), Some(FindingLevel::Ok), "{findings:#?}");
    assert!(
        findings.iter().any(|one| one.level == FindingLevel::Failed
            && one.fix.as_deref().is_some_and(|fix| fix.contains("ecs:DescribeTaskDefinition"))),
        "{findings:#?}"
    );
    let release = lab.release()?;
    let deployed = lab.deploy(&target, &release).await;
    let error = deployed.expect_err("the documented policy cannot register");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    let hints = error.hints().join("\n");
    assert!(hints.contains("ecs:DescribeTaskDefinition") && hints.contains("moving-tag"), "{hints}");
    assert!(lab.registry.tags("pricing/motor")?.is_empty(), "nothing was pushed for nothing");
    Ok(())
}

async fn missing(lab: Lab) -> Result<(), Failed> {
    let target = lab.target(lab.registry.address())?;
    let findings = target.preflight(&lab.context()).await?;
    let service = findings.iter().find(|one| one.subject == format!("service {SERVICE}"));
    assert!(
        service.is_some_and(|one| one.level == FindingLevel::Failed
            && one
                .fix
                .as_deref()
                .is_some_and(|fix| fix.contains(&format!("list-services --cluster {CLUSTER}")))),
        "{findings:#?}"
    );
    let release = lab.release()?;
    let deployed = lab.deploy(&target, &release).await;
    assert_eq!(deployed.expect_err("there is no service").kind(), ErrorKind::NotFound);
    Ok(())
}

/// The text of an element, which must have no escapes.
fn element_of(document: &str, name: &str) -> Option<String> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    Some(rest.split_once("</")?.0.to_owned())
}
