//! Reads the layers, lays them over each other, and checks what comes out.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::origin::Origin;
use super::parse::{self, Parsed};
use super::schema::Schema;
use super::tree::{Node, Table, Value};
use super::{Config, check, codes, decode, dotenv, overlay, pipeline_file, secrets};
use crate::diagnostic::{Diagnostic, FileId, Report, closest};
use crate::project::{LoadOptions, Project};
use crate::target::Registry;
use crate::variables::Variables;

/// The file's name.
pub(super) const FILE: &str = "haute.toml";

/// The variables that set a key (Haute 0.6.0, `haute.deploy._config`).
pub(super) const VARIABLES: &[(&str, &str)] = &[
    ("HAUTE_MODEL_NAME", "deploy.model_name"),
    ("HAUTE_ENDPOINT_NAME", "deploy.endpoint_name"),
    ("HAUTE_TARGET", "deploy.target"),
    ("HAUTE_SERVING_WORKLOAD_SIZE", "deploy.databricks.serving_workload_size"),
    ("HAUTE_SERVING_SCALE_TO_ZERO", SCALE_TO_ZERO),
];

const SCALE_TO_ZERO: &str = "deploy.databricks.serving_scale_to_zero";

/// The tables as one struct, for decoding.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct Sections {
    project: super::ProjectSection,
    deploy: super::DeploySection,
    test_quotes: super::TestQuotesSection,
    safety: super::SafetySection,
    ci: super::CiSection,
    server: super::ServerSection,
    mlflow: super::MlflowSection,
    assistant: super::AssistantSection,
}

pub(crate) fn load(options: &LoadOptions, registry: &Registry) -> Result<Project, Report> {
    let mut report = Report::default();
    let root = match find_root(&options.root) {
        Ok(root) => root,
        Err(diagnostic) => {
            report.push(diagnostic);
            return Err(report);
        }
    };
    let mut variables = options.variables.clone();
    let from_dotenv = read_dotenv(&root, &mut variables, &mut report);
    let mut layers = Layers::default();
    if let Some(text) = read_text(&root, FILE, &mut report) {
        layers.add(parse::parse(FILE, &text, &mut report.sources, &mut report.diagnostics));
    }
    if let Some(name) = &options.overlay
        && let Some(path) = overlay::find(&root, name, &mut report.diagnostics)
        && let Some(text) = read_text(&root, &path, &mut report)
    {
        layers.add(parse::parse(&path, &text, &mut report.sources, &mut report.diagnostics));
    }
    layers.set_variables(&variables, &from_dotenv, &mut report.diagnostics);
    layers.set_flags(&options.flags, &Schema::new(registry), &mut report.diagnostics);

    let mut config = layers.decode(registry, &mut report.diagnostics);
    pipeline_file::resolve(&mut config, &root, &mut report.diagnostics);
    check::check(&mut config, registry, options.frozen, &mut report.diagnostics);
    config.show();
    layers.drop_what_follows(&mut report);
    report.finish();
    if report.has_errors() { Err(report) } else { Ok(Project::new(root, config, variables, report)) }
}

/// Everything [`load`] does with the text of one `haute.toml` alone: no file, no environment, no target.
pub(super) fn check_text(path: &str, text: &str) -> (Config, Report) {
    let mut report = Report::default();
    let registry = Registry::new();
    let mut layers = Layers::default();
    layers.add(parse::parse(path, text, &mut report.sources, &mut report.diagnostics));
    let mut config = layers.decode(&registry, &mut report.diagnostics);
    config.resolve_model_name();
    check::check(&mut config, &registry, false, &mut report.diagnostics);
    config.show();
    layers.drop_what_follows(&mut report);
    report.finish();
    (config, report)
}

fn find_root(given: &Path) -> Result<PathBuf, Diagnostic> {
    let shown = given.display();
    let root = given.canonicalize().map_err(|error| {
        Diagnostic::error(codes::FILE_MISSING, format!("there is no project at `{shown}`: {error}"))
            .help("name the directory that holds `haute.toml`")
    })?;
    if !root.is_dir() {
        return Err(Diagnostic::error(codes::FILE_MISSING, format!("`{shown}` is not a directory"))
            .help("name the directory that holds `haute.toml`, not the file"));
    }
    if root.join(FILE).exists() {
        return Ok(root);
    }
    let mut diagnostic =
        Diagnostic::error(codes::FILE_MISSING, format!("there is no `haute.toml` in `{shown}`"));
    let names = overlay::names(&root);
    if let Some(near) = closest(FILE, names.iter().map(String::as_str)) {
        diagnostic = diagnostic.help(format!("there is a `{near}`: rename it to `haute.toml`"));
    }
    diagnostic = match root.ancestors().skip(1).find(|above| above.join(FILE).is_file()) {
        Some(_) => diagnostic.help("a directory above holds one: name that directory"),
        None => diagnostic.help("run `haute init` there, or name the directory of a Haute project"),
    };
    Err(diagnostic)
}

