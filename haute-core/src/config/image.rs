//! The base image: its form, whether it is pinned, and the Python it holds.

use super::check::Base;
use super::{Config, codes};
use crate::diagnostic::Diagnostic;

/// Where the base image is set.
pub(super) const KEY: &str = "deploy.container.base_image";

/// The targets whose image Haute builds from the base image.
const CONTAINER_TARGETS: &[&str] = &["container", "azure-container-apps", "aws-ecs", "gcp-run"];

pub(super) fn check(config: &Config, base: Base, out: &mut Vec<Diagnostic>) {
    let image = config.deploy.container.base_image.as_str();
    let wanted = CONTAINER_TARGETS.contains(&config.deploy.target.as_str());
    if config.failed(KEY) || (image.is_empty() && !wanted) {
        return;
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._:/@-".contains(c);
    let subject = config.subject(KEY);
    if !image.chars().all(allowed) {
        let message = format!("{subject}: `{}` is no name of an image", image.escape_debug());
        let diagnostic = config.point(Diagnostic::error(codes::BASE_IMAGE, message), KEY, "not an image");
        out.push(diagnostic.help("write it as in `docker pull`: `base_image = \"python:3.11.9-slim\"`"));
        return;
    }
    if base == Base::Locked || is_pinned(image) || config.deploy.target == "databricks" {
        return;
    }
    let frozen = base == Base::Frozen;
    let message = match (image.is_empty(), frozen) {
        (true, false) => {
            "no base image is set: the default is resolved to a digest when the release is built".to_owned()
        }
        (true, true) => "no base image is set, and nothing may be resolved in a frozen build".to_owned(),
        (false, false) => {
            format!("{subject}: `{image}` floats: it is resolved to a digest when the release is built")
        }
        (false, true) => {
            format!("{subject}: `{image}` floats, and nothing may be resolved in a frozen build")
        }
    };
    let diagnostic = if frozen {
        Diagnostic::error(codes::FLOATING_IMAGE, message)
    } else {
        Diagnostic::warning(codes::FLOATING_IMAGE, message)
    };
    let diagnostic = if image.is_empty() {
        config.point(diagnostic, "deploy.target", "builds an image")
    } else {
        config.point(diagnostic, KEY, "another image tomorrow")
    };
    out.push(diagnostic.help("pin it with `haute-cli build --write-lock`, by digest, or to a full version as Haute asks: `python:3.11.9-slim`"));
}

/// Whether `image` names one build: a digest, or a tag with MAJOR.MINOR.PATCH in it.
///
/// Haute 0.6.0 looks for the three numbers anywhere after the first colon, so that a registry's port can pass for a tag;
/// here only the tag counts.
pub fn is_pinned(image: &str) -> bool {
    if let Some((_, digest)) = image.split_once("@sha256:") {
        return digest.len() == 64
            && digest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    }
    tag(image).is_some_and(|tag| {
        tag.split(|c: char| !c.is_ascii_digit() && c != '.').any(|numbers| {
            let parts: Vec<&str> = numbers.split('.').collect();
            parts.windows(3).any(|three| three.iter().all(|part| !part.is_empty()))
        })
    })
}

/// `MAJOR.MINOR` of the Python in an image named after it; `None` when the tag does not say.
pub(super) fn python(image: &str) -> Option<String> {
    let name = image.split('@').next()?;
    let last = name.rsplit('/').next()?;
    let (name, tag) = last.split_once(':')?;
    if !name.contains("python") {
        return None;
    }
    let rest = tag.strip_prefix("3.")?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    (!minor.is_empty() && minor.len() <= 3).then(|| format!("3.{minor}"))
}

fn tag(image: &str) -> Option<&str> {
    image.split('@').next()?.rsplit('/').next()?.split_once(':').map(|(_, tag)| tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_or_a_full_version_is_pinned() {
        let digest = format!("python@sha256:{}", "a1".repeat(32));
        for image in
            ["python:3.11.9-slim", "docker.io/library/python:3.11.9", "r:5000/a/python:v3.11.9", &digest]
        {
            assert!(is_pinned(image), "{image}");
        }
        for image in [
            "python:3.11-slim",
            "python",
            "python:latest",
            "",
            "python@sha256:12",
            "r:5000.1.2/python",
            "python:3..9",
        ] {
            assert!(!is_pinned(image), "{image}");
        }
    }

    #[test]
    fn the_tag_of_a_python_image_says_which_python() {
        assert_eq!(python("python:3.11.9-slim").as_deref(), Some("3.11"));
        assert_eq!(python("public.ecr.aws/lambda/python:3.12").as_deref(), Some("3.12"));
        assert_eq!(python("r:5000/python:3.13@sha256:00").as_deref(), Some("3.13"));
        assert_eq!(python("debian:12"), None);
        assert_eq!(python("python:latest"), None);
        assert_eq!(python(""), None);
    }
}
