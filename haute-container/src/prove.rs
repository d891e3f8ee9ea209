//! Proof in the image: the finished image is run, and must serve what was proven.

use std::time::{Duration, Instant};

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::event::Event;
use haute_core::proof::{Check, Proof};
use haute_core::target::Context;
use haute_core::verify::{QuoteService as _, Verification, verify};
use haute_probe::{HttpQuoteService, Options};

use crate::engine::{Container, ContainerEnd, ContainerOptions, Engine, LocalImage};

/// How many lines of a container that failed are shown.
const LOG_LINES: usize = 50;
/// Between two questions to a container that comes up.
const PAUSE: Duration = Duration::from_millis(100);

/// How long things may take.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImageProofOptions {
    /// Until the release is loaded and `/health` answers.
    pub start_limit: Duration,
    /// From SIGTERM until the container has ended; the platform kills it after that.
    pub stop_limit: Duration,
    /// How the container is run.
    pub container: ContainerOptions,
}

impl Default for ImageProofOptions {
    /// 120 s to start; 30 s to stop, what ECS gives by default.
    fn default() -> Self {
        Self {
            start_limit: Duration::from_mins(2),
            stop_limit: Duration::from_secs(30),
            container: ContainerOptions::new(),
        }
    }
}

impl ImageProofOptions {
    /// Sets how long it may take to come up.
    #[must_use]
    pub fn with_start_limit(mut self, limit: Duration) -> Self {
        self.start_limit = limit;
        self
    }

    /// Sets how long it may take to end.
    #[must_use]
    pub fn with_stop_limit(mut self, limit: Duration) -> Self {
        self.stop_limit = limit;
        self
    }

    /// Sets how the container is run.
    #[must_use]
    pub fn with_container(mut self, container: ContainerOptions) -> Self {
        self.container = container;
        self
    }
}

/// Runs `image` with a read-only root and without rights, asks it for its health and every quote of `proof` over HTTP, and
/// compares with the proven answers; then looks at the image's own health check, and whether it ends when it is told to.
///
/// The container is always removed, also when the future is dropped or the caller cancels.
///
/// # Errors
/// [`ErrorKind::ProofFailed`] when the container ends by itself, with the reason and its last lines;
/// [`ErrorKind::Cancelled`]; what the engine fails with. An answer that differs is not an error but a failed check.
pub async fn prove_in_image(
    engine: &Engine,
    context: &Context,
    image: &LocalImage,
    proof: &Proof,
    options: &ImageProofOptions,
) -> Result<Verification> {
    let started = tokio::select! {
        started = engine.start(image, &options.container) => started,
        () = context.cancelled.cancelled() => return Err(cancelled()),
    };
    let container = started?;
    let asked = tokio::select! {
        asked = ask(context, &container, image, proof, options) => asked,
        () = context.cancelled.cancelled() => Err(cancelled()),
    };
    let stays = asked.as_ref().is_ok_and(|verification| verification.passed);
    let cancelled = asked.as_ref().is_err_and(|error| error.kind() == ErrorKind::Cancelled);
    if !stays && !cancelled {
        for line in container.logs(LOG_LINES).await.unwrap_or_default() {
            context.events.emit(&Event::Log { stream: "container".to_owned(), line });
        }
    }
    let removed = container.remove().await;
    let verification = asked?;
    removed?;
    Ok(verification)
}

async fn ask(
    context: &Context,
    container: &Container,
    image: &LocalImage,
    proof: &Proof,
    options: &ImageProofOptions,
) -> Result<Verification> {
    let service = HttpQuoteService::new(container.url(), &Options::default())?;
    if let Some(late) = wait(context, container, &service, options.start_limit).await? {
        return Ok(late);
    }
    let mut verification = match verify(&service, proof).await {
        Ok(verification) => verification,
        // A container that died over a quote is the reason, and not the connection it left.
        Err(error) => {
            return Err(match ended_soon(container).await {
                Some(end) => died(container, &end, "while it was asked for quotes").await,
                None => error,
            });
        }
    };
    if image.config.healthcheck.is_some() {
        verification.checks.push(healthcheck(container).await?);
    }
    verification.checks.push(stop(container, options.stop_limit).await?);
    verification.passed = verification.checks.iter().all(|check| check.passed);
    Ok(verification)
}

