//! The port in an image's command, and the same command on another one.

use haute_core::error::{Error, ErrorKind, Result};

use crate::oci::ContainerConfig;

/// The command of an image that serves.
pub(super) struct Command {
    words: Vec<String>,
    port: u16,
}

impl Command {
    /// Finds the port: `--port` and a number, as the runtime's `serve` takes it.
    pub(super) fn of(config: &ContainerConfig) -> Result<Self> {
        let words = config.cmd.clone().unwrap_or_default();
        let port = value(&words, "--port").and_then(|text| text.parse().ok()).ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                "the image's command names no `--port`, so what it serves cannot be asked",
            )
            .with_operation("engine.run")
        })?;
        Ok(Self { words, port })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The command on another address.
    pub(super) fn on(&self, host: &str, port: u16) -> Vec<String> {
        let mut words = self.words.clone();
        set(&mut words, "--port", &port.to_string());
        set(&mut words, "--host", host);
        words
    }

    /// The health check of an image on another port.
    pub(super) fn healthcheck_on(&self, test: &[String], port: u16) -> Vec<String> {
        let from = format!(":{}/", self.port);
        test.iter().map(|word| word.replace(&from, &format!(":{port}/"))).collect()
    }
}

fn value<'a>(words: &'a [String], name: &str) -> Option<&'a str> {
    let at = words.iter().position(|word| word == name)?;
    words.get(at + 1).map(String::as_str)
}

fn set(words: &mut Vec<String>, name: &str, value: &str) {
    match words.iter().position(|word| word == name) {
        Some(at) => {
            if let Some(word) = words.get_mut(at + 1) {
                value.clone_into(word);
            }
        }
        None => words.extend([name.to_owned(), value.to_owned()]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_command_on_another_address() {
        let config: ContainerConfig = serde_json::from_value(
            json!({"Cmd": ["python3", "-m", "haute_serve", "serve", "--host", "0.0.0.0", "--port", "8080"]}),
        )
        .unwrap();
        let command = Command::of(&config).unwrap();
        assert_eq!(command.port(), 8080);
        assert_eq!(
            command.on("127.0.0.1", 4711).join(" "),
            "python3 -m haute_serve serve --host 127.0.0.1 --port 4711"
        );
        let test = ["CMD".to_owned(), "open('http://127.0.0.1:8080/health')".to_owned()];
        assert_eq!(command.healthcheck_on(&test, 4711)[1], "open('http://127.0.0.1:4711/health')");
        assert_eq!(Command::of(&ContainerConfig::default()).err().unwrap().kind(), ErrorKind::Unsupported);
    }
}
