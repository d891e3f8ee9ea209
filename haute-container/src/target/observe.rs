//! What is there: the image under the commit's tag, and under the moving one.

use haute_core::digest::Digest;
use haute_core::error::Result;
use haute_core::target::Deployment;
use serde_json::json;

use super::remembered::{self, LastPush};
use super::{ContainerTarget, local};
use crate::image::{Previous, Stamp};
use crate::reference::ImageReference;

/// An image that is there.
pub(super) struct Found {
    /// The digest by which it is taken: of its manifest in a registry, of its configuration on this machine.
    pub(super) digest: Digest,
    /// What it was made of, when it says so.
    pub(super) image_key: Option<Digest>,
    /// The release in it, when it says so.
    pub(super) release: Option<Digest>,
    /// As a source of layers.
    pub(super) previous: Option<Previous>,
}

/// What is there.
pub(super) struct Observed {
    /// Under the commit's tag.
    pub(super) tagged: Option<Found>,
    /// Under the moving tag; `None` also where the configuration has none.
    pub(super) latest: Option<Found>,
}

impl Observed {
    /// The fingerprint of the world a plan is made for.
    pub(super) fn fingerprint(&self) -> Digest {
        let of = |found: Option<&Found>| found.map(|found| found.digest.to_string());
        Digest::of(json!([of(self.tagged.as_ref()), of(self.latest.as_ref())]).to_string())
    }

    /// The release that stands under the moving tag, else under the commit's.
    pub(super) fn release(&self) -> Option<Digest> {
        self.latest.as_ref().or(self.tagged.as_ref()).and_then(|found| found.release.clone())
    }

    /// Where layers may be taken from: the commit's image, else the moving tag's.
    pub(super) fn previous(&self) -> Option<&Previous> {
        [&self.tagged, &self.latest].into_iter().flatten().find_map(|found| found.previous.as_ref())
    }
}

impl From<Previous> for Found {
    fn from(previous: Previous) -> Self {
        Self {
            digest: previous.digest.clone(),
            image_key: previous.image_key.clone(),
            release: previous.release.clone(),
            previous: Some(previous),
        }
    }
}

/// Looks at the image `tag` and at the moving tag beside it.
pub(super) async fn observe(target: &ContainerTarget, tag: &ImageReference) -> Result<Observed> {
    let moving = &target.config.settings.latest_tag;
    let latest = if moving.is_empty() { None } else { Some(tag.with_tag(moving)?) };
    let latest = latest.filter(|latest| latest != tag);
    if !target.config.remote {
        return local::observe(target, tag, latest.as_ref()).await;
    }
    let client = target.maker.client(tag)?;
    let (tagged, latest) = tokio::join!(target.maker.previous(&client, tag), async {
        match &latest {
            Some(latest) => target.maker.previous(&client, latest).await,
            None => Ok(None),
        }
    });
    Ok(Observed { tagged: tagged?.map(Found::from), latest: latest?.map(Found::from) })
}

/// What stands for the checked-out commit, else for the moving tag.
pub(super) async fn status(target: &ContainerTarget) -> Result<Deployment> {
    let last = remembered::read(target)?;
    let tag = match target.memory.tag() {
        Some(tag) => tag,
        None => tag_of_checkout(target, last.as_ref()).await?,
    };
    let mut found = find(target, &tag).await?.map(|found| (found, tag.clone()));
    let moving = &target.config.settings.latest_tag;
    if found.is_none() && !moving.is_empty() {
        let latest = target.config.repository.with_tag(moving)?;
        found = find(target, &latest).await?.map(|found| (found, latest));
    }
    Ok(match (found, last) {
        (Some((found, tag)), _) => Deployment::serving(found.release.clone(), None)
            .with_state("pushed")
            .with_detail("image", named(target, &found.digest))
            .with_detail("tag", tag.tag().unwrap_or_default().to_owned()),
        // An account that may push and not read: what the last push was told is all there is to say.
        (None, Some(last)) if target.config.remote => Deployment::serving(Some(last.release), None)
            .with_state("pushed (the registry does not let this account read)")
            .with_detail("image", named(target, &last.digest))
            .with_detail("tag", last.tag),
        _ => Deployment::nothing().with_state("not pushed"),
    })
}

/// The tag an image of the checked-out commit has.
async fn tag_of_checkout(target: &ContainerTarget, last: Option<&LastPush>) -> Result<ImageReference> {
    let stamp = Stamp::collect(&target.root, &target.variables).await;
    let tag = match (last, stamp.revision.is_some()) {
        // Outside git the tag is of the release, which only a deploy knows.
        (Some(last), false) => last.tag.clone(),
        (Some(last), true) => stamp.tag(&last.release),
        (None, true) => stamp.tag(&Digest::of("")),
        (None, false) => "latest".to_owned(),
    };
    target.config.repository.with_tag(&tag)
}

/// The image under one tag: its digest and release. One document of a registry says both, where we made the image.
async fn find(target: &ContainerTarget, tag: &ImageReference) -> Result<Option<Found>> {
    if !target.config.remote {
        return Ok(local::observe(target, tag, None).await?.tagged);
    }
    let client = target.maker.client(tag)?;
    Ok(target.maker.identify(&client, tag).await?.map(Found::from))
}

/// The image as everything after this names it.
pub(super) fn named(target: &ContainerTarget, digest: &Digest) -> String {
    if target.config.remote {
        target.config.repository.with_digest(digest.clone()).to_string()
    } else {
        format!("{} ({digest})", target.config.repository.short())
    }
}
