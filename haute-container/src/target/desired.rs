//! What is wanted: the image of a release, planned and named.

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::plan::Goal;
use haute_core::release::lock::Platform;
use haute_core::release::{Release, locked_base};
use haute_core::target::PlanRequest;

use super::ContainerTarget;
use crate::image::{Base, ImagePlan, Stamp};
use crate::layer::Compression;
use crate::make::choose_compression;
use crate::reference::ImageReference;

/// The image a deploy means.
pub(super) struct Wanted {
    /// The release in it.
    pub(super) release: Digest,
    /// What it is made of.
    pub(super) plan: ImagePlan,
    /// Where it comes from.
    pub(super) stamp: Stamp,
    /// Its repository and tag.
    pub(super) tag: ImageReference,
    /// Whether the base was pinned, by its own name or by the lock.
    pub(super) pinned: bool,
    /// Why it is compressed as it is.
    pub(super) compression: &'static str,
}

/// Finds the base and plans the image of the request's release.
pub(super) async fn wanted(target: &ContainerTarget, request: &PlanRequest<'_>) -> Result<Wanted> {
    let release = match (request.goal, request.release) {
        (Goal::Deploy, Some(release)) => &release.release,
        (Goal::Deploy, None) => {
            return Err(Error::new(ErrorKind::InvalidInput, "a deploy needs a release and its proof"));
        }
        (other, _) => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "the target `container` does not know the goal {other:?}: it only puts images in their place"
                ),
            ));
        }
    };
    image(target, release, None).await
}

/// The image of `release` on the base with the digest `base`, or on the one the configuration and the lock name.
pub(super) async fn image(
    target: &ContainerTarget,
    release: &Release,
    base: Option<Digest>,
) -> Result<Wanted> {
    let (base, stamp) =
        tokio::join!(find_base(target, release, base), Stamp::collect(&target.root, &target.variables));
    let (base, pinned) = base?;
    let registry = target.config.remote.then_some(&target.config.repository);
    let (compression, why) = choose_compression(target.config.settings.compression, registry);
    let plan = ImagePlan::new(release, base, &target.config.settings, compression)?;
    let tag = target.config.repository.with_tag(&stamp.tag(release.digest()))?;
    Ok(Wanted { release: release.digest().clone(), plan, stamp, tag, pinned, compression: why })
}

/// The same image with other layers' compression.
pub(super) fn compressed(
    target: &ContainerTarget,
    release: &Release,
    wanted: Wanted,
    compression: Compression,
) -> Result<Wanted> {
    let plan = ImagePlan::new(release, wanted.plan.base, &target.config.settings, compression)?;
    Ok(Wanted { plan, ..wanted })
}

/// The base as its registry has it now, and what it runs on.
pub(super) async fn newest_base(target: &ContainerTarget, release: &Release) -> Result<(Base, Platform)> {
    let (name, platform) = base_name(target, release)?;
    Ok((target.maker.base(&name, platform, &release.manifest().python).await?, platform))
}

fn base_name(target: &ContainerTarget, release: &Release) -> Result<(ImageReference, Platform)> {
    let manifest = release.manifest();
    let platform = Platform::parse(&manifest.platform).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidInput,
            format!("the release is for `{}`, which is no platform", manifest.platform),
        )
    })?;
    let name = match &target.config.base {
        Some(name) => name.clone(),
        None => format!("python:{}-slim", manifest.python).parse()?,
    };
    Ok((name, platform))
}

async fn find_base(
    target: &ContainerTarget,
    release: &Release,
    digest: Option<Digest>,
) -> Result<(Base, bool)> {
    let manifest = release.manifest();
    let (name, platform) = base_name(target, release)?;
    let locked = locked_base(&target.root, &name.to_string(), platform);
    let pinned = digest.is_some() || locked.is_some() || name.digest().is_some();
    let at = digest.or(locked).map_or_else(|| name.clone(), |digest| name.with_digest(digest));
    let base = target.maker.base(&at, platform, &manifest.python).await?;
    Ok((base.called(name), pinned))
}
