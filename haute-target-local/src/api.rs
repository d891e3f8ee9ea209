//! The supervisor: starting it, and speaking to it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use haute_core::digest::Digest;
use haute_core::error::Retry;
use haute_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::error;
use crate::owner;

/// The version of the words spoken with the supervisor.
pub(crate) const PROTOCOL: u32 = 1;
/// How long the supervisor may take for an answer; it waits for a child to open for at most [`OPEN_SECONDS`].
const ANSWER: Duration = Duration::from_secs(20);
const OPEN_SECONDS: u64 = 10;
/// How long the supervisor may take to start.
const LAUNCH: Duration = Duration::from_secs(30);

const SOURCE: &str = include_str!("supervisor.py");

/// What the supervisor says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Status {
    pub(crate) protocol: u32,
    #[serde(flatten)]
    pub(crate) process: Process,
    pub(crate) socket: PathBuf,
    /// The id of the instance that serves.
    pub(crate) serving: Option<String>,
    pub(crate) instances: Vec<Instance>,
    /// Releases that served, oldest first. Only in the file it leaves.
    #[serde(default)]
    pub(crate) served: Vec<Served>,
}

/// One process, for good: ids are used again, ids with a start time are not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) pid: Option<u32>,
    pub(crate) started: Option<String>,
}

impl Process {
    /// The id, if that very process is still there.
    pub(crate) fn alive(&self) -> Option<u32> {
        let pid = self.pid?;
        (self.started.is_some() && owner::start_time(pid) == self.started).then_some(pid)
    }
}

/// A release that runs, or ran and died.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Instance {
    #[serde(rename = "instance")]
    pub(crate) id: String,
    pub(crate) release: Digest,
    pub(crate) state: State,
    pub(crate) port: Option<u16>,
    #[serde(flatten)]
    pub(crate) process: Process,
    pub(crate) restarts: u32,
    pub(crate) exit: Option<String>,
    pub(crate) error: Option<String>,
}

/// What an instance does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Loads.
    Starting,
    /// Answers on its private port.
    Ready,
    /// Answers on the public address too.
    Open,
    /// Answers callers it has, takes no new ones.
    Draining,
    /// Crashed after it was ready, and is about to be started again.
    Restarting,
    /// Ended before it was ready.
    Dead,
    /// Ended because it was told to.
    Ended,
}

impl State {
    /// Whether it runs, or will again.
    pub(crate) fn stays(self) -> bool {
        matches!(self, Self::Starting | Self::Ready | Self::Open | Self::Restarting)
    }
}

/// A release that served.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Served {
    pub(crate) release: Digest,
    pub(crate) directory: PathBuf,
}

/// The supervisor of one address, by its state directory.
#[derive(Clone, Debug)]
pub(crate) struct Supervisor {
    directory: PathBuf,
}

impl Supervisor {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// What the last supervisor of this address left written; `None` when there never was one, or it is unreadable.
    pub(crate) fn left(&self) -> Option<Status> {
        serde_json::from_slice(&fs::read(self.directory.join("state.json")).ok()?).ok()
    }

