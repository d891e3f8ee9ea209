//! `rollback`: an earlier release serves again.

use haute_core::digest::Digest;
use haute_core::engine::Run;
use haute_core::record::history;
use haute_core::store::Store;
use haute_core::{Error, Result};

use super::work::Work;
use super::{finish, prepare};
use crate::args::RollbackArguments;
use crate::exit::Stage;
use crate::failure::{At as _, Failure};
use crate::ui::Outcome;

pub(crate) async fn run(work: Work<'_>, arguments: &RollbackArguments) -> Result<Outcome, Failure> {
    let project = prepare::load(work.session)?;
    let target = prepare::target(work.session, &project)?;
    finish::permitted(&work, target.as_ref())?;
    let to = match &arguments.to {
        Some(text) => {
            Some(recorded(&Store::new(project.root()), target.info().name, text).at(Stage::Prepare)?)
        }
        None => None,
    };
    finish::carry_out(&work, &project, &target, |origin| Run::rollback(to, origin)).await
}

/// The release a person means by a digest or its first digits: one that the records of the target know.
fn recorded(store: &Store, target: &str, text: &str) -> Result<Digest> {
    if let Some(digest) = Digest::parse(text) {
        return Ok(digest);
    }
    let digits = text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase();
    let mut known: Vec<Digest> =
        history(store, Some(target))?.into_iter().filter_map(|recorded| recorded.record.release).collect();
    known.sort();
    known.dedup();
    let mut fitting =
        known.into_iter().filter(|digest| !digits.is_empty() && digest.hex().starts_with(&digits));
    match (fitting.next(), fitting.next()) {
        (Some(digest), None) => Ok(digest),
        (Some(one), Some(two)) => Err(ambiguous(text, &one, &two)),
        (None, _) => Err(Failure::usage(format!("no record of `{target}` names a release `{text}`"))
            .with_hint("`haute-cli history` lists them")),
    }
}

fn ambiguous(text: &str, one: &Digest, two: &Digest) -> Error {
    Failure::usage(format!("`{text}` may be release {} or {}", one.short(), two.short()))
        .with_hint("give more digits of the digest")
}
