//! The rules about values that need no file: targets, names, images, limits, secrets.

use std::collections::BTreeSet;

use super::serving::Architecture;
use super::tree::Table;
use super::{Config, codes, container, image, secrets as looks};
use crate::diagnostic::{Diagnostic, closest};
use crate::target::Registry;

/// The targets Haute 0.6.0 names and deploys to.
pub(super) const HAUTE_TARGETS: &[&str] =
    &["databricks", "container", "azure-container-apps", "aws-ecs", "gcp-run"];

/// Targets that older versions of Haute wrote into a new project and 0.6.0 refuses, and what to take instead.
const RETIRED_TARGETS: &[(&str, &str)] =
    &[("docker", "container"), ("sagemaker", "container"), ("azure-ml", "azure-container-apps")];

/// What becomes of a base image that floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// `haute.lock` pins it.
    Locked,
    /// It is resolved at every build.
    Resolved,
    /// Nothing may be resolved.
    Frozen,
}

/// Looks at every value. What was reported by then is not looked at again.
pub(super) fn check(config: &mut Config, registry: &Registry, base: Base, out: &mut Vec<Diagnostic>) {
    target(config, registry, out);
    model_name(config, out);
    output_fields(config, out);
    image::check(config, base, out);
    container::check(config, out);
    ranges(config, out);
    build(config, out);
}

fn target(config: &Config, registry: &Registry, out: &mut Vec<Diagnostic>) {
    let target = config.deploy.target.as_str();
    if HAUTE_TARGETS.contains(&target) || registry.get(target).is_some() || target == "local" {
        return;
    }
    let subject = config.subject("deploy.target");
    if let Some((_, instead)) = RETIRED_TARGETS.iter().find(|(name, _)| *name == target) {
        let message = format!(
            "{subject}: the target `{target}` is of an old Haute, and nothing deploys to it any more"
        );
        let diagnostic =
            config.point(Diagnostic::warning(codes::RETIRED, message), "deploy.target", "retired");
        out.push(diagnostic.help(format!("did you mean `{instead}`?")));
        return;
    }
    let known: BTreeSet<&str> =
        HAUTE_TARGETS.iter().copied().chain(registry.names()).chain(["local"]).collect();
    let message = format!("{subject}: there is no target `{}`", target.escape_debug());
    let diagnostic = Diagnostic::error(codes::UNKNOWN_TARGET, message);
    let diagnostic = config.point(diagnostic, "deploy.target", "not a target");
    out.push(if let Some(near) = closest(target, known.iter().copied()) {
        diagnostic.help(format!("did you mean `{near}`?"))
    } else {
        let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        diagnostic.help(format!("the targets are {list}"))
    });
}

/// The name is part of image names, paths and addresses: Haute's own pattern for containers, before anything is built.
fn model_name(config: &Config, out: &mut Vec<Diagnostic>) {
    let name = config.deploy.model_name.as_str();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let key = config.model_name_key();
    if config.failed(key)
        || (name.is_empty() && key == PIPELINE)
        || (!name.is_empty() && name.chars().all(plain))
    {
        return;
    }
    let message = if name.is_empty() {
        format!("{}: the model has no name", config.subject(key))
    } else {
        format!("{}: `{}` cannot be the name of a model", config.subject(key), name.escape_debug())
    };
    // Haute checks the name only when it builds an image, so a Databricks project may have lived with another one.
    let diagnostic = if config.deploy.target == "databricks" && !name.is_empty() {
        Diagnostic::warning(codes::MODEL_NAME, message)
    } else {
        Diagnostic::error(codes::MODEL_NAME, message)
    };
    let diagnostic = config.point(diagnostic, key, "letters, digits, `-` and `_` only");
    let words: Vec<&str> = name.split(|c| !plain(c)).filter(|word| !word.is_empty()).collect();
    let better = words.join("-").to_lowercase();
    out.push(if better.is_empty() {
        diagnostic.help("set `model_name` in `[deploy]`, such as `model_name = \"motor-pricing\"`")
    } else {
        diagnostic.help(format!("set `model_name = \"{better}\"` in `[deploy]`"))
    });
}

pub(super) const PIPELINE: &str = "project.pipeline";

