//! What stands in the way of a deploy, found out before anything is changed.
//!
//! Every line is one of: as it should be; works, but somebody should look; could not be looked at, with the IAM action that is
//! missing; a deploy would fail, with the command or the line of configuration that mends it.

mod account;
mod definition;
mod images;
mod insight;
mod load_balancer;
mod service;

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::target::{Context, DeployTarget as _, Finding, FindingLevel};

use crate::aws::error::missing_action;
use crate::config::Update;
use crate::target::EcsTarget;

/// Looks at everything.
pub(crate) async fn look(target: &EcsTarget, context: &Context) -> Result<Vec<Finding>> {
    let mut found = account::look(target).await?;
    let reached = found.iter().all(|finding| finding.level != FindingLevel::Failed);
    found.extend(images::look(target, context).await?);
    if target.config.update == Update::None || !reached {
        return Ok(found);
    }
    let Some(service) = service::look(target, &mut found).await? else { return Ok(found) };
    let definition = definition::look(target, &service, &mut found).await?;
    load_balancer::look(target, &service, definition.as_ref(), &mut found).await?;
    images::account(target, &service, &mut found);
    insight::look(target, &service, &mut found).await?;
    Ok(found)
}

/// The registry's line, as the container target says it.
async fn registry(target: &EcsTarget, context: &Context) -> Result<Vec<Finding>> {
    target.container.preflight(context).await
}

/// As it should be.
fn fine(subject: impl Into<String>, detail: impl Into<String>) -> Finding {
    Finding::new(subject, FindingLevel::Ok, detail)
}

/// Works, but somebody should look.
fn warn(subject: impl Into<String>, detail: impl Into<String>, fix: impl Into<String>) -> Finding {
    Finding::new(subject, FindingLevel::Warn, detail).with_fix(fix)
}

/// A deploy would fail.
fn failed(subject: impl Into<String>, detail: impl Into<String>, fix: impl Into<String>) -> Finding {
    Finding::new(subject, FindingLevel::Failed, detail).with_fix(fix)
}

/// Could not be looked at.
fn skipped(subject: impl Into<String>, action: &str) -> Finding {
    Finding::new(subject, FindingLevel::Skipped, format!("`{action}` is missing"))
        .with_fix(format!("allow `{action}` to let it be checked"))
}

/// A look that failed: skipped where a permission is missing, a failure where the thing is wrong, and otherwise the error itself
/// for what concerns every look (credentials, the network).
fn unseen(subject: &str, error: Error) -> Result<Finding> {
    if let Some(action) = missing_action(&error) {
        return Ok(skipped(subject, action));
    }
    match error.kind() {
        ErrorKind::Unauthenticated | ErrorKind::PermissionDenied => Err(error),
        ErrorKind::Unavailable | ErrorKind::RateLimited | ErrorKind::Timeout => {
            Ok(Finding::new(subject, FindingLevel::Skipped, haute_core::error::chain(&error).join(": ")))
        }
        _ => {
            let fix = error.hints().first().cloned();
            let finding = Finding::new(subject, FindingLevel::Failed, error.to_string());
            Ok(match fix {
                Some(fix) => finding.with_fix(fix),
                None => finding,
            })
        }
    }
}