    /// What the supervisor says; `None` when there is none.
    pub(crate) async fn status(&self) -> Result<Option<Status>> {
        let Some(left) = self.left() else { return Ok(None) };
        let stream = match UnixStream::connect(&left.socket).await {
            Ok(stream) => stream,
            Err(_) if left.process.alive().is_none() => return Ok(None),
            Err(error) => {
                return Err(error::supervisor(format!(
                    "the supervisor (process {}) does not answer",
                    left.process.pid.unwrap_or_default()
                ))
                .with_hint("`haute-cli stop` ends it; then deploy again")
                .with_source(error));
            }
        };
        let answer = exchange(stream, json!({"op": "status"})).await?;
        let status: Status = serde_json::from_value(answer).map_err(|error| {
            error::supervisor("the supervisor's answer cannot be read").with_source(error)
        })?;
        if status.protocol != PROTOCOL {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("the supervisor speaks version {}, this program {PROTOCOL}", status.protocol),
            )
            .with_operation("local.supervisor")
            .with_hint("run `haute-cli stop` with the version that started it, then deploy again"));
        }
        Ok(Some(status))
    }

    /// Starts an instance; the same id again gives the one there is.
    pub(crate) async fn start(
        &self,
        id: &str,
        release: &Digest,
        directory: &Path,
        python: &Path,
        variables: BTreeMap<String, String>,
    ) -> Result<()> {
        let request = json!({
            "op": "start", "instance": id, "release": release, "directory": directory, "python": python,
            "variables": variables,
        });
        self.ask(request).await.map(drop)
    }

    /// Lets an instance accept on the public address.
    pub(crate) async fn open(&self, id: &str) -> Result<()> {
        self.ask(json!({"op": "open", "instance": id, "seconds": OPEN_SECONDS})).await.map(drop)
    }

    /// Lets instances finish and end.
    pub(crate) async fn drain(&self, ids: &[String], seconds: u64) -> Result<()> {
        self.ask(json!({"op": "drain", "instances": ids, "seconds": seconds})).await.map(drop)
    }

    /// Lets everything finish and end, the supervisor last.
    pub(crate) async fn shutdown(&self, seconds: u64) -> Result<()> {
        self.ask(json!({"op": "shutdown", "seconds": seconds})).await.map(drop)
    }

    /// The last lines of an instance, or of all.
    pub(crate) async fn logs(&self, id: Option<&str>, lines: usize) -> Result<Vec<String>> {
        let answer = self.ask(json!({"op": "logs", "instance": id, "lines": lines})).await?;
        serde_json::from_value(answer.get("lines").cloned().unwrap_or_default())
            .map_err(|error| error::supervisor("the supervisor's log cannot be read").with_source(error))
    }

    /// The last lines of the log file: what is left when there is no supervisor.
    pub(crate) fn log_file(&self, lines: usize) -> Vec<String> {
        let bytes = fs::read(self.directory.join("supervisor.log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let all: Vec<&str> = text.lines().collect();
        all.iter().skip(all.len().saturating_sub(lines)).map(|line| (*line).to_owned()).collect()
    }

    async fn ask(&self, request: Value) -> Result<Value> {
        let left = self.left().ok_or_else(|| error::supervisor("there is no supervisor"))?;
        let stream = UnixStream::connect(&left.socket)
            .await
            .map_err(|error| error::supervisor("the supervisor does not answer").with_source(error))?;
        exchange(stream, request).await
    }

    /// Starts the supervisor on `address`, detached: it outlives the caller and its terminal.
    pub(crate) async fn launch(&self, python: &Path, address: SocketAddr) -> Result<()> {
        let script = self.directory.join("supervisor.py");
        fs::create_dir_all(&self.directory).map_err(|error| error::file("create", &self.directory, error))?;
        write(&script, SOURCE)?;
        let command = tokio::process::Command::new(python)
            .args(["-I", "-S", "-B"])
            .arg(&script)
            .arg("--directory")
            .arg(&self.directory)
            .args(["--host", &address.ip().to_string(), "--port", &address.port().to_string()])
            .env_clear()
            .stdin(Stdio::null())
            .output();
        let output = timeout(LAUNCH, command)
            .await
            .map_err(|_| error::supervisor("the supervisor did not start in time"))?
            .map_err(|error| {
                error::supervisor(format!("cannot run `{}`", python.display())).with_source(error)
            })?;
        let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        if output.status.success() && said.get("pid").is_some() {
            return Ok(());
        }
        if said.get("errno").and_then(Value::as_str) == Some("EADDRINUSE") {
            let owner = match owner::look(address)? {
                owner::Port::Taken(owner) => owner,
                owner::Port::Free => None,
            };
            return Err(owner::taken(address, owner.as_ref()));
        }
        let words = said.get("error").and_then(Value::as_str).map(str::to_owned);
        let errors = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(error::supervisor("the supervisor did not start").with_source(words.unwrap_or(errors)))
    }
}

/// Writes the script in one step: a supervisor that starts at the same moment reads all of it.
fn write(path: &Path, text: &str) -> Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let written = tempfile::NamedTempFile::new_in(directory).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.persist(path).map_err(|error| error.error).map(drop)
    });
    written.map_err(|error| error::file("write", path, error))
}

/// One request, one answer.
async fn exchange(stream: UnixStream, request: Value) -> Result<Value> {
    let work = async {
        let mut stream = BufReader::new(stream);
        stream.write_all(format!("{request}\n").as_bytes()).await?;
        stream.flush().await?;
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        Ok::<_, std::io::Error>(line)
    };
    let line = timeout(ANSWER, work)
        .await
        .map_err(|_| error::supervisor("the supervisor did not answer in time").with_retry(Retry::Soon))?
        .map_err(|error| {
            error::supervisor("the supervisor broke off").with_retry(Retry::Soon).with_source(error)
        })?;
    let answer: Value = serde_json::from_str(&line)
        .map_err(|error| error::supervisor("the supervisor's answer cannot be read").with_source(error))?;
    match answer.get("error") {
        None | Some(Value::Null) => Ok(answer),
        Some(words) => Err(error::supervisor(format!(
            "the supervisor refused: {}",
            words.as_str().unwrap_or("for no reason it gave")
        ))),
    }
}
