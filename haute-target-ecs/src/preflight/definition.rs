//! The task definition the service runs: container, port, processor, roles, logs, memory.

use haute_core::error::Result;
use haute_core::target::{Finding, FindingLevel};
use serde_json::Value;

use super::{failed, fine, skipped, unseen, warn};
use crate::aws::error::{code, missing_action};
use crate::config::Update;
use crate::model::Service;
use crate::target::{EcsTarget, LogPlace, container_of, observe, platform_of};
use crate::task_definition::TaskDefinition;

/// Below this, in MiB, Python with Polars hardly starts.
const LEAST_MEMORY: f64 = 512.0;

pub(super) async fn look(
    target: &EcsTarget,
    service: &Service,
    found: &mut Vec<Finding>,
) -> Result<Option<TaskDefinition>> {
    let arn = observe::wanted_definition(service);
    let subject = format!("task definition {}", arn.rsplit('/').next().unwrap_or(arn));
    let definition = match observe::definition(target, arn).await {
        Ok(definition) => definition,
        Err(error) => {
            let mut finding = unseen(&subject, error)?;
            if target.config.update == Update::Register {
                finding.level = FindingLevel::Failed;
                finding = finding.with_fix("allow ecs:DescribeTaskDefinition, ecs:RegisterTaskDefinition and iam:PassRole, or set `update = \"moving-tag\"` under [deploy.aws-ecs]");
            }
            found.push(finding);
            return Ok(None);
        }
    };
    let container = match container_of(target, &definition) {
        Ok(container) => container,
        Err(error) => {
            let fix = error.hints().first().cloned().unwrap_or_default();
            found.push(failed("container", error.to_string(), fix));
            return Ok(Some(definition));
        }
    };
    found.push(fine(subject, format!("readable; the container `{container}` serves the price")));
    found.push(port(target, &definition, &container));
    found.push(architecture(&definition));
    found.push(memory(&definition, &container));
    found.extend(health_check(&definition, &container));
    execution_role(target, &definition, &container, found).await?;
    log_group(target, &definition, &container, found).await?;
    Ok(Some(definition))
}

fn port(target: &EcsTarget, definition: &TaskDefinition, container: &str) -> Finding {
    let wanted = u64::from(target.config.port);
    let mappings =
        definition.container(container).and_then(|one| one.get("portMappings")).and_then(Value::as_array);
    let ports: Vec<u64> = mappings
        .into_iter()
        .flatten()
        .filter_map(|mapping| mapping.get("containerPort").and_then(Value::as_u64))
        .collect();
    if ports.contains(&wanted) {
        return fine("container port", wanted.to_string());
    }
    let ports: Vec<String> = ports.iter().map(u64::to_string).collect();
    let detail = if ports.is_empty() {
        format!("the container `{container}` maps no port, and the image listens on {wanted}")
    } else {
        format!("the container `{container}` maps {}, and the image listens on {wanted}", ports.join(", "))
    };
    let fix = match ports.first() {
        Some(port) => {
            format!("set `port = {port}` under [deploy.container], or map {wanted} in the task definition")
        }
        None => format!("map {wanted} in the task definition's `portMappings`"),
    };
    // Host networking needs no mapping, so that a deploy might still work.
    warn("container port", detail, fix)
}

fn architecture(definition: &TaskDefinition) -> Finding {
    fine("architecture", format!("the task runs on {}", platform_of(definition)))
}

fn memory(definition: &TaskDefinition, container: &str) -> Finding {
    let number = |value: Option<&Value>| match value {
        Some(Value::String(text)) => text.parse::<f64>().ok(),
        Some(Value::Number(number)) => number.as_f64(),
        _ => None,
    };
    let own = definition.container(container);
    let limit = number(own.and_then(|own| own.get("memory"))).or_else(|| number(definition.member("memory")));
    match limit {
        None => fine("memory", "the task sets no limit"),
        Some(limit) if limit < LEAST_MEMORY => warn(
            "memory",
            format!("{limit} MiB: the process that serves is likely to be killed (exit code 137)"),
            "give the task at least 1024 MiB",
        ),
        Some(limit) => fine("memory", format!("{limit} MiB")),
    }
}