/// The text of a file of the project. What is not UTF-8 is reported and replaced, so that the rest is looked at still.
fn read_text(root: &Path, name: &str, report: &mut Report) -> Option<String> {
    let size = std::fs::metadata(root.join(name)).map_or(0, |metadata| metadata.len());
    let bytes = match std::fs::read(root.join(name)) {
        Ok(bytes) if size <= parse::SIZE_LIMIT as u64 => bytes,
        Ok(_) => {
            let message = format!("`{name}` is larger than {} KiB", parse::SIZE_LIMIT / 1024);
            report.push(Diagnostic::error(codes::SYNTAX, message).help("a configuration is a few lines"));
            return None;
        }
        Err(error) => {
            report.push(Diagnostic::error(codes::NOT_TEXT, format!("`{name}` cannot be read: {error}")));
            return None;
        }
    };
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let masks: Vec<_> = secrets::find(&text).into_iter().map(|(range, _)| range).collect();
            let file = report.sources.add(name, secrets::mask(&text, &masks));
            report.push(
                Diagnostic::error(codes::NOT_TEXT, format!("`{name}` is not UTF-8"))
                    .at(file, valid..valid + '\u{fffd}'.len_utf8(), "the first byte that is not")
                    .help("save the file as UTF-8"),
            );
            Some(text)
        }
    }
}

/// Lays `.env` below the variables. Returns what it has set, with the places.
fn read_dotenv(
    root: &Path,
    variables: &mut Variables,
    report: &mut Report,
) -> BTreeMap<String, (FileId, Range<usize>)> {
    const NAME: &str = ".env";
    if !root.join(NAME).is_file() {
        return BTreeMap::new();
    }
    let bytes = match std::fs::read(root.join(NAME)) {
        Ok(bytes) => bytes,
        Err(error) => {
            report.push(Diagnostic::error(codes::NOT_TEXT, format!("`.env` cannot be read: {error}")));
            return BTreeMap::new();
        }
    };
    let Ok(text) = String::from_utf8(bytes) else {
        report.push(Diagnostic::error(codes::NOT_TEXT, "`.env` is not UTF-8").help("save the file as UTF-8"));
        return BTreeMap::new();
    };
    // Python reads text files with every line end turned into `\n`.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let read = dotenv::parse(&text);
    let file = report.sources.add(NAME, masked(&text, &read));
    for range in read.broken {
        report.push(
            Diagnostic::warning(codes::DOTENV, "a line of `.env` cannot be read and is skipped")
                .at(file, range, "not of the form NAME=value")
                .help("write `NAME=value`, with quotes that close around a value of several words"),
        );
    }
    let ours: Vec<&str> = VARIABLES.iter().map(|(name, _)| *name).collect();
    for binding in &read.bindings {
        let name = binding.name.as_str();
        let near = closest(name, ours.iter().copied())
            .filter(|near| *near != name && strsim::damerau_levenshtein(name, near) <= 2);
        if let Some(near) = near {
            report.push(
                Diagnostic::warning(codes::VARIABLE, format!("nothing reads the variable `{name}`"))
                    .at(file, binding.range.clone(), "has no effect")
                    .help(format!("did you mean `{near}`?")),
            );
        }
    }
    let set = dotenv::apply(&read.bindings, variables);
    set.into_iter().map(|(name, range)| (name, (file, range))).collect()
}

/// `.env` as it may be shown: the values of the variables of this module, no others.
fn masked(text: &str, read: &dotenv::DotEnv) -> String {
    let mut ranges: Vec<_> = read
        .bindings
        .iter()
        .filter(|binding| !VARIABLES.iter().any(|(name, _)| *name == binding.name))
        .map(|binding| binding.range.clone())
        .collect();
    ranges.extend(read.broken.iter().cloned());
    ranges.extend(secrets::find(text).into_iter().map(|(range, _)| range));
    secrets::mask(text, &ranges)
}

