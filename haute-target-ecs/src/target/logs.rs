//! What containers wrote, from `CloudWatch` Logs.

use haute_core::error::{ErrorKind, Result};
use serde_json::Value;

use super::observe::{self, read};
use super::status::serving_deployment;
use super::{EcsTarget, desired};
use crate::model::{DescribeTasksAnswer, ListTasksAnswer, Task};
use crate::task_definition::TaskDefinition;

/// The most tasks one `DescribeTasks` takes.
const AT_ONCE: usize = 100;

/// Where a container writes to, by the `awslogs` driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogPlace {
    /// The group.
    pub(crate) group: String,
    prefix: String,
    container: String,
}

impl LogPlace {
    /// Where `container` of `definition` writes; `None` where it is another driver, or no prefix names its streams.
    pub(crate) fn of(definition: &TaskDefinition, container: &str) -> Option<Self> {
        let logs = definition.container(container)?.get("logConfiguration")?;
        let option = |name: &str| logs.pointer(&format!("/options/{name}")).and_then(Value::as_str);
        if logs.get("logDriver").and_then(Value::as_str) != Some("awslogs") {
            return None;
        }
        Some(Self {
            group: option("awslogs-group")?.to_owned(),
            prefix: option("awslogs-stream-prefix")?.to_owned(),
            container: container.to_owned(),
        })
    }

    /// The stream of a task.
    pub(crate) fn stream(&self, task: &str) -> String {
        format!("{}/{}/{task}", self.prefix, self.container)
    }
}

/// The last lines of a task that serves.
pub(crate) async fn logs(target: &EcsTarget, lines: usize) -> Result<Vec<String>> {
    let observed = observe::observe(target).await?;
    let Some(serving) = serving_deployment(&observed.service).or(observed.primary()) else {
        return Ok(Vec::new());
    };
    let Some(definition) = observed.definition.as_seen() else { return Ok(Vec::new()) };
    let container = desired::container(target, definition)?;
    let Some(place) = LogPlace::of(definition, &container) else { return Ok(Vec::new()) };
    let mut tasks = tasks(target, "RUNNING").await?;
    if tasks.is_empty() {
        tasks = self::tasks(target, "STOPPED").await?;
    }
    tasks.sort_by_key(|task| (task.started_by.as_deref() == Some(serving.id.as_str()), task.created_at));
    let Some(task) = tasks.last() else { return Ok(Vec::new()) };
    let aws = target.connection.aws().await?;
    match aws.log_lines(&place.group, &place.stream(task.id()), lines).await {
        // A task that wrote nothing has no stream.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        other => other,
    }
}

/// The tasks of the service with this desired status.
pub(crate) async fn tasks(target: &EcsTarget, status: &str) -> Result<Vec<Task>> {
    let aws = target.connection.aws().await?;
    let config = &target.config;
    let listed = aws.ecs.list_tasks(&config.cluster, &config.service, status).await?;
    let listed: ListTasksAnswer = read(listed, "ecs.ListTasks")?;
    if listed.task_arns.is_empty() {
        return Ok(Vec::new());
    }
    let some: Vec<String> = listed.task_arns.into_iter().take(AT_ONCE).collect();
    let answer = aws.ecs.describe_tasks(&config.cluster, &some).await?;
    Ok(read::<DescribeTasksAnswer>(answer, "ecs.DescribeTasks")?.tasks)
}
