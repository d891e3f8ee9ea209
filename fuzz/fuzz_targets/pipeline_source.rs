//! Any bytes as a pipeline file: the check ends with a pipeline or with an error, never with a panic.
#![no_main]

use std::fs;
use std::sync::OnceLock;

use haute_core::diagnostic::Report;
use haute_core::pipeline::check_file;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static PROJECT: OnceLock<TempDir> = OnceLock::new();

fuzz_target!(|source: &[u8]| {
    let project = PROJECT.get_or_init(|| TempDir::new().expect("a temporary folder"));
    let root = fs::canonicalize(project.path()).expect("the folder is there");
    fs::write(root.join("main.py"), source).expect("the folder can be written");
    let mut report = Report::default();
    let checked = check_file(&root, "main.py", &mut report);
    assert!(checked.is_some() || report.has_errors(), "refused without an error");
});
