//! The proof in the image: passes for what was proven, names what is wrong with anything else, and leaves no container.

use std::sync::Arc;
use std::time::Duration;

use haute_container::engine::{ContainerOptions, LocalImage};
use haute_container::prove::{ImageProofOptions, prove_in_image};
use haute_core::error::{ErrorKind, chain};
use haute_core::event::{Event, EventSink};
use haute_core::target::{Cancellation, Context};
use haute_core::verify::Verification;
use haute_test_services::{BaseImage, Engine, Required, test};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::lab::{Lab, containers_of, run};
use crate::server::{layer, proof, runs};

pub(crate) fn trials(needs: impl Fn() -> Required<(Engine, BaseImage)>) -> Vec<Trial> {
    vec![
        test("prove::what_was_proven_passes_without_any_rights", needs(), |(engine, base)| {
            run(engine, Some(&base), passes)
        }),
        test("prove::another_premium_fails", needs(), |(engine, base)| {
            run(engine, Some(&base), other_premium)
        }),
        test("prove::another_release_fails", needs(), |(engine, base)| {
            run(engine, Some(&base), other_release)
        }),
        test("prove::a_container_that_ends_is_explained", needs(), |(engine, base)| {
            run(engine, Some(&base), ends)
        }),
        test("prove::too_little_memory_is_explained", needs(), |(engine, base)| {
            run(engine, Some(&base), memory)
        }),
        test("prove::a_container_that_never_ends_fails", needs(), |(engine, base)| {
            run(engine, Some(&base), never_ends)
        }),
        test("prove::a_container_that_is_never_ready_fails", needs(), |(engine, base)| {
            run(engine, Some(&base), never_ready)
        }),
        test("prove::a_caller_who_stops_leaves_no_container", needs(), |(engine, base)| {
            run(engine, Some(&base), stopped)
        }),
    ]
}

async fn image(lab: &Lab, behaviour: Value) -> Result<LocalImage, Failed> {
    let build = lab.build(vec![layer(&behaviour)], runs()).await;
    Ok(lab.engine.build(&lab.context, &build).await?.image)
}

async fn prove(
    lab: &Lab,
    image: &LocalImage,
    options: ImageProofOptions,
) -> haute_core::Result<Verification> {
    let result = prove_in_image(&lab.engine, &lab.context, image, &proof(), &options).await;
    assert_eq!(containers_of(lab, image), Vec::<String>::new(), "a container is left");
    result
}

fn failures(verification: &Verification) -> Vec<String> {
    assert_eq!(verification.passed, verification.checks.iter().all(|check| check.passed));
    let failed = verification.checks.iter().filter(|check| !check.passed);
    failed.map(|check| format!("{}: {}", check.name, check.detail)).collect()
}

fn container_lines(lab: &Lab) -> Vec<String> {
    let lines = lab.events().into_iter().filter_map(|event| match event {
        Event::Log { stream, line } if stream == "container" => Some(line),
        _ => None,
    });
    lines.collect()
}

async fn passes(lab: Arc<Lab>) -> Result<(), Failed> {
    let image = image(&lab, json!({})).await?;
    let found = prove(&lab, &image, ImageProofOptions::default()).await?;
    assert_eq!(failures(&found), Vec::<String>::new());
    let names: Vec<&str> = found.checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(names, ["health", "young#0", "old#0", "batch", "healthcheck", "stop"]);
    assert_eq!(found.release, Some(crate::server::release()));
    assert_eq!(container_lines(&lab), Vec::<String>::new(), "what passes needs no log");
    Ok(())
}

async fn other_premium(lab: Arc<Lab>) -> Result<(), Failed> {
    let image = image(&lab, json!({"factor": 1.500_000_000_000_000_2})).await?;
    let found = prove(&lab, &image, ImageProofOptions::default()).await?;
    let failures = failures(&found);
    assert!(failures.len() >= 2 && failures[0].contains("premium"), "{failures:?}");
    assert_eq!(container_lines(&lab), ["listening"]);
    Ok(())
}

