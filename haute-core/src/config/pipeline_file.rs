//! Finds the pipeline file: inside the project, links followed, and a pipeline.

use std::path::{Component, Path, PathBuf};

use super::check::PIPELINE;
use super::overlay::names;
use super::{Config, codes};
use crate::diagnostic::{Diagnostic, closest};

/// What Haute looks for in a file before it takes it for a pipeline.
const MARK: &[u8] = b"haute.Pipeline";

/// Python files that are never a pipeline, whatever they hold (Haute 0.6.0, `haute._project`).
const NEVER: &[&str] = &["__init__.py", "setup.py", "conftest.py"];

/// Resolves `project.pipeline` and the model's name that may come from it.
pub(super) fn resolve(config: &mut Config, root: &Path, out: &mut Vec<Diagnostic>) {
    if !config.failed(PIPELINE) {
        let found = if config.project.pipeline.is_empty() {
            look_for(config, root, out)
        } else {
            given(config, root, out)
        };
        if let Some(found) = found {
            config.project.pipeline = found;
        }
    }
    config.resolve_model_name();
}

/// The file that is set. Reports what is wrong with it.
fn given(config: &Config, root: &Path, out: &mut Vec<Diagnostic>) -> Option<String> {
    let written = config.project.pipeline.as_str();
    let subject = config.subject(PIPELINE);
    let shown = written.escape_debug();
    let path = Path::new(written);
    let mut report = |code, message: String, label: &str, help: Option<String>| {
        let diagnostic = config.point(Diagnostic::error(code, message), PIPELINE, label);
        out.push(match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
    };
    if written.contains('\0') {
        report(codes::PIPELINE_MISSING, format!("{subject}: `{shown}` is no path"), "not a path", None);
        return None;
    }
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let outside = |message: String| (message, "outside of the project");
    if path.is_absolute() && root.join(path).canonicalize().map_or(true, |real| !real.starts_with(root)) {
        let (message, label) = outside(format!("{subject}: `{shown}` is not in the project"));
        let help = "write the path from the directory of `haute.toml`, such as `rating/main.py`";
        report(codes::PIPELINE_OUTSIDE, message, label, Some(help.to_owned()));
        return None;
    }
    if climbs_out(path) {
        let (message, label) = outside(format!("{subject}: `{shown}` leads out of the project"));
        let help = "move the pipeline into the project: a release holds files of the project only";
        report(codes::PIPELINE_OUTSIDE, message, label, Some(help.to_owned()));
        return None;
    }
    let Ok(real) = root.join(path).canonicalize() else {
        let help = nearest(root, path, written);
        report(codes::PIPELINE_MISSING, format!("{subject}: there is no file `{shown}`"), "not found", help);
        return None;
    };
    if !real.starts_with(root) {
        let (message, label) = outside(format!("{subject}: `{shown}` is a link out of the project"));
        let help = "put the file itself into the project: a release holds files of the project only";
        report(codes::PIPELINE_OUTSIDE, message, label, Some(help.to_owned()));
        return None;
    }
    if real.is_dir() {
        let help = Some(format!("name the file in it, such as `{written}/main.py`").replace("//", "/"));
        report(codes::PIPELINE_MISSING, format!("{subject}: `{shown}` is a directory"), "not a file", help);
        return None;
    }
    if path.extension().is_none_or(|extension| extension != "py") || NEVER.contains(&name) {
        let help = "name the Python file that makes the pipeline, such as `rating/main.py`";
        let message = format!("{subject}: `{shown}` cannot be a pipeline file");
        report(codes::NOT_A_PIPELINE, message, "not a pipeline", Some(help.to_owned()));
        return None;
    }
    match holds_pipeline(&real) {
        Ok(true) => {}
        Ok(false) => {
            let help = candidates(root).first().map_or_else(
                || "a pipeline file makes a `haute.Pipeline(...)`".to_owned(),
                |other| format!("`{other}` makes one: did you mean that file?"),
            );
            let message = format!("{subject}: `{shown}` does not mention `haute.Pipeline`");
            report(codes::NOT_A_PIPELINE, message, "makes no pipeline", Some(help));
            return None;
        }
        Err(error) => {
            let message = format!("{subject}: `{shown}` cannot be read: {error}");
            report(codes::PIPELINE_MISSING, message, "not readable", None);
            return None;
        }
    }
    let relative = relative(root, &real);
    if relative.is_none() {
        report(codes::PIPELINE_MISSING, format!("{subject}: `{shown}` is not UTF-8"), "not UTF-8", None);
    }
    relative
}

/// The file Haute would take when none is set.
fn look_for(config: &Config, root: &Path, out: &mut Vec<Diagnostic>) -> Option<String> {
    let found = candidates(root);
    let mut taken = Vec::new();
    if root.join("main.py").is_file() {
        taken.push("main.py".to_owned());
    } else {
        taken.extend(found.iter().filter(|path| !path.contains('/')).cloned());
        if taken.is_empty() {
            taken.extend(found.iter().filter(|path| *path == "pipelines/main.py").cloned());
        }
    }
    let (code, message, help) = match taken.as_slice() {
        [one] => match root.join(one).canonicalize() {
            Ok(real) if !real.starts_with(root) => (
                codes::PIPELINE_OUTSIDE,
                format!("`{one}` is a link out of the project"),
                "put the file itself into the project".to_owned(),
            ),
            Ok(real) if holds_pipeline(&real).unwrap_or(false) => return relative(root, &real),
            _ => (
                codes::NOT_A_PIPELINE,
                format!("`{one}` does not mention `haute.Pipeline`"),
                found.first().map_or_else(
                    || "a pipeline file makes a `haute.Pipeline(...)`".to_owned(),
                    |other| format!("`{other}` makes one: set `pipeline = \"{other}\"` in `[project]`"),
                ),
            ),
        },
        [] => (
            codes::PIPELINE_MISSING,
            "no pipeline is set, and there is none beside `haute.toml`".to_owned(),
            match found.first() {
                Some(other) => format!("set `pipeline = \"{other}\"` in `[project]`"),
                None => "create `rating/main.py` and set `pipeline = \"rating/main.py\"` in `[project]`"
                    .to_owned(),
            },
        ),
        several => (
            codes::PIPELINE_MISSING,
            format!("no pipeline is set, and there are {} to choose from", several.len()),
            format!("set one in `[project]`: {}", several.join(", ")),
        ),
    };
    let diagnostic = Diagnostic::error(code, message);
    let diagnostic = match config.tree.0.get("project").and_then(|node| node.key.clone()) {
        Some((file, range)) => diagnostic.at(file, range, "`pipeline` is not set here"),
        None => diagnostic,
    };
    out.push(diagnostic.help(help));
    None
}

/// Whether the path leaves the directory it starts in at any point, as written.
fn climbs_out(path: &Path) -> bool {
    let mut depth = 0_i64;
    path.components().any(|component| {
        match component {
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
        depth < 0
    })
}

fn holds_pipeline(path: &Path) -> std::io::Result<bool> {
    let bytes = std::fs::read(path)?;
    Ok(bytes.windows(MARK.len()).any(|window| window == MARK))
}

fn relative(root: &Path, real: &Path) -> Option<String> {
    let parts = real.strip_prefix(root).ok()?.components();
    let names = parts.map(|part| part.as_os_str().to_str()).collect::<Option<Vec<_>>>()?;
    Some(names.join("/"))
}

/// Pipeline files beside `haute.toml` and in the two directories that versions of Haute create for them.
fn candidates(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for directory in ["", "rating", "pipelines"] {
        for name in names(&root.join(directory)) {
            let python = Path::new(&name).extension().is_some_and(|extension| extension == "py");
            let path = if directory.is_empty() { name.clone() } else { format!("{directory}/{name}") };
            if python && !NEVER.contains(&name.as_str()) && holds_pipeline(&root.join(&path)).unwrap_or(false)
            {
                found.push(path);
            }
        }
    }
    found
}

/// A hint for a path that leads nowhere: a file of a near name, or backslashes for slashes.
fn nearest(root: &Path, path: &Path, written: &str) -> Option<String> {
    let slashed = written.replace('\\', "/");
    if slashed != written && root.join(&slashed).is_file() {
        return Some(format!("write it with `/`: `{slashed}`"));
    }
    let directory = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let name = path.file_name()?.to_str()?;
    let siblings: Vec<String> =
        names(&root.join(&directory)).into_iter().filter(|name| name.ends_with(".py")).collect();
    if let Some(near) = closest(name, siblings.iter().map(String::as_str)) {
        let path: PathBuf = directory.join(near);
        return Some(format!("did you mean `{}`?", path.to_string_lossy()));
    }
    let others = candidates(root);
    closest(written, others.iter().map(String::as_str))
        .or_else(|| others.first().map(String::as_str))
        .map(|other| format!("did you mean `{other}`?"))
}
