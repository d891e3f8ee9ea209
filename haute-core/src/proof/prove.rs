//! Runs the proof of a release in an environment made from its lock.

use std::path::Path;

use super::runtime::RuntimeProof;
use super::{PROOF_SCHEMA, Proof};
use crate::error::{Error, ErrorKind, Result};
use crate::python::run_within;
use crate::release::{Release, SCORING_LIMIT, runtime_error, runtime_variables};
use crate::target::Context;
use crate::variables::Variables;

/// Scores every test quote of `release` with the interpreter `python` of the release's own environment.
///
/// A quote that is priced wrongly is not an error: [`Proof::passed`] is false and the checks say why. Cancel-safe: the
/// release is only read.
///
/// # Errors
/// [`ErrorKind::BuildFailed`] when the release cannot score at all, with the runtime's own words;
/// [`ErrorKind::Cancelled`].
pub async fn prove(
    context: &Context,
    release: &Release,
    python: &Path,
    variables: &Variables,
) -> Result<Proof> {
    let directory = tempfile::tempdir().map_err(|source| {
        Error::new(ErrorKind::BuildFailed, "cannot make a directory for the proof").with_source(source)
    })?;
    let out = directory.path().join("proof.json");
    let arguments = ["-B", "-m", "haute_serve", "prove", "--release"]
        .map(str::to_owned)
        .into_iter()
        .chain([release.directory().display().to_string(), "--out".to_owned(), out.display().to_string()])
        .collect::<Vec<_>>();
    let variables = runtime_variables(variables, release.directory());
    let finished = run_within(SCORING_LIMIT, context, "prove", python, &arguments, &variables).await?;
    if !finished.success
        && let Some(error) = runtime_error(&finished.stdout, "the release cannot be proven")
    {
        return Err(error.with_operation("prove"));
    }
    finished
        .require(ErrorKind::BuildFailed, "the release cannot be proven")
        .map_err(|error| error.with_operation("prove"))?;
    let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| {
        Error::bug("the runtime's proof cannot be read").with_operation("prove").with_source(source)
    };
    let bytes = std::fs::read(&out).map_err(|source| unreadable(source.into()))?;
    let written: RuntimeProof = serde_json::from_slice(&bytes).map_err(|source| unreadable(source.into()))?;
    if written.schema != PROOF_SCHEMA {
        return Err(Error::bug(format!("the runtime writes proofs of schema `{}`", written.schema))
            .with_operation("prove"));
    }
    let proof = written.into_proof(release.quotes()?);
    if &proof.release != release.digest() {
        return Err(Error::bug("the proof is of another release").with_operation("prove"));
    }
    Ok(proof)
}
