//! The Python that has MLflow.

use std::ffi::OsString;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

/// How long MLflow may take to listen: it imports for a long time.
const START: Duration = Duration::from_mins(10);

/// The Python named by `HAUTE_MLFLOW_PYTHON`, else by `HAUTE_PYTHON`, if it has MLflow: the whole of Haute has.
fn python() -> Option<&'static PathBuf> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let named = ["HAUTE_MLFLOW_PYTHON", "HAUTE_PYTHON"].into_iter().find_map(std::env::var_os)?;
            let named = PathBuf::from(named);
            let question = "import importlib.util as u, sys; sys.exit(u.find_spec('mlflow') is None)";
            let found = Command::new(&named).args(["-c", question]).status();
            found.is_ok_and(|status| status.success()).then_some(named)
        })
        .as_ref()
}

/// Whether there is one.
pub fn is_there() -> bool {
    python().is_some()
}

/// A test that needs MLflow.
pub fn test(name: &str, run: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Trial {
    if python().is_some() {
        return Trial::test(name, run);
    }
    let why = "neither HAUTE_MLFLOW_PYTHON nor HAUTE_PYTHON names a Python with mlflow in it";
    let trial = Trial::test(name, move || Err(format!("not run: {why}").into()));
    if std::env::var_os("HAUTE_TESTS_REQUIRE_ALL").is_some_and(|value| value == "1") {
        return trial;
    }
    trial.with_kind(format!("skipped: {why}")).with_ignored_flag(true)
}

/// A command of that Python, for `arguments`. What MLflow runs by name is found beside it.
pub fn command(arguments: &[&str]) -> Command {
    let python = python().expect("the test is not run without it");
    let mut path = OsString::from(python.parent().expect("a directory"));
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new(python);
    command
        .args(arguments)
        .env("PATH", path)
        .env("MLFLOW_DISABLE_TELEMETRY", "true")
        // Its server starts ten more processes for work nobody asks of it here.
        .env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
        .env("PYTHONWARNINGS", "ignore")
        .stdin(Stdio::null());
    command
}

/// Runs a script with `input` on its stdin; its stdout is JSON.
pub fn script(source: &str, arguments: &[&str], input: &Value) -> Value {
    let all: Vec<&str> = ["-c", source].into_iter().chain(arguments.iter().copied()).collect();
    let mut child = command(&all)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python runs");
    let text = input.to_string();
    child.stdin.take().expect("stdin").write_all(text.as_bytes()).expect("the script reads");
    let output = child.wait_with_output().expect("the script ends");
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().last().unwrap_or_default();
    serde_json::from_str(last)
        .unwrap_or_else(|error| panic!("{error}: {said}\n{}", String::from_utf8_lossy(&output.stderr)))
}

/// A program of MLflow that serves on a port of this machine; ended, with what it started, when it goes.
pub struct Server {
    child: Child,
    /// Where it answers.
    pub url: String,
}

impl Server {
    /// Starts an MLflow server that keeps everything below `directory`.
    pub fn tracking(directory: &Path) -> Self {
        let database = format!("sqlite:///{}/mlflow.db", directory.display());
        let artifacts = directory.join("artifacts").display().to_string();
        let store = ["--backend-store-uri", &database, "--artifacts-destination", &artifacts];
        Self::start(&[["server", "--workers", "1"].as_slice(), &store].concat(), "/health")
    }

    /// Starts a server that answers quotes with the model in `directory`.
    pub fn model(directory: &Path) -> Self {
        let path = directory.display().to_string();
        Self::start(&["models", "serve", "--model-uri", &path, "--env-manager", "local"], "/ping")
    }

    /// Starts `python -m mlflow <arguments> --host 127.0.0.1 --port <free>` and waits until `path` answers.
    pub fn start(arguments: &[&str], path: &str) -> Self {
        use std::os::unix::process::CommandExt as _;
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let port_text = port.to_string();
        let all: Vec<&str> = ["-m", "mlflow"]
            .into_iter()
            .chain(arguments.iter().copied())
            .chain(["--host", "127.0.0.1", "--port", &port_text])
            .collect();
        let child = command(&all)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("mlflow runs");
        let mut server = Self { child, url: format!("http://127.0.0.1:{port}") };
        let until = Instant::now() + START;
        while !answers(port, path) {
            if let Ok(Some(status)) = server.child.try_wait() {
                panic!("mlflow {arguments:?} ended with {status}");
            }
            assert!(Instant::now() < until, "mlflow {arguments:?} does not answer");
            // Nothing tells when it listens.
            std::thread::sleep(Duration::from_millis(200));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The group: MLflow starts workers that outlive it.
        let group = format!("-{}", self.child.id());
        let _gone_already = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _status = self.child.wait();
    }
}

fn answers(port: u16, path: &str) -> bool {
    use std::io::Read as _;
    let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else { return false };
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    let _timeout = stream.set_read_timeout(Some(Duration::from_secs(10)));
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}
