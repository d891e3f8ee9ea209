//! A Docker engine to test with.

use std::process::Command;
use std::sync::OnceLock;

use haute_core::error::Result;

use crate::program::{Program, output};

/// A Docker engine that answers, by the `docker` program.
#[derive(Clone, Debug)]
pub struct Engine {
    address: String,
    program: Program,
}

impl Engine {
    /// The engine named by `HAUTE_TEST_ENGINE` (`unix:///run/docker.sock`), else by `DOCKER_HOST`, else the one at
    /// `/var/run/docker.sock`; `None` when it does not answer. A name that is given and does not answer is not replaced by the next.
    pub fn find() -> Option<Self> {
        static FOUND: OnceLock<Option<Engine>> = OnceLock::new();
        FOUND
            .get_or_init(|| {
                let named = ["HAUTE_TEST_ENGINE", "DOCKER_HOST"].into_iter().find_map(std::env::var_os);
                let address = named.map_or_else(
                    || "unix:///var/run/docker.sock".to_owned(),
                    |name| name.to_string_lossy().into_owned(),
                );
                let engine = Self { address, program: Program::find("docker")? };
                engine.run(["version", "--format", "{{.Server.Version}}"]).ok().map(|_| engine)
            })
            .clone()
    }

    /// Its address: `unix:///run/docker.sock`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A call of the `docker` program on this engine.
    pub fn command(&self) -> Command {
        let mut command = self.program.command();
        command.args(["--host", &self.address]);
        command
    }

    /// Runs `docker` with these arguments to its end and gives its output.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<String> {
        output(self.command().args(arguments))
    }

    /// Whether the engine has an image of this name.
    pub fn has_image(&self, name: &str) -> bool {
        self.run(["image", "inspect", "--format", "{{.Id}}", name]).is_ok()
    }

    /// Removes an image by name, where it is there and no container uses it.
    pub fn remove_image(&self, name: &str) {
        drop(self.run(["image", "rm", name]));
    }
}
