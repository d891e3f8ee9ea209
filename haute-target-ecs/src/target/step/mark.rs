//! Marking a revision: what it serves was verified, or at least that it served.

use haute_core::error::{ErrorKind, Result};
use haute_core::event::Event;
use haute_core::target::{Context, StepOutcome, StepRequest};
use serde_json::json;

use super::super::EcsTarget;
use super::super::diff::{REGISTER, UPDATE};
use super::{earlier, text};
use crate::task_definition::tag_value;

pub(super) async fn mark(
    target: &EcsTarget,
    context: &Context,
    request: &StepRequest<'_>,
) -> Result<StepOutcome> {
    let candidates = [
        text(&request.step.payload, "task_definition"),
        earlier(request, UPDATE, "task_definition"),
        earlier(request, REGISTER, "task_definition"),
    ];
    let Some(arn) = candidates.into_iter().find(|arn| !arn.is_empty()) else {
        return Ok(StepOutcome::new(json!({"marked": false})));
    };
    let at = jiff::Timestamp::now();
    let tag = text(&request.step.payload, "tag");
    let tags = json!([{"key": tag, "value": tag_value(&at.to_string())}]);
    let aws = target.connection.aws().await?;
    match aws.ecs.tag_resource(arn, &tags).await {
        Ok(_) => Ok(StepOutcome::new(json!({"marked": true, "task_definition": arn, "at": at}))),
        // The prices are right all the same; only a later rollback on another machine cannot know it.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            context.events.emit(&Event::Warning {
                message: format!("the revision is not marked: {error}"),
                help: error.hints().first().cloned(),
            });
            Ok(StepOutcome::new(json!({"marked": false, "task_definition": arn})))
        }
        Err(error) => Err(error),
    }
}
