//! Who deploys: keys, a profile, an identity of CI, a role, or nobody.

use haute_core::error::ErrorKind;
use haute_core::target::DeployTarget as _;

use crate::lab::Lab;

/// Without the keys every lab has.
fn without_keys() -> Lab {
    let mut lab = Lab::new();
    lab.more = vec![("AWS_ACCESS_KEY_ID", String::new()), ("AWS_SECRET_ACCESS_KEY", String::new())];
    lab
}

async fn identity(lab: &Lab) -> String {
    let findings = lab.target().preflight(&lab.context()).await.unwrap();
    findings.into_iter().find(|one| one.subject == "identity").unwrap().detail
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_told_how_to_become_somebody() {
    let lab = without_keys();
    let error = lab.deploy(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
    assert!(error.hints().join(" ").contains("AWS_PROFILE"), "{error:?}");
    assert!(lab.fake.calls_of("UpdateService").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_of_the_home_that_is_given_counts() {
    let mut lab = without_keys();
    let file = lab.root().join("credentials");
    let keys = lab.fake.variables();
    let value = |name: &str| keys.iter().find(|(key, _)| key == name).unwrap().1.clone();
    let text = format!(
        "[pricing]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        value("AWS_ACCESS_KEY_ID"),
        value("AWS_SECRET_ACCESS_KEY")
    );
    std::fs::write(&file, text).unwrap();
    lab.more.push(("AWS_SHARED_CREDENTIALS_FILE", file.display().to_string()));
    lab.more.push(("AWS_PROFILE", "pricing".to_owned()));
    lab.deploy(1).await.unwrap();
    assert_eq!(lab.runs(), "motor:2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_of_ci_becomes_its_role() {
    let mut lab = without_keys();
    let file = lab.root().join("token");
    std::fs::write(&file, "an.oidc.token").unwrap();
    lab.more.push(("AWS_WEB_IDENTITY_TOKEN_FILE", file.display().to_string()));
    lab.more.push(("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/ci-deploy".to_owned()));
    lab.more.push(("AWS_ROLE_SESSION_NAME", "job".to_owned()));
    assert!(!identity(&lab).await.is_empty());
    lab.deploy(1).await.unwrap();
    assert_eq!(lab.runs(), "motor:2");
    assert!(!lab.fake.calls_of("AssumeRoleWithWebIdentity").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_is_configured_makes_every_call() {
    let lab = Lab::new().configured(|mut config| {
        config.role_arn = "arn:aws:iam::123456789012:role/deploy".to_owned();
        config
    });
    lab.deploy(1).await.unwrap();
    assert_eq!(lab.runs(), "motor:2");
    let assumed = lab.fake.calls_of("AssumeRole");
    assert!(!assumed.is_empty());
    assert!(assumed.iter().all(|call| call.body["RoleArn"] == "arn:aws:iam::123456789012:role/deploy"));
}
