//! What several commands begin with: load, check, bind the target.

use std::sync::Arc;
use haute_core::diagnostic::Report;
use haute_core::pipeline::Checked;
use haute_core::project::{LoadOptions, Project};
use haute_core::quotes::TestQuote;
use haute_core::target::DeployTarget;

use super::Session;
use crate::failure::Failure;

/// A project without mistakes.
pub(crate) struct Prepared {
    pub(crate) project: Project,
    pub(crate) pipeline: Checked,
    pub(crate) quotes: Vec<TestQuote>,
    pub(crate) target: Arc<dyn DeployTarget>,
    pub(crate) report: Report,
}
