//! What of a wheel is not carried into an image: nothing that runs, by rules that each have a reason.
//!
//! The rules see the path in the package directory and the name of the distribution. They never look into files, so what an
//! image holds can be read off here.

/// Bumped with every change of a rule: it is part of the layers' keys.
pub const VERSION: u32 = 1;

/// Why a file is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// Byte code of another build, in `__pycache__`: its time stamps do not fit the files in the image, so Python would not use
    /// it. A `.pyc` elsewhere may be all there is of a module, and stays.
    ByteCode,
    /// Licences, readmes and the like that a wheel puts beside the packages of everybody; the licence that counts is in `.dist-info`.
    Documents,
    /// Type stubs, which type checkers read. Of known distributions only: some packages read their own stubs to import lazily.
    Stubs,
    /// C, C++, CUDA and Cython sources and headers, and static libraries, which compilers read. Of known distributions only:
    /// some packages compile kernels while they run.
    Sources,
    /// The distribution's own tests. Of known distributions only: a package may import helpers from its tests.
    Tests,
}

/// Distributions that were looked at one by one: nothing outside of their `tests` directories imports from there, and no stub,
/// header or source of theirs is read while they run.
const KNOWN: &[&str] = &[
    "catboost",
    "contourpy",
    "fonttools",
    "httptools",
    "joblib",
    "kiwisolver",
    "libcst",
    "lightgbm",
    "matplotlib",
    "msgspec",
    "numpy",
    "orjson",
    "pandas",
    "pillow",
    "polars",
    "polars-runtime-32",
    "price-contour",
    "psutil",
    "pyarrow",
    "pydantic-core",
    "rustystats",
    "scikit-learn",
    "scipy",
    "uvloop",
    "watchfiles",
    "xgboost",
    "xgboost-cpu",
    "xxhash",
];

/// Endings of what a compiler reads.
const SOURCES: &[&str] = &[
    "a", "lib", "h", "hh", "hpp", "hxx", "inl", "c", "cc", "cpp", "cxx", "cu", "cuh", "pxd", "pxi", "pyx",
    "pyx.tp", "pxd.tp", "f", "f90",
];

/// What documents are called, in lower case and without an ending.
const DOCUMENTS: &[&str] = &[
    "authors",
    "changelog",
    "changes",
    "code_of_conduct",
    "contributing",
    "copying",
    "history",
    "licence",
    "license",
    "news",
    "notice",
    "readme",
    "security",
];

/// Endings of templates of Cython sources.
const TEMPLATES: &[&str] = &[".pyx.tp", ".pxd.tp", ".pyx.in", ".pxd.in"];

/// Whether the file at `path` (relative to the package directory, with `/`) of `distribution` (normalised) is left out.
pub fn left_out(distribution: &str, path: &str) -> Option<Reason> {
    let (directories, file) = path.rsplit_once('/').unwrap_or(("", path));
    let mut parts = directories.split('/');
    let top = parts.next().unwrap_or_default();
    if top.ends_with(".dist-info") {
        return None;
    }
    let lower = file.to_ascii_lowercase();
    let (stem, ending) = lower.rsplit_once('.').unwrap_or((&lower, ""));
    if directories.split('/').any(|part| part == "__pycache__") {
        return Some(Reason::ByteCode);
    }
    if directories.is_empty() && DOCUMENTS.contains(&stem) && ending != "py" {
        return Some(Reason::Documents);
    }
    if !KNOWN.contains(&distribution) {
        return None;
    }
    // Not the first directory: a package that is called `tests` is what somebody wanted to install.
    if parts.any(|part| part == "tests") {
        return Some(Reason::Tests);
    }
    if ending == "pyi" {
        return Some(Reason::Stubs);
    }
    let source = SOURCES.contains(&ending) || TEMPLATES.iter().any(|template| lower.ends_with(template));
    source.then_some(Reason::Sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_takes_what_it_is_for_and_no_more() {
        for (distribution, path, expected) in [
            ("numpy", "numpy/_core/tests/data/x.csv", Some(Reason::Tests)),
            ("numpy", "numpy/testing/__init__.py", None),
            ("numpy", "tests/__init__.py", None),
            ("unknown", "unknown/tests/helpers.py", None),
            ("numpy", "numpy/__init__.pyi", Some(Reason::Stubs)),
            ("unknown", "unknown/__init__.pyi", None),
            ("numpy", "numpy/py.typed", None),
            ("pyarrow", "pyarrow/include/arrow/api.h", Some(Reason::Sources)),
            ("scikit-learn", "sklearn/tree/_tree.pyx.tp", Some(Reason::Sources)),
            ("unknown", "unknown/kernels/add.cu", None),
            ("pyarrow", "pyarrow/libarrow.so.2400", None),
            ("numpy", "numpy/x.csv", None),
            ("unknown", "unknown/__pycache__/a.cpython-311.pyc", Some(Reason::ByteCode)),
            ("unknown", "unknown/sourceless.pyc", None),
            ("unknown", "LICENSE", Some(Reason::Documents)),
            ("unknown", "README.md", Some(Reason::Documents)),
            ("unknown", "license.py", None),
            ("unknown", "unknown/LICENSE", None),
            ("numpy", "numpy-2.3.5.dist-info/tests/x.h", None),
        ] {
            assert_eq!(left_out(distribution, path), expected, "{distribution} {path}");
        }
    }
}
