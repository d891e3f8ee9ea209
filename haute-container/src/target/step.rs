//! The changes of the world: the image, and the moving tag.

use std::sync::Arc;

use bytes::Bytes;
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::event::Event;
use haute_core::target::{Context, ProvenRelease, StepOutcome, StepRequest};
use serde_json::json;

use super::desired::{self, Wanted};
use super::diff::{IMAGE, LATEST};
use super::observe::{self, named};
use super::remembered::{self, LastPush};
use super::{ContainerTarget, local};
use crate::engine::Engine;
use crate::make::{ImageRequest, PushedImage};
use crate::oci::media_type;
use crate::prove::{ImageProofOptions, prove_in_image};
use crate::registry::Stored;

/// Makes one change.
pub(super) async fn apply(
    target: &ContainerTarget,
    context: &Context,
    request: &StepRequest<'_>,
) -> Result<StepOutcome> {
    let release = request
        .release
        .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "an image needs a release and its proof"))?;
    let text = |key: &str| request.step.payload.get(key).and_then(|value| value.as_str()).unwrap_or_default();
    match request.step.id.as_str() {
        IMAGE => {
            let base = Digest::parse(text("base"));
            image(target, context, release, base).await
        }
        LATEST => latest(target, context, text("tag"), text("latest")).await,
        other => Err(Error::bug(format!("the target `container` has no step `{other}`"))),
    }
}

async fn image(
    target: &ContainerTarget,
    context: &Context,
    release: &ProvenRelease,
    base: Option<Digest>,
) -> Result<StepOutcome> {
    let known = base.as_ref().and_then(|base| target.memory.plan_of(release.release.digest(), base));
    let (wanted, observed) = match known {
        Some((wanted, observed)) => (wanted, Some(observed)),
        None => (Arc::new(desired::image(target, &release.release, base).await?), None),
    };
    if !target.config.remote {
        return local::make(target, context, release, &wanted).await;
    }
    let observed = match observed {
        Some(observed) => observed,
        None => Arc::new(observe::observe(target, &wanted.tag).await?),
    };
    let request = ImageRequest::new(&release.release, &wanted.plan, &wanted.stamp, &wanted.tag)
        .with_previous(observed.previous())
        .with_proof(&release.proof);
    let chosen = target.maker.builder(true).await?;
    let push = async {
        match &chosen.engine {
            Some(engine) => by_engine(target, context, engine, release, &request).await,
            None => directly(target, context, release, &request).await,
        }
    };
    let (pushed, evidence) = tokio::try_join!(push, target.maker.send_evidence(&request))?;
    let size = match &pushed.manifest {
        Some(manifest) => {
            target.memory.pushed(wanted.tag.clone(), manifest.clone());
            Some(manifest.len() as u64)
        }
        None => manifest_size(target, &wanted, &pushed.digest).await,
    };
    let attached = match size {
        Some(size) => target.maker.attach(context, &request, evidence, (&pushed.digest, size)).await,
        None => 0,
    };
    let last = LastPush {
        digest: pushed.digest.clone(),
        release: release.release.digest().clone(),
        tag: wanted.tag.tag().unwrap_or_default().to_owned(),
    };
    remembered::write(target, &last)?;
    let (image, registry) = (wanted.tag.short(), place(target));
    context.events.emit(&Event::Pushed {
        image,
        registry,
        digest: pushed.digest.clone(),
        bytes: pushed.bytes + attached,
        layers: pushed.layers_sent,
        present: pushed.layers_present,
    });
    Ok(StepOutcome::new(json!({
        "image": named(target, &pushed.digest),
        "digest": pushed.digest,
        "tag": wanted.tag.tag(),
        "base": wanted.plan.base.pinned().to_string(),
        "builder": if chosen.engine.is_some() { "engine" } else { "direct" },
        "builder_reason": chosen.reason,
        "bytes": pushed.bytes + attached,
        "layers_sent": pushed.layers_sent,
        "layers_present": pushed.layers_present,
        "size": pushed.size,
        "left_out": wanted.plan.left_out,
    })))
}

/// Through an engine: built there, proven there where that is asked for, and pushed by it.
async fn by_engine(
    target: &ContainerTarget,
    context: &Context,
    engine: &Engine,
    release: &ProvenRelease,
    request: &ImageRequest<'_>,
) -> Result<PushedImage> {
    let image = target.maker.build_with_engine(context, engine, request).await?;
    if proves(target) {
        let proven =
            prove_in_image(engine, context, &image, &release.proof, &ImageProofOptions::default()).await?;
        passed(&proven)?;
    }
    target.maker.push_with_engine(context, engine, &image, request.name).await
}

