//! The lock a release is scored with on this machine, where it is made for another platform.

use std::fs;

use super::Release;
use super::lock::{Lock, Platform, resolve_same};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::project::Project;
use crate::python::{Installer, InstallerChoice, Interpreter, PythonVersion, find_interpreter};
use crate::store::Store;
use crate::target::Context;
use crate::variables::Variables;

/// Bumped when the same lock would give another one for this machine.
const RECIPE: u32 = 1;

/// The lock to make an environment from in which `release` can be proven on this machine.
///
/// For a release of this machine's own platform it is the release's lock. For another it holds the same distributions in
/// the same versions, with the files for this machine; it is kept below the project's state directory. Asks the package
/// index the first time. Cancel-safe: what is kept is written in one step.
///
/// # Errors
/// [`ErrorKind::BuildFailed`] naming a distribution that has no wheel of that version for this machine;
/// [`ErrorKind::Unsupported`] on a machine no release runs on; [`ErrorKind::NotFound`] without an interpreter or
/// installer; [`ErrorKind::Cancelled`].
pub async fn host_lock(
    context: &Context,
    project: &Project,
    release: &Release,
    installer: InstallerChoice,
) -> Result<Lock> {
    let manifest = release.manifest();
    let lock = Lock::parse(&release.lock()?);
    if is_of_host(Platform::parse(&manifest.platform)) {
        return Ok(lock);
    }
    let version = PythonVersion::parse(&manifest.python).ok_or_else(|| {
        let message = format!("the release is for Python `{}`, which is no version", manifest.python);
        Error::new(ErrorKind::InvalidInput, message)
    })?;
    let interpreter = find_interpreter(context, project.variables(), Some(version)).await?;
    for_host(context, project.variables(), &Store::new(project.root()), &lock, installer, &interpreter).await
}

/// Whether what is made for `platform` runs on this machine.
pub(super) fn is_of_host(platform: Option<Platform>) -> bool {
    platform.is_some() && platform == Platform::of_host()
}

/// The distributions of `lock` for this machine, in the same versions.
pub(super) async fn for_host(
    context: &Context,
    variables: &Variables,
    store: &Store,
    lock: &Lock,
    installer: InstallerChoice,
    interpreter: &Interpreter,
) -> Result<Lock> {
    let host = Platform::of_host().ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, "a release cannot be scored on a machine of this kind")
            .with_operation("build.observe")
            .with_hint("build it on Linux or macOS, on x86-64 or 64-bit ARM")
    })?;
    let key = format!("host {RECIPE} {} {}\n{}", host.as_str(), interpreter.version, lock.text);
    let kept = store.dependency_lock_path(&Digest::of(key));
    if let Ok(text) = fs::read_to_string(&kept) {
        return Ok(Lock::parse(&text));
    }
    let installer = Installer::find(context, variables, installer, interpreter).await?;
    let work = tempfile::tempdir().map_err(|source| {
        Error::new(ErrorKind::BuildFailed, "cannot make a directory to resolve in").with_source(source)
    })?;
    let found = resolve_same(context, variables, &installer, interpreter, lock, host, work.path()).await?;
    store.write(&kept, found.text.as_bytes())?;
    Ok(found)
}
