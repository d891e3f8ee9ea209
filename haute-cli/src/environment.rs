//! What the environment variables of the process mean to the command line itself.

use haute_core::variables::Variables;

/// Whether this run is a CI job's: the variables Haute's own deploy looks at.
pub(crate) fn is_ci(variables: &Variables) -> bool {
    let named = ["GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI", "TF_BUILD", "BUILDKITE"];
    let set = |name: &str| variables.get(name).is_some_and(|value| !value.is_empty());
    let off = ["", "0", "false", "False", "FALSE", "no", "No", "NO"];
    named.into_iter().any(set) || variables.get("CI").is_some_and(|value| !off.contains(&value))
}

/// Whether a stream gets colour under `--color auto`: `NO_COLOR` (no-color.org) wins over `CLICOLOR_FORCE`
/// (bixense.com/clicolors), which wins over what the stream is.
pub(crate) fn wants_color(variables: &Variables, terminal: bool) -> bool {
    let set = |name: &str| variables.get(name).filter(|value| !value.is_empty());
    if set("NO_COLOR").is_some() {
        return false;
    }
    if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        return true;
    }
    terminal && set("CLICOLOR").is_none_or(|value| value != "0") && variables.get("TERM") != Some("dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        pairs.iter().copied().collect()
    }

    #[test]
    fn ci_is_recognised_as_haute_recognises_it() {
        for name in ["GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI", "TF_BUILD", "BUILDKITE", "CI"] {
            assert!(is_ci(&variables(&[(name, "true")])), "{name}");
        }
        for value in ["", "0", "false", "False", "no", "NO"] {
            assert!(!is_ci(&variables(&[("CI", value)])), "{value:?}");
        }
        assert!(!is_ci(&Variables::empty()));
    }

    #[test]
    fn no_color_wins_over_force_and_force_over_the_stream() {
        assert!(!wants_color(&variables(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]), true));
        assert!(wants_color(&variables(&[("CLICOLOR_FORCE", "1")]), false));
        assert!(wants_color(&variables(&[("CLICOLOR_FORCE", "0")]), true));
        assert!(!wants_color(&variables(&[("TERM", "dumb")]), true));
        assert!(!wants_color(&variables(&[("CLICOLOR", "0")]), true));
        assert!(wants_color(&variables(&[("NO_COLOR", "")]), true));
        assert!(!wants_color(&Variables::empty(), false));
    }
}
