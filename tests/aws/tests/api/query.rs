//! What is asked by form and answered in XML.

use haute_aws_fake::{AwsFake, ServiceSetup, Tier};

use crate::client::{authorization, post_form};

fn form(fake: &AwsFake, signed: bool, service: &str, body: &str) -> (u16, String) {
    let header = if signed { authorization(service, &fake.region()) } else { String::new() };
    post_form(fake, &header, body)
}

#[test]
fn the_caller_has_an_account() {
    let fake = AwsFake::start().unwrap().with_policy(Tier::T0);
    let (status, text) = form(&fake, true, "sts", "Action=GetCallerIdentity&Version=2011-06-15");
    assert_eq!(status, 200);
    assert!(text.contains("<Account>123456789012</Account>"), "{text}");
    assert!(text.contains("<Arn>arn:aws:iam::123456789012:user/deployer</Arn>"), "{text}");
    let (status, text) = form(&fake, false, "sts", "Action=GetCallerIdentity&Version=2011-06-15");
    assert_eq!(status, 400);
    assert!(text.contains("<Code>MissingAuthenticationTokenException</Code>"), "{text}");
}

#[test]
fn a_web_identity_becomes_a_role_without_a_signature() {
    let fake = AwsFake::start().unwrap();
    let ask = |token: &str| {
        let body = format!(
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fdeploy&RoleSessionName=ci&WebIdentityToken={token}"
        );
        form(&fake, false, "sts", &body)
    };
    let (status, text) = ask("eyJ");
    assert_eq!(status, 200);
    assert!(text.contains("<SessionToken>") && text.contains("assumed-role/deploy/ci"), "{text}");
    assert_eq!(ask("expired").0, 400);
    assert_eq!(ask("").0, 400);
    assert_eq!(fake.calls()[0].body["RoleSessionName"], "ci");
}

#[test]
fn a_target_group_says_what_is_asked_of_its_targets() {
    let (fake, arn) = AwsFake::start().unwrap().with_target_group("motor", 8080, "/health");
    let ask = |arn: &str| {
        let body = format!(
            "Action=DescribeTargetGroups&Version=2015-12-01&TargetGroupArns.member.1={}",
            arn.replace(':', "%3A").replace('/', "%2F")
        );
        form(&fake, true, "elasticloadbalancing", &body)
    };
    let (status, text) = ask(&arn);
    assert_eq!(status, 200);
    assert!(
        text.contains("<HealthCheckPath>/health</HealthCheckPath>")
            && text.contains("<HttpCode>200</HttpCode>"),
        "{text}"
    );
    let (status, text) = ask("arn:aws:none");
    assert!(status == 400 && text.contains("<Code>TargetGroupNotFound</Code>"), "{text}");
    fake.set_policy(Tier::T3);
    let (status, text) = ask(&arn);
    assert_eq!(status, 403);
    assert!(
        text.contains("<Code>AccessDenied</Code>")
            && text.contains("elasticloadbalancing:DescribeTargetGroups"),
        "{text}"
    );
}

#[test]
fn a_load_balancer_says_where_it_listens() {
    let fake = AwsFake::start().unwrap();
    let (fake, group) = fake.with_load_balancer("pricing", "motor", 8080, "/health").unwrap();
    let ask = |action: &str, field: &str, arn: &str| {
        let body = format!(
            "Action={action}&Version=2015-12-01&{field}={}",
            arn.replace(':', "%3A").replace('/', "%2F")
        );
        let (status, text) = form(&fake, true, "elasticloadbalancing", &body);
        assert_eq!(status, 200, "{text}");
        text
    };
    let between = |text: &str, name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>")).unwrap();
        rest.split_once(&format!("</{name}>")).unwrap().0.to_owned()
    };
    let arn = between(&ask("DescribeTargetGroups", "TargetGroupArns.member.1", &group), "LoadBalancerArns");
    let arn = between(&arn, "member");
    let balancer = ask("DescribeLoadBalancers", "LoadBalancerArns.member.1", &arn);
    let listeners = ask("DescribeListeners", "LoadBalancerArn", &arn);
    let url = format!("http://{}:{}", between(&balancer, "DNSName"), between(&listeners, "Port"));
    assert_eq!(crate::client::get(&url), 503, "nothing is healthy behind it");
}

#[test]
fn a_role_trusts_somebody() {
    let fake = AwsFake::start().unwrap().with_service(ServiceSetup::new("pricing", "motor")).unwrap();
    let fake = fake.with_role("other", "lambda.amazonaws.com");
    let ask = |name: &str| {
        let body = format!("Action=GetRole&Version=2010-05-08&RoleName={name}");
        post_form(&fake, &authorization("iam", "us-east-1"), &body)
    };
    assert!(ask("ecsTaskExecutionRole").1.contains("ecs-tasks.amazonaws.com"));
    assert!(ask("other").1.contains("lambda.amazonaws.com"));
    let (status, text) = ask("none");
    assert!(status == 404 && text.contains("<Code>NoSuchEntity</Code>"), "{text}");
    fake.set_policy(Tier::T4);
    let (status, text) = ask("other");
    assert!(
        status == 403 && text.contains("iam:GetRole on resource: arn:aws:iam::123456789012:role/other"),
        "{text}"
    );
}
