//! The Dockerfile of a build: a base, layers that are made already, and how a container of it runs.

use std::collections::{BTreeMap, HashMap};

use haute_core::error::{Error, ErrorKind, Result};

use crate::oci::{ContainerConfig, Healthcheck};

/// The text: `FROM from`, one `ADD` for each of `layers`, and `config` where this is the image itself and not the beginning of one.
///
/// Labels are not in it: they travel beside it, as JSON, where no value needs quoting. No `RUN` ever is.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for a value a Dockerfile cannot say.
pub(super) fn dockerfile(
    from: &str,
    layers: &[String],
    config: Option<(&ContainerConfig, &ContainerConfig)>,
) -> Result<String> {
    let mut text = format!("FROM {}\n", plain("the base", from)?);
    for layer in layers {
        line(&mut text, &format!("ADD {} /", plain("a layer", layer)?));
    }
    if let Some((config, base)) = config {
        for variable in config.env.iter().flatten() {
            // The base's own are there already, whatever is in them.
            if base.env.iter().flatten().any(|inherited| inherited == variable) {
                continue;
            }
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            line(&mut text, &format!("ENV {}={}", plain("a variable's name", name)?, quoted(name, value)?));
        }
        if !config.user.is_empty() {
            line(&mut text, &format!("USER {}", plain("the user", &config.user)?));
        }
        if !config.working_dir.is_empty() {
            line(&mut text, &format!("WORKDIR {}", plain("the working directory", &config.working_dir)?));
        }
        for port in config.exposed_ports.iter().flat_map(BTreeMap::keys) {
            line(&mut text, &format!("EXPOSE {}", plain("a port", port)?));
        }
        if let Some(signal) = &config.stop_signal {
            line(&mut text, &format!("STOPSIGNAL {}", plain("the stop signal", signal)?));
        }
        match (&config.healthcheck, &base.healthcheck) {
            (Some(check), _) => line(&mut text, &healthcheck(check)?),
            (None, Some(_)) => line(&mut text, "HEALTHCHECK NONE"),
            (None, None) => {}
        }
        line(&mut text, &format!("ENTRYPOINT {}", exec(config.entrypoint.as_deref())?));
        line(&mut text, &format!("CMD {}", exec(config.cmd.as_deref())?));
    }
    Ok(text)
}

/// The labels as the engine's API takes them.
pub(super) fn labels(config: &ContainerConfig) -> HashMap<String, String> {
    config.labels.iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// A word that needs no quoting: names, paths, ports.
fn plain<'a>(what: &str, word: &'a str) -> Result<&'a str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_./:@-".contains(c);
    if !word.is_empty() && !word.starts_with("--") && word.chars().all(fits) {
        return Ok(word);
    }
    Err(unsaid(&format!("{what} is `{}`", word.escape_debug())))
}

/// A value in double quotes (Dockerfile reference, "Environment replacement": `\` escapes, `$` begins a variable).
fn quoted(name: &str, value: &str) -> Result<String> {
    if value.chars().any(char::is_control) {
        return Err(unsaid(&format!(
            "the variable `{name}` holds a line break or another control character"
        )));
    }
    let mut text = String::from("\"");
    for character in value.chars() {
        if matches!(character, '"' | '\\' | '$') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
    Ok(text)
}

/// The exec form: no shell, nothing replaced.
fn exec(words: Option<&[String]>) -> Result<String> {
    serde_json::to_string(words.unwrap_or_default())
        .map_err(|source| Error::bug("a command cannot be written").with_source(source))
}

fn healthcheck(check: &Healthcheck) -> Result<String> {
    let times =
        [("interval", check.interval), ("timeout", check.timeout), ("start-period", check.start_period)];
    let times = times.iter().filter(|(_, time)| *time > 0).map(|(flag, time)| format!("--{flag}={time}ns"));
    let retries = (check.retries > 0).then(|| format!("--retries={}", check.retries));
    let flags: Vec<String> = times.chain(retries).collect();
    match check.test.split_first() {
        Some((kind, [])) if kind == "NONE" => Ok("HEALTHCHECK NONE".to_owned()),
        Some((kind, words)) if kind == "CMD" && !words.is_empty() => Ok(["HEALTHCHECK".to_owned()]
            .into_iter()
            .chain(flags)
            .chain(["CMD".to_owned(), exec(Some(words))?])
            .collect::<Vec<_>>()
            .join(" ")),
        _ => Err(unsaid("the health check is not in exec form")),
    }
}

fn unsaid(what: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("an engine cannot be told how the image runs: {what}"))
        .with_operation("engine.build")
        .with_hint("`builder = \"direct\"` writes the image without a Dockerfile")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(value: serde_json::Value) -> ContainerConfig {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn an_image_is_said_without_a_shell_or_a_run() {
        let own = config(json!({
            "User": "65532:65532", "ExposedPorts": {"8080/tcp": {}}, "WorkingDir": "/app", "StopSignal": "SIGTERM",
            "Env": ["PATH=/bin", "MOTTO=a \"b\" $c \\ d"], "Cmd": ["python3", "-c", "print(\"$x\")\n"],
            "Healthcheck": {"Test": ["CMD", "python3"], "Interval": 10_000_000_000_u64, "Retries": 3},
            "Labels": {"a": "line\nbreak \"$x\""},
        }));
        let base = config(json!({"Env": ["PATH=/bin", "ODD=line\nbreak"]}));
        let text =
            dockerfile("r.test/p@sha256:aa", &["layer-0.tar".to_owned()], Some((&own, &base))).unwrap();
        insta::assert_snapshot!(text, @r#"
        FROM r.test/p@sha256:aa
        ADD layer-0.tar /
        ENV MOTTO="a \"b\" \$c \\ d"
        USER 65532:65532
        WORKDIR /app
        EXPOSE 8080/tcp
        STOPSIGNAL SIGTERM
        HEALTHCHECK --interval=10000000000ns --retries=3 CMD ["python3"]
        ENTRYPOINT []
        CMD ["python3","-c","print(\"$x\")\n"]
        "#);
        assert!(!text.contains("RUN"));
        assert_eq!(labels(&own)["a"], "line\nbreak \"$x\"");
    }

    #[test]
    fn what_a_dockerfile_cannot_say_is_refused_and_not_mangled() {
        let none = ContainerConfig::default();
        for value in [
            json!({"Env": ["A=line\nbreak"]}),
            json!({"Env": ["A B=c"]}),
            json!({"User": "a\nRUN x"}),
            json!({"WorkingDir": "/a b"}),
            json!({"StopSignal": "$X"}),
            json!({"Healthcheck": {"Test": ["CMD-SHELL", "curl x"]}}),
        ] {
            let error = dockerfile("b", &[], Some((&config(value.clone()), &none))).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{value}");
        }
        assert!(dockerfile("--platform=x y", &[], None).is_err());
    }
}
