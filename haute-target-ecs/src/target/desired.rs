//! What is wanted: the image of a release in a container of the service's own task definition.

use haute_container::PlannedImage;
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::plan::Plan;
use haute_core::target::{Context, DeployTarget as _, PlanRequest, ProvenRelease};
use serde_json::Value;

use super::EcsTarget;
use super::definition::{Identity, identity};
use crate::task_definition::TaskDefinition;

/// The image a deploy means, and the steps that put it into its registry.
pub(super) struct Wanted {
    /// The release in it.
    pub(super) release: Digest,
    /// What it runs on, such as `linux/amd64`.
    pub(super) platform: String,
    /// The image.
    pub(super) image: PlannedImage,
    /// The plan of the container target.
    pub(super) push: Plan,
}

impl Wanted {
    /// The image by digest as a task definition names it; `None` while nobody has seen it in the registry.
    pub(super) fn by_digest(&self) -> Option<String> {
        let digest = self.image.digest.clone()?;
        Some(self.image.name.untagged().with_digest(digest).to_string())
    }

    /// The tag of the image.
    pub(super) fn tag(&self) -> &str {
        self.image.name.tag().unwrap_or_default()
    }

    /// Whether `container` of `definition` runs this very image already: by digest where the registry shows it, and by what
    /// the image was made of where the revision says so.
    pub(super) fn is_in(&self, definition: &TaskDefinition, container: &str) -> bool {
        let own = definition.image(container).unwrap_or_default();
        if self.by_digest().is_some_and(|wanted| wanted == own) {
            return true;
        }
        self.is_said_by(identity(definition).as_ref(), own)
    }

    fn is_said_by(&self, identity: Option<&Identity>, image: &str) -> bool {
        let repository = self.image.name.untagged().to_string();
        identity.is_some_and(|identity| {
            identity.tags.release.as_ref() == Some(&self.release)
                && identity.image_key.as_ref() == Some(&self.image.image_key)
                && image.split_once('@').is_some_and(|(name, _)| name == repository)
        })
    }
}

/// Plans the image of `release`.
pub(super) async fn wanted(target: &EcsTarget, context: &Context, release: &ProvenRelease) -> Result<Wanted> {
    let goal = haute_core::plan::Goal::Deploy;
    let push = target.container.plan(context, PlanRequest::new(&goal, Some(release))).await?;
    let image =
        target.container.planned().ok_or_else(|| Error::bug("the image was planned and is not known"))?;
    let manifest = release.release.manifest();
    Ok(Wanted { release: release.release.digest().clone(), platform: manifest.platform.clone(), image, push })
}

/// The container of `definition` that serves the price.
pub(crate) fn container(target: &EcsTarget, definition: &TaskDefinition) -> Result<String> {
    let wanted = Some(target.config.container.as_str()).filter(|name| !name.is_empty());
    definition.container_to_update(wanted, Some(&target.repository()))
}

/// Refuses an image the task cannot run: `exec format error` is all it would say.
pub(super) fn fits(wanted: &Wanted, definition: &TaskDefinition) -> Result<()> {
    let runs_on = platform_of(definition);
    if wanted.platform == runs_on {
        return Ok(());
    }
    let architecture = if runs_on.ends_with("arm64") { "arm64" } else { "amd64" };
    Err(Error::new(
        ErrorKind::InvalidInput,
        format!("the release is for {}, and the task definition runs on {runs_on}", wanted.platform),
    )
    .with_context("task definition", definition.family().to_owned())
    .with_hint(format!(
        "set `architecture = \"{architecture}\"` under [deploy.build], or change `runtimePlatform` of the task definition"
    )))
}

/// What a task definition runs on. Nothing said is `X86_64` (`RuntimePlatform` of the API).
pub(crate) fn platform_of(definition: &TaskDefinition) -> String {
    let platform = definition.member("runtimePlatform");
    let member = |name: &str| platform.and_then(|platform| platform.get(name)).and_then(Value::as_str);
    let system = match member("operatingSystemFamily") {
        None | Some("LINUX") => "linux".to_owned(),
        Some(other) => other.to_ascii_lowercase(),
    };
    match member("cpuArchitecture") {
        Some("ARM64") => format!("{system}/arm64"),
        _ => format!("{system}/amd64"),
    }
}
