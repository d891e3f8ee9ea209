//! HT0264: project code is imported that does not ship.

use std::ops::Range;

use crate::diagnostic::{Code, CodeInfo, Diagnostic, FileId};

/// Project code is imported that does not ship.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0264"),
    title: "project code is imported that does not ship",
    explain: r"Of the project's own code only the `utility` package (a folder `utility/` or a file `utility.py` beside the pipeline, or at the
project's root) is shipped with a release. Anything else beside it works on the machine it was written on and fails in the
service with ModuleNotFoundError, on the first quote. Move what the pipeline needs into `utility`, or install it as a package.

Example:

    from rates import BASE               # rating/rates.py is not shipped
    from utility.rates import BASE       # rating/utility/rates.py is",
};

/// `top` is found in the project at `local`.
pub(crate) fn diagnostic(file: FileId, range: Range<usize>, top: &str, local: &str) -> Diagnostic {
    Diagnostic::error(INFO.code, format!("`{top}` is project code that does not ship"))
        .at(file, range, format!("found in the project as `{local}`"))
        .note("of the project's own code only `utility` is shipped")
        .help("move it into the `utility` package, or install it as a package")
}

/// There is no `utility`.
pub(crate) fn no_utility(file: FileId, range: Range<usize>) -> Diagnostic {
    Diagnostic::error(INFO.code, "the project has no `utility` package")
        .at(file, range, "imported here")
        .help("add a folder `utility` or a file `utility.py` beside the pipeline file")
}

/// There is no such module in `utility`.
pub(crate) fn no_module(file: FileId, range: Range<usize>, module: &str) -> Diagnostic {
    Diagnostic::error(INFO.code, format!("there is no module `{module}`"))
        .at(file, range, "imported here")
        .help("check the name, and that the file is committed")
}

/// A relative import outside of a package.
pub(crate) fn relative(file: FileId, range: Range<usize>) -> Diagnostic {
    Diagnostic::error(INFO.code, "a pipeline file cannot import relative to itself")
        .at(file, range, "Haute does not load the file as part of a package")
        .help("import from `utility`")
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn what_ships_is_utility() {
        let sample = Sample::valid()
            .replace(
                "rating/main.py",
                "import polars as pl",
                "import polars as pl\nfrom rates import BASE\nfrom utility.more import x\nfrom . import y",
            )
            .write("rating/rates.py", "BASE = 1.0\n")
            .write("rating/utility/__init__.py", "");
        insta::assert_snapshot!(sample.check(), @r#"
        error[HT0264]: `rates` is project code that does not ship
          --> rating/main.py:3:1 found in the project as `rating/rates.py`
          note: of the project's own code only `utility` is shipped
          help: move it into the `utility` package, or install it as a package
        error[HT0264]: there is no module `utility.more`
          --> rating/main.py:4:1 imported here
          help: check the name, and that the file is committed
        error[HT0264]: a pipeline file cannot import relative to itself
          --> rating/main.py:5:1 Haute does not load the file as part of a package
          help: import from `utility`
        "#);
    }
}