/// The layers laid over each other so far.
#[derive(Default)]
struct Layers {
    tree: Table,
    broken: Vec<(FileId, Range<usize>)>,
}

impl Layers {
    fn add(&mut self, parsed: Parsed) {
        self.tree.merge(parsed.table);
        self.broken.extend(parsed.broken);
    }

    fn set_variables(
        &mut self,
        variables: &Variables,
        from_dotenv: &BTreeMap<String, (FileId, Range<usize>)>,
        out: &mut Vec<Diagnostic>,
    ) {
        for (name, key) in VARIABLES {
            let Some(text) = variables.get(name) else { continue };
            let origin = match from_dotenv.get(*name) {
                Some((file, range)) => {
                    Origin::DotEnv { name: (*name).to_owned(), file: *file, range: range.clone() }
                }
                None => Origin::Variable { name: (*name).to_owned() },
            };
            let value = if *key == SCALE_TO_ZERO {
                let (value, odd) = lenient_boolean(text);
                if odd {
                    let message = format!("`{name}` is neither true nor false and counts as false");
                    let help = "`true`, `1` and `yes` in any case mean true; write `false` to mean false";
                    out.push(
                        origin
                            .point(Diagnostic::warning(codes::VARIABLE, message), "counts as false")
                            .help(help),
                    );
                }
                Value::Boolean(value)
            } else {
                Value::Text(text.to_owned())
            };
            self.tree.set(key, Node { key: None, origin, value });
        }
    }

    fn set_flags(&mut self, flags: &BTreeMap<String, String>, schema: &Schema, out: &mut Vec<Diagnostic>) {
        for (name, text) in flags {
            if !schema.knows(name) {
                out.push(Diagnostic::error(
                    codes::UNKNOWN_KEY,
                    format!("a flag sets `{name}`, which is no key"),
                ));
                continue;
            }
            let origin = Origin::Flag { name: name.clone() };
            self.tree.set(name, Node { key: None, origin, value: Value::Text(text.clone()) });
        }
    }

    /// Checks keys, takes secrets out, and decodes.
    fn decode(&mut self, registry: &Registry, out: &mut Vec<Diagnostic>) -> Config {
        Schema::new(registry).check(&self.tree, out);
        let mut failed: Vec<String> = check::secrets(&self.tree, out).into_iter().collect();
        for path in &failed {
            self.tree.remove(&path.split('.').map(str::to_owned).collect::<Vec<_>>());
        }
        let root = Node { key: None, origin: Origin::Default, value: Value::Table(self.tree.clone()) };
        let decoded = decode::decode::<Sections>(&root, "");
        out.extend(decoded.diagnostics);
        for path in &decoded.failed {
            self.tree.remove(&path.split('.').map(str::to_owned).collect::<Vec<_>>());
        }
        let Sections { project, deploy, test_quotes, safety, ci, server, mlflow, assistant } = decoded.value;
        failed.extend(decoded.failed);
        let tree = std::mem::take(&mut self.tree);
        Config {
            project,
            deploy,
            test_quotes,
            safety,
            ci,
            server,
            mlflow,
            assistant,
            tree,
            failed,
            shown: BTreeMap::new(),
        }
    }

    /// Drops what was found on a line that has a syntax error: it follows from it.
    fn drop_what_follows(&self, report: &mut Report) {
        let line = |file: FileId, offset: usize| {
            report.sources.get(file).map(|source| (file, source.position(offset).line))
        };
        let broken: Vec<_> =
            self.broken.iter().filter_map(|(file, range)| line(*file, range.start)).collect();
        let syntax = [codes::SYNTAX, codes::DUPLICATE_KEY, codes::NOT_TEXT, codes::SECRET];
        let keep: Vec<bool> = report
            .diagnostics
            .iter()
            .map(|diagnostic| {
                let at = diagnostic.primary().and_then(|label| line(label.file, label.range.start));
                syntax.contains(&diagnostic.code) || !at.is_some_and(|at| broken.contains(&at))
            })
            .collect();
        let mut keep = keep.into_iter();
        report.diagnostics.retain(|_| keep.next().unwrap_or(true));
    }
}

/// Haute's reading of a boolean variable, and whether it is none of the usual words.
fn lenient_boolean(text: &str) -> (bool, bool) {
    let text = text.to_lowercase();
    let value = matches!(text.as_str(), "true" | "1" | "yes");
    (value, !value && !matches!(text.as_str(), "false" | "0" | "no" | ""))
}
