//! Every known cause, by the words AWS has for it.

use serde_json::json;

use super::{OURS, events, subject, task};
use crate::report::{Findings, LogTail, explain_exit_code, failure_report};

/// Where the words are found.
#[derive(Clone, Copy)]
enum In {
    Task,
    Container,
    Event,
    Log,
    Error,
}

/// What is written, and what the first hint must hold.
const CAUSES: &[(In, &str, &str)] = &[
    (
        In::Container,
        "CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'",
        "`architecture = \"amd64\"`",
    ),
    (
        In::Event,
        "(service motor) was unable to place a task. Reason: CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'.",
        "another processor",
    ),
    (In::Log, "exec /usr/local/bin/python: exec format error", "another processor"),
    (
        In::Container,
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/library/motor:1: failed to authorize: 429 Too Many Requests: toomanyrequests: You have reached your pull rate limit.",
        "limits how often",
    ),
    (
        In::Task,
        "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref 123456789012.dkr.ecr.eu-west-1.amazonaws.com/motor@sha256:aaaa: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/motor@sha256:aaaa: not found",
        "lifecycle policy",
    ),
    (
        In::Task,
        "CannotPullContainerError: Error response from daemon: manifest for 123456789012.dkr.ecr.eu-west-1.amazonaws.com/motor:1 not found: manifest unknown: Requested image not found",
        "lifecycle policy",
    ),
    (
        In::Task,
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref: unexpected status from HEAD request to https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/v2/motor/blobs/sha256:aa: 403 Forbidden",
        "AmazonECSTaskExecutionRolePolicy",
    ),
    (
        In::Task,
        "CannotPullContainerError: ref pull has been retried 1 time(s): pull access denied for motor, repository does not exist or may require authorization",
        "`motor-execution`",
    ),
    (
        In::Task,
        "CannotPullContainerError: ref pull has been retried 3 time(s): failed to copy: httpReadSeeker: failed open: failed to do request: Get \"https://prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com/\": dial tcp 52.218.0.1:443: i/o timeout",
        "VPC endpoints for `com.amazonaws.eu-west-1.ecr.api`",
    ),
    (
        In::Task,
        "CannotPullContainerError: ref pull has been retried 1 time(s): failed to extract layer sha256:aa: write: no space left on device: unknown",
        "ephemeralStorage",
    ),
    (In::Task, "CannotPullContainerError: something of tomorrow", "`haute-cli preflight`"),
    (
        In::Event,
        "(service motor) (deployment ecs-svc/8) deployment failed: unable to resolve image digest for container api.",
        "not in the repository",
    ),
    (
        In::Task,
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1",
        "aws logs create-log-group --log-group-name /ecs/motor --region eu-west-1",
    ),
    (
        In::Task,
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/motor-execution/0c1d is not authorized to perform: logs:CreateLogStream on resource: arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/motor",
        "`logs:CreateLogStream` on log group `/ecs/motor`",
    ),
    (
        In::Task,
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret arn:aws:secretsmanager:eu-west-1:123456789012:secret:motor from secrets manager: AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/motor-execution/0c1d is not authorized to perform: secretsmanager:GetSecretValue on resource: motor",
        "`secretsmanager:GetSecretValue`",
    ),
    (
        In::Task,
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): ResourceNotFoundException: Secrets Manager can't find the specified secret.",
        "aws secretsmanager list-secrets",
    ),
    (
        In::Task,
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): retrieved secret from Secrets Manager did not contain json key password",
        "JSON key",
    ),
    (
        In::Task,
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried 3 time(s): RequestError: send request failed caused by: Post \"https://api.ecr.eu-west-1.amazonaws.com/\": dial tcp 52.46.1.1:443: i/o timeout. Please check your task network configuration.",
        "assignPublicIp=ENABLED",
    ),
    (
        In::Task,
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: something of tomorrow",
        "execution role `motor-execution`",
    ),
    (
        In::Event,
        "(service motor) failed to launch a task with (error ECS was unable to assume the role 'arn:aws:iam::123456789012:role/motor-task' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.).",
        "`motor-task`",
    ),
    (In::Container, "OutOfMemoryError: Container killed due to memory usage", "has 512 MiB"),
    (
        In::Container,
        "CannotStartContainerError: Error response from daemon: failed to create task for container: OCI runtime create failed: exec: \"serve\": executable file not found in $PATH: unknown",
        "remove `command`",
    ),
    (
        In::Event,
        "(service motor) (port 8080) is unhealthy in (target-group arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/motor/1a) due to (reason Health checks failed with these codes: [404]).",
        "aws elbv2 modify-target-group --target-group-arn arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/motor/1a --health-check-path /health",
    ),
    (
        In::Event,
        "(service motor) (port 8080) is unhealthy in (target-group arn:tg) due to (reason Health checks failed with these codes: [302]).",
        "a redirect or a refusal",
    ),
    (
        In::Event,
        "(service motor) (port 8080) is unhealthy in (target-group arn:tg) due to (reason Health checks failed with these codes: [502]).",
        "/ecs/motor",
    ),
    (
        In::Event,
        "(service motor) (port 8080) is unhealthy in (target-group arn:tg) due to (reason Request timed out).",
        "security group reach port 8080",
    ),
    (
        In::Task,
        "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/motor/1a)",
        "must listen on port 8080",
    ),
    (In::Task, "Task failed container health checks", "`startPeriod`"),
    (
        In::Event,
        "(service motor) was unable to place a task because no container instance met all of its requirements. The closest matching (container-instance 0c1d) has insufficient memory available.",
        "enough memory",
    ),
    (
        In::Event,
        "(service motor) was unable to place a task because no container instance met all of its requirements. The closest matching (container-instance 0c1d) encountered error \"RESOURCE:CPU\".",
        "enough CPU",
    ),
    (
        In::Event,
        "(service motor) was unable to place a task because no container instance met all of its requirements. Reason: No Container Instances were found in your cluster.",
        "has no container instance that fits",
    ),
    (
        In::Event,
        "(service motor) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.",
        "more availability zones",
    ),
    (
        In::Event,
        "(service motor) was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently.",
        "service-quotas",
    ),
    (In::Event, "(service motor) (deployment ecs-svc/8) deployment failed: alarm detected.", "alarm"),
    (In::Task, "SpotInterruption: Your Spot Task was interrupted.", "FARGATE_SPOT"),
    (In::Log, "ModuleNotFoundError: No module named 'catboost'", "Python package"),
    (
        In::Log,
        "ERROR: [Errno 98] error while attempting to bind on address ('0.0.0.0', 8080): address already in use",
        "another one",
    ),
    (
        In::Log,
        "PermissionError: [Errno 13] error while attempting to bind on address ('0.0.0.0', 80): permission denied",
        "below 1024",
    ),
    (In::Log, "MemoryError", "want of memory"),
    (
        In::Error,
        "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecs:UpdateService on resource: arn:aws:ecs:eu-west-1:123456789012:service/pricing/motor because no identity-based policy allows the ecs:UpdateService action",
        "`ecs:UpdateService` on `arn:aws:ecs:eu-west-1:123456789012:service/pricing/motor`",
    ),
    (
        In::Error,
        "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/motor-execution",
        "`iam:PassRole` on `arn:aws:iam::123456789012:role/motor-execution` and `arn:aws:iam::123456789012:role/motor-task`",
    ),
    (In::Error, "denied: Your authorization token has expired. Reauthenticate and try again.", "12 hours"),
    (In::Error, "pushing the image failed: no basic auth credentials", "AWS_ACCESS_KEY_ID"),
    (
        In::Error,
        "name unknown: The repository with name 'motor' does not exist in the registry with id '123456789012'",
        "aws ecr create-repository --repository-name motor --region eu-west-1",
    ),
    (
        In::Error,
        "tag invalid: The image tag '4f2a9c1' already exists in the 'motor' repository and cannot be overwritten because the repository is immutable.",
        "commit what differs",
    ),
    (In::Error, "ClientException: TaskDefinition is inactive", "deregistered"),
    (
        In::Task,
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried 1 time(s): AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/motor-execution/0c1d is not authorized to perform: ecr:GetAuthorizationToken on resource: *",
        "aws iam attach-role-policy --role-name motor-execution",
    ),
    (
        In::Error,
        "what serves is not what was proven: health: release 1a2b3c4d5e6f serves, not 6f5e4d3c2b1a",
        "`verify_url`",
    ),
    (
        In::Error,
        "the registry does not allow this account to begin an upload (registry: 123456789012.dkr.ecr.eu-west-1.amazonaws.com, repository: motor, answer: 403 DENIED)",
        "`ecr:PutImage` on `arn:aws:ecr:eu-west-1:123456789012:repository/motor`",
    ),
    (
        In::Error,
        "the registry wants to know who calls before it lets anyone begin an upload (registry: 123456789012.dkr.ecr.eu-west-1.amazonaws.com, repository: motor, answer: 401 UNAUTHORIZED)",
        "`ecr:GetAuthorizationToken`",
    ),
];

