//! Serves a release to a tenth of the callers, compares its prices with those of the release before it, and lets it serve
//! everything only when they moved as little as they may.
//!
//! `canary <release directory> <proof.json> <model and endpoint name> <most percent> <directory for records>`

#![expect(clippy::print_stdout, reason = "a program")]

use std::path::Path;
use std::sync::Arc;

use haute_core::engine::{Engine, Run};
use haute_core::event::NullSink;
use haute_core::record::{Origin, Outcome};
use haute_core::release::Release;
use haute_core::target::{Cancellation, Context, DeployTarget, ProvenRelease};
use haute_core::variables::Variables;
use haute_core::{Error, ErrorKind, Result, store};
use haute_target_databricks::databricks::{DatabricksConfig, DatabricksTarget};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [release, proof, name, most, records] = arguments.as_slice() else {
        return Err(wrong(
            "give a release, its proof, a name, how much prices may move in percent, and a directory",
        ));
    };
    let most: f64 = most.parse().map_err(|_| wrong("how much prices may move is a number"))?;
    let proof = store::read_json(Path::new(proof))?.ok_or_else(|| wrong("there is no such proof"))?;
    let proven = ProvenRelease::new(Release::open(release)?, proof)?;
    let config = DatabricksConfig::default().with_names(name.as_str(), Some(name));
    let target = DatabricksTarget::new(Path::new(records), config).with_variables(Variables::of_process());
    let engine = Engine::new(Path::new(records));
    let (outcome, moved) = canary(&engine, &target, &proven, most).await?;
    println!("prices moved by {moved:.2} %: {outcome:?}");
    Ok(())
}

/// Brings the canary, compares, and promotes it or takes it away. Gives how that ended and by how many percent prices moved.
pub(crate) async fn canary(
    engine: &Engine,
    target: &dyn DeployTarget,
    release: &ProvenRelease,
    most: f64,
) -> Result<(Outcome, f64)> {
    let context = Context::new(Arc::new(NullSink), Cancellation::default());
    let origin = || Origin::new("motor-pricing");
    // Verified with every test quote, at an address of its own, before it counts as serving.
    engine.run(target, &context, Run::canary(release, 10, origin())).await?;
    let moved = moved(target, &context, release).await?;
    let end = if moved.abs() <= most { Run::promote(origin()) } else { Run::abort(origin()) };
    Ok((engine.run(target, &context, end).await?.record.outcome, moved))
}

/// By how many percent the canary's premiums are above those of the release that serves, over the test quotes.
async fn moved(target: &dyn DeployTarget, context: &Context, canary: &ProvenRelease) -> Result<f64> {
    let deployment = target.status(context).await?;
    let serving = deployment.release.clone().ok_or_else(|| wrong("no release of ours serves"))?;
    let rows: Vec<_> = canary.proof.quotes.iter().map(|quote| quote.input.clone()).collect();
    let mut sums = Vec::new();
    for release in [&serving, canary.release.digest()] {
        let service =
            target.service_of(&deployment, release)?.ok_or_else(|| wrong("nothing answers quotes"))?;
        let answers = service.quote(&rows).await?;
        let premium = |answer: &serde_json::Map<String, Value>| answer.get("premium").and_then(Value::as_f64);
        sums.push(answers.iter().filter_map(premium).sum::<f64>());
    }
    match sums.as_slice() {
        [before, after] if *before > 0.0 => Ok((after / before - 1.0) * 100.0),
        _ => Err(wrong("there are no premiums to compare")),
    }
}

fn wrong(message: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}