/// A health check of the container runs inside it, where there is neither `curl` nor a shell to rely on.
fn health_check(definition: &TaskDefinition, container: &str) -> Option<Finding> {
    let check = definition.container(container)?.get("healthCheck")?;
    let command = check.get("command")?.as_array()?;
    let words: Vec<&str> = command.iter().filter_map(Value::as_str).collect();
    let text = words.join(" ");
    Some(if text.contains("curl") || text.contains("wget") {
        warn(
            "container health check",
            format!("`{text}`: slim images have neither curl nor wget"),
            "use Python, which the image has: CMD-SHELL python -c \"import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health')\"",
        )
    } else {
        fine("container health check", text)
    })
}

async fn execution_role(
    target: &EcsTarget,
    definition: &TaskDefinition,
    container: &str,
    found: &mut Vec<Finding>,
) -> Result<()> {
    let subject = "execution role";
    let fargate = definition
        .member("requiresCompatibilities")
        .and_then(Value::as_array)
        .is_some_and(|kinds| kinds.iter().any(|kind| kind == "FARGATE"));
    let role = definition.member("executionRoleArn").and_then(Value::as_str).filter(|role| !role.is_empty());
    let Some(role) = role else {
        if fargate || LogPlace::of(definition, container).is_some() {
            found.push(failed(
                subject,
                "the task definition names none, so that its tasks can neither pull from ECR nor write logs",
                "set `executionRoleArn` in the task definition, with the policy AmazonECSTaskExecutionRolePolicy",
            ));
        }
        return Ok(());
    };
    let name = role.rsplit('/').next().unwrap_or(role);
    let aws = target.connection.aws().await?;
    found.push(match aws.role_trust(name).await {
        Ok(policy) if policy.to_string().contains("ecs-tasks.amazonaws.com") => fine(subject, role),
        Ok(_) => failed(
            subject,
            format!("`{name}` does not trust ecs-tasks.amazonaws.com"),
            format!("aws iam update-assume-role-policy --role-name {name} --policy-document '{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":{{\"Service\":\"ecs-tasks.amazonaws.com\"}},\"Action\":\"sts:AssumeRole\"}}]}}'"),
        ),
        Err(error) if code(&error).starts_with("NoSuchEntity") => failed(
            subject,
            format!("`{name}` does not exist"),
            format!("aws iam create-role --role-name {name} …, or correct `executionRoleArn` in the task definition"),
        ),
        // IAM is asked for nothing else: whatever else it says, a deploy does not need it.
        Err(error) => match missing_action(&error) {
            Some(action) => skipped(subject, action),
            None => Finding::new(subject, FindingLevel::Skipped, format!("{role} could not be looked at: {error}")),
        },
    });
    Ok(())
}

async fn log_group(
    target: &EcsTarget,
    definition: &TaskDefinition,
    container: &str,
    found: &mut Vec<Finding>,
) -> Result<()> {
    let subject = "log group";
    let Some(place) = LogPlace::of(definition, container) else {
        found.push(warn(
            subject,
            format!("the container `{container}` does not write to CloudWatch Logs with a stream prefix: a failure cannot be explained from here"),
            "use the log driver `awslogs` with `awslogs-group`, `awslogs-region` and `awslogs-stream-prefix`",
        ));
        return Ok(());
    };
    let creates = definition
        .container(container)
        .and_then(|one| one.pointer("/logConfiguration/options/awslogs-create-group"))
        .and_then(Value::as_str)
        == Some("true");
    let aws = target.connection.aws().await?;
    found.push(match aws.has_log_group(&place.group).await {
        Ok(true) => fine(subject, place.group.clone()),
        Ok(false) if creates => fine(subject, format!("{} is made by the task", place.group)),
        Ok(false) => failed(
            subject,
            format!("`{}` does not exist, and tasks do not start without it", place.group),
            format!(
                "aws logs create-log-group --log-group-name {} --region {}",
                place.group,
                target.connection.region()
            ),
        ),
        Err(error) => match missing_action(&error) {
            Some(action) => skipped(subject, action),
            None => unseen(subject, error)?,
        },
    });
    Ok(())
}
