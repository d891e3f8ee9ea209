//! Which packages read a model file, by its suffix (`haute.md` §3.3).

/// The distributions a file of this suffix needs; `None` for a suffix no model family of Haute has.
pub(crate) fn distributions(path: &str) -> Option<&'static [&'static str]> {
    let suffix = path.rsplit_once('.')?.1.to_ascii_lowercase();
    Some(match suffix.as_str() {
        "cbm" => &["catboost"],
        "rsglm" => &["rustystats"],
        "ubj" => &["xgboost-cpu", "pandas"],
        "lgbm" => &["lightgbm", "pandas"],
        "ebm" => &["interpret-core", "pandas"],
        "tboost" => &["t-boost"],
        "pkl" | "pickle" | "joblib" => &["catboost", "interpret-core", "pandas", "scikit-learn"],
        "lgb" => &["lightgbm"],
        "xgb" => &["xgboost-cpu"],
        "onnx" => &["onnxruntime"],
        _ => return None,
    })
}
