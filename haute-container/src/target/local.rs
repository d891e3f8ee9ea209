//! An image that stays on this machine: in its Docker engine, or as an archive below the project where there is none.

use std::path::PathBuf;

use haute_core::config::ProveIn;
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::store::{Store, file_name, read_json};
use haute_core::target::{Context, ProvenRelease, StepOutcome};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::desired::Wanted;
use super::observe::{Found, Observed, named};
use super::remembered::{self, LastPush};
use super::step::passed;
use super::{ContainerTarget, NAME};
use crate::engine::{Engine, LocalImage};
use crate::image::{IMAGE_KEY, RELEASE};
use crate::make::ImageRequest;
use crate::prove::{ImageProofOptions, prove_in_image};
use crate::reference::ImageReference;

/// What an archive holds, beside it.
#[derive(Serialize, Deserialize)]
struct Note {
    digest: Digest,
    release: Digest,
    image_key: Digest,
}

/// Looks at the engine, and at the archives where none answers.
pub(super) async fn observe(
    target: &ContainerTarget,
    tag: &ImageReference,
    latest: Option<&ImageReference>,
) -> Result<Observed> {
    if let Some(engine) = target.maker.builder(false).await?.engine {
        let tagged = inspect(&engine, tag).await?;
        let latest = match latest {
            Some(latest) => inspect(&engine, latest).await?,
            None => None,
        };
        return Ok(Observed { tagged, latest });
    }
    let latest = match latest {
        Some(latest) => note(target, latest)?,
        None => None,
    };
    Ok(Observed { tagged: note(target, tag)?, latest })
}

async fn inspect(engine: &Engine, name: &ImageReference) -> Result<Option<Found>> {
    match engine.inspect(&name.to_string()).await {
        Ok(image) => Ok(found(&image)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn found(image: &LocalImage) -> Option<Found> {
    let label = |name: &str| {
        image
            .config
            .labels
            .as_ref()
            .and_then(|labels| labels.get(name))
            .and_then(|digest| Digest::parse(digest))
    };
    let (image_key, release) = (label(IMAGE_KEY), label(RELEASE));
    Some(Found { digest: Digest::parse(&image.id)?, image_key, release, previous: None })
}

/// What is noted about the archive of `name`, when it is there.
fn note(target: &ContainerTarget, name: &ImageReference) -> Result<Option<Found>> {
    let (archive, note) = places(target, name);
    let note: Option<Note> = read_json(&note)?;
    Ok(note.filter(|_| archive.is_file()).map(|note| Found {
        digest: note.digest,
        image_key: Some(note.image_key),
        release: Some(note.release),
        previous: None,
    }))
}

fn places(target: &ContainerTarget, name: &ImageReference) -> (PathBuf, PathBuf) {
    let directory = haute_core::target::state_directory(&target.root, NAME);
    let file = file_name(&name.short());
    (directory.join(format!("{file}.tar")), directory.join(format!("{file}.json")))
}

/// Makes the image.
pub(super) async fn make(
    target: &ContainerTarget,
    context: &Context,
    release: &ProvenRelease,
    wanted: &Wanted,
) -> Result<StepOutcome> {
    let request = ImageRequest::new(&release.release, &wanted.plan, &wanted.stamp, &wanted.tag)
        .with_proof(&release.proof);
    let chosen = target.maker.builder(false).await?;
    let prove = target.config.settings.prove_in == ProveIn::Image;
    let (digest, place) = if let Some(engine) = &chosen.engine {
        let image = target.maker.build_with_engine(context, engine, &request).await?;
        if prove {
            let options = ImageProofOptions::default();
            passed(&prove_in_image(engine, context, &image, &release.proof, &options).await?)?;
        }
        (image.digest()?, "engine".to_owned())
    } else {
        archived(target, context, release, wanted, &request).await?
    };
    let tag = wanted.tag.tag().unwrap_or_default().to_owned();
    let last =
        LastPush { digest: digest.clone(), release: release.release.digest().clone(), tag: tag.clone() };
    remembered::write(target, &last)?;
    Ok(StepOutcome::new(json!({
        "image": named(target, &digest),
        "digest": digest,
        "tag": tag,
        "place": place,
        "base": wanted.plan.base.pinned().to_string(),
        "builder": if chosen.engine.is_some() { "engine" } else { "direct" },
        "builder_reason": chosen.reason,
        "left_out": wanted.plan.left_out,
    })))
}

/// Makes the image as an archive below the project, and notes what it is.
async fn archived(
    target: &ContainerTarget,
    context: &Context,
    release: &ProvenRelease,
    wanted: &Wanted,
    request: &ImageRequest<'_>,
) -> Result<(Digest, String)> {
    let (archive, note) = places(target, &wanted.tag);
    let made = target.maker.archive_direct(context, request, &archive).await?;
    if target.config.settings.prove_in == ProveIn::Image {
        let engine = Engine::connect(&target.variables).await?;
        passed(&target.maker.prove_archive(context, &engine, &made.path, &release.proof).await?)?;
    }
    let said = Note {
        digest: made.digest.clone(),
        release: release.release.digest().clone(),
        image_key: wanted.plan.key.clone(),
    };
    Store::new(&target.root).write_json(&note, &said)?;
    Ok((made.digest, archive.display().to_string()))
}

/// Lets `to` name the image `from`.
pub(super) async fn latest(
    target: &ContainerTarget,
    from: &ImageReference,
    to: &ImageReference,
) -> Result<StepOutcome> {
    if let Some(engine) = target.maker.builder(false).await?.engine {
        let image = engine.inspect(&from.to_string()).await?;
        engine.tag(&image.id, to).await?;
        return Ok(StepOutcome::new(json!({"moved": true, "latest": to.tag()})));
    }
    let (archive, note) = places(target, from);
    let (latest_archive, latest_note) = places(target, to);
    let failed = |source| {
        Error::new(ErrorKind::BuildFailed, "the moving name of the image's archive cannot be written")
            .with_source(source)
    };
    // A second name of the same bytes, and a copy only where the file system knows no such thing.
    drop(std::fs::remove_file(&latest_archive));
    if std::fs::hard_link(&archive, &latest_archive).is_err() {
        std::fs::copy(&archive, &latest_archive).map_err(failed)?;
    }
    std::fs::copy(&note, &latest_note).map_err(failed)?;
    Ok(StepOutcome::new(json!({"moved": true, "latest": to.tag()})))
}
