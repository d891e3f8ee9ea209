//! Where an engine answers: what `DOCKER_HOST`, Docker's contexts and the usual sockets say.

use std::fmt;
use std::path::{Path, PathBuf};

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::variables::Variables;
use serde_json::Value;

/// Where an engine answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// A socket of this machine (a named pipe on Windows).
    Socket(PathBuf),
    /// Plain HTTP at `host:port`.
    Tcp(String),
}

impl Address {
    /// Reads an address in the form of `DOCKER_HOST`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a scheme this crate does not speak, [`ErrorKind::InvalidInput`] for what is no address.
    pub fn parse(text: &str) -> Result<Self> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("tcp", text));
        if rest.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("`{}` is no address of a Docker engine", text.escape_debug()),
            )
            .with_operation("engine.connect")
            .with_hint("write `unix:///var/run/docker.sock` or `tcp://host:2375`"));
        }
        match scheme {
            "unix" | "npipe" => Ok(Self::Socket(PathBuf::from(rest))),
            "tcp" | "http" => {
                let host = rest.trim_end_matches('/');
                Ok(Self::Tcp(if host.contains(':') { host.to_owned() } else { format!("{host}:2375") }))
            }
            other => Err(Error::new(
                ErrorKind::Unsupported,
                format!("a Docker engine cannot be reached over `{}`", other.escape_debug()),
            )
            .with_operation("engine.connect")
            .with_hint("forward its socket (`ssh -L /tmp/engine.sock:/var/run/docker.sock host`) and set `DOCKER_HOST=unix:///tmp/engine.sock`")
            .with_hint("or set `builder = \"direct\"`, which needs no engine")),
        }
    }

    /// The host whose ports a container publishes: where to ask what runs in it.
    pub(super) fn host(&self) -> &str {
        match self {
            Self::Socket(_) => "127.0.0.1",
            Self::Tcp(address) => {
                address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host).trim_matches(['[', ']'])
            }
        }
    }

    /// Whether containers run on this machine.
    pub(super) fn is_here(&self) -> bool {
        matches!(self.host(), "127.0.0.1" | "localhost" | "::1")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

/// An address to try, and who named it.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) address: Address,
    pub(super) from: String,
}

/// The addresses to try, in order. One that was named is the only one: another engine is not what was asked for.
pub(super) fn candidates(variables: &Variables) -> Result<Vec<Candidate>> {
    let set = |name: &str| variables.get(name).filter(|value| !value.is_empty());
    if let Some(host) = set("DOCKER_HOST") {
        let address = Address::parse(host)?;
        if matches!(address, Address::Tcp(_))
            && (set("DOCKER_TLS_VERIFY").is_some() || set("DOCKER_TLS").is_some())
        {
            return Err(no_tls("`DOCKER_TLS_VERIFY`"));
        }
        return Ok(vec![Candidate { address, from: "`DOCKER_HOST`".to_owned() }]);
    }
    let configuration = set("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| set("HOME").or_else(|| set("USERPROFILE")).map(|home| Path::new(home).join(".docker")));
    let named = configuration
        .as_deref()
        .map(|directory| context(directory, set("DOCKER_CONTEXT")))
        .transpose()?
        .flatten();
    if let Some(candidate) = named {
        return Ok(vec![candidate]);
    }
    let usual =
        |path: PathBuf| Candidate { address: Address::Socket(path), from: "the usual place".to_owned() };
    if cfg!(windows) {
        return Ok(vec![usual(PathBuf::from("//./pipe/docker_engine"))]);
    }
    let mut sockets = vec![usual(PathBuf::from("/var/run/docker.sock"))];
    if let Some(directory) = set("XDG_RUNTIME_DIR") {
        sockets.push(usual(Path::new(directory).join("docker.sock")));
    }
    if let Some(home) = set("HOME") {
        sockets.push(usual(Path::new(home).join(".docker/run/docker.sock")));
    }
    Ok(sockets)
}

/// The engine of the context in use, where one other than `default` is (Docker CLI, `docker context`: `config.json` names
/// it, `contexts/meta/<sha-256 of the name>/meta.json` describes it).
fn context(directory: &Path, named: Option<&str>) -> Result<Option<Candidate>> {
    let name = match named {
        Some(name) => Some(name.to_owned()),
        None => read_json(&directory.join("config.json"))
            .and_then(|value| value.get("currentContext")?.as_str().map(str::to_owned)),
    };
    let Some(name) = name.filter(|name| !name.is_empty() && name != "default") else { return Ok(None) };
    let path = directory.join("contexts/meta").join(Digest::of(&name).hex()).join("meta.json");
    let host = read_json(&path)
        .and_then(|value| value.get("Endpoints")?.get("docker")?.get("Host")?.as_str().map(str::to_owned));
    let Some(host) = host else {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("the Docker context `{}` names no engine", name.escape_debug()),
        )
        .with_operation("engine.connect")
        .with_hint(
            "`docker context ls` shows the contexts there are; `DOCKER_HOST` goes before all of them",
        ));
    };
    let tls = directory.join("contexts/tls").join(Digest::of(&name).hex()).exists();
    let address = Address::parse(&host)?;
    if tls && matches!(address, Address::Tcp(_)) {
        return Err(no_tls(&format!("the Docker context `{}`", name.escape_debug())));
    }
    Ok(Some(Candidate { address, from: format!("the Docker context `{}`", name.escape_debug()) }))
}

