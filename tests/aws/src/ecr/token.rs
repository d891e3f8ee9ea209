//! Passwords of the registry.

use std::time::Duration;

use haute_core::digest::Digest;

/// The password of a token that expires then.
pub(super) fn password(expires: Duration) -> String {
    let seal = Digest::of(format!("seal {}", expires.as_millis()));
    format!("fake-{}-{}", expires.as_millis(), seal.hex())
}

/// Whom a password is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// The caller of the APIs, until then.
    Caller(Duration),
    /// The role tasks pull their images with, which may read everything.
    Execution,
}

/// The password of the role tasks pull their images with.
pub(crate) fn execution_password() -> String {
    format!("fake-execution-{}", Digest::of("seal of the execution role").hex())
}

/// Whom a password is of; `None` for one nobody handed out.
pub(crate) fn holder(given: &str) -> Option<Holder> {
    if given == execution_password() {
        return Some(Holder::Execution);
    }
    let millis = given.strip_prefix("fake-")?.split('-').next()?.parse().ok()?;
    let expires = Duration::from_millis(millis);
    (password(expires) == given).then_some(Holder::Caller(expires))
}
