//! The pipeline, read statically.

use crate::diagnostic::{CodeInfo, Report};
use crate::project::Project;

/// The codes of this module.
pub fn codes() -> Vec<&'static CodeInfo> {
    Vec::new()
}

/// A pipeline that was read and checked.
#[derive(Clone, Debug)]
pub struct Checked {}

/// Reads and checks the pipeline of `project`.
pub fn check(project: &Project, report: &mut Report) -> Option<Checked> {
    let _ = (project, report);
    None
}
