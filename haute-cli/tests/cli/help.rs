//! Help, and command lines that do not parse.

use haute_cli::Exit;

use crate::support::{result, run};

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
