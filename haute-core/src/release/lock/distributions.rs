//! Which distribution provides what.

/// A distribution's name as an index compares it: lower case, runs of `-`, `_` and `.` as one `-` (PEP 503).
pub fn normalise(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for c in name.chars() {
        if matches!(c, '-' | '_' | '.') {
            if !normal.ends_with('-') {
                normal.push('-');
            }
        } else {
            normal.extend(c.to_lowercase());
        }
    }
    normal
}

/// The distribution that provides a top-level module, where its name is another one.
pub fn distribution_of_import(module: &str) -> &str {
    match module {
        "sklearn" => "scikit-learn",
        "yaml" => "pyyaml",
        "dateutil" => "python-dateutil",
        "PIL" => "pillow",
        "cv2" => "opencv-python-headless",
        "interpret" => "interpret-core",
        "xgboost" => "xgboost-cpu",
        "tboost" => "t-boost",
        "dotenv" => "python-dotenv",
        other => other,
    }
}

/// What a model or object file needs at scoring time, by its suffix: what Haute itself puts into an image for it.
pub fn model_distributions(file_name: &str) -> &'static [&'static str] {
    let suffix = file_name.rsplit_once('.').map_or("", |(_, suffix)| suffix).to_ascii_lowercase();
    match suffix.as_str() {
        "cbm" => &["catboost"],
        "rsglm" => &["rustystats"],
        "ubj" => &["xgboost-cpu", "pandas"],
        "xgb" => &["xgboost-cpu"],
        "lgbm" => &["lightgbm", "pandas"],
        "lgb" => &["lightgbm"],
        "ebm" => &["interpret-core", "pandas"],
        "tboost" => &["t-boost"],
        "onnx" => &["onnxruntime"],
        _ => &[],
    }
}

/// What Haute 0.5 and 0.6 import to score, as their own image lists it. Everything else of theirs is the editor,
/// training and assistants.
pub(super) const SCORING: &[&str] = &[
    "polars",
    "pyarrow",
    "numpy",
    "pydantic",
    "structlog",
    "xxhash",
    "psutil",
    "orjson",
    "msgspec",
    "joblib",
    "packaging",
    "price-contour",
    "fastapi",
];

/// Haute's optimiser. It has only source for some versions and processors, and Haute does not import it to price: before
/// 0.5 never, since then only where a pipeline applies what was optimised.
pub(super) const OPTIMISER: &[&str] = &["price-contour"];

/// What serving adds, by normalised name.
pub(in crate::release) const SERVING: &[&str] =
    &["fastapi", "uvicorn", "uvloop", "httptools", "orjson", "polars", "numpy"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_as_an_index_does() {
        assert_eq!(normalise("Scikit_Learn"), "scikit-learn");
        assert_eq!(normalise("a.-_b"), "a-b");
    }
}
