//! Configuration.

use crate::diagnostic::{CodeInfo, Report};
use crate::project::{LoadOptions, Project};
use crate::target::Registry;

/// The codes of this module.
pub const CODES: &[CodeInfo] = &[];

/// The configuration of a project.
#[derive(Clone, Debug)]
pub struct Config {}

pub(crate) fn load(options: &LoadOptions, registry: &Registry) -> Result<Project, Report> {
    let _ = (options, registry);
    Err(Report::default())
}
