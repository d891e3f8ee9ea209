//! What is in a release, and that it is the same everywhere.

use std::path::PathBuf;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::project::Project;
use crate::requirement::{Requirement, test};

pub(crate) fn trials() -> Vec<Trial> {
    let python = [Requirement::Python];
    vec![
        test("release::two_builds_in_two_places_are_the_same_to_the_byte", &python, deterministic),
        test("release::what_is_off_the_scoring_path_is_not_shipped", &python, off_path),
        test("release::a_changed_file_of_a_release_is_found", &python, tampered),
        test("release::the_editor_training_and_assistant_stacks_are_left_out", &python, lean),
        test("release::what_a_model_library_drags_in_is_listed_to_be_left_out", &python, unused),
        test("release::one_for_another_processor_is_proven_here_and_not_run_here", &python, other_processor),
        test("release::a_secret_in_env_or_variables_is_in_no_file", &python, no_secret),
    ]
}

fn built(project: &Project) -> (String, PathBuf) {
    let result = project.run(&["build", "--json"]).expect(0).result();
    let digest = result["release"].as_str().expect("a digest").to_owned();
    let directory = project.root().join(".haute-cli/releases").join(digest.trim_start_matches("sha256:"));
    (digest, directory)
}

fn files(directory: &PathBuf) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = walkdir::WalkDir::new(directory)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let path = entry.path().strip_prefix(directory).expect("below").display().to_string();
            (path, std::fs::read(entry.path()).expect("read"))
        })
        .collect();
    files.sort();
    files
}

fn deterministic() -> Result<(), Failed> {
    let (one, two) = (Project::example("motor-pricing"), Project::example("motor-pricing"));
    let (first, first_directory) = built(&one);
    // The lock depends on the day's package index unless it is committed: both builds share it.
    let locks = one.root().join(".haute-cli/dependencies");
    for entry in std::fs::read_dir(&locks)? {
        let entry = entry?;
        std::fs::create_dir_all(two.root().join(".haute-cli/dependencies"))?;
        std::fs::copy(entry.path(), two.root().join(".haute-cli/dependencies").join(entry.file_name()))?;
    }
    let (second, second_directory) = built(&two);
    assert_eq!(first, second);
    assert_eq!(files(&first_directory), files(&second_directory));
    Ok(())
}

fn off_path() -> Result<(), Failed> {
    let project = Project::example("motor-pricing");
    let (_, directory) = built(&project);
    let names: Vec<String> = files(&directory).into_iter().map(|(path, _)| path).collect();
    assert!(names.iter().any(|name| name.ends_with("main.py")), "{names:?}");
    assert!(
        !names.iter().any(|name| name.contains("claims_history")
            || name.contains("model_training")
            || name.contains("train/")),
        "{names:?}"
    );
    let source = std::fs::read_to_string(directory.join("project/rating/main.py"))?;
    assert!(!source.contains("frequency_model"), "{source}");
    Ok(())
}

fn tampered() -> Result<(), Failed> {
    let project = Project::example("motor-pricing");
    project.deploy();
    let (_, directory) = built(&project);
    let source = directory.join("project/rating/main.py");
    let text = std::fs::read_to_string(&source)?;
    std::fs::write(&source, text.replace("round(9)", "round(1)"))?;
    project.run(&["stop", "--target", "local"]).expect(0);
    // Deploying builds again: the damaged copy is replaced, never served.
    let deployed = project.deploy();
    assert!(
        deployed["release"]
            .as_str()
            .is_some_and(|digest| directory.ends_with(digest.trim_start_matches("sha256:")))
    );
    assert_eq!(std::fs::read_to_string(&source)?, text);
    Ok(())
}

fn lean() -> Result<(), Failed> {
    let project = Project::example("motor-pricing");
    let (_, directory) = built(&project);
    let lock = std::fs::read_to_string(directory.join("requirements.lock"))?;
    for stack in ["mlflow", "openai", "anthropic", "optuna", "libcst", "catboost"] {
        assert!(!lock.lines().any(|line| line.starts_with(&format!("{stack}=="))), "{stack} is in the lock");
    }
    for line in lock.lines().filter(|line| line.contains("==")) {
        assert!(line.ends_with('\\'), "{line} has a hash behind it");
    }
    assert!(lock.contains("haute==0.6.0") && lock.contains("rustystats=="), "{lock}");
    let manifest: Value = serde_json::from_str(&std::fs::read_to_string(directory.join("manifest.json"))?)?;
    assert_eq!(manifest["schema"], "haute.release/1");
    Ok(())
}

fn unused() -> Result<(), Failed> {
    let project = Project::example("van-catboost");
    let unused = |project: &Project| -> Vec<String> {
        let text = std::fs::read_to_string(built(project).1.join("manifest.json")).expect("a manifest");
        let manifest: Value = serde_json::from_str(&text).expect("JSON");
        serde_json::from_value(manifest["unused_distributions"].clone()).expect("names")
    };
    let found = unused(&project);
    for name in ["contourpy", "fonttools", "kiwisolver", "matplotlib", "pillow", "plotly"] {
        assert!(found.iter().any(|found| found == name), "{name} is not in {found:?}");
    }
    for name in ["catboost", "fastapi", "haute", "numpy", "polars", "uvicorn"] {
        assert!(!found.iter().any(|found| found == name), "{name} is in {found:?}");
    }
    let overlay = project.read("haute.e2e.toml");
    project.write("haute.e2e.toml", &format!("{overlay}[deploy.container]\nkeep = [\"matplotlib\"]\n"));
    let kept = unused(&project);
    for name in ["contourpy", "matplotlib", "pillow"] {
        assert!(!kept.iter().any(|found| found == name), "{name} is in {kept:?}");
    }
    assert!(kept.iter().any(|found| found == "plotly"), "{kept:?}");
    project.write("haute.e2e.toml", &format!("{overlay}[deploy.container]\nleave_out_unused = false\n"));
    assert!(unused(&project).is_empty());
    Ok(())
}

fn other_processor() -> Result<(), Failed> {
    let other = if cfg!(target_arch = "aarch64") { "amd64" } else { "arm64" };
    let project = Project::example("motor-pricing");
    project.write("haute.e2e.toml", &format!("[deploy.build]\narchitecture = \"{other}\"\n"));
    // Every golden premium is expected to the cent: the proof fails where one is not met.
    project.run(&["prove", "--json"]).expect(0);
    let (_, directory) = built(&project);
    let manifest: Value = serde_json::from_str(&std::fs::read_to_string(directory.join("manifest.json"))?)?;
    assert_eq!(manifest["platform"], format!("linux/{other}"));
    let lock = std::fs::read_to_string(directory.join("requirements.lock"))?;
    assert!(lock.starts_with('#') && lock.contains(&format!("for linux/{other}")), "{lock}");
    let refused = project.run(&["deploy", "--target", "local"]);
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("this machine is"), "{}", refused.stderr);
    Ok(())
}

fn no_secret() -> Result<(), Failed> {
    const SECRET: &str = "dapi0123456789abcdef0123456789abcdef";
    let project = Project::example("motor-pricing");
    project.write(".env", &format!("DATABRICKS_MLFLOW_TOKEN={SECRET}\n"));
    let run = project
        .run_with(&["deploy", "--target", "local", "--json"], &[("DATABRICKS_RATING_TOKEN", SECRET)])
        .expect(0);
    assert!(!run.stdout.contains(SECRET) && !run.stderr.contains(SECRET));
    for (path, bytes) in files(&project.root().join(".haute-cli")) {
        assert!(
            !bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()),
            "the secret is in {path}"
        );
    }
    Ok(())
}