/// Waits until the release is loaded; what is wrong when it is not in time.
async fn wait(
    context: &Context,
    container: &Container,
    service: &HttpQuoteService,
    limit: Duration,
) -> Result<Option<Verification>> {
    let started = Instant::now();
    let mut told = 0;
    loop {
        let reason = match service.health().await {
            Ok(health) if health.status == "ok" => return Ok(None),
            Ok(health) => format!("`/health` says `{}`", health.status),
            Err(error) => haute_core::error::chain(&error).join(": "),
        };
        if let Some(end) = container.end().await? {
            return Err(died(container, &end, "before it was ready").await);
        }
        let waited = started.elapsed();
        if waited >= limit {
            return Ok(Some(Verification::failed(
                "health",
                format!("not ready in {} s: {reason}", limit.as_secs()),
            )));
        }
        if waited.as_secs() > told {
            told = waited.as_secs();
            context.events.emit(&Event::Waiting {
                message: "the container loads the release".to_owned(),
                milliseconds: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// How it ended, if it did: its connections break before the engine knows.
async fn ended_soon(container: &Container) -> Option<ContainerEnd> {
    for _ in 0..30 {
        match container.end().await {
            Ok(None) => tokio::time::sleep(PAUSE).await,
            Ok(end) => return end,
            Err(_) => return None,
        }
    }
    None
}

/// The image's own health check, as the platform will ask it.
async fn healthcheck(container: &Container) -> Result<Check> {
    let started = Instant::now();
    let name = "healthcheck".to_owned();
    loop {
        match container.health().await? {
            Some((true, _)) => return Ok(Check { name, passed: true, detail: String::new() }),
            Some((false, words)) => {
                return Ok(Check {
                    name,
                    passed: false,
                    detail: format!("the image's health check fails: {words}"),
                });
            }
            None => {}
        }
        if started.elapsed() >= Duration::from_secs(30) {
            let detail = "the image's health check came to nothing in 30 s".to_owned();
            return Ok(Check { name, passed: false, detail });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether it ends by itself when it is told to: a platform kills what does not, with the quotes it was answering.
async fn stop(container: &Container, limit: Duration) -> Result<Check> {
    let (took, end) = container.stop(limit).await?;
    let seconds = took.as_secs_f64();
    // 143: ended by the signal itself, which is as good.
    let passed = took < limit && matches!(end.code, 0 | 143);
    let detail = if passed {
        format!("ended {seconds:.1} s after SIGTERM")
    } else if took >= limit {
        format!("did not end within {} s after SIGTERM and was killed", limit.as_secs())
    } else {
        format!("{seconds:.1} s after SIGTERM {}", end.explain())
    };
    Ok(Check { name: "stop".to_owned(), passed, detail })
}

async fn died(container: &Container, end: &ContainerEnd, when: &str) -> Error {
    let lines = container.logs(LOG_LINES).await.unwrap_or_default();
    let error = Error::new(
        ErrorKind::ProofFailed,
        format!("the container of the image ended {when}: {}", end.explain()),
    )
    .with_operation("prove.image")
    .with_hint("nothing was pushed or deployed");
    let error = match container.hint() {
        Some(hint) => error.with_hint(hint),
        None => error,
    };
    let error = if end.out_of_memory { error.with_hint("give it more memory") } else { error };
    if lines.is_empty() { error } else { error.with_source(lines.join("\n")) }
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "stopped while the image was proven; its container is removed")
        .with_operation("prove.image")
}