fn read_json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn no_tls(from: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("{from} asks for a Docker engine behind TLS, which is not supported"),
    )
    .with_operation("engine.connect")
    .with_hint("set `builder = \"direct\"`, which needs no engine, or use an engine with a local socket")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        pairs.iter().copied().collect()
    }

    fn addresses(pairs: &[(&str, &str)]) -> Vec<String> {
        candidates(&variables(pairs))
            .unwrap()
            .into_iter()
            .map(|candidate| candidate.address.to_string())
            .collect()
    }

    #[test]
    fn a_named_engine_is_the_only_one_that_is_tried() {
        assert_eq!(addresses(&[("DOCKER_HOST", "unix:///run/x.sock")]), ["unix:///run/x.sock"]);
        assert_eq!(addresses(&[("DOCKER_HOST", "tcp://docker:2375")]), ["tcp://docker:2375"]);
        assert_eq!(addresses(&[("DOCKER_HOST", "tcp://docker")]), ["tcp://docker:2375"]);
        let refused = |pairs: &[(&str, &str)]| candidates(&variables(pairs)).unwrap_err();
        assert_eq!(refused(&[("DOCKER_HOST", "ssh://me@host")]).kind(), ErrorKind::Unsupported);
        assert_eq!(refused(&[("DOCKER_HOST", "unix://")]).kind(), ErrorKind::InvalidInput);
        let tls = refused(&[("DOCKER_HOST", "tcp://docker:2376"), ("DOCKER_TLS_VERIFY", "1")]);
        assert_eq!(tls.kind(), ErrorKind::Unsupported);
        assert!(tls.hints()[0].contains("builder = \"direct\""));
    }

    #[test]
    fn the_context_in_use_names_the_engine() {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().display().to_string();
        let meta = directory.path().join("contexts/meta").join(Digest::of("colima").hex());
        std::fs::create_dir_all(&meta).unwrap();
        std::fs::write(
            meta.join("meta.json"),
            r#"{"Name":"colima","Endpoints":{"docker":{"Host":"unix:///c.sock"}}}"#,
        )
        .unwrap();
        std::fs::write(directory.path().join("config.json"), r#"{"currentContext":"colima"}"#).unwrap();
        assert_eq!(addresses(&[("DOCKER_CONFIG", &home)]), ["unix:///c.sock"]);
        let usual = addresses(&[("DOCKER_CONFIG", &home), ("DOCKER_CONTEXT", "default")]);
        assert_eq!(usual.first().unwrap(), "unix:///var/run/docker.sock");
        let missing = variables(&[("DOCKER_CONFIG", &home), ("DOCKER_CONTEXT", "gone")]);
        assert_eq!(candidates(&missing).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn published_ports_are_asked_where_the_engine_is() {
        let host = |text: &str| Address::parse(text).unwrap().host().to_owned();
        assert_eq!(host("unix:///var/run/docker.sock"), "127.0.0.1");
        assert_eq!(host("tcp://docker:2375"), "docker");
        assert_eq!(host("tcp://[::1]:2375"), "::1");
        assert!(!Address::parse("tcp://docker:2375").unwrap().is_here());
    }
}