/// Without an engine. Proven in the image, it is pushed without a tag first, run by the very digest it has in the registry,
/// and tagged only then.
async fn directly(
    target: &ContainerTarget,
    context: &Context,
    release: &ProvenRelease,
    request: &ImageRequest<'_>,
) -> Result<PushedImage> {
    if !proves(target) {
        return target.maker.push_direct(context, request).await;
    }
    let untagged = request.name.untagged();
    let mut before = ImageRequest::new(request.release, request.plan, request.stamp, &untagged);
    before.previous = request.previous;
    let pushed = target.maker.push_direct(context, &before).await?;
    let engine = Engine::connect(&target.variables).await?;
    let image = target.config.repository.with_digest(pushed.digest.clone());
    let proven = target.maker.prove_pushed(context, &engine, &image, request.release, &release.proof).await?;
    passed(&proven)?;
    let client = target.maker.client(&image)?;
    let there = target.maker.previous(&client, &image).await?;
    let mut tagged = ImageRequest::new(request.release, request.plan, request.stamp, request.name);
    tagged.previous = there.as_ref();
    let tag = target.maker.push_direct(context, &tagged).await?;
    if tag.digest != pushed.digest {
        return Err(Error::new(
            ErrorKind::VerificationFailed,
            "the image that would be tagged is not the one that was proven",
        )
        .with_context("proven", pushed.digest.to_string())
        .with_context("found", tag.digest.to_string()));
    }
    Ok(PushedImage { bytes: pushed.bytes + tag.bytes, ..pushed })
}

fn proves(target: &ContainerTarget) -> bool {
    target.config.settings.prove_in == haute_core::config::ProveIn::Image
}

/// Refuses an image that does not serve what was proven, before it has a tag.
pub(super) fn passed(verification: &haute_core::verify::Verification) -> Result<()> {
    let Some(failed) = verification.checks.iter().find(|check| !check.passed) else { return Ok(()) };
    Err(Error::new(
        ErrorKind::ProofFailed,
        format!("the image does not serve what was proven: {}: {}", failed.name, failed.detail),
    )
    .with_operation("container.prove")
    .with_hint(
        "nothing was tagged; `keep` under [deploy.container] names distributions that must stay in the image",
    ))
}

/// How long the image's manifest is; `None` where this account may not read it, and nothing can be attached then.
async fn manifest_size(target: &ContainerTarget, wanted: &Wanted, digest: &Digest) -> Option<u64> {
    let client = target.maker.client(&wanted.tag).ok()?;
    let fetched = client.manifest(wanted.tag.repository(), digest.as_str()).await.ok()??;
    Some(fetched.bytes.len() as u64)
}

/// The registry with the path before the name, as it is configured.
fn place(target: &ContainerTarget) -> String {
    target.config.settings.registry.trim_end_matches('/').to_owned()
}

/// Lets the moving tag stand for the image under `tag`. A registry whose tags may not move keeps it as it is: the commit's
/// tag is what counts.
async fn latest(target: &ContainerTarget, context: &Context, tag: &str, moving: &str) -> Result<StepOutcome> {
    let from = target.config.repository.with_tag(tag)?;
    if !target.config.remote {
        return local::latest(target, &from, &target.config.repository.with_tag(moving)?).await;
    }
    let client = target.maker.client(&from)?;
    let repository = from.repository();
    let kept = |reason: String| {
        context.events.emit(&Event::Warning {
            message: format!("the tag `{moving}` stays where it is: {reason}"),
            help: Some("set `latest_tag = \"\"` under [deploy.container] where tags may not move".to_owned()),
        });
        Ok(StepOutcome::new(json!({"moved": false})))
    };
    let fetched = match target.memory.manifest_of(&from) {
        Some(manifest) => Ok(Some((media_type::MANIFEST.to_owned(), manifest))),
        None => client
            .manifest(repository, tag)
            .await
            .map(|fetched| fetched.map(|fetched| (fetched.media_type, fetched.bytes))),
    };
    let (kind, manifest): (String, Bytes) = match fetched {
        Ok(Some(fetched)) => fetched,
        Ok(None) => return kept("the image under the commit's tag cannot be found".to_owned()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return kept("this account may push and not read".to_owned());
        }
        Err(error) => return Err(error),
    };
    match client.put_manifest(repository, moving, &kind, manifest).await {
        Ok(Stored::Yes { digest, .. }) => {
            Ok(StepOutcome::new(json!({"moved": true, "latest": moving, "digest": digest})))
        }
        Ok(Stored::BlobsMissing(_)) => {
            Err(Error::new(ErrorKind::Conflict, "the registry lost blobs of the image while it was tagged")
                .with_hint("deploy again"))
        }
        Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::PermissionDenied) => {
            kept(error.message().to_owned())
        }
        Err(error) => Err(error),
    }
}
