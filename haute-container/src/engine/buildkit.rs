//! BuildKit inside an engine: the same request, and a session beside it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bollard::query_parameters::{BuildImageOptions, BuilderVersion};

/// What BuildKit is asked beside the common part.
pub(super) fn complete(options: &mut BuildImageOptions) {
    options.version = BuilderVersion::BuilderBuildKit;
    options.session = Some(session());
}

/// A name no other session of the engine has: the engine joins the build and its session by it.
fn session() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    format!("haute-{}-{now}-{count}", std::process::id())
}
