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
    /// Byte code of another build: its time stamps do not fit the files in the image, so Python would not use it.
    ByteCode,
    /// Type stubs: read by type checkers, never by Python.
    Stubs,
    /// C, C++, CUDA and Cython sources and headers, and static libraries: read by compilers, which the image has none of.
    Sources,
    /// The distribution's own tests.
    Tests,
    /// Licences, readmes and the like that a wheel puts beside the packages of everybody; the licence that counts is in `.dist-info`.
    Documents,
}

/// Distributions whose `tests` directories nothing outside of them imports: looked at one by one, for a package may well import
/// helpers from its tests.
const TESTED: &[&str] = &[
    "catboost",
    "contourpy",
    "fonttools",
    "joblib",
    "kiwisolver",
    "libcst",
    "lightgbm",
    "matplotlib",
    "numpy",
    "pandas",
    "polars",
    "psutil",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "statsmodels",
    "xgboost",
    "xgboost-cpu",
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
    if directories.is_empty()
        && DOCUMENTS.iter().any(|name| lower.split('.').next() == Some(name))
        && !lower.ends_with(".py")
    {
        return Some(Reason::Documents);
    }
    let ending = lower.rsplit_once('.').map_or("", |(_, ending)| ending);
    if directories.split('/').any(|part| part == "__pycache__") || ending == "pyc" {
        return Some(Reason::ByteCode);
    }
    if ending == "pyi" {
        return Some(Reason::Stubs);
    }
    if SOURCES.contains(&ending) || TEMPLATES.iter().any(|template| lower.ends_with(template)) {
        return Some(Reason::Sources);
    }
    // Not the first directory: a package that is called `tests` is what somebody wanted to install.
    if TESTED.contains(&distribution) && parts.any(|part| part == "tests") {
        return Some(Reason::Tests);
    }
    None
}
