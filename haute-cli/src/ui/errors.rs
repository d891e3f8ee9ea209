//! One screen for what went wrong: what happened, where, what still stands, what to do next.

use haute_core::error::chain;
use haute_core::{Error, ErrorKind};

use super::style::{Palette, clean};
use crate::args::Global;
use crate::exit::{Exit, Stage};

/// What still stands after a failure that ends with `exit` at `stage`; `None` where nothing could have changed.
pub(crate) const fn standing(exit: Exit, stage: Stage) -> Option<&'static str> {
    match (stage, exit) {
        (Stage::Prepare | Stage::Ask, _) => None,
        (Stage::Build | Stage::Prove | Stage::Plan, _) => {
            Some("nothing was changed: what served before still serves")
        }
        (Stage::Apply, Exit::RollbackUnconfirmed) => Some(
            "what served before may not serve any more: do not rely on the price until this is looked into",
        ),
        (Stage::Apply, Exit::TimedOut) => {
            Some("the change may or may not have taken effect: what serves now is not known")
        }
        (Stage::Apply, Exit::Superseded) => Some("the newer deployment serves, or is about to"),
        (Stage::Apply, Exit::Interrupted) => Some(
            "the finished steps are in the journal; the step in hand may be half done, and resuming settles it",
        ),
        (Stage::Apply, Exit::Bug) => Some("what serves now is not known"),
        (Stage::Apply, _) => Some("what served before still serves"),
    }
}

/// What to do next: the error's own hints, then what the exit code calls for.
pub(crate) fn hints(error: &Error, exit: Exit, stage: Stage, global: &Global) -> Vec<String> {
    let mut hints = error.hints().to_vec();
    if stage == Stage::Apply {
        let wanted: &[&str] = match exit {
            Exit::RollbackUnconfirmed => &["status"],
            Exit::TimedOut => &["resume", "status"],
            Exit::Interrupted => &["resume"],
            _ => &[],
        };
        for command in wanted {
            let line = command_line(command, global);
            if !hints.iter().any(|hint| hint.contains(&line)) {
                let purpose = if *command == "resume" { "continue with" } else { "look at what serves with" };
                hints.push(format!("{purpose} `{line}`"));
            }
        }
    }
    if error.kind() == ErrorKind::StalePlan {
        hints.push(format!("make a new plan with `{}`", command_line("plan", global)));
    }
    hints
}

/// A command that works as copied: with the flags that say which project and which target.
pub(crate) fn command_line(command: &str, global: &Global) -> String {
    let mut line = format!("haute-cli {command}");
    let project = global.project.to_string_lossy();
    let flags = [
        ("--project", Some(project.as_ref()).filter(|project| *project != ".")),
        ("--env", global.env.as_deref()),
        ("--target", global.target.as_deref()),
    ];
    for (flag, value) in flags {
        if let Some(value) = value {
            line.extend([" ", flag, " ", &quoted(value)]);
        }
    }
    line
}

/// `text` as one word of a POSIX shell.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The error screen.
pub(crate) fn render(
    error: &Error,
    hints: &[String],
    standing: Option<&str>,
    tail: &[String],
    palette: Palette,
) -> String {
    let mut lines = vec![format!("{}: {}", palette.bad("error"), indented(error.message(), "       "))];
    let operation = error.operation().map(|operation| ("during", operation));
    let context = error.context().iter().map(|(key, value)| (*key, value.as_str()));
    for (key, value) in operation.into_iter().chain(context) {
        lines.push(format!("  {key}: {}", indented(value, "    ")));
    }
    for cause in chain(error).iter().skip(1) {
        lines.push(format!("  {}: {}", palette.dim("because"), indented(cause, "    ")));
    }
    let shown = error.context().iter().any(|(_, value)| value.contains('\n'));
    if !tail.is_empty() && !shown {
        lines.push(format!("  {}", palette.dim("last output:")));
        lines.extend(tail.iter().map(|line| format!("    {}", clean(line))));
    }
    if let Some(standing) = standing {
        lines.push(format!("{}: {standing}", palette.bold("standing")));
    }
    for hint in hints {
        lines.push(format!("{}: {}", palette.accent("next"), indented(hint, "      ")));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The screen after a panic.
pub(crate) fn bug(message: &str, palette: Palette) -> String {
    format!(
        "{}: haute-cli has run into a bug of its own: {message}\n\
         {}: report it with the lines above; `RUST_BACKTRACE=1` adds where it came from\n",
        palette.bad("error"),
        palette.accent("next"),
    )
}

fn indented(text: &str, indent: &str) -> String {
    clean(text).trim_end().replace('\n', &format!("\n{indent}"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::args::Color;

    fn global() -> Global {
        Global {
            project: PathBuf::from("my projects/motor"),
            env: Some("staging".to_owned()),
            target: None,
            json: false,
            quiet: false,
            color: Color::Never,
            no_progress: false,
            yes: false,
            frozen: false,
        }
    }

    #[test]
    fn a_timeout_names_the_command_that_resumes() {
        let error = Error::new(ErrorKind::Timeout, "the service was not ready after 60 s")
            .with_operation("local.start")
            .with_context("log", "first line\nsecond \u{1b}[31mline")
            .with_source(std::io::Error::other("connection refused"));
        let exit = Exit::of(&error, Stage::Apply);
        let hints = hints(&error, exit, Stage::Apply, &global());
        let text =
            render(&error, &hints, standing(exit, Stage::Apply), &["noise".into()], Palette::new(false));
        assert!(text.contains("`haute-cli resume --project 'my projects/motor' --env staging`"), "{text}");
        insta::assert_snapshot!(text, @r"
        error: the service was not ready after 60 s
          during: local.start
          log: first line
            second �[31mline
          because: connection refused
        standing: the change may or may not have taken effect: what serves now is not known
        next: continue with `haute-cli resume --project 'my projects/motor' --env staging`
        next: look at what serves with `haute-cli status --project 'my projects/motor' --env staging`
        ");
    }

    #[test]
    fn nothing_is_said_to_stand_that_is_not_known() {
        for exit in
            [Exit::RollbackUnconfirmed, Exit::TimedOut, Exit::Bug, Exit::Superseded, Exit::Interrupted]
        {
            assert!(
                standing(exit, Stage::Apply).is_some_and(|text| !text.contains("still serves")),
                "{exit:?}"
            );
        }
        assert_eq!(standing(Exit::Bug, Stage::Prepare), None);
    }
}
