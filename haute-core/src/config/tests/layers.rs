//! Which layer wins, and that it is remembered.

use super::super::Origin;
use super::{codes, dump, load, options, project, report};
use crate::target::Registry;
use crate::variables::Variables;

const FILE: &[u8] =
    b"[project]\npipeline = \"rating/main.py\"\n[deploy]\ntarget = \"local\"\nmodel_name = \"file\"\n";

fn variables(pairs: &[(&str, &str)]) -> Variables {
    pairs.iter().copied().collect()
}

#[test]
fn each_layer_wins_over_the_one_below_it() {
    let directory = project(&[
        ("haute.toml", FILE),
        ("haute.staging.toml", b"[deploy]\nmodel_name = \"overlay\"\n"),
        (".env", b"HAUTE_MODEL_NAME=dotenv\n"),
    ]);
    let bare = project(&[("haute.toml", FILE)]);
    let name = |options| {
        let loaded = load(&options).unwrap();
        let config = loaded.config();
        (config.deploy.model_name.clone(), config.origin("deploy.model_name").unwrap().clone())
    };
    let staging = Some("staging".to_owned());
    assert_eq!(name(options(&bare)).0, "file");
    assert!(matches!(name(options(&bare)).1, Origin::File { .. }));

    std::fs::copy(directory.path().join("haute.staging.toml"), bare.path().join("haute.staging.toml"))
        .unwrap();
    assert_eq!(name(options(&bare).with_overlay(staging.clone())).0, "overlay");

    let dotenv = options(&directory).with_overlay(staging);
    assert_eq!(name(dotenv.clone()).0, "dotenv");
    assert!(matches!(name(dotenv.clone()).1, Origin::DotEnv { name, .. } if name == "HAUTE_MODEL_NAME"));

    let process = dotenv.with_variables(variables(&[("HAUTE_MODEL_NAME", "process")]));
    let variable = Origin::Variable { name: "HAUTE_MODEL_NAME".to_owned() };
    assert_eq!(name(process.clone()), ("process".to_owned(), variable));

    let flag = process.with_flag("deploy.model_name", "flag");
    assert_eq!(name(flag), ("flag".to_owned(), Origin::Flag { name: "deploy.model_name".to_owned() }));
}

#[test]
fn every_variable_of_haute_sets_its_key() {
    let directory = project(&[("haute.toml", FILE)]);
    let set = variables(&[
        ("HAUTE_MODEL_NAME", "name"),
        ("HAUTE_ENDPOINT_NAME", "endpoint"),
        ("HAUTE_TARGET", "databricks"),
        ("HAUTE_SERVING_WORKLOAD_SIZE", "Large"),
        ("HAUTE_SERVING_SCALE_TO_ZERO", "False"),
    ]);
    let loaded = load(&options(&directory).with_variables(set)).unwrap();
    let deploy = &loaded.config().deploy;
    assert_eq!(
        (deploy.model_name.as_str(), deploy.endpoint_name.as_deref(), deploy.target.as_str()),
        ("name", Some("endpoint"), "databricks")
    );
    assert_eq!(deploy.databricks.serving_workload_size, "Large");
    assert!(!deploy.databricks.serving_scale_to_zero);
    for (text, expected) in [("TRUE", true), ("1", true), ("Yes", true), ("on", false), ("", false)] {
        let set = variables(&[("HAUTE_SERVING_SCALE_TO_ZERO", text)]);
        let loaded = load(&options(&directory).with_variables(set)).unwrap();
        assert_eq!(loaded.config().deploy.databricks.serving_scale_to_zero, expected, "{text}");
        assert_eq!(codes(loaded.report()).contains(&"HT0119"), text == "on", "{text}");
    }
}

