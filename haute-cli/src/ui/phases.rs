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

/// What a phase is at while nothing more particular is known.
pub(crate) const fn activity(phase: Phase) -> &'static str {
    match phase {
        Phase::Load | Phase::Check => "reading the project",
        Phase::Build => "making the release",
        Phase::Prove => "scoring the test quotes",
        Phase::Plan => "looking at the target",
        Phase::Apply => "changing the target",
        Phase::Verify => "asking for quotes",
        _ => "working",
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
