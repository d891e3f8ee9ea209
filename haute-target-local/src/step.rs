//! What each step does, and when the world has caught up with it.

use haute_core::error::{Error, ErrorKind, Result, Retry};
use haute_core::plan::Step;
use haute_core::store::Store;
use haute_core::target::{Context, Readiness, StepOutcome, StepRequest};
use haute_core::verify::verify;
use haute_probe::{HttpQuoteService, Options};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api::{Instance, Process, State};
use crate::desired;
use crate::error;
use crate::target::LocalTarget;

/// What the runtime shows as `commit` in `/health` (`haute-core/python/MANIFEST.md`, "Commands").
const COMMIT: &str = "HAUTE_SERVE_COMMIT";

/// How many last lines of a release that did not come up an error shows.
const LINES: usize = 40;

/// What a step needs to be applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Payload {
    /// Start the supervisor.
    Supervisor,
    /// Start the release as a new instance, on a private port.
    Start { instance: String },
    /// Let an instance accept on the public address.
    Switch { instance: String },
    /// Let instances finish and end.
    Drain { instances: Vec<String> },
    /// Let everything finish and end.
    Stop,
}

impl Payload {
    fn of(step: &Step) -> Result<Self> {
        serde_json::from_value(step.payload.clone()).map_err(|error| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("the step `{}` is none of the target `local`", step.id),
            )
            .with_source(error)
        })
    }
}

/// Makes the change of a step.
pub(crate) async fn apply(
    target: &LocalTarget,
    context: &Context,
    request: &StepRequest<'_>,
) -> Result<StepOutcome> {
    let supervisor = &target.supervisor;
    match Payload::of(request.step)? {
        Payload::Supervisor => {
            if supervisor.status().await?.is_none() {
                target.look().await?;
                let python = target.environments.base_python(context).await?;
                supervisor
                    .launch(&python, target.config.socket())
                    .await
                    .map_err(|error| target.maybe_orphan(error))?;
            }
            Ok(StepOutcome::default())
        }
        Payload::Start { instance } => {
            let release = if let Some(proven) = request.release {
                proven.release.clone()
            } else {
                let wanted = request.plan.release.as_ref();
                let wanted = wanted.ok_or_else(|| Error::bug("a start without a release"))?;
                desired::find(wanted, &target.look().await?, &target.root)?
            };
            release.verify_files()?;
            let python = target.environments.python_for(context, &release).await?;
            let mut variables = target.variables_for(&release);
            // What is deployed now is of the commit that is checked out now; what is rolled back to is not.
            if request.release.is_some() && !variables.contains_key(COMMIT) {
                variables.extend(target.commit().await.map(|commit| (COMMIT.to_owned(), commit)));
            }
            let directory = std::path::absolute(release.directory())
                .map_err(|error| error::file("find", release.directory(), error))?;
            supervisor.start(&instance, release.digest(), &directory, &python, variables).await?;
            Ok(StepOutcome::new(json!({"instance": instance})))
        }
        Payload::Switch { instance } => {
            supervisor.open(&instance).await?;
            Ok(StepOutcome::new(json!({"instance": instance})))
        }
        Payload::Drain { instances } => {
            supervisor.drain(&instances, target.config.drain_seconds).await?;
            Ok(StepOutcome::default())
        }
        Payload::Stop => stop(target).await.map(|()| StepOutcome::default()),
    }
}

/// Tells the supervisor to end; one that does not answer is told by a signal, if it is still the process that was started.
async fn stop(target: &LocalTarget) -> Result<()> {
    let Err(error) = target.supervisor.shutdown(target.config.drain_seconds).await else { return Ok(()) };
    let Some(left) = target.supervisor.left() else { return Ok(()) };
    let Some(process) = left.process.alive() else { return Ok(()) };
    let pid = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.ok_or_else(|| error::supervisor("the supervisor's process id cannot be one"))?;
    match rustix::process::kill_process(pid, rustix::process::Signal::TERM) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(_) => Err(error),
    }
}

