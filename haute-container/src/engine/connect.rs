//! Finding an engine, and agreeing on a version of its API.

use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};
use haute_core::error::{Error, ErrorKind, Result, Retry};
use haute_core::variables::Variables;

use super::address::{Address, Candidate, candidates};
use super::{error, request};

/// How long an engine may take to begin an answer to a question.
const ANSWER: Duration = Duration::from_mins(2);
/// How long it may take to begin an answer to a build or a load: it reads everything first.
const UPLOAD: Duration = Duration::from_hours(2);
/// The oldest API with sessions, which BuildKit needs, outside of experiments (Engine API history, 1.39).
const BUILDKIT_SINCE: (u32, u32) = (1, 39);
/// The oldest API this crate's requests were written for (Docker 18.09).
const OLDEST: (u32, u32) = (1, 30);

/// A Docker engine that answers.
#[derive(Clone, Debug)]
pub struct Engine {
    docker: Docker,
    address: Address,
    version: EngineVersion,
}

/// What an engine is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineVersion {
    /// Of the engine, `20.10.24`.
    pub engine: String,
    /// Of the API both sides speak, `1.41`.
    pub api: String,
    /// Where it runs, `linux/amd64`.
    pub platform: String,
    /// Whether it builds through BuildKit, and this program can ask it to.
    pub buildkit: bool,
}

impl Engine {
    /// Connects to the engine the environment names: `DOCKER_HOST`, else the Docker context in use, else the usual sockets.
    ///
    /// Reads `DOCKER_HOST`, `DOCKER_CONTEXT`, `DOCKER_CONFIG`, `DOCKER_TLS_VERIFY`, `HOME` and `XDG_RUNTIME_DIR` of
    /// `variables`. Cancel-safe: it asks only.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when no engine answers, with every address that was tried; [`ErrorKind::PermissionDenied`]
    /// when this user may not speak to it; [`ErrorKind::Unsupported`] for one behind TLS or SSH, or one too old.
    pub async fn connect(variables: &Variables) -> Result<Self> {
        let mut tried = Vec::new();
        for candidate in candidates(variables)? {
            match Self::connect_to(candidate.address.clone()).await {
                Ok(engine) => return Ok(engine),
                Err(error) if error.kind() == ErrorKind::Unavailable => tried.push((candidate, error)),
                Err(error) => return Err(error.with_context("address from", candidate.from)),
            }
        }
        Err(nobody_answers(tried))
    }

    /// Connects to the engine at `address`. Cancel-safe: it asks only.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_to(address: Address) -> Result<Self> {
        let wrong = |source| {
            error::failed("engine.connect", "be reached", source).with_context("address", address.to_string())
        };
        let docker = match &address {
            Address::Socket(path) => Docker::connect_with_socket(
                &path.display().to_string(),
                ANSWER.as_secs(),
                API_DEFAULT_VERSION,
            ),
            Address::Tcp(host) => {
                Docker::connect_with_http(&format!("tcp://{host}"), ANSWER.as_secs(), API_DEFAULT_VERSION)
            }
        }
        .map_err(wrong)?;
        let said = docker.version().await.map_err(wrong)?;
        let api = said.api_version.as_deref().and_then(version).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "what answers is no Docker engine: it names no API version")
                .with_operation("engine.connect")
                .with_context("address", address.to_string())
        })?;
        let newest = (
            u32::try_from(API_DEFAULT_VERSION.major_version).unwrap_or_default(),
            u32::try_from(API_DEFAULT_VERSION.minor_version).unwrap_or_default(),
        );
        let least = said.min_api_version.as_deref().and_then(version).unwrap_or(OLDEST);
        let agreed = api.min(newest);
        if agreed < OLDEST || newest < least {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "the Docker engine speaks the API {}.{} to {}.{}, this program {}.{} to {}.{}",
                    least.0, least.1, api.0, api.1, OLDEST.0, OLDEST.1, newest.0, newest.1
                ),
            )
            .with_operation("engine.connect")
            .with_hint(
                "use another version of the engine, or set `builder = \"direct\"`, which needs none",
            ));
        }
        let podman = said.components.iter().flatten().any(|component| component.name.contains("Podman"));
        let system = said.os.unwrap_or_default();
        let version = EngineVersion {
            engine: said.version.unwrap_or_default(),
            api: format!("{}.{}", agreed.0, agreed.1),
            buildkit: cfg!(feature = "buildkit") && !podman && system == "linux" && agreed >= BUILDKIT_SINCE,
            platform: format!("{system}/{}", said.arch.unwrap_or_default()),
        };
        let api = version.api.clone();
        let docker = docker.with_request_modifier(move |request| request::finish(&api, request));
        Ok(Self { docker, address, version })
    }

    /// What it is.
    pub fn version(&self) -> &EngineVersion {
        &self.version
    }

    /// Where it answers.
    pub fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn docker(&self) -> &Docker {
        &self.docker
    }

    /// For requests whose answer begins when a large body was read.
    pub(super) fn patient(&self) -> Docker {
        self.docker.clone().with_timeout(UPLOAD)
    }
}

/// `1.41` as numbers.
fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn nobody_answers(tried: Vec<(Candidate, Error)>) -> Error {
    let places: Vec<String> =
        tried.iter().map(|(candidate, _)| format!("{} ({})", candidate.address, candidate.from)).collect();
    let mut error = Error::new(ErrorKind::Unavailable, "no Docker engine answers")
        .with_operation("engine.connect")
        .with_retry(Retry::Soon)
        .with_context("tried", places.join(", "))
        .with_hint("start the engine (`sudo systemctl start docker`, or Docker Desktop), or name it with `DOCKER_HOST`")
        .with_hint("or set `builder = \"direct\"`, which builds and pushes without one");
    if let Some((_, source)) = tried.into_iter().next() {
        error = error.with_source(source);
    }
    error
}
