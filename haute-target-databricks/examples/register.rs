//! Registers a release that was built and proven elsewhere on the MLflow server `MLFLOW_TRACKING_URI` names.
//!
//! `register <release directory> <proof.json> <model name> <directory for records>`

#![expect(clippy::print_stdout, reason = "a program")]

use std::path::Path;
use std::sync::Arc;

use haute_core::engine::Engine;
use haute_core::event::NullSink;
use haute_core::record::Origin;
use haute_core::release::Release;
use haute_core::target::{Cancellation, Context, ProvenRelease};
use haute_core::variables::Variables;
use haute_core::{Error, ErrorKind, Result, store};
use haute_target_databricks::mlflow::{MlflowConfig, MlflowTarget};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [release, proof, model, records] = arguments.as_slice() else {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "give a release, its proof, a model's name and a directory",
        ));
    };
    let proof = store::read_json(Path::new(proof))?
        .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no proof at `{proof}`")))?;
    let proven = ProvenRelease::new(Release::open(release)?, proof)?;
    let target = MlflowTarget::new(Path::new(records), model.as_str(), MlflowConfig::default())
        .with_variables(Variables::of_process());
    let context = Context::new(Arc::new(NullSink), Cancellation::default());
    let recorded = Engine::new(Path::new(records))
        .deploy(&target, &context, &proven, Origin::new(model.as_str()))
        .await?;
    println!("{:?} {}", recorded.record.outcome, proven.release.digest());
    Ok(())
}
