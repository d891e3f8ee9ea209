//! The changes of the world, one per call.

mod mark;
mod register;
mod update;

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::target::{Context, DeployTarget as _, Readiness, StepOutcome, StepRequest};
use serde_json::{Value, json};

use super::EcsTarget;
use super::diff::{LATEST, MARK, REGISTER, REPOSITORY, UPDATE, WAIT};
use super::follow;
use crate::config::Update;

pub(super) use register::revision;

/// The step of the container target that pushes the image.
const IMAGE: &str = "image";

/// Makes one change.
pub(super) async fn apply(
    target: &EcsTarget,
    context: &Context,
    request: &StepRequest<'_>,
) -> Result<StepOutcome> {
    match request.step.id.as_str() {
        IMAGE => target.container.apply_step(context, request.clone()).await,
        LATEST => {
            let outcome = target.container.apply_step(context, request.clone()).await?;
            // Elsewhere the tag is a comfort. Here it is what the service takes.
            let moved = outcome.outputs.get("moved").and_then(Value::as_bool).unwrap_or_default();
            if target.config.update == Update::MovingTag && !moved {
                return Err(Error::new(ErrorKind::AlreadyExists, "the tag the service takes did not move")
                    .with_hint("let the repository's tags be mutable, at least this one (an exclusion filter), or set `update = \"register\"`"));
            }
            Ok(outcome)
        }
        REPOSITORY => repository(target, &request.step.payload).await,
        WAIT => Ok(StepOutcome::new(json!({"deployment": text(&request.step.payload, "deployment")}))),
        REGISTER => register::register(target, context, request).await,
        UPDATE => update::update(target, request).await,
        MARK => mark::mark(target, context, request).await,
        other => Err(Error::bug(format!("the target `aws-ecs` has no step `{other}`"))),
    }
}

/// Says whether the world has caught up.
pub(super) async fn poll(
    target: &EcsTarget,
    context: &Context,
    request: StepRequest<'_>,
) -> Result<Readiness> {
    match request.step.id.as_str() {
        IMAGE | LATEST => target.container.poll(context, request).await,
        WAIT => follow::other(target, text(&request.step.payload, "deployment")).await,
        UPDATE => Box::pin(follow::ours(target, context, &request)).await,
        _ => Ok(Readiness::Ready),
    }
}

/// Makes the repository; finding it there is as good.
async fn repository(target: &EcsTarget, payload: &Value) -> Result<StepOutcome> {
    let aws = target.connection.aws().await?;
    let account = payload.get("account").and_then(Value::as_str);
    match aws.ecr.create_repository(account, text(payload, "name")).await {
        Ok(answer) => {
            let uri = answer.pointer("/repository/repositoryUri").cloned().unwrap_or_default();
            Ok(StepOutcome::new(json!({"repository": uri})))
        }
        Err(error) if crate::aws::error::code(&error).starts_with("RepositoryAlreadyExists") => {
            Ok(StepOutcome::new(json!({"repository": text(payload, "name")})))
        }
        Err(error) => Err(error),
    }
}

/// A text of a payload or of outputs; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// What an earlier step of the plan reported.
pub(super) fn earlier<'a>(request: &StepRequest<'a>, step: &str, key: &str) -> &'a str {
    let earlier: &'a std::collections::BTreeMap<String, Value> = request.earlier;
    earlier.get(step).map_or("", |outputs| text(outputs, key))
}
