//! The release of the example project, built and proven once for all tests.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use haute_core::diagnostic::Report;
use haute_core::event::NullSink;
use haute_core::project::{self, LoadOptions};
use haute_core::proof;
use haute_core::python::{EnvironmentCache, EnvironmentProvider as _, InstallerChoice};
use haute_core::release::lock::Platform;
use haute_core::release::{self, BuildOptions};
use haute_core::target::{Cancellation, Context, ProvenRelease, Registry};
use haute_core::variables::Variables;
use haute_core::{pipeline, quotes};
use tempfile::TempDir;

/// Runs a future to its end.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime").block_on(future)
}

pub(crate) fn context() -> Context {
    Context::new(Arc::new(NullSink), Cancellation::default())
}

/// The example `motor-pricing`, proven.
pub(crate) fn motor() -> &'static ProvenRelease {
    static BUILT: OnceLock<(ProvenRelease, TempDir)> = OnceLock::new();
    &BUILT.get_or_init(|| run(build("motor-pricing"))).0
}

async fn build(name: &str) -> (ProvenRelease, TempDir) {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().canonicalize().expect("a path").join(name);
    copy(&repository().join("examples/projects").join(name), &root);
    let mut options = LoadOptions::new(&root);
    options.variables = Variables::of_process();
    let project = project::load(&options, &Registry::new()).unwrap_or_else(|report| panic!("{report:?}"));
    let mut report = Report::default();
    let checked = pipeline::check(&project, &mut report).unwrap_or_else(|| panic!("{report:?}"));
    let quotes = quotes::read(&project, &mut report);
    let environments =
        EnvironmentCache::of_user(project.variables(), &project.state_directory(), InstallerChoice::Auto);
    let mut options = BuildOptions::new(environments.clone(), Platform::of_host().expect("a known platform"));
    options.any_python = true;
    let context = context();
    let built = Box::pin(release::build(&context, &project, &checked, &quotes, &options, &mut report))
        .await
        .unwrap_or_else(|error| panic!("{error:?} {report:?}"));
    let python = environments.python_for(&context, &built.release).await.expect("an environment");
    let proof = proof::prove(&context, &built.release, &python, project.variables()).await.expect("a proof");
    (ProvenRelease::new(built.release, proof).expect("proven"), directory)
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a project").flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if entry.file_name() != ".haute-cli" {
                copy(&entry.path(), &target);
            }
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
