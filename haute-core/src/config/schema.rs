//! Which tables and keys there are: unknown ones are found here, with what was meant.

use std::collections::{BTreeMap, BTreeSet};

use super::codes;
use super::tree::{Node, Table, Value};
use crate::diagnostic::{Diagnostic, closest};
use crate::target::Registry;

/// The keys of Haute 0.6.0 by table (module `haute.deploy._config`, read on PyPI's 0.6.0), and those of this project.
/// Tables of targets outside this crate come from the registry.
pub(super) const TABLES: &[(&str, &[&str])] = &[
    ("project", &["name", "pipeline"]),
    ("deploy", &["target", "model_name", "endpoint_name", "output_fields"]),
    (
        "deploy.container",
        &[
            "registry",
            "port",
            "base_image",
            "builder",
            "compression",
            "leave_out_unused",
            "keep",
            "latest_tag",
            "insecure_registries",
            "prove_in",
        ],
    ),
    (
        "deploy.databricks",
        &["experiment_name", "catalog", "schema", "serving_workload_size", "serving_scale_to_zero"],
    ),
    ("deploy.aws-ecs", &["region", "cluster", "service"]),
    ("deploy.azure-container-apps", &["resource_group", "container_app_name", "environment_name"]),
    ("deploy.gcp-run", &["project", "region", "service"]),
    (
        "deploy.serving",
        &["body_limit_bytes", "row_limit", "depth_limit", "deadline_seconds", "queue_limit", "docs"],
    ),
    ("deploy.build", &["python", "architecture", "installer"]),
    // Read by the target `local`; here too, so that a program built without that target loads the same files.
    ("deploy.local", &["host", "port", "drain_seconds", "start_timeout_seconds"]),
    ("test_quotes", &["dir"]),
    ("safety", &["impact_dataset"]),
    ("safety.approval", &["min_approvers"]),
    ("ci", &["provider"]),
    ("ci.staging", &["endpoint_suffix", "endpoint_url"]),
    ("ci.production", &["endpoint_url"]),
    ("server", &["host"]),
    ("mlflow", &["tracking_uri", "folder"]),
    ("assistant", &["provider", "model", "base_url"]),
    (
        "assistant.egress",
        &[
            "trust",
            "max_sensitivity",
            "allow_project_knowledge",
            "allow_executable_source",
            "allow_row_samples",
            "allow_aggregate_statistics",
        ],
    ),
];

/// Tables and keys that Haute 0.1 wrote and that mean nothing any more.
const RETIRED: &[&str] = &[
    "deploy.docker",
    "deploy.sagemaker",
    "deploy.azure-ml",
    "safety.max_single_quote_change_pct",
    "safety.max_avg_change_pct",
    "safety.block_on_threshold_breach",
    "ci.production.require_approval",
    "ci.production.min_approvers",
    "mlflow.mode",
];

/// Whether this crate itself knows the key at the dotted `path`.
pub(super) fn is_built_in(path: &str) -> bool {
    path.rsplit_once('.')
        .is_some_and(|(table, key)| TABLES.iter().any(|(name, keys)| *name == table && keys.contains(&key)))
}

/// The tables and keys of one program.
pub(super) struct Schema {
    tables: BTreeMap<String, BTreeSet<String>>,
}

impl Schema {
    /// What this crate and every registered target know.
    pub(super) fn new(registry: &Registry) -> Self {
        let mut tables: BTreeMap<String, BTreeSet<String>> = TABLES
            .iter()
            .map(|(table, keys)| ((*table).to_owned(), keys.iter().map(|key| (*key).to_owned()).collect()))
            .collect();
        for (table, keys) in registry.iter().flat_map(|factory| factory.tables()) {
            let known = tables.entry(format!("deploy.{table}")).or_default();
            known.extend(keys.iter().map(|key| (*key).to_owned()));
        }
        Self { tables }
    }

    /// Whether there is a key at the dotted `path`.
    pub(super) fn knows(&self, path: &str) -> bool {
        path.rsplit_once('.').is_some_and(|(table, key)| self.has_key(table, key))
    }

    fn has_key(&self, table: &str, key: &str) -> bool {
        self.tables.get(table).is_some_and(|keys| keys.contains(key))
    }

    fn has_table(&self, path: &str) -> bool {
        let below = format!("{path}.");
        self.tables.keys().any(|table| table == path || table.starts_with(&below))
    }

