//! Properties: what is written loads the same, layers have one order, and no text is too strange.

use proptest::prelude::*;

use super::super::{Config, parse_text};
use super::whole::EVERYTHING;
use super::{codes, dump, labels_fit};

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_-]{0,11}"
}

fn words() -> impl Strategy<Value = String> {
    "[ -~äß€]{0,16}".prop_filter("looks like a secret", |text| super::super::secrets::find(text).is_empty())
}

prop_compose! {
    fn configurations()(
        (title, pipeline, model) in (words(), name(), name()),
        target in prop::sample::select(super::super::check::HAUTE_TARGETS),
        fields in prop::option::of(prop::collection::btree_set("[A-Za-z_]{1,8}", 1..4)),
        (port, registry, endpoint) in (1_u16.., name(), prop::option::of(words())),
        (rows, body, docs, idle) in (1_u64..1_000_000, 1024_u64..1 << 30, any::<bool>(), any::<bool>()),
        (approvers, suffix, folder) in (any::<u32>(), words(), prop::option::of(words())),
        python in prop::option::of(11_u16..99),
    ) -> Config {
        let mut config = Config::default();
        config.project.name = Some(title);
        config.project.pipeline = format!("{pipeline}.py");
        config.deploy.target = target.to_owned();
        config.deploy.model_name = model;
        config.deploy.endpoint_name = endpoint;
        config.deploy.output_fields = fields.map(|fields| fields.into_iter().collect());
        config.deploy.container.port = port;
        config.deploy.container.registry = registry;
        config.deploy.databricks.serving_scale_to_zero = idle;
        config.deploy.serving.row_limit = rows;
        config.deploy.serving.body_limit_bytes = body;
        config.deploy.serving.docs = docs;
        config.deploy.build.python = python.map(|minor| format!("3.{minor}"));
        config.safety.approval.min_approvers = approvers;
        config.ci.staging.endpoint_suffix = suffix;
        config.mlflow.folder = folder;
        config
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_configuration_written_as_toml_loads_the_same(config in configurations()) {
        let mut config = config;
        let text = toml::to_string(&config).unwrap();
        let (loaded, report) = parse_text("haute.toml", &text);
        prop_assert!(!report.has_errors(), "{}\n{}", text, dump(&report));
        // The only thing loading adds: the processor the release is made for.
        config.deploy.build.architecture = loaded.deploy.build.architecture;
        prop_assert_eq!(toml::to_string(&loaded).unwrap(), toml::to_string(&config).unwrap());
    }

    #[test]
    fn any_text_gives_a_report(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        let (_, report) = parse_text("haute.toml", &text);
        prop_assert!(labels_fit(&report), "{}", text);
    }

    #[test]
    fn a_damaged_file_gives_a_report(
        at in 0..EVERYTHING.len(),
        length in 0_usize..40,
        insert in prop::sample::select(vec!["", "\"", "[", "]", "=", "\n", "'''", "{", ".", "\u{0}", "#", "1e999", "é", "[[a]]"]),
    ) {
        let end = (at + length).min(EVERYTHING.len());
        let (before, after) = (EVERYTHING.get(..at).unwrap(), EVERYTHING.get(end..).unwrap());
        let text = format!("{before}{insert}{after}");
        let (_, report) = parse_text("haute.toml", &text);
        prop_assert!(labels_fit(&report), "{}", text);
    }

    #[test]
    fn the_highest_layer_that_sets_a_key_wins(set in prop::array::uniform5(any::<bool>())) {
        let [file, overlay, dotenv, variable, flag] = set;
        let line = |name: &str, set: bool| if set { format!("model_name = \"{name}\"\n") } else { String::new() };
        let head = "[project]\npipeline = \"rating/main.py\"\n[deploy]\ntarget = \"local\"\n";
        let directory = super::project(&[
            ("haute.toml", format!("{head}{}", line("file", file)).as_bytes()),
            ("haute.test.toml", format!("[deploy]\n{}", line("overlay", overlay)).as_bytes()),
            (".env", if dotenv { b"HAUTE_MODEL_NAME=dotenv" as &[u8] } else { b"" }),
        ]);
        let mut options = super::options(&directory).with_overlay(Some("test".to_owned()));
        if variable {
            options.variables.set("HAUTE_MODEL_NAME", "variable");
        }
        if flag {
            options = options.with_flag("deploy.model_name", "flag");
        }
        let expected = ["flag", "variable", "dotenv", "overlay", "file"]
            .into_iter()
            .zip([flag, variable, dotenv, overlay, file])
            .find_map(|(name, set)| set.then_some(name));
        let loaded = super::load(&options).unwrap();
        prop_assert_eq!(loaded.config().deploy.model_name.as_str(), expected.unwrap_or("main"));
        prop_assert!(codes(loaded.report()).is_empty());
    }
}