#[test]
fn every_known_cause_is_told_how_to_mend() {
    let mut wrong = Vec::new();
    for (place, text, expected) in CAUSES {
        let mut findings = Findings::new("the deployment failed", subject()).with_rollout(OURS, None);
        let (tasks, told);
        match place {
            In::Task => {
                tasks = [task("0c1", OURS, "TaskFailedToStart", text, json!({"name": "api"}))];
                findings = findings.with_tasks(&tasks);
            }
            In::Container => {
                tasks = [task(
                    "0c1",
                    OURS,
                    "TaskFailedToStart",
                    "Task failed to start",
                    json!({"name": "api", "reason": text}),
                )];
                findings = findings.with_tasks(&tasks);
            }
            In::Event => {
                told = events(&[text]);
                findings = findings.with_events(&told);
            }
            In::Log => findings = findings.with_log(LogTail::new("api", "0c1", vec![(*text).to_owned()])),
            In::Error => findings.summary = (*text).to_owned(),
        }
        let hints = failure_report(&findings).hints;
        if hints.len() != 1 || !hints.first().is_some_and(|hint| hint.contains(expected)) {
            wrong.push(format!("{text}\n  {hints:#?}\n  is not one hint with: {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_goes_well_gives_no_hint() {
    let told = events(&[
        "(service motor) has reached a steady state.",
        "(service motor) has started 1 tasks: (task 0c1d).",
        "(service motor) (deployment ecs-svc/8) deployment completed.",
        "(service motor) registered 1 targets in (target-group arn:tg)",
    ]);
    let log = LogTail::new(
        "api",
        "0c1",
        vec!["INFO: 10.0.0.1 - GET /health 200 OK, denied 0, memory 80 MB".to_owned()],
    );
    let findings =
        Findings::new("the answers differ from the proof", subject()).with_events(&told).with_log(log);
    assert!(failure_report(&findings).hints.is_empty());
}

#[test]
fn exit_codes_are_explained() {
    for code in [0, 1, 126, 127, 137, 139, 143] {
        assert!(explain_exit_code(code).is_some(), "{code}");
    }
    assert_eq!(explain_exit_code(42), None);
    for (code, expected) in [
        (1, "exit code 1: the program ended with an error"),
        (126, "another processor"),
        (127, "remove `command`"),
        (137, "has 512 MiB"),
        (139, "SIGSEGV"),
        (42, "exit code 42. Run"),
    ] {
        let tasks = [task("0c1", OURS, "", "", json!({"name": "api", "exitCode": code}))];
        let findings = Findings::new("it failed", subject()).with_rollout(OURS, None).with_tasks(&tasks);
        let report = failure_report(&findings);
        let [hint] = report.hints.as_slice() else { panic!("{code}: {:?}", report.hints) };
        assert!(hint.contains(expected), "{code}: {hint}");
    }
}

#[test]
fn a_health_check_with_a_program_that_is_not_there_is_told() {
    let mut subject = subject();
    subject.health_check = "CMD-SHELL curl -f http://localhost:8080/health || exit 1".to_owned();
    let tasks = [task(
        "0c1",
        OURS,
        "ServiceSchedulerInitiated",
        "Task failed container health checks",
        json!({"name": "api"}),
    )];
    let report =
        failure_report(&Findings::new("it failed", subject).with_rollout(OURS, None).with_tasks(&tasks));
    assert!(
        report
            .hints
            .iter()
            .any(|hint| hint.contains("calls `curl`") && hint.contains("localhost:8080/health")),
        "{report:?}"
    );
}

#[test]
fn another_port_is_told_by_the_log_and_by_the_configuration() {
    let mut asked = subject();
    asked.load_balancer_port = Some(8000);
    let configured = failure_report(&Findings::new("it failed", asked.clone())).hints;
    assert!(
        configured
            .iter()
            .any(|hint| hint.contains("listens on port 8080, and the load balancer asks port 8000")),
        "{configured:?}"
    );
    let log = LogTail::new(
        "api",
        "0c1",
        vec!["INFO: Uvicorn running on http://0.0.0.0:9090 (Press CTRL+C to quit)".to_owned()],
    );
    let logged = failure_report(&Findings::new("it failed", subject()).with_log(log)).hints;
    assert!(logged.iter().any(|hint| hint.contains("listens on port 9090")), "{logged:?}");
    asked.load_balancer_port = Some(8080);
    assert!(failure_report(&Findings::new("it failed", asked)).hints.is_empty());
}