    /// The names of the tables right below `path` (the top level: an empty path).
    fn tables_below(&self, path: &str) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .tables
            .keys()
            .filter_map(|table| match path {
                "" => table.split('.').next(),
                _ => table.strip_prefix(path)?.strip_prefix('.')?.split('.').next(),
            })
            .collect();
        names.dedup();
        names
    }

    /// Reports every table and key of `tree` that is not known, every retired one, and every value that stands where a
    /// table should; returns the paths of the last.
    pub(super) fn check(&self, tree: &Table, out: &mut Vec<Diagnostic>) -> Vec<String> {
        let mut failed = Vec::new();
        self.check_table(tree, "", out, &mut failed);
        failed
    }

    fn check_table(&self, table: &Table, path: &str, out: &mut Vec<Diagnostic>, failed: &mut Vec<String>) {
        for (key, node) in &table.0 {
            let full = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let is_table = matches!(node.value, Value::Table(_));
            if RETIRED.contains(&full.as_str()) {
                out.push(retired(&full, node));
            } else if self.has_key(path, key) {
                // Its type is looked at when it is decoded.
            } else if self.has_table(&full) {
                if let Value::Table(inner) = &node.value {
                    self.check_table(inner, &full, out, failed);
                } else {
                    out.push(not_a_table(&full, node));
                    failed.push(full);
                }
            } else if is_table {
                out.push(self.unknown_table(path, key, node));
            } else {
                out.push(self.unknown_key(path, key, node));
            }
        }
    }

    fn unknown_table(&self, path: &str, key: &str, node: &Node) -> Diagnostic {
        let full = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        let below = self.tables_below(path);
        let elsewhere = self.tables.keys().find(|table| table.rsplit('.').next() == Some(key));
        let diagnostic = Diagnostic::error(codes::UNKNOWN_TABLE, format!("unknown table `[{full}]`"));
        let diagnostic = point_at_key(diagnostic, node, "not a table of haute.toml");
        if let Some(near) = closest(key, below.iter().copied()) {
            let near = if path.is_empty() { near.to_owned() } else { format!("{path}.{near}") };
            diagnostic.help(format!("did you mean `[{near}]`?"))
        } else if let Some(other) = elsewhere {
            diagnostic.help(format!("did you mean `[{other}]`?"))
        } else if below.is_empty() {
            diagnostic.help(format!("`[{path}]` holds no tables"))
        } else {
            let prefix = if path.is_empty() { String::new() } else { format!("{path}.") };
            let list = below.iter().map(|name| format!("`[{prefix}{name}]`")).collect::<Vec<_>>().join(", ");
            diagnostic.help(format!("the tables here are {list}"))
        }
    }

    fn unknown_key(&self, path: &str, key: &str, node: &Node) -> Diagnostic {
        let message = match path {
            "" => format!("unknown key `{key}` outside of any table"),
            _ => format!("unknown key `{key}` in `[{path}]`"),
        };
        let diagnostic = Diagnostic::error(codes::UNKNOWN_KEY, message);
        let diagnostic = point_at_key(diagnostic, node, "not a key of this table");
        let known: Vec<&str> = self.tables.get(path).into_iter().flatten().map(String::as_str).collect();
        let owner = self.tables.iter().find(|(_, keys)| keys.contains(key)).map(|(table, _)| table);
        if let Some(near) = closest(key, known.iter().copied()) {
            diagnostic.help(format!("did you mean `{near}`?"))
        } else if let Some(owner) = owner {
            diagnostic.help(format!("`{key}` is a key of `[{owner}]`"))
        } else if known.is_empty() {
            diagnostic
        } else {
            let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            diagnostic.help(format!("the keys of `[{path}]` are {list}"))
        }
    }
}

fn retired(path: &str, node: &Node) -> Diagnostic {
    let message = match node.value {
        Value::Table(_) => format!("the table `[{path}]` is of Haute 0.1 and has no effect any more"),
        _ => format!("the key `{path}` is of an old Haute and has no effect any more"),
    };
    let help = "remove it: Haute 0.2 and later refuse the file while it is there";
    point_at_key(Diagnostic::warning(codes::RETIRED, message), node, "has no effect").help(help)
}

fn not_a_table(path: &str, node: &Node) -> Diagnostic {
    let message = format!("{}: expected a table, found {}", node.origin.subject(path), node.value.words());
    let diagnostic = Diagnostic::error(codes::WRONG_TYPE, message);
    node.origin.point(diagnostic, "not a table").help(format!("write it as `[{path}]` with its keys below"))
}

fn point_at_key(diagnostic: Diagnostic, node: &Node, text: &str) -> Diagnostic {
    match &node.key {
        Some((file, range)) => diagnostic.at(*file, range.clone(), text),
        None => node.origin.point(diagnostic, text),
    }
}