async fn other_release(lab: Arc<Lab>) -> Result<(), Failed> {
    let other = haute_core::digest::Digest::of("another");
    let image = image(&lab, json!({"release": other})).await?;
    let found = prove(&lab, &image, ImageProofOptions::default()).await?;
    let failures = failures(&found);
    assert!(failures.len() == 1 && failures[0].starts_with("health: release"), "{failures:?}");
    Ok(())
}

async fn ends(lab: Arc<Lab>) -> Result<(), Failed> {
    for (behaviour, words, line) in [
        (
            json!({"crashes": true}),
            "before it was ready: it ended with exit code 1",
            "no module named polars",
        ),
        (
            json!({"dies_over_a_quote": true}),
            "while it was asked for quotes: it ended with exit code 3",
            "a fatal thing happened",
        ),
    ] {
        let image = image(&lab, behaviour).await?;
        let error = prove(&lab, &image, ImageProofOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ProofFailed, "{:?}", chain(&error));
        assert!(error.to_string().contains(words), "{error}");
        assert!(chain(&error)[1].contains(line), "{:?}", chain(&error));
        assert!(container_lines(&lab).iter().any(|told| told == line), "{:?}", container_lines(&lab));
    }
    Ok(())
}

async fn memory(lab: Arc<Lab>) -> Result<(), Failed> {
    let image = image(&lab, json!({"eats_memory": true})).await?;
    let options =
        ImageProofOptions::default().with_container(ContainerOptions::new().with_memory(96 * 1024 * 1024));
    let error = prove(&lab, &image, options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ProofFailed, "{:?}", chain(&error));
    assert!(error.to_string().contains("needed more memory"), "{error}");
    Ok(())
}

async fn never_ends(lab: Arc<Lab>) -> Result<(), Failed> {
    let image = image(&lab, json!({"ignores_sigterm": true})).await?;
    let options = ImageProofOptions::default().with_stop_limit(Duration::from_secs(1));
    let found = prove(&lab, &image, options).await?;
    assert_eq!(failures(&found), ["stop: did not end within 1 s after SIGTERM and was killed"]);
    let image = self::image(&lab, json!({"exit": 7})).await?;
    let found = prove(&lab, &image, ImageProofOptions::default()).await?;
    assert!(failures(&found)[0].contains("exit code 7"), "{:?}", failures(&found));
    Ok(())
}

async fn never_ready(lab: Arc<Lab>) -> Result<(), Failed> {
    let image = image(&lab, json!({"status": "loading"})).await?;
    let options = ImageProofOptions::default().with_start_limit(Duration::from_secs(1));
    let found = prove(&lab, &image, options).await?;
    let failures = failures(&found);
    assert!(failures.len() == 1 && failures[0].starts_with("health: not ready in 1 s: "), "{failures:?}");
    Ok(())
}

/// Cancels, or tells, when the container is waited for.
struct AtWaiting(Cancellation, tokio::sync::mpsc::UnboundedSender<()>);

impl EventSink for AtWaiting {
    fn emit(&self, event: &Event) {
        if matches!(event, Event::Waiting { .. }) {
            self.0.cancel();
            let _listened = self.1.send(());
        }
    }
}

async fn stopped(lab: Arc<Lab>) -> Result<(), Failed> {
    let image = image(&lab, json!({"status": "loading"})).await?;
    let (told, mut waits) = tokio::sync::mpsc::unbounded_channel();
    let cancellation = Cancellation::default();
    let context = Context::new(Arc::new(AtWaiting(cancellation.clone(), told.clone())), cancellation);
    let options = ImageProofOptions::default();
    let error = prove_in_image(&lab.engine, &context, &image, &proof(), &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(containers_of(&lab, &image), Vec::<String>::new());
    // The same for a caller who only drops the future.
    waits.recv().await.expect("told");
    let ignored = Cancellation::default();
    let context = Context::new(Arc::new(AtWaiting(ignored, told)), Cancellation::default());
    let proof = proof();
    let mut work = Box::pin(prove_in_image(&lab.engine, &context, &image, &proof, &options));
    tokio::select! {
        result = &mut work => return Err(format!("it ended: {result:?}").into()),
        _ = waits.recv() => {}
    }
    assert_eq!(containers_of(&lab, &image).len(), 1);
    drop(work);
    assert_eq!(containers_of(&lab, &image), Vec::<String>::new());
    Ok(())
}
