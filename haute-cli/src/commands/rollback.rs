//! `rollback`: an earlier release serves again.

use haute_core::digest::Digest;
use haute_core::engine::Run;
use haute_core::record::history;
use haute_core::store::Store;
use haute_core::target::PastRelease;
use haute_core::{Error, Result};

use super::work::Work;
use super::{finish, prepare};
use crate::args::RollbackArguments;
use crate::exit::Stage;
use crate::failure::{At as _, Failure};
use crate::ui::Outcome;

/// How far back the target is asked to look.
const PAST: usize = 200;

pub(crate) async fn run(work: Work<'_>, arguments: &RollbackArguments) -> Result<Outcome, Failure> {
    let project = prepare::load(work.session)?;
    let target = prepare::target(work.session, &project)?;
    finish::permitted(&work, target.as_ref())?;
    let to = match &arguments.to {
        Some(text) => {
            let past = target.history(&work.context, PAST).await.at(Stage::Prepare)?.unwrap_or_default();
            let store = Store::new(project.root());
            Some(meant(&store, target.info().name, &past, text).at(Stage::Prepare)?)
        }
        None => None,
    };
    finish::carry_out(&work, &project, &target, |origin| Run::rollback(to, origin)).await
}

/// The release a person means by a digest or its first digits, or by the target's own name for it: one that the target or the
/// records know.
fn meant(store: &Store, target: &str, past: &[PastRelease], text: &str) -> Result<Digest> {
    if let Some(digest) = Digest::parse(text) {
        return Ok(digest);
    }
    if let Some(named) = past.iter().find(|one| one.version == text) {
        return named.release.clone().ok_or_else(|| {
            Failure::usage(format!("`{text}` carries no release: somebody else put it there"))
                .with_hint("`haute-cli history` lists what can be gone back to")
        });
    }
    let digits = text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase();
    let mut known: Vec<Digest> =
        history(store, Some(target))?.into_iter().filter_map(|recorded| recorded.record.release).collect();
    known.extend(past.iter().filter_map(|one| one.release.clone()));
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