fn output_fields(config: &Config, out: &mut Vec<Diagnostic>) {
    const KEY: &str = "deploy.output_fields";
    let Some(fields) = &config.deploy.output_fields else { return };
    let subject = config.subject(KEY);
    let mut report = |message: String, label: &str, help: &str| {
        let diagnostic = config.point(Diagnostic::error(codes::OUTPUT_FIELDS, message), KEY, label);
        out.push(diagnostic.help(help));
    };
    if fields.is_empty() {
        let help = "name the columns to serve, or remove the key to serve all";
        report(format!("{subject} is empty: no column would be served"), "empty", help);
    }
    let mut seen = BTreeSet::new();
    for field in fields {
        if field.is_empty() {
            report(format!("{subject} holds an empty name"), "a column has a name", "remove the empty name");
        } else if !seen.insert(field) {
            let message = format!("{subject} names `{}` twice", field.escape_debug());
            report(message, "the same column twice", "keep one of the two");
        }
    }
}

fn ranges(config: &Config, out: &mut Vec<Diagnostic>) {
    let serving = &config.deploy.serving;
    let limits: [(&str, u64, u64, u64); 6] = [
        ("deploy.container.port", u64::from(config.deploy.container.port), 1, 65_535),
        ("deploy.serving.body_limit_bytes", serving.body_limit_bytes, 1024, 1 << 30),
        ("deploy.serving.row_limit", serving.row_limit, 1, 1_000_000),
        ("deploy.serving.depth_limit", serving.depth_limit, 1, 512),
        ("deploy.serving.deadline_seconds", serving.deadline_seconds, 1, 3600),
        ("deploy.serving.queue_limit", serving.queue_limit, 1, 1_000_000),
    ];
    for (key, value, least, most) in limits {
        if !(least..=most).contains(&value) {
            let message = format!("{}: {value} is out of range", config.subject(key));
            let diagnostic = Diagnostic::error(codes::OUT_OF_RANGE, message);
            let diagnostic = config.point(diagnostic, key, format!("from {least} to {most}"));
            out.push(diagnostic.help(format!("write a whole number from {least} to {most}")));
        }
    }
}

fn build(config: &mut Config, out: &mut Vec<Diagnostic>) {
    const KEY: &str = "deploy.build.python";
    if let Some(python) = &config.deploy.build.python {
        let minor = python.strip_prefix("3.").and_then(|minor| minor.parse::<u16>().ok());
        if !minor.is_some_and(|minor| minor >= 11 && format!("3.{minor}") == *python) {
            let message =
                format!("{}: `{}` is no Python Haute runs on", config.subject(KEY), python.escape_debug());
            let diagnostic =
                config.point(Diagnostic::error(codes::OUT_OF_RANGE, message), KEY, "MAJOR.MINOR");
            out.push(diagnostic.help("write MAJOR.MINOR, 3.11 or later: `python = \"3.11\"`"));
        }
    } else {
        config.deploy.build.python = image::python(&config.deploy.container.base_image);
    }
    if config.deploy.build.architecture.is_none() {
        let cloud = HAUTE_TARGETS.contains(&config.deploy.target.as_str());
        let default = if cloud { Architecture::Amd64 } else { Architecture::host() };
        config.deploy.build.architecture = Some(default);
    }
}

/// Reports values that look like secrets, never repeating them. Returns the keys they stand at.
pub(super) fn secrets(tree: &Table, out: &mut Vec<Diagnostic>) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    tree.each_string("", &mut |path, node, text| {
        let what = looks::find(text).first().map(|(_, what)| *what).or_else(|| user_in_registry(path, text));
        let Some(what) = what else { return };
        let message = format!("{} looks like {what}", node.origin.subject(path));
        let diagnostic = Diagnostic::error(codes::SECRET, message);
        let diagnostic = node.origin.point(diagnostic, "a secret does not belong here");
        out.push(
            diagnostic
                .note("the value is masked in everything that is printed")
                .help("take it out of the file, revoke it if it was ever committed, and give it to the process as a variable"),
        );
        paths.insert(path.to_owned());
    });
    paths
}

/// `user:password@registry`, which is no address but is sometimes written.
fn user_in_registry(path: &str, text: &str) -> Option<&'static str> {
    let (user, rest) = text.split_once('@')?;
    let address = path == "deploy.container.registry"
        || path == "deploy.container.insecure_registries"
        || (path == image::KEY && !rest.starts_with("sha"));
    (address && user.contains(':')).then_some("a password in an address")
}
