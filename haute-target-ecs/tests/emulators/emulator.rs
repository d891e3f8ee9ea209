//! An emulator as a process of its own, for one test.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use haute_core::error::{Error, ErrorKind, Result};
use tempfile::TempDir;

/// How long an emulator may take to come up on a machine that is busy.
const START: Duration = Duration::from_mins(1);

/// Which emulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `moto` 5.2: the forms of requests and answers, and what IAM denies. Its services never run anything.
    Moto,
    /// `ministack` 1.5: a registry and services whose deployments are through at once.
    Ministack,
}

impl Kind {
    /// What a test needs, as it is named where it is missing.
    pub(crate) fn named(self) -> &'static str {
        match self {
            Self::Moto => "Python with moto[server] (HAUTE_TEST_MOTO)",
            Self::Ministack => "Python with ministack (HAUTE_TEST_MINISTACK)",
        }
    }

    /// The Python that has it; `None` where none is named.
    pub(crate) fn find(self) -> Option<PathBuf> {
        let variable = match self {
            Self::Moto => "HAUTE_TEST_MOTO",
            Self::Ministack => "HAUTE_TEST_MINISTACK",
        };
        std::env::var_os(variable).map(PathBuf::from).filter(|python| python.is_file())
    }

    fn command(self, python: &Path, port: u16) -> Command {
        let mut command = Command::new(python);
        match self {
            Self::Moto => {
                command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
                // A service's tasks are said to run from the beginning, or never.
                command.env("MOTO_ECS_SERVICE_RUNNING", "1");
                // Nobody is asked for permissions until the test says so.
                command.env("INITIAL_NO_AUTH_ACTION_COUNT", "1000000");
            }
            Self::Ministack => {
                command.args(["-m", "ministack"]);
                command.env("GATEWAY_PORT", port.to_string()).env("BIND_HOST", "127.0.0.1");
                command.env("IOT_MTLS_ENABLED", "0").env("SFTP_ENABLED", "0");
                // Without Docker a deployment is through at once; with it, it would depend on the machine.
                command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
                command.env("MINISTACK_ACCOUNT_ID", crate::lab::ACCOUNT);
                command.env("MINISTACK_REGION", crate::lab::REGION);
            }
        }
        command
    }
}

/// A running emulator on a port of the loopback interface. Ended when dropped.
#[derive(Debug)]
pub(crate) struct Emulator {
    process: Child,
    address: SocketAddr,
    directory: TempDir,
}

impl Emulator {
    /// Starts one and waits until it answers.
    pub(crate) async fn start(kind: Kind, python: &Path) -> Result<Self> {
        let failed = |message: &'static str| {
            move |source: std::io::Error| Error::new(ErrorKind::Unavailable, message).with_source(source)
        };
        // Neither can choose a port by itself. Between here and its start another program may take it: then it does not start,
        // and says so.
        let free = TcpListener::bind("127.0.0.1:0").map_err(failed("there is no free port"))?;
        let address = free.local_addr().map_err(failed("there is no free port"))?;
        drop(free);
        let directory = TempDir::new().map_err(failed("there is no directory for the emulator"))?;
        let log = File::create(directory.path().join("log")).map_err(failed("there is no log"))?;
        let errors = log.try_clone().map_err(failed("there is no log"))?;
        let process = kind
            .command(python, address.port())
            .current_dir(directory.path())
            .env("TMPDIR", directory.path())
            .env("HOME", directory.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(failed("the emulator cannot be started"))?;
        // From here on, dropping it ends the process.
        let mut emulator = Self { process, address, directory };
        emulator.ready().await?;
        Ok(emulator)
    }

    /// `http://127.0.0.1:38127`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `127.0.0.1:38127`.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    async fn ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        let client = reqwest::Client::builder().no_proxy().build().map_err(|source| {
            Error::new(ErrorKind::Unavailable, "there is no HTTP client").with_source(source)
        })?;
        loop {
            if client.get(self.url()).timeout(Duration::from_secs(2)).send().await.is_ok() {
                return Ok(());
            }
            if self.process.try_wait().ok().flatten().is_some() || begun.elapsed() > START {
                let said = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
                return Err(Error::new(ErrorKind::Unavailable, "the emulator did not start")
                    .with_context("said", said));
            }
            // Another process tells nobody that it listens; it has to be asked.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to end.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