#[test]
fn a_bad_variable_is_named() {
    let directory =
        project(&[("haute.toml", FILE), (".env", b"PASSWORD=hunter2\nHAUTE_TARGET=aws-esc # hunter2\n")]);
    let bad = options(&directory).with_variables(variables(&[("HAUTE_MODEL_NAME", "")]));
    let report = report(&bad);
    insta::assert_snapshot!(dump(&report), @r#"
    HT0108 error .env:2:14 `HAUTE_TARGET`: there is no target `aws-esc`
      note: `HAUTE_TARGET` in `.env` sets it
      help: did you mean `aws-ecs`?
    HT0110 error - `HAUTE_MODEL_NAME`: the model has no name
      note: the environment variable `HAUTE_MODEL_NAME` sets it
      help: set `model_name` in `[deploy]`, such as `model_name = "motor-pricing"`
    "#);
    assert_eq!(codes(&report), ["HT0108", "HT0110"]);
    let shown = report.sources.iter().find(|(_, file)| file.path() == ".env").unwrap().1.text();
    assert!(shown.starts_with("PASSWORD=*******\nHAUTE_TARGET=aws-esc"), "{shown}");
}

#[test]
fn lines_of_dotenv_that_do_nothing_are_told() {
    let directory = project(&[
        ("haute.toml", FILE),
        (".env", b"HAUTE_MODEL_NAM=x\r\nnonsense here\r\nHAUTE_ENDPOINT_NAME=\"over\r\nlines\"\r\n"),
    ]);
    let loaded = load(&options(&directory)).unwrap();
    insta::assert_snapshot!(dump(loaded.report()), @r"
    HT0119 warning .env:1:17 nothing reads the variable `HAUTE_MODEL_NAM`
      help: did you mean `HAUTE_MODEL_NAME`?
    HT0121 warning .env:2:1 a line of `.env` cannot be read and is skipped
      help: write `NAME=value`, with quotes that close around a value of several words
    ");
    assert_eq!(loaded.config().deploy.endpoint_name.as_deref(), Some("over\nlines"));
    assert_eq!(codes(loaded.report()), ["HT0119", "HT0121"]);
}

#[test]
fn a_missing_overlay_names_the_ones_there_are() {
    let directory = project(&[("haute.toml", FILE), ("haute.staging.toml", b""), ("haute.prod.toml", b"")]);
    let with = |name: &str| dump(&report(&options(&directory).with_overlay(Some(name.to_owned()))));
    insta::assert_snapshot!(with("stagin"), @r"
    HT0120 error - there is no `haute.stagin.toml` for the environment `stagin`
      note: there are overlays for `prod`, `staging`
      help: did you mean `--env staging`?
    ");
    insta::assert_snapshot!(with("../x"), @r"
    HT0120 error - `../x` is no name of an environment
      help: a name has letters, digits, `-` and `_`: `--env staging` reads `haute.staging.toml`
    ");
    assert!(with("stagin").starts_with("HT0120"));
    assert!(with("../x").starts_with("HT0120"));
}

#[test]
fn a_mistake_in_the_overlay_is_shown_in_the_overlay() {
    let directory = project(&[
        ("haute.toml", FILE),
        ("haute.staging.toml", b"[deploy.container]\nport = 0\n[deploy.serving]\nrow_limt = 5\n"),
    ]);
    let report = report(&options(&directory).with_overlay(Some("staging".to_owned())));
    insta::assert_snapshot!(dump(&report), @r"
    HT0107 error haute.staging.toml:2:8 `deploy.container.port`: 0 is out of range
      help: write a whole number from 1 to 65535
    HT0105 error haute.staging.toml:4:1 unknown key `row_limt` in `[deploy.serving]`
      help: did you mean `row_limit`?
    ");
    assert_eq!(codes(&report), ["HT0107", "HT0105"]);
}

#[test]
fn a_flag_is_read_as_the_key_wants_and_an_unknown_one_refused() {
    let directory = project(&[("haute.toml", FILE)]);
    let flagged = options(&directory)
        .with_flag("deploy.container.port", "9000")
        .with_flag("deploy.serving.docs", "false");
    let loaded = load(&flagged).unwrap();
    assert_eq!(loaded.config().deploy.container.port, 9000);
    assert!(!loaded.config().deploy.serving.docs);
    let bad =
        options(&directory).with_flag("deploy.container.port", "many").with_flag("deploy.nonsense", "1");
    insta::assert_snapshot!(dump(&report(&bad)), @r"
    HT0105 error - a flag sets `deploy.nonsense`, which is no key
    HT0106 error - `deploy.container.port`: expected a whole number, found other text
      note: a flag sets it (`deploy.container.port`)
    ");
    assert_eq!(codes(&report(&bad)), ["HT0105", "HT0106"]);
}

#[test]
fn a_floating_image_warns_and_is_refused_when_frozen() {
    let text = "[project]\npipeline = \"rating/main.py\"\n[deploy]\ntarget = \"container\"\n[deploy.container]\nbase_image = \"python:3.11-slim\"\n";
    let directory = project(&[("haute.toml", text.as_bytes())]);
    let loaded = load(&options(&directory)).unwrap();
    assert_eq!(codes(loaded.report()), ["HT0112"]);
    assert_eq!(loaded.config().deploy.build.python.as_deref(), Some("3.11"));
    let frozen = load(&options(&directory).with_frozen(true)).unwrap_err();
    assert_eq!(codes(&frozen), ["HT0112"]);
    assert!(frozen.has_errors());

    // The committed lock pins it, by its whole name; another image's line does not.
    let lock = |name: &str| format!("# inputs x\n# base {name} linux/amd64 sha256:{}\n", "a1".repeat(32));
    std::fs::write(directory.path().join("haute.lock"), lock("docker.io/library/xpython:3.11-slim")).unwrap();
    assert!(load(&options(&directory).with_frozen(true)).is_err());
    std::fs::write(directory.path().join("haute.lock"), lock("docker.io/library/python:3.11-slim")).unwrap();
    let locked = load(&options(&directory).with_frozen(true)).unwrap();
    assert_eq!(codes(locked.report()), [""; 0]);
}

#[test]
fn a_target_of_haute_loads_and_is_refused_only_when_it_is_needed() {
    let text = b"[project]\npipeline = \"rating/main.py\"\n[deploy]\ntarget = \"gcp-run\"\n[deploy.container]\nbase_image = \"python:3.11.9\"\n";
    let directory = project(&[("haute.toml", text)]);
    let loaded = load(&options(&directory)).unwrap();
    assert_eq!(codes(loaded.report()), [""; 0]);
    let refused = loaded.config().require_target(&Registry::new()).err().unwrap();
    assert_eq!(refused.code.as_str(), "HT0109");
    assert!(refused.primary().is_some());
}
