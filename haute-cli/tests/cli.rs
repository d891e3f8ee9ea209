//! The program as others see it: what it prints where, and how it ends.

use std::io::Read as _;
use std::process::{Command, Stdio};

use haute_cli::{Captured, Exit, Io, Runner};
use haute_core::diagnostic::all_codes;
use haute_core::variables::Variables;
use serde_json::Value;

fn run_with(words: &[&str], variables: &[(&str, &str)]) -> (Exit, Captured) {
    let (io, captured) = Io::captured();
    let io = io.with_variables(variables.iter().copied().collect::<Variables>());
    let words = ["haute-cli"].into_iter().chain(words.iter().copied());
    (Runner::with_built_in_targets().run(words, io), captured)
}

fn run(words: &[&str]) -> (Exit, Captured) {
    run_with(words, &[])
}

/// The one result line: the last line, and the only one of its type.
#[track_caller]
fn result(captured: &Captured, exit: Exit) -> Value {
    let lines: Vec<Value> = captured
        .stdout()
        .lines()
        .map(|line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("`{line}` is not JSON: {error}"))
        })
        .collect();
    assert_eq!(lines.iter().filter(|line| line["type"] == "result").count(), 1, "{lines:?}");
    let last = lines.last().cloned().unwrap();
    assert_eq!(last["type"], "result");
    assert_eq!(last["exit_code"], exit.code());
    assert!(last["outcome"].is_string() && last.get("release").is_some(), "{last}");
    last
}

#[test]
fn help_is_data_and_names_every_command_and_exit_code() {
    let (exit, output) = run(&["--help"]);
    assert_eq!(exit, Exit::Done);
    assert_eq!(output.stderr(), "");
    for exit in Exit::ALL {
        assert!(output.stdout().contains(&exit.code().to_string()), "{exit:?}");
    }
    insta::assert_snapshot!(output.stdout());
}

#[test]
fn a_mistyped_command_is_usage_with_a_suggestion() {
    let (exit, output) = run(&["chekc"]);
    assert_eq!(exit, Exit::Usage);
    assert_eq!(output.stdout(), "");
    assert!(output.stderr().contains("'check'"), "{}", output.stderr());
}

#[test]
fn a_mistyped_command_still_ends_in_a_result_line_where_json_was_asked_for() {
    let (exit, output) = run(&["--json", "deploy", "--targte", "local"]);
    assert_eq!(exit, Exit::Usage);
    let result = result(&output, exit);
    assert_eq!(result["error"]["kind"], "invalid_input");
    assert!(result["error"]["message"].as_str().unwrap().contains("--targte"), "{result}");
}

#[test]
fn every_code_has_a_title_and_a_text() {
    let codes = all_codes();
    assert!(!codes.is_empty());
    for info in &codes {
        let (exit, output) = run(&["explain", info.code.as_str()]);
        assert_eq!(exit, Exit::Done, "{}", info.code);
        let text = output.stdout();
        assert!(text.starts_with(&format!("{}: {}\n\n", info.code, info.title)), "{text}");
        assert!(info.explain.trim().chars().count() > 80, "{} wants a text that helps", info.code);
        assert!(!info.title.is_empty() && !info.title.ends_with('.'), "{}", info.code);
    }
    for pair in codes.windows(2) {
        assert!(pair[0].code < pair[1].code, "{} is there twice", pair[0].code);
    }
}

#[test]
fn explain_takes_a_code_in_any_case_and_lists_them_all() {
    let first = all_codes()[0].code.as_str().to_lowercase();
    assert_eq!(run(&["explain", &first]).0, Exit::Done);
    let (exit, output) = run(&["explain", "--json"]);
    assert_eq!(result(&output, exit)["codes"].as_array().unwrap().len(), all_codes().len());
}

#[test]
fn an_unknown_code_is_usage_with_the_nearest_one() {
    let known = all_codes()[0].code.as_str();
    let mistyped = known.replacen('T', "X", 1);
    let (exit, output) = run(&["explain", &mistyped]);
    assert_eq!(exit, Exit::Usage);
    assert_eq!(output.stdout(), "");
    assert!(output.stderr().contains(&format!("no code `{mistyped}`")), "{}", output.stderr());
    assert!(output.stderr().contains("did you mean"), "{}", output.stderr());
}

#[test]
fn color_follows_the_flag_then_the_environment() {
    let escapes = |words: &[&str], variables: &[(&str, &str)]| {
        let (_, output) = run_with(words, variables);
        format!("{}{}", output.stdout(), output.stderr()).contains('\u{1b}')
    };
    for words in [["explain", "nothing"], ["--project", "does-not-exist"]] {
        let with = |color: &'static str| [&words[..], &["--color", color]].concat();
        assert!(!escapes(&words, &[]), "no terminal, no colour: {words:?}");
        assert!(escapes(&with("always"), &[]), "{words:?}");
        assert!(!escapes(&with("never"), &[("CLICOLOR_FORCE", "1")]), "{words:?}");
        assert!(escapes(&words, &[("CLICOLOR_FORCE", "1")]), "{words:?}");
        assert!(!escapes(&words, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]), "{words:?}");
    }
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_haute-cli"))
        .arg("explain")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert!(child.wait().unwrap().success(), "{stderr}");
    assert_eq!(stderr, "");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_stdout_is_said() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_haute-cli")).arg("explain").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("stdout cannot be written to"));
}
