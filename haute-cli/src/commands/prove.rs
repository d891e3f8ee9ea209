//! `prove`: the test quotes through the release itself.

use haute_core::release::Release;
use haute_core::store::Store;
use haute_core::{Error, ErrorKind};

use super::work::Work;
use super::{make, prepare};
use crate::args::ProveArguments;
use crate::exit::Stage;
use crate::failure::{At as _, Failure};
use crate::ui::{Outcome, premiums};

pub(crate) async fn run(work: Work<'_>, arguments: &ProveArguments) -> Result<Outcome, Failure> {
    let ui = work.session.ui;
    let (project, release) = if let Some(directory) = &arguments.release {
        let release = Release::open(directory).at(Stage::Prove)?;
        ui.field("release", release.digest());
        (prepare::load(work.session)?, release)
    } else {
        let mut prepared = make::checked(&work).await?;
        let built = Box::pin(make::built(&work, &mut prepared)).await?;
        (prepared.project, built.release)
    };
    let proof = make::proven(&work, &project, &release).await?;
    if let Some(path) = &arguments.out {
        let kept = Store::new(project.root()).proof_path(release.digest());
        std::fs::copy(kept, path)
            .map_err(|source| {
                Error::new(ErrorKind::InvalidInput, format!("cannot write the proof to `{}`", path.display()))
                    .with_source(source)
            })
            .at(Stage::Prove)?;
        ui.field("proof", path);
    }
    let premiums = make::premiums(&work, &project, &proof)?;
    ui.field("environment", &proof.environment);
    ui.field("checks", &proof.checks);
    ui.data("premiums", &premiums, |palette| premiums::render(&premiums, palette));
    Ok(Outcome::done("proven"))
}
