//! `explain`: every code has a text that helps.

use haute_cli::Exit;
use haute_core::diagnostic::all_codes;

use crate::support::{result, run};

#[test]
fn every_code_has_a_title_and_a_text() {
    let (exit, output) = run(&["explain", "--json"]);
    let listed = result(&output, exit)["codes"].as_array().cloned().unwrap();
    let names: Vec<_> = listed.iter().map(|code| code["code"].as_str().unwrap()).collect();
    for info in all_codes() {
        assert!(names.contains(&info.code.as_str()), "{} is not listed", info.code);
    }
    for pair in names.windows(2) {
        assert!(pair[0] < pair[1], "{} is there twice, or out of order", pair[0]);
    }
    for code in &listed {
        let (name, title) = (code["code"].as_str().unwrap(), code["title"].as_str().unwrap());
        let (exit, output) = run(&["explain", name]);
        assert_eq!(exit, Exit::Done, "{name}");
        let text = output.stdout();
        assert!(text.starts_with(&format!("{name}: {title}\n\n")), "{text}");
        assert!(code["explain"].as_str().unwrap().chars().count() > 80, "{name} wants a text that helps");
        assert!(!title.is_empty() && !title.ends_with('.'), "{name}: {title}");
    }
}

#[test]
fn a_code_is_found_in_any_case() {
    let first = all_codes()[0].code.as_str().to_lowercase();
    assert_eq!(run(&["explain", &first]).0, Exit::Done);
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
