//! HT0202: the pipeline file cannot be read.

use std::io;
use std::path::Path;

use crate::diagnostic::{Code, CodeInfo, Diagnostic, FileId};
use crate::pipeline::files::{Files, ProjectFile};

/// The pipeline file cannot be read.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0202"),
    title: "the pipeline file cannot be read",
    explain: r#"`[project] pipeline` in haute.toml names the file that holds the pipeline. It must be inside the project, exist, and be
UTF-8 text. A path that leads out of the project, also through a link, is refused: what lies outside is not under the
project's version control, so the price served could change without a commit.

Example:

    [project]
    pipeline = "rating/main.py"      # relative to the folder of haute.toml

A file in another encoding is mended by saving it as UTF-8 in the editor."#,
};

/// Finds the pipeline file.
pub(crate) fn find(root: &Path, pipeline: &str, found: &mut Vec<Diagnostic>) -> Option<ProjectFile> {
    match Files::new(root.to_owned(), String::new()).at_root(pipeline) {
        Ok(file) => Some(file),
        Err(problem) => {
            let message = problem.message("pipeline file", pipeline);
            found.push(Diagnostic::error(INFO.code, message).help(
                "set `[project] pipeline` in haute.toml to the pipeline file, relative to the project",
            ));
            None
        }
    }
}

/// The file is there but cannot be opened.
pub(crate) fn unreadable(path: &str, error: &io::Error) -> Diagnostic {
    Diagnostic::error(INFO.code, format!("the pipeline file `{path}` cannot be read: {}", error.kind()))
}

/// The file is not UTF-8 from the byte `at` on.
pub(crate) fn not_text(file: FileId, at: usize, path: &str) -> Diagnostic {
    // What stands for the bytes in the text is the replacement character, three bytes long.
    Diagnostic::error(INFO.code, format!("`{path}` is not UTF-8 text"))
        .at(file, at..at + 3, "not UTF-8 from here on")
        .help("save the file as UTF-8")
}

/// This build has no Python parser.
#[cfg(not(feature = "pipeline"))]
pub(crate) fn no_reader(file: FileId) -> Diagnostic {
    Diagnostic::error(INFO.code, "this build of haute-core cannot read pipelines")
        .at(file, 0..0, "")
        .help("build haute-core with the feature `pipeline`")
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_file_in_another_encoding_is_refused() {
        let sample = Sample::valid().bytes("rating/main.py", b"name = 'caf\xe9'\n");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0202]: `rating/main.py` is not UTF-8 text
          --> rating/main.py:1:12 not UTF-8 from here on
          help: save the file as UTF-8
        "#);
        insta::assert_snapshot!(Sample::valid().remove("rating/main.py").check(), @r#"
        error[HT0202]: the pipeline file `rating/main.py` does not exist
          help: set `[project] pipeline` in haute.toml to the pipeline file, relative to the project
        "#);
    }
}
