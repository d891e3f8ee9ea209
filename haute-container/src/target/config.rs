//! `[deploy.container]` as this target reads it.

use haute_core::config::ContainerSection;
use haute_core::diagnostic::{Code, CodeInfo, Diagnostic};
use haute_core::project::Project;

use crate::reference::ImageReference;

/// A name, registry or base that no image can have.
pub(super) const VALUE: Code = Code::new("HT0701");

/// The codes of this crate.
pub(super) const CODES: &[CodeInfo] = &[CodeInfo {
    code: VALUE,
    title: "the names under `[deploy.container]` make no name of an image",
    explain: "The image is called `<registry>/<model name>:<commit>`:\n\n    \
              [deploy]\n    model_name = \"motor-pricing\"\n\n    \
              [deploy.container]\n    registry = \"registry.example/pricing\"\n    base_image = \"python:3.11.9-slim\"\n\n\
              Registries take lower-case letters, digits and `.`, `_`, `-` between them in the name of a repository; \
              `Motor` is refused by every one of them, though Haute accepts it. `registry` has no scheme: \
              `registry.example/pricing`, not `https://registry.example/pricing`. An empty `registry` keeps the image on \
              this machine.",
}];

/// What the target is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContainerConfig {
    /// `[deploy.container]`.
    pub settings: ContainerSection,
    /// The repository the image goes to, or the name it has on this machine.
    pub repository: ImageReference,
    /// Whether it goes to a registry.
    pub remote: bool,
    /// The base as configured; `None` takes the slim image of the release's Python.
    pub base: Option<ImageReference>,
}

impl ContainerConfig {
    /// The image `model_name` in the registry of `settings`.
    ///
    /// # Errors
    /// What is no name of an image, in words.
    pub fn new(settings: ContainerSection, model_name: &str) -> Result<Self, String> {
        let remote = !settings.registry.is_empty();
        let registry = settings.registry.trim_end_matches('/');
        let name = if remote { format!("{registry}/{model_name}") } else { model_name.to_owned() };
        let repository: ImageReference =
            name.parse().map_err(|error: haute_core::Error| error.message().to_owned())?;
        if repository.tag().is_some() || repository.digest().is_some() {
            return Err(format!("`{name}` has a tag or digest, which every deploy chooses itself"));
        }
        let base = match settings.base_image.as_str() {
            "" => None,
            base => Some(base.parse().map_err(|error: haute_core::Error| error.message().to_owned())?),
        };
        Ok(Self { settings, repository, remote, base })
    }

    /// Reads the project's tables.
    ///
    /// # Errors
    /// Diagnostics at their places.
    pub fn of(project: &Project) -> Result<Self, Vec<Diagnostic>> {
        let config = project.config();
        let settings = config.deploy.container.clone();
        Self::new(settings.clone(), &config.deploy.model_name).map_err(|message| {
            let key = if Self::new(settings.clone(), "model").is_ok() {
                "deploy.model_name"
            } else if Self::new(without_base(&settings), "model").is_ok() {
                "deploy.container.base_image"
            } else {
                "deploy.container.registry"
            };
            let diagnostic = Diagnostic::error(VALUE, message).help(
                "images are called `<registry>/<model name>:<commit>`, in lower case and without a scheme",
            );
            vec![config.point(diagnostic, key, "here")]
        })
    }

    /// What records and journals are kept under: the repository, without a tag.
    pub fn address(&self) -> String {
        if self.remote { self.repository.to_string() } else { self.repository.short() }
    }
}

fn without_base(settings: &ContainerSection) -> ContainerSection {
    let mut settings = settings.clone();
    settings.base_image.clear();
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(registry: &str, name: &str) -> Result<ContainerConfig, String> {
        let mut settings = ContainerSection::default();
        settings.registry = registry.to_owned();
        ContainerConfig::new(settings, name)
    }

    #[test]
    fn the_registry_is_a_prefix_as_in_haute() {
        let remote = config("registry.example:5000/pricing/", "motor").unwrap();
        assert!(remote.remote);
        assert_eq!(remote.address(), "registry.example:5000/pricing/motor");
        let local = config("", "motor").unwrap();
        assert!(!local.remote);
        assert_eq!(local.address(), "motor");
    }

    #[test]
    fn what_no_registry_takes_is_refused() {
        assert!(config("", "Motor").unwrap_err().contains("lower-case"));
        assert!(config("https://registry.example", "motor").is_err());
        assert!(config("registry.example", "motor:1").unwrap_err().contains("tag"));
    }
}
