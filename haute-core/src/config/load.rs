//! Reads the layers, lays them over each other, and checks what comes out.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::origin::Origin;
use super::parse::{self, Parsed};
use super::schema::Schema;
use super::tree::{Node, Table, Value};
use super::{Config, check, codes, decode, files, overlay, pipeline_file};
use crate::diagnostic::{Diagnostic, FileId, Report};
use crate::project::{LoadOptions, Project};
use crate::release::base_is_locked;
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
    let root = match files::find_root(&options.root) {
        Ok(root) => root,
        Err(diagnostic) => {
            report.push(diagnostic);
            return Err(report);
        }
    };
    let mut variables = options.variables.clone();
    let from_dotenv = files::read_dotenv(&root, &mut variables, &mut report);
    let mut layers = Layers::default();
    if let Some(text) = files::read_text(&root, FILE, &mut report) {
        layers.add(parse::parse(FILE, &text, &mut report.sources, &mut report.diagnostics));
    }
    if let Some(name) = &options.overlay
        && let Some(path) = overlay::find(&root, name, &mut report.diagnostics)
        && let Some(text) = files::read_text(&root, &path, &mut report)
    {
        layers.add(parse::parse(&path, &text, &mut report.sources, &mut report.diagnostics));
    }
    layers.set_variables(&variables, &from_dotenv, &mut report.diagnostics);
    layers.set_flags(&options.flags, &Schema::new(registry), &mut report.diagnostics);

    let mut config = layers.decode(registry, &mut report.diagnostics);
    pipeline_file::resolve(&mut config, &root, &mut report.diagnostics);
    let base = if base_is_locked(&root, &config.deploy.container.base_image) {
        check::Base::Locked
    } else if options.frozen {
        check::Base::Frozen
    } else {
        check::Base::Resolved
    };
    check::check(&mut config, registry, base, &mut report.diagnostics);
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
    check::check(&mut config, &registry, check::Base::Resolved, &mut report.diagnostics);
    config.show();
    layers.drop_what_follows(&mut report);
    report.finish();
    (config, report)
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
        let mut failed = Schema::new(registry).check(&self.tree, out);
        failed.extend(check::secrets(&self.tree, out));
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

    /// Drops what was found on a line that has a syntax error, or right below one: it follows from it.
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
                syntax.contains(&diagnostic.code)
                    || !at.is_some_and(|(file, line)| {
                        broken.contains(&(file, line)) || broken.contains(&(file, line.saturating_sub(1)))
                    })
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
