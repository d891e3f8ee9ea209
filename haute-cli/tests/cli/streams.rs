//! Colour, pipes and full disks.

use std::io::Read as _;
use std::process::{Command, Stdio};

use crate::support::run_with;

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
