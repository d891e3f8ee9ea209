//! Whole reports, as they are read.

use haute_core::report::FailureReport;
use serde_json::json;

use super::{OURS, events, service, subject, task};
use crate::report::{Console, Denied, Findings, LogTail, Subject, failure_report, partition};
use crate::rollout::{Newer, Rollout};

/// A report as the lines it has.
fn screen(report: &FailureReport) -> String {
    let mut lines = vec![report.summary.clone()];
    lines.extend(report.serving.iter().map(|serving| format!("now serves: {serving}")));
    for section in &report.sections {
        lines.push(format!("# {}", section.title));
        lines.extend(section.lines.iter().map(|line| format!("  {line}")));
    }
    lines.extend(report.hints.iter().map(|hint| format!("=> {hint}")));
    lines.extend(report.links.iter().map(|link| format!("-> {link}")));
    lines.extend(report.missing_permissions.iter().map(|missing| format!("?? {missing}")));
    lines.join("\n")
}

fn rolled_back(reason: &str) -> Rollout {
    Rollout::RolledBack {
        reason: reason.to_owned(),
        to: "arn:aws:ecs:eu-west-1:123456789012:task-definition/motor:7".to_owned(),
    }
}

/// The guide's first case.
#[test]
fn access_is_denied_on_the_push() {
    let denied = "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecr:InitiateLayerUpload on resource: \
        arn:aws:ecr:eu-west-1:123456789012:repository/motor because no identity-based policy allows the ecr:InitiateLayerUpload action";
    let report =
        failure_report(&Findings::new(format!("the registry refused the push: {denied}"), subject()));
    let [hint] = report.hints.as_slice() else { panic!("{:?}", report.hints) };
    assert!(
        hint.contains("`ecr:PutImage` on `arn:aws:ecr:eu-west-1:123456789012:repository/motor`"),
        "{hint}"
    );
    insta::assert_snapshot!(screen(&report), @r#"
    the registry refused the push: User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecr:InitiateLayerUpload on resource: arn:aws:ecr:eu-west-1:123456789012:repository/motor because no identity-based policy allows the ecr:InitiateLayerUpload action
    => allow who deploys to push: `ecr:GetAuthorizationToken` on `*`, and `ecr:BatchCheckLayerAvailability`, `ecr:InitiateLayerUpload`, `ecr:UploadLayerPart`, `ecr:CompleteLayerUpload`, `ecr:PutImage` on `arn:aws:ecr:eu-west-1:123456789012:repository/motor`; for a repository of another account, in its repository policy too
    -> https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/pricing/services/motor/deployments?region=eu-west-1
    "#);
    let plain = failure_report(&Findings::new("the registry answered 403 Forbidden to the push", subject()));
    assert_eq!(plain.hints, report.hints);
}

/// The guide's second case.
#[test]
fn the_service_is_not_updating() {
    let mut subject = subject();
    subject.image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/motor:4f2a9c1".to_owned();
    subject.pushed = "sha256:bbbb".to_owned();
    subject.running = "sha256:aaaa".to_owned();
    let done = Rollout::Succeeded { running: 2 };
    let service = service();
    let findings = Findings::new(
        "the service answers with release 1a2b3c4d5e6f, and 6f5e4d3c2b1a was deployed",
        subject.clone(),
    )
    .with_rollout("ecs-svc/7", Some(&done))
    .with_service(&service)
    .with_denied(Denied::new("ecs:DescribeTaskDefinition"));
    let report = failure_report(&findings);
    assert!(
        report
            .hints
            .iter()
            .any(|hint| hint.contains("`update = \"register\"`") && hint.contains("motor:4f2a9c1"))
    );
    insta::assert_snapshot!(screen(&report), @r#"
    the service answers with release 1a2b3c4d5e6f, and 6f5e4d3c2b1a was deployed
    now serves: 2 tasks of motor:7
    => the task definition names `123456789012.dkr.ecr.eu-west-1.amazonaws.com/motor:4f2a9c1`, and restarting the service only pulls that again: let a revision be registered (`update = "register"` in `[deploy.aws-ecs]`, with `ecs:DescribeTaskDefinition`, `ecs:RegisterTaskDefinition` and `iam:PassRole`), or name the tag it follows (`update = "moving-tag"`, `moving_tag = "…"`)
    -> https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/pricing/services/motor/deployments?region=eu-west-1
    ?? ecs:DescribeTaskDefinition (which image, ports and roles the task definition names)
    "#);
    subject.running = "sha256:bbbb".to_owned();
    assert!(failure_report(&Findings::new("the answers differ", subject)).hints.is_empty());
}

/// The guide's third case.
#[test]
fn the_container_is_restarting() {
    let container = json!({"name": "api", "exitCode": 1, "lastStatus": "STOPPED"});
    let stopped = |id: &str, by: &str| {
        task(id, by, "EssentialContainerExited", "Essential container in task exited", container.clone())
    };
    let tasks = [
        stopped("0c1", OURS),
        stopped("0c2", OURS),
        stopped("0c3", OURS),
        stopped("0b9", "ecs-svc/7"),
        task(
            "0b8",
            OURS,
            "ServiceSchedulerInitiated",
            "Scaling activity initiated by (deployment ecs-svc/8)",
            json!({"name": "api", "exitCode": 0}),
        ),
    ];
    let told = events(&[
        "(service motor) has started 1 tasks: (task 0c1).",
        "(service motor) is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.",
        "(service motor) (deployment ecs-svc/8) deployment failed: tasks failed to start.",
        "(service motor) rolling back to deployment ecs-svc/7.",
    ]);
    let service = service();
    let outcome = rolled_back("ECS deployment circuit breaker: tasks failed to start");
    let log = LogTail::new(
        "api",
        "0c3",
        vec![
            "Traceback (most recent call last):".to_owned(),
            "  File \"/app/main.py\", line 3, in <module>".to_owned(),
            "    import catboost".to_owned(),
            "ModuleNotFoundError: No module named 'catboost'".to_owned(),
        ],
    )
    .in_stream("ecs/api/0c3");
    let findings = Findings::new("the deployment failed", subject())
        .with_rollout(OURS, Some(&outcome))
        .with_service(&service)
        .with_events(&told)
        .with_tasks(&tasks)
        .with_log(log);
    let report = failure_report(&findings);
    assert!(report.hints.iter().any(|hint| hint.contains("add it to the project's dependencies")));
    assert!(!screen(&report).contains("Scaling activity") && !screen(&report).contains("0b9"));
    insta::assert_snapshot!(screen(&report), @r#"
    deployment ecs-svc/8: went back to motor:7: ECS deployment circuit breaker: tasks failed to start
    now serves: motor:7 again: 2 tasks of motor:7
    # 3 tasks of this deployment stopped
      14:14:11 task 0c3, and 2 more like it
        EssentialContainerExited: Essential container in task exited
        api: exit code 1, the program ended with an error; its last lines say which
    # last lines of api in task 0c3
      Traceback (most recent call last):
      File "/app/main.py", line 3, in <module>
      import catboost
      ModuleNotFoundError: No module named 'catboost'
    # last events of the service
      14:13:30 (service motor) is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.
      14:13:40 (service motor) (deployment ecs-svc/8) deployment failed: tasks failed to start.
      14:13:50 (service motor) rolling back to deployment ecs-svc/7.
    => the program misses a Python package: add it to the project's dependencies, and deploy again; `haute-cli build` resolves and proves what is installed
    -> https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/pricing/services/motor/deployments?region=eu-west-1
    -> https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/$252Fecs$252Fmotor/log-events/ecs$252Fapi$252F0c3
    "#);
}

/// The guide's fourth case.
#[test]
fn the_health_check_is_failing() {
    let target_group = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/motor/1a";
    let reason = format!("Task failed ELB health checks in (target-group {target_group})");
    let tasks =
        [task("0c1", OURS, "ServiceSchedulerInitiated", &reason, json!({"name": "api", "exitCode": 143}))];
    let event = format!(
        "(service motor) (port 8080) is unhealthy in (target-group {target_group}) due to (reason Health checks failed with these codes: [404])."
    );
    let told = events(&[&event]);
    let outcome = rolled_back("ECS deployment circuit breaker: tasks failed to start");
    let findings = Findings::new("the deployment failed", subject())
        .with_rollout(OURS, Some(&outcome))
        .with_events(&told)
        .with_tasks(&tasks)
        .with_denied(Denied::new("logs:GetLogEvents"));
    let report = failure_report(&findings);
    assert!(
        report.hints.iter().any(|hint| hint.contains("--health-check-path /health")),
        "{:?}",
        report.hints
    );
    insta::assert_snapshot!(screen(&report), @r#"
    deployment ecs-svc/8: went back to motor:7: ECS deployment circuit breaker: tasks failed to start
    now serves: motor:7 again
    # the task of this deployment that stopped
      14:14:09 task 0c1
        ServiceSchedulerInitiated: Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/motor/1a)
        api: exit code 143, asked to stop (SIGTERM): ECS replaced it, or its health check failed
    # last events of the service
      14:13:20 (service motor) (port 8080) is unhealthy in (target-group arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/motor/1a) due to (reason Health checks failed with these codes: [404]).
    => the load balancer asks for a path that is not there: the price answers on `/health`. `aws elbv2 modify-target-group --target-group-arn arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/motor/1a --health-check-path /health --region eu-west-1`
    -> https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/pricing/services/motor/deployments?region=eu-west-1
    ?? logs:GetLogEvents (what the containers wrote last)
    "#);
}

#[test]
fn with_the_documented_policy_alone_it_says_what_it_could_not_see() {
    let told = events(&["(service motor) (deployment ecs-svc/8) deployment failed: tasks failed to start."]);
    let outcome =
        Rollout::Failed { reason: "ECS deployment circuit breaker: tasks failed to start".to_owned() };
    let mut findings = Findings::new("the deployment failed", Subject::new("cn-north-1", "pricing", "motor"))
        .with_rollout(OURS, Some(&outcome))
        .with_events(&told);
    for action in
        ["ecs:ListTasks", "logs:GetLogEvents", "ecs:DescribeServiceDeployments", "ecs:SomethingOfTomorrow"]
    {
        findings = findings.with_denied(Denied::new(action));
    }
    insta::assert_snapshot!(screen(&failure_report(&findings)), @r#"
    deployment ecs-svc/8: failed: ECS deployment circuit breaker: tasks failed to start
    # last events of the service
      14:13:20 (service motor) (deployment ecs-svc/8) deployment failed: tasks failed to start.
    => why its tasks stopped could not be read: allow who deploys `ecs:ListTasks`, `ecs:DescribeTasks` and `logs:GetLogEvents`, and the next report says it; until then the console shows it
    -> https://cn-north-1.console.amazonaws.cn/ecs/v2/clusters/pricing/services/motor/deployments?region=cn-north-1
    ?? ecs:ListTasks (why tasks stopped, and with which exit codes)
    ?? logs:GetLogEvents (what the containers wrote last)
    ?? ecs:DescribeServiceDeployments (the deployment's own course: stages, alarms, circuit breaker, reason of a rollback)
    ?? ecs:SomethingOfTomorrow
    "#);
}

#[test]
fn other_outcomes_say_what_can_be_done() {
    let superseded = Rollout::Superseded {
        by: Newer {
            deployment: "ecs-svc/9".to_owned(),
            task_definition: "motor:9".to_owned(),
            created_at: None,
        },
    };
    let stalled =
        Rollout::Stalled { reason: "3 tasks failed in a row, and no circuit breaker ends it".to_owned() };
    let gone = Rollout::Gone { reason: "the service was deleted".to_owned() };
    let said: Vec<String> = [superseded, stalled, gone]
        .iter()
        .map(|rollout| {
            let report =
                failure_report(&Findings::new("it failed", subject()).with_rollout(OURS, Some(rollout)));
            [vec![report.summary], report.serving.into_iter().collect(), report.hints].concat().join("\n")
        })
        .collect();
    insta::assert_snapshot!(said.join("\n\n"), @r#"
    deployment ecs-svc/8: superseded by deployment ecs-svc/9 of motor:9
    somebody deployed after this: follow theirs with `haute-cli watch --deployment ecs-svc/9`, and let one CI job at a time deploy this service

    deployment ecs-svc/8: does not go on: 3 tasks failed in a row, and no circuit breaker ends it
    ECS keeps trying until somebody ends it: turn on the circuit breaker, which goes back by itself: `aws ecs update-service --cluster pricing --service motor --region eu-west-1 --deployment-configuration 'deploymentCircuitBreaker={enable=true,rollback=true}'`

    deployment ecs-svc/8: the service was deleted
    nothing: the service is gone
    make the service anew, or correct `cluster` and `service` in `[deploy.aws-ecs]`: `aws ecs describe-services --cluster pricing --services motor --region eu-west-1`
    "#);
}

/// However much there is: one screen, and no secret on it.
#[test]
fn it_is_one_screen_without_secrets() {
    let key = ["AK", "IAIOSFODNN7EXAMPLE"].concat();
    let tasks: Vec<_> = (0..60)
        .map(|at| {
            let reason = format!("way {at} with postgres://app:hunter2@db/prices {}", "x".repeat(5000));
            task(
                &format!("0c{at}"),
                OURS,
                "EssentialContainerExited",
                &reason,
                json!({"name": "api", "exitCode": at, "reason": reason}),
            )
        })
        .collect();
    let messages: Vec<String> = (0..100).map(|at| format!("event {at} {key} {}", "y".repeat(5000))).collect();
    let told = events(&messages.iter().map(String::as_str).collect::<Vec<_>>());
    let outcome = rolled_back(&format!("why {key}"));
    let mut findings = Findings::new("it failed", subject())
        .with_rollout(OURS, Some(&outcome))
        .with_tasks(&tasks)
        .with_events(&told);
    for container in ["api", "proxy", "agent"] {
        let lines =
            (0..500).map(|at| format!("\u{1b}[31mline {at}\u{7} {key} {}", "z".repeat(5000))).collect();
        findings = findings.with_log(LogTail::new(container, "0c1", lines));
    }
    let screen = screen(&failure_report(&findings));
    assert!(screen.lines().count() <= 60, "{}", screen.lines().count());
    assert!(screen.lines().all(|line| line.chars().count() <= 420));
    assert!(
        !screen.contains("hunter2")
            && !screen.contains(&key)
            && !screen.contains('\u{1b}')
            && !screen.contains('\u{7}')
    );
    assert!(screen.contains("event 99") && !screen.contains("event 90 "));
}

#[test]
fn links_are_of_the_region_s_partition() {
    let at = |region: &str| {
        Console::new(&Subject::new(region, "arn:aws:ecs:x:1:cluster/pricing", "motor")).deployments()
    };
    assert_eq!(
        at("eu-west-1"),
        "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/pricing/services/motor/deployments?region=eu-west-1"
    );
    assert!(at("cn-north-1").starts_with("https://cn-north-1.console.amazonaws.cn/ecs/"));
    assert!(at("us-gov-west-1").starts_with("https://us-gov-west-1.console.amazonaws-us-gov.com/ecs/"));
    assert_eq!(
        [partition("eu-west-1"), partition("cn-north-1"), partition("us-gov-east-1")],
        ["aws", "aws-cn", "aws-us-gov"]
    );
    let subject = subject();
    let console = Console::new(&subject);
    assert!(
        console.log("ecs/api/0c1").ends_with("log-group/$252Fecs$252Fmotor/log-events/ecs$252Fapi$252F0c1")
    );
    assert!(console.task("0c1").contains("/tasks/0c1/configuration"));
}

#[test]
fn the_subject_is_read_from_what_was_described() {
    let described = json!({"taskDefinition": {
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/motor:8", "family": "motor", "memory": "1 GB",
        "executionRoleArn": "arn:aws:iam::123456789012:role/motor-execution",
        "runtimePlatform": {"cpuArchitecture": "ARM64"},
        "containerDefinitions": [{"name": "api", "image": "motor:1", "healthCheck": {"command": ["CMD-SHELL", "curl localhost"]},
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/motor"}}}]
    }});
    let definition = crate::task_definition::TaskDefinition::from_described(described).expect("it is read");
    let service: crate::model::Service = crate::model::read(json!({"loadBalancers": [
        {"containerName": "proxy", "containerPort": 80}, {"containerName": "api", "containerPort": 8000}
    ]}))
    .expect("it is read");
    let subject = Subject::new("eu-west-1", "pricing", "motor")
        .with_account("123456789012", 8080)
        .with_task_definition(&definition, "api")
        .with_load_balancer_of(&service);
    assert_eq!(subject.memory, Some(1024));
    assert_eq!((subject.port, subject.load_balancer_port), (Some(8080), Some(8000)));
    assert_eq!((subject.log_group.as_str(), subject.architecture.as_str()), ("/ecs/motor", "ARM64"));
    assert_eq!(
        (subject.image.as_str(), subject.health_check.as_str()),
        ("motor:1", "CMD-SHELL curl localhost")
    );
    assert!(
        subject.task_definition.ends_with("motor:8") && subject.execution_role.ends_with("motor-execution")
    );
}
