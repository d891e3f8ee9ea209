//! The Python runtime package `haute_serve`, carried by this crate and copied into every release.

/// Every file of the runtime package, as path below the release and content, in order of path.
pub fn runtime_files() -> &'static [(&'static str, &'static str)] {
    FILES
}

macro_rules! runtime {
    ($($name:literal),* $(,)?) => {
        &[$((concat!("runtime/haute_serve/", $name), include_str!(concat!("../../python/haute_serve/", $name)))),*]
    };
}

const FILES: &[(&str, &str)] = runtime![
    "__init__.py",
    "__main__.py",
    "answers.py",
    "app.py",
    "batcher.py",
    "body.py",
    "columns.py",
    "compare.py",
    "errors.py",
    "handler.py",
    "independence.py",
    "left_out.py",
    "lookup.py",
    "manifest.py",
    "model.py",
    "observe.py",
    "openapi.py",
    "paths.py",
    "place.py",
    "plan.py",
    "prices.py",
    "project.py",
    "proof.py",
    "quotes.py",
    "rehearsal.py",
    "relax.py",
    "scorer.py",
    "server.py",
    "stages.py",
    "trials.py",
    "unused.py",
    "values.py",
    "variants.py",
    "worker.py",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_of_the_package_is_forgotten() {
        let package = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("python/haute_serve");
        let mut on_disk: Vec<_> = walkdir::WalkDir::new(&package)
            .into_iter()
            .filter_map(Result::ok)
            .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "py"))
            .map(|entry| {
                format!("runtime/haute_serve/{}", entry.path().strip_prefix(&package).unwrap().display())
            })
            .collect();
        on_disk.sort();
        let carried: Vec<_> = runtime_files().iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(carried, on_disk);
    }
}
