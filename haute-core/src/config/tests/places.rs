//! What a report says and where it points.

use super::super::parse_text;
use super::{codes, dump, options, project, report};

#[test]
fn everything_that_is_wrong_is_told_at_once_in_order() {
    let directory = project(&[(
        "haute.toml",
        b"[project]
name = \"motor\"
pipeline = \"rating/mian.py\"

[deploy]
target = \"aws-esc\"
model_name = \"Motor Pricing\"
endpiont_name = \"x\"

[deploy.container]
port = \"eighty\"
base_image = \"python:3.11-slim\"

[deploy.aws_ecs]
clutser = \"pricing\"

[ci]
provider = 3
",
    )]);
    let report = report(&options(&directory));
    insta::assert_snapshot!(dump(&report), @r#"
    HT0114 error haute.toml:3:12 `project.pipeline`: there is no file `rating/mian.py`
      help: did you mean `rating/main.py`?
    HT0108 error haute.toml:6:10 `deploy.target`: there is no target `aws-esc`
      help: did you mean `aws-ecs`?
    HT0110 error haute.toml:7:14 `deploy.model_name`: `Motor Pricing` cannot be the name of a model
      help: set `model_name = "motor-pricing"` in `[deploy]`
    HT0105 error haute.toml:8:1 unknown key `endpiont_name` in `[deploy]`
      help: did you mean `endpoint_name`?
    HT0106 error haute.toml:11:8 `deploy.container.port`: expected a whole number from 0 to 65535, found a string
    HT0112 warning haute.toml:12:14 `deploy.container.base_image`: `python:3.11-slim` floats: it is resolved to a digest when the release is built
      help: pin it with `haute-cli build --write-lock`, by digest, or to a full version as Haute asks: `python:3.11.9-slim`
    HT0104 error haute.toml:14:9 unknown table `[deploy.aws_ecs]`
      help: did you mean `[deploy.aws-ecs]`?
    HT0106 error haute.toml:18:12 `ci.provider`: expected a string, found a whole number
    "#);
    assert_eq!(report.counts().0, 7);
}

#[test]
fn several_syntax_errors_are_told_and_what_follows_from_them_is_not() {
    let text = "[project]\nname = motor\n[deploy]\ntarget = \"local\nmodel_name = \"x\"\n[test_quotes]\ndri = \"q\"\n";
    let (_, report) = parse_text("haute.toml", text);
    insta::assert_snapshot!(dump(&report), @r#"
    HT0103 error haute.toml:2:8 string values must be quoted, expected literal string
    HT0103 error haute.toml:4:16 invalid basic string, expected `"`
    HT0105 error haute.toml:7:1 unknown key `dri` in `[test_quotes]`
      help: did you mean `dir`?
    "#);
    assert_eq!(codes(&report), ["HT0103", "HT0103", "HT0105"]);
}

#[test]
fn a_secret_is_masked_in_the_text_a_report_shows() {
    let text = "[deploy.container]\nregistry = \"https://ci:hunter2@r.example/p\" # hunter2 is not https://a:hunter2@b\n";
    let (_, report) = parse_text("haute.toml", text);
    assert_eq!(codes(&report), ["HT0117"]);
    let shown = report.sources.iter().next().unwrap().1.text();
    assert_eq!(shown.len(), text.len());
    assert_eq!(shown.matches("hunter2").count(), 1, "only the comment's plain word is left: {shown}");
}

#[test]
fn a_missing_file_says_what_is_there() {
    let directory = project(&[("haute.tml", b"")]);
    let report = report(&options(&directory));
    assert_eq!(codes(&report), ["HT0101"]);
    assert!(dump(&report).contains("there is a `haute.tml`"), "{}", dump(&report));
    let nowhere = crate::project::LoadOptions::new(directory.path().join("nowhere"));
    assert_eq!(codes(&super::report(&nowhere)), ["HT0101"]);
    let file = crate::project::LoadOptions::new(directory.path().join("haute.tml"));
    assert_eq!(codes(&super::report(&file)), ["HT0101"]);
}

#[test]
fn every_code_has_a_long_text_with_an_example() {
    for info in super::super::CODES {
        assert!(info.explain.len() > 150, "{} says too little", info.code);
        assert!(info.explain.contains("\n    "), "{} has no example", info.code);
    }
    let mut codes: Vec<_> = super::super::CODES.iter().map(|info| info.code).collect();
    codes.dedup();
    assert_eq!(codes.len(), 23);
}
