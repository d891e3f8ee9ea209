//! `build`: the release, and its digest on stdout.

use std::fs;
use std::path::Path;

use haute_core::release::{Release, write_committed_lock};
use haute_core::{Error, ErrorKind, Result};

use super::work::Work;
use super::{image, make};
use crate::args::BuildArguments;
use crate::exit::Stage;
use crate::failure::{At as _, Failure};
use crate::ui::Outcome;

pub(crate) async fn run(work: Work<'_>, arguments: &BuildArguments) -> Result<Outcome, Failure> {
    let ui = work.session.ui;
    let mut prepared = make::checked(&work).await?;
    let built = Box::pin(make::built(&work, &mut prepared)).await?;
    let release = match &arguments.output {
        Some(directory) if !arguments.image => copied(&built.release, directory).at(Stage::Build)?,
        _ => built.release,
    };
    if arguments.write_lock {
        let base = image::base(&work, &prepared.project, &release).await?;
        let path = write_committed_lock(&prepared.project, &release, &built.lock_inputs, base.as_ref())
            .at(Stage::Build)?;
        ui.field("lock", &path);
        ui.note(&format!("Wrote {}: commit it, and every build takes these very versions.", path.display()));
    }
    if arguments.image {
        let output = arguments.output.as_deref();
        return Box::pin(image::build(&work, &prepared.project, &release, output)).await;
    }
    ui.note(&format!("The release is in {}", release.directory().display()));
    ui.field("directory", release.directory());
    ui.data("release", release.digest(), |_| format!("{}\n", release.digest()));
    Ok(Outcome::done(if built.unchanged { "unchanged" } else { "built" }))
}

/// Copies a release to a directory of the caller's choice and opens it there: what is handed on was read back.
fn copied(release: &Release, directory: &Path) -> Result<Release> {
    if let Ok(there) = Release::open(directory)
        && there.digest() == release.digest()
    {
        return Ok(there);
    }
    let occupied = fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        return Err(Failure::usage(format!("`{}` is not empty and not this release", directory.display()))
            .with_hint("name a directory that does not exist yet"));
    }
    let failed = |source: std::io::Error| {
        Error::new(ErrorKind::BuildFailed, format!("cannot write the release to `{}`", directory.display()))
            .with_source(source)
    };
    let files = release.manifest().files.iter().map(|file| file.path.as_str());
    for path in files.chain(["manifest.json"]) {
        let target = directory.join(path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        fs::copy(release.directory().join(path), target).map_err(failed)?;
    }
    Release::open(directory)
}