/// Says whether the world has caught up with a step.
pub(crate) async fn poll(target: &LocalTarget, request: &StepRequest<'_>) -> Result<Readiness> {
    let supervisor = &target.supervisor;
    let status = supervisor.status().await;
    let payload = Payload::of(request.step)?;
    if payload == Payload::Stop {
        return Ok(stopped(target));
    }
    let status = match (status?, &payload) {
        (Some(status), _) => status,
        (None, Payload::Supervisor) => return Ok(pending("the supervisor to start")),
        (None, _) => {
            return Err(error::not_up("the supervisor has ended".to_owned(), &supervisor.log_file(LINES)));
        }
    };
    let find = |id: &str| status.instances.iter().find(|instance| instance.id == id);
    match payload {
        Payload::Supervisor | Payload::Stop => Ok(Readiness::Ready),
        Payload::Start { instance } => match find(&instance) {
            Some(found) if found.state == State::Starting => {
                Ok(pending(&format!("release {} to load", found.release.short())))
            }
            Some(found) if matches!(found.state, State::Ready | State::Open) => {
                ready(target, request, found).await
            }
            other => Err(died(target, other, &instance).await),
        },
        Payload::Switch { instance } => match find(&instance) {
            Some(found) if found.state == State::Open && status.serving.as_ref() == Some(&instance) => {
                Ok(Readiness::Ready)
            }
            Some(found) if matches!(found.state, State::Ready | State::Open) => {
                Ok(pending(&format!("release {} to accept callers", found.release.short())))
            }
            other => Err(died(target, other, &instance).await),
        },
        Payload::Drain { instances } => {
            let left: Vec<_> =
                instances.iter().filter(|id| find(id).is_some_and(|one| one.state != State::Dead)).collect();
            Ok(if left.is_empty() {
                Readiness::Ready
            } else {
                pending("callers of the old release to finish")
            })
        }
    }
}

/// A loaded release is ready when it answers the proven quotes with the proven prices, over HTTP, on its private port.
async fn ready(target: &LocalTarget, request: &StepRequest<'_>, instance: &Instance) -> Result<Readiness> {
    let port = instance.port.ok_or_else(|| error::supervisor("a ready release has no port"))?;
    let service = HttpQuoteService::new(&format!("http://127.0.0.1:{port}"), &Options::default())?;
    let kept;
    let proof = if let Some(proven) = request.release {
        Some(&proven.proof)
    } else {
        kept = Store::new(&target.root).proof(&instance.release)?;
        kept.as_ref()
    };
    let Some(proof) = proof else {
        // A rollback to a release whose proof is gone: that it is the release is all that can be told. The engine does
        // not call that a success.
        use haute_core::verify::QuoteService as _;
        let health = service.health().await?;
        let fits = health.release.as_ref() == Some(&instance.release) && health.status == "ok";
        return if fits {
            Ok(Readiness::Ready)
        } else {
            Err(error::not_up("another release answers".to_owned(), &[]))
        };
    };
    match verify(&service, proof).await {
        Ok(found) => match found.require() {
            Ok(()) => Ok(Readiness::Ready),
            Err(error) => Err(Error::new(
                ErrorKind::DeploymentFailed,
                format!(
                    "release {} does not give its proven prices; it was not let serve",
                    instance.release.short()
                ),
            )
            .with_operation("local.start")
            .with_source(error)),
        },
        // It may have crashed in between: the next look tells.
        Err(error) if error.retry() != Retry::Never => {
            Ok(pending(&format!("release {} to answer: {error}", instance.release.short())))
        }
        Err(error) => Err(error),
    }
}

async fn died(target: &LocalTarget, instance: Option<&Instance>, id: &str) -> Error {
    let lines = target.supervisor.logs(Some(id), LINES).await.unwrap_or_default();
    let Some(instance) = instance else {
        return error::not_up(format!("the process `{id}` is gone"), &target.supervisor.log_file(LINES));
    };
    let mut message = format!("release {} did not come up", instance.release.short());
    if let Some(exit) = &instance.exit {
        message = format!("{message}: its process ended with {exit}");
    }
    if let Some(error) = &instance.error {
        message = format!("{message}: {error}");
    }
    error::not_up(message, &lines)
}

/// Whether the supervisor and everything it ran are gone, as the kernel says.
fn stopped(target: &LocalTarget) -> Readiness {
    let Some(left) = target.supervisor.left() else { return Readiness::Ready };
    let mut running =
        std::iter::once(&left.process).chain(left.instances.iter().map(|instance| &instance.process));
    match running.find_map(Process::alive) {
        None => Readiness::Ready,
        Some(process) => pending(&format!("process {process} to end")),
    }
}

fn pending(message: &str) -> Readiness {
    Readiness::Pending { message: message.to_owned() }
}
