//! The codes of the way from a checked project to a release.

use crate::diagnostic::{Code, CodeInfo};

/// A dependency file cannot be read.
pub(crate) const DEPENDENCY_FILE: Code = Code::new("HT0401");
/// A module is imported that no declared dependency provides.
pub(crate) const IMPORT_NOT_PROVIDED: Code = Code::new("HT0402");

/// The texts behind `explain`.
pub const CODES: &[CodeInfo] = &[
    CodeInfo {
        code: DEPENDENCY_FILE,
        title: "a dependency file cannot be read",
        explain: "`uv.lock`, `requirements.txt` and `pyproject.toml` say which versions the project was built and tested with. \
One of them is there but cannot be read, so the release would be made with other versions, and another version of a \
model library can give another price.\n\n\
Mend the file at the place shown, or remove it if it is not used. `uv lock` writes `uv.lock` anew.",
    },
    CodeInfo {
        code: IMPORT_NOT_PROVIDED,
        title: "an import that no dependency provides",
        explain: "The pipeline, or a module of its `utility` package, imports a module that is neither part of Python, nor of Haute, nor of \
a distribution the project declares. It is on your machine by chance; in the release the import would fail at start.\n\n\
Add the distribution to the project's dependencies:\n\n    uv add scipy\n\n\
or, without uv, to `requirements.txt` or `[project] dependencies` in `pyproject.toml`.",
    },
];
