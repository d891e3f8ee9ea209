//! `explain`: every code has a text that helps.

use haute_cli::Exit;
use haute_core::diagnostic::all_codes;

use crate::support::{result, run};

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
