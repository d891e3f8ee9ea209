//! The registry of the `distribution` project, as Debian packages it (`docker-registry` 2.8), for one test.

mod client;
mod options;
mod storage;

pub use options::RegistryOptions;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use haute_core::error::{Error, ErrorKind, Result};
use tempfile::TempDir;

use crate::blocking::failed;
use crate::certificate::Certificates;
use crate::program::Program;

/// How long a registry may take to come up.
const START: Duration = Duration::from_secs(30);

/// A running registry on a free port of the loopback interface. Stopped, and its storage removed, when dropped.
#[derive(Debug)]
pub struct Registry {
    process: Child,
    address: String,
    directory: TempDir,
    options: RegistryOptions,
    certificates: Option<Certificates>,
}

impl Registry {
    /// Whether this machine has the program; `None` where it does not, for [`require`](crate::require).
    pub fn find() -> Option<()> {
        Program::find("docker-registry").map(drop)
    }

    /// Starts one with an empty storage and waits until it listens.
    ///
    /// # Errors
    /// When the program is missing or does not start, with what it said.
    pub fn start(options: RegistryOptions) -> Result<Self> {
        let program = Program::find("docker-registry").ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "`docker-registry` is not installed")
                .with_hint("install Debian's package `docker-registry`, or call `.ci/services packages`")
        })?;
        let directory = TempDir::new().map_err(failed("no directory for the registry's storage"))?;
        let certificates = options.tls.then(|| Certificates::create(directory.path())).transpose()?;
        let configuration = directory.path().join("registry.json");
        let text = configuration_text(directory.path(), &options, certificates.as_ref())?;
        std::fs::write(&configuration, text)
            .map_err(failed("the registry's configuration cannot be written"))?;
        let mut process = program
            .command()
            .arg("serve")
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed("`docker-registry` cannot be started"))?;
        let told = process.stderr.take().map(listen);
        // From here on, dropping it ends the process.
        let mut registry = Self { process, address: String::new(), directory, options, certificates };
        let told = told.ok_or_else(|| Error::bug("a piped process has no pipe"))?;
        registry.address = told
            .recv_timeout(START)
            .map_err(|_| did_not_start())?
            .map_err(|said| did_not_start().with_context("said", said))?;
        Ok(registry)
    }

    /// Host and port: `127.0.0.1:38127`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The whole address: `http://127.0.0.1:38127`, or with `https`.
    pub fn url(&self) -> String {
        let scheme = if self.options.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// User and password, where it asks for them.
    pub fn credentials(&self) -> Option<(&str, &str)> {
        self.options.credentials.as_ref().map(|(user, password)| (user.as_str(), password.as_str()))
    }

    /// The authority a client has to trust, where it speaks TLS.
    pub fn certificates(&self) -> Option<&Certificates> {
        self.certificates.as_ref()
    }

    fn storage(&self) -> std::path::PathBuf {
        self.directory.path().join("storage/docker/registry/v2")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to end.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn did_not_start() -> Error {
    Error::new(ErrorKind::Unavailable, "`docker-registry` did not start")
}

/// Its configuration. JSON is YAML, and quotes itself.
fn configuration_text(
    directory: &Path,
    options: &RegistryOptions,
    certificates: Option<&Certificates>,
) -> Result<String> {
    let mut http = serde_json::json!({ "addr": "127.0.0.1:0", "secret": "of one test", "relativeurls": options.relative });
    if let (Some(http), Some(certificates)) = (http.as_object_mut(), certificates) {
        http.insert(
            "tls".to_owned(),
            serde_json::json!({ "certificate": certificates.certificate(), "key": certificates.key() }),
        );
    }
    let mut whole = serde_json::json!({
        "version": 0.1,
        "log": { "level": "info", "accesslog": { "disabled": true } },
        "storage": {
            "filesystem": { "rootdirectory": directory.join("storage") },
            "delete": { "enabled": true },
            "maintenance": { "readonly": { "enabled": options.read_only } },
        },
        "http": http,
    });
    if let (Some(whole), Some((user, password))) = (whole.as_object_mut(), &options.credentials) {
        let file = directory.join("users");
        std::fs::write(&file, users_line(user, password)?)
            .map_err(failed("the registry's users cannot be written"))?;
        whole.insert(
            "auth".to_owned(),
            serde_json::json!({ "htpasswd": { "realm": "a registry of one test", "path": file } }),
        );
    }
    Ok(whole.to_string())
}

/// A line of a file of users, bcrypt, as the registry asks for.
fn users_line(user: &str, password: &str) -> Result<String> {
    let wrong = "`htpasswd` cannot be run";
    let program = Program::find("htpasswd").ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "`htpasswd` is not installed")
            .with_hint("install Debian's package `apache2-utils`, or call `.ci/services packages`")
    })?;
    // Cost 4, the least there is: a registry asks anew for every request.
    let mut process = program
        .command()
        .args(["-i", "-n", "-B", "-C", "4", user])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed(wrong))?;
    if let Some(mut input) = process.stdin.take() {
        input.write_all(password.as_bytes()).map_err(failed(wrong))?;
    }
    let finished = process.wait_with_output().map_err(failed(wrong))?;
    if !finished.status.success() {
        return Err(
            Error::new(ErrorKind::Unexpected, wrong).with_context("status", finished.status.to_string())
        );
    }
    Ok(String::from_utf8_lossy(&finished.stdout).into_owned())
}

/// Reads what the registry says until it names its address, or ends; and goes on reading, so that it never waits for us.
fn listen(output: ChildStderr) -> Receiver<Result<String, String>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut said = String::new();
        let mut told = false;
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if told {
                continue;
            }
            if let Some(address) = address_in(&line) {
                told = sender.send(Ok(address.to_owned())).is_ok();
            } else {
                said.push_str(&line);
                said.push('\n');
            }
        }
        if !told {
            drop(sender.send(Err(said)));
        }
    });
    receiver
}

/// The address in `msg="listening on 127.0.0.1:38127, tls"`.
fn address_in(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("listening on ")?;
    rest.split([',', '"']).next()
}
