//! The words for the phases of a release's way.

use haute_core::event::Phase;

use crate::exit::Stage;

/// One word at the start of a line.
pub(crate) const fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Load => "load",
        Phase::Check => "check",
        Phase::Build => "build",
        Phase::Prove => "prove",
        Phase::Plan => "plan",
        Phase::Apply => "apply",
        Phase::Verify => "verify",
        _ => "work",
    }
}

/// The stage a failure of this phase belongs to.
pub(crate) const fn stage(phase: Phase) -> Stage {
    match phase {
        Phase::Build => Stage::Build,
        Phase::Prove => Stage::Prove,
        Phase::Plan => Stage::Plan,
        Phase::Apply | Phase::Verify => Stage::Apply,
        _ => Stage::Prepare,
    }
}
