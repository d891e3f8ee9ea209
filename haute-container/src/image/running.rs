//! How a container of the image runs: the same for both builders.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::oci::{ContainerConfig, Healthcheck};

/// The user and group an image runs as: numbers, so that a platform can see that it is not root; the ones distroless images
/// call `nonroot`.
pub const USER: &str = "65532:65532";

/// Where the release is in the image.
pub(crate) const RELEASE_DIRECTORY: &str = "app";
/// Where its distributions are in the image.
pub const LIBRARY_DIRECTORY: &str = "opt/haute/lib";

/// What Python imports from: the runtime of the release, then its distributions.
pub const PYTHONPATH: &str = "/app/runtime:/opt/haute/lib";

/// The configuration of an image on a base of `base`: its environment and labels go on, what it runs does not.
///
/// `port` is where quotes are answered; `labels` the image's own; `revision` what `/health` shows as the commit.
pub fn container_config(
    base: &ContainerConfig,
    port: u16,
    labels: &BTreeMap<String, String>,
    revision: Option<&str>,
) -> ContainerConfig {
    let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let mut own = vec![
        ("PYTHONPATH", PYTHONPATH.to_owned()),
        ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ("PYTHONUNBUFFERED", "1".to_owned()),
        // A numeric user has no entry in /etc/passwd, and libraries look for a home.
        ("HOME", "/tmp".to_owned()),
        ("HAUTE_LOG_LEVEL", "ERROR".to_owned()),
    ];
    own.extend(revision.map(|revision| ("HAUTE_SERVE_COMMIT", revision.to_owned())));
    let named = |entry: &str, name: &str| entry.split('=').next() == Some(name);
    let kept = base.env.iter().flatten().filter(|entry| !own.iter().any(|(name, _)| named(entry, name)));
    let env = kept.cloned().chain(own.iter().map(|(name, value)| format!("{name}={value}"))).collect();
    let mut ports = base.exposed_ports.clone().unwrap_or_default();
    ports.insert(format!("{port}/tcp"), Value::Object(Map::new()));
    let mut all_labels = base.labels.clone().unwrap_or_default();
    all_labels.extend(labels.clone());
    // No shell, no curl, and no proxy: the question stays inside the container.
    let question = format!(
        "import urllib.request as r; r.build_opener(r.ProxyHandler({{}})).open('http://127.0.0.1:{port}/health', timeout=4)"
    );
    ContainerConfig {
        user: USER.to_owned(),
        exposed_ports: Some(ports),
        env: Some(env),
        entrypoint: None,
        cmd: Some(command(port)),
        healthcheck: Some(Healthcheck::new(text(&["CMD", "python3", "-I", "-c", &question]), 10, 5, 60, 3)),
        working_dir: format!("/{RELEASE_DIRECTORY}"),
        labels: Some(all_labels),
        stop_signal: Some("SIGTERM".to_owned()),
    }
}

/// What runs: exec form, found on the base's `PATH`.
pub fn command(port: u16) -> Vec<String> {
    ["python3", "-B", "-m", "haute_serve", "serve", "--release", "/app", "--host", "0.0.0.0", "--port"]
        .into_iter()
        .map(str::to_owned)
        .chain([port.to_string()])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_gives_its_environment_and_not_its_command() {
        let base = ContainerConfig {
            env: Some(vec!["PATH=/usr/local/bin".to_owned(), "PYTHONPATH=/theirs".to_owned()]),
            entrypoint: Some(vec!["/bin/sh".to_owned()]),
            user: "root".to_owned(),
            ..ContainerConfig::default()
        };
        let labels = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
        let config = container_config(&base, 9000, &labels, Some("a1b2c3d"));
        let env = config.env.unwrap();
        assert!(env.contains(&"PATH=/usr/local/bin".to_owned()));
        assert!(
            env.contains(&format!("PYTHONPATH={PYTHONPATH}"))
                && !env.contains(&"PYTHONPATH=/theirs".to_owned())
        );
        assert!(env.contains(&"HAUTE_SERVE_COMMIT=a1b2c3d".to_owned()));
        assert_eq!(config.entrypoint, None);
        assert_eq!(config.user, "65532:65532");
        assert_eq!(config.cmd.unwrap().last().unwrap(), "9000");
        assert!(config.exposed_ports.unwrap().contains_key("9000/tcp"));
        assert!(
            !config.healthcheck.unwrap().test.iter().any(|word| word.contains("curl") || word.contains("sh"))
        );
    }
}
