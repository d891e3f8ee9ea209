//! `build --image`: the image of a release as an archive.

#[cfg(feature = "target-container")]
pub(crate) use with_container::{base, build};
#[cfg(not(feature = "target-container"))]
pub(crate) use without_container::{base, build};

#[cfg(feature = "target-container")]
mod with_container {
    use std::path::{Path, PathBuf};

    use haute_container::ContainerTarget;
    use haute_core::config::ProveIn;
    use haute_core::project::Project;
    use haute_core::release::{LockedBase, Release};
    use haute_core::{Error, ErrorKind};

    use crate::commands::make;
    use crate::commands::work::Work;
    use crate::exit::Stage;
    use crate::failure::{At as _, Failure};
    use crate::ui::Outcome;
    use crate::ui::style;

    /// The targets whose image Haute builds from the base image: only their lock names one.
    const IMAGE_TARGETS: [&str; 4] = ["container", "aws-ecs", "azure-container-apps", "gcp-run"];

    /// The base image of the project, by digest, for the committed lock; `None` for targets without an image.
    pub(crate) async fn base(
        work: &Work<'_>,
        project: &Project,
        release: &Release,
    ) -> Result<Option<LockedBase>, Failure> {
        if !IMAGE_TARGETS.contains(&project.config().deploy.target.as_str()) {
            return Ok(None);
        }
        let target = target(project)?;
        let resolve = Box::pin(target.resolve_base(release));
        let resolve = async { resolve.await.at(Stage::Build) };
        work.stoppable(Stage::Build, resolve).await.map(Some)
    }

    /// Writes the image of `release` to `output`, or below the state directory.
    pub(crate) async fn build(
        work: &Work<'_>,
        project: &Project,
        release: &Release,
        output: Option<&Path>,
    ) -> Result<Outcome, Failure> {
        let ui = work.session.ui;
        let target = target(project)?;
        let path = output.map_or_else(|| default_path(project, release), Path::to_owned);
        let proof = match project.config().deploy.container.prove_in {
            ProveIn::Image => Some(make::proven(work, project, release).await?),
            _ => None,
        };
        let write = Box::pin(target.write_archive(&work.context, release, proof.as_ref(), &path));
        let archived = work.stoppable(Stage::Build, async { write.await.at(Stage::Build) }).await?;
        ui.field("archive", &archived.path);
        ui.field("image", &archived.digest);
        ui.field("size", archived.size);
        ui.note(&format!(
            "The image is in {} ({}): `docker load --input {0}` takes it.",
            archived.path.display(),
            style::bytes(archived.size)
        ));
        ui.data("release", release.digest(), |_| format!("{}\n", archived.digest));
        Ok(Outcome::done("built"))
    }

    fn default_path(project: &Project, release: &Release) -> PathBuf {
        let file = format!("{}-{}.oci.tar", release.name(), release.digest().short());
        project.state_directory().join("images").join(file)
    }

    fn target(project: &Project) -> Result<ContainerTarget, Failure> {
        let config = haute_container::ContainerConfig::of(project).map_err(|mistakes| {
            let mut report = project.report().clone();
            report.diagnostics.extend(mistakes);
            report.finish();
            Failure::from(report)
        })?;
        ContainerTarget::new(project.root(), config, project.variables().clone())
            .map_err(|error| {
                Error::new(ErrorKind::InvalidInput, error.message().to_owned()).with_source(error)
            })
            .at(Stage::Prepare)
    }
}

/// A build of this program without images.
#[cfg(not(feature = "target-container"))]
mod without_container {
    use std::path::Path;

    use haute_core::project::Project;
    use haute_core::release::{LockedBase, Release};

    use crate::commands::work::Work;
    use crate::exit::Stage;
    use crate::failure::{At as _, Failure};
    use crate::ui::Outcome;

    /// There is no base to resolve.
    #[expect(clippy::unused_async, reason = "the same call as where images are made")]
    pub(crate) async fn base(
        _work: &Work<'_>,
        _project: &Project,
        _release: &Release,
    ) -> Result<Option<LockedBase>, Failure> {
        Ok(None)
    }

    /// Says that it makes no images.
    #[expect(clippy::unused_async, reason = "the same call as where images are made")]
    pub(crate) async fn build(
        _work: &Work<'_>,
        _project: &Project,
        _release: &Release,
        _output: Option<&Path>,
    ) -> Result<Outcome, Failure> {
        Err(Failure::usage("this build of haute-cli makes no images")).at(Stage::Prepare)
    }
}
