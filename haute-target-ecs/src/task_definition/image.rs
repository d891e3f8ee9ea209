//! Which container runs the release, and its image.

use haute_core::error::{Error, ErrorKind, Result};
use serde_json::Value;

use super::{TaskDefinition, name_of};

impl TaskDefinition {
    /// The name of the container whose image is replaced.
    ///
    /// The one that was asked for; or the only one whose image is of `repository` already (without tag and digest, such as
    /// `123456789012.dkr.ecr.eu-west-1.amazonaws.com/motor`); or the only essential one. A guess between several is never made.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`], naming the containers there are.
    pub fn container_to_update(&self, wanted: Option<&str>, repository: Option<&str>) -> Result<String> {
        if let Some(wanted) = wanted {
            return match self.container(wanted) {
                Some(_) => Ok(wanted.to_owned()),
                None => Err(self.no_container(&format!("has no container `{wanted}`"))),
            };
        }
        if let Some(repository) = repository
            && let [only] = self
                .named(|container| {
                    image_of(container).is_some_and(|image| repository_of(image) == repository)
                })
                .as_slice()
        {
            return Ok((*only).to_owned());
        }
        match self.named(is_essential).as_slice() {
            [only] => Ok((*only).to_owned()),
            [] => Err(self.no_container("has no essential container")),
            _ => Err(self.no_container(&match repository {
                Some(repository) => format!(
                    "has several essential containers, and not exactly one has an image of `{repository}`"
                ),
                None => "has several essential containers".to_owned(),
            })),
        }
    }

    /// The image of a container.
    pub fn image(&self, container: &str) -> Option<&str> {
        self.container(container).and_then(image_of)
    }

    /// The same with another image in `container`, and not registered yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when there is no such container; the error names those there are.
    pub fn with_image(&self, container: &str, image: &str) -> Result<Self> {
        let mut patched = Self { arn: None, revision: None, status: None, ..self.clone() };
        let target = patched
            .body
            .get_mut("containerDefinitions")
            .and_then(Value::as_array_mut)
            .and_then(|containers| containers.iter_mut().find(|candidate| name_of(candidate) == container))
            .and_then(Value::as_object_mut);
        let Some(target) = target else {
            return Err(self.no_container(&format!("has no container `{container}`")));
        };
        target.insert("image".to_owned(), Value::from(image));
        Ok(patched)
    }

    fn named(&self, wanted: impl Fn(&Value) -> bool) -> Vec<&str> {
        self.containers().iter().filter(|container| wanted(container)).map(name_of).collect()
    }

    fn no_container(&self, what: &str) -> Error {
        let names =
            self.container_names().iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let definition = self.arn().unwrap_or(self.family());
        Error::new(ErrorKind::InvalidInput, format!("the task definition {what}; it has {names}"))
            .with_context("task definition", definition)
            .with_hint("say which one serves the price: `container = \"…\"` in `[deploy.aws-ecs]`")
    }
}

fn image_of(container: &Value) -> Option<&str> {
    container.get("image").and_then(Value::as_str)
}

/// Essential is what a container is unless it says otherwise.
fn is_essential(container: &Value) -> bool {
    container.get("essential").and_then(Value::as_bool).unwrap_or(true)
}

/// An image's name without its digest and its tag.
fn repository_of(image: &str) -> &str {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    match name.rsplit_once(':') {
        // A colon before a slash is that of a registry's port.
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}
