//! How tasks fare, and what happens to a service from outside.

use std::time::Duration;

/// How the tasks of a deployment fare.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Behaviour {
    /// They start and become healthy.
    Healthy,
    /// They start, and become healthy so much later than usual.
    Slow(Duration),
    /// Their image cannot be pulled.
    PullFails,
    /// Their image is for another processor: the container exits with 1 at once, and its log says `exec format error`.
    ExecFormatError,
    /// A secret of the task definition cannot be read.
    SecretsFail,
    /// A container runs for so long and exits with this code, having logged these lines.
    Crash {
        /// The exit code.
        code: i64,
        /// How long it runs.
        after: Duration,
        /// What it logs last.
        log: Vec<String>,
    },
    /// A container uses more memory than it has, after so long.
    OutOfMemory(Duration),
    /// The container's own health check fails.
    ContainerUnhealthy,
    /// The load balancer's health check fails, with this reason: `Health checks failed with these codes: [404]`.
    TargetUnhealthy(String),
    /// There is no room for them: none is ever started.
    NoCapacity,
    /// The Docker engine runs them. What a service made by [`AwsFake::with_engine`](crate::AwsFake::with_engine) does unless a script
    /// says otherwise.
    Engine,
}

impl Behaviour {
    /// A crash with exit code 1 and a traceback in the log, after so many seconds.
    pub fn crash(after: u64) -> Self {
        Self::Crash {
            code: 1,
            after: Duration::from_secs(after),
            log: vec![
                "Traceback (most recent call last):".to_owned(),
                "ModuleNotFoundError: No module named 'polars'".to_owned(),
            ],
        }
    }
}

/// Which deployments a behaviour is for; looked for in this order, the latest script first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Script {
    /// Those of one revision: `motor:2`, or its ARN.
    Revision(String),
    /// Those with a container whose image holds this text: a tag, a digest, a repository.
    Image(String),
    /// Those of one service, by name.
    Service(String),
}

/// Something that happens to a service while it is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happening {
    /// Somebody else updates it to this task definition (`motor:3`), and a new deployment begins.
    Update(String),
    /// Somebody else begins a new deployment of the task definition it has.
    Force,
    /// It is scaled to so many tasks.
    Scale(usize),
    /// An alarm of this name goes off.
    Alarm(String),
    /// It is being deleted: DRAINING.
    Drain,
    /// It is INACTIVE.
    Deactivate,
    /// It is gone: described, it is MISSING.
    Remove,
    /// Every running task of it exits with 1, healthy or not.
    CrashAll,
    /// From now on its tasks fare like this, those of deployments that are there already too.
    Behave(Behaviour),
}
