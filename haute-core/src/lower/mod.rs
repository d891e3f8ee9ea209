//! Lowering: the pruned pipeline source of a release.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::diagnostic::Report;
use crate::pipeline::Checked;
use crate::project::Project;

/// One file of a lowered project.
#[derive(Clone, Debug)]
pub enum LoweredContent {
    /// Text.
    Text(String),
    /// A copy of this file.
    Copy(PathBuf),
}

/// What a quote must hold.
#[derive(Clone, Debug, Serialize)]
pub struct InputContract {
    /// node
    pub node: String,
    /// mode
    pub mode: String,
    /// tables
    pub tables: serde_json::Value,
    /// ports
    pub ports: Vec<String>,
}

/// A lowered project.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// files
    pub files: BTreeMap<String, LoweredContent>,
    /// file
    pub pipeline_file: String,
    /// directory
    pub directory: String,
    /// name
    pub name: String,
    /// nodes
    pub nodes: Vec<String>,
    /// output
    pub output_node: String,
    /// input
    pub input: InputContract,
    /// mapping
    pub output_mapping: Option<serde_json::Value>,
    /// imports
    pub imports: Vec<String>,
    /// models
    pub model_distributions: Vec<String>,
}

/// Lowers.
pub fn lower(project: &Project, checked: &Checked, haute: &str, report: &mut Report) -> Option<Lowered> {
    let _ = (project, checked, haute, report);
    None
}
