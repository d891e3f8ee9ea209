//! Names of images: `registry/repository:tag@digest` (the `distribution` project's reference grammar).

use std::fmt;
use std::str::FromStr;

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind};

/// The registry of a name that names none.
const DOCKER_HUB: &str = "docker.io";

/// The name of an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageReference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl ImageReference {
    /// The host, and port where one is given: `docker.io`, `127.0.0.1:5000`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The host that answers for [`registry`](Self::registry): Docker Hub's is another one than its name.
    pub fn host(&self) -> &str {
        match self.registry.as_str() {
            DOCKER_HUB | "index.docker.io" => "registry-1.docker.io",
            other => other,
        }
    }

    /// The path in the registry: `library/python`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The digest, else the tag, else `latest`: the last part of a manifest's address.
    pub fn manifest(&self) -> &str {
        self.digest.as_ref().map_or_else(|| self.tag.as_deref().unwrap_or("latest"), Digest::as_str)
    }

    /// The same repository, without tag and digest.
    #[must_use]
    pub fn untagged(&self) -> Self {
        Self { tag: None, digest: None, ..self.clone() }
    }

    /// The same repository by another tag.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for what is no tag.
    pub fn with_tag(&self, tag: &str) -> Result<Self, Error> {
        if !is_tag(tag) {
            return Err(Error::new(ErrorKind::InvalidInput, format!("`{}` is no tag of an image", tag.escape_debug()))
                .with_hint("a tag is up to 128 letters, digits, `_`, `.` and `-`, and begins with neither of the last two"));
        }
        Ok(Self { tag: Some(tag.to_owned()), digest: None, ..self.clone() })
    }

    /// The same repository by digest.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self { tag: None, digest: Some(digest), ..self.clone() }
    }

    /// The name without the registry, as people say it: `motor-pricing:a1b2c3d`.
    pub fn short(&self) -> String {
        let name = self.repository.rsplit('/').next().unwrap_or(&self.repository);
        format!("{name}{}", self.suffix())
    }

    fn suffix(&self) -> String {
        let tag = self.tag.as_ref().map_or_else(String::new, |tag| format!(":{tag}"));
        let digest = self.digest.as_ref().map_or_else(String::new, |digest| format!("@{digest}"));
        format!("{tag}{digest}")
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.registry, self.repository, self.suffix())
    }
}

impl FromStr for ImageReference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |what: &str| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("`{}` is no name of an image: {what}", text.escape_debug()),
            )
            .with_hint("write it as in `docker pull`: `registry.example/team/motor-pricing:a1b2c3d`")
        };
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (
                name,
                Some(Digest::parse(digest).ok_or_else(|| wrong("after `@` comes `sha256:` and 64 digits"))?),
            ),
            None => (text, None),
        };
        let last = name.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match name.get(last..).and_then(|part| part.find(':')) {
            Some(colon) => {
                let (name, tag) = name.split_at(last + colon);
                (name, Some(tag.trim_start_matches(':').to_owned()))
            }
            None => (name, None),
        };
        if tag.as_deref().is_some_and(|tag| !is_tag(tag)) {
            return Err(wrong("the tag has other characters than letters, digits, `_`, `.` and `-`"));
        }
        let (registry, repository) = match name.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => {
                (first, rest.to_owned())
            }
            Some(_) => (DOCKER_HUB, name.to_owned()),
            None => (DOCKER_HUB, format!("library/{name}")),
        };
        if !is_host(registry) {
            return Err(wrong("the registry is no host"));
        }
        if repository.len() > 255 || !repository.split('/').all(is_component) {
            return Err(wrong(
                "a repository is lower-case letters and digits, with `.`, `_`, `-` and `/` between them",
            ));
        }
        Ok(Self { registry: registry.to_owned(), repository, tag, digest })
    }
}

fn is_tag(tag: &str) -> bool {
    !tag.is_empty()
        && tag.len() <= 128
        && !tag.starts_with(['.', '-'])
        && tag.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn is_host(host: &str) -> bool {
    !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".:-[]".contains(c))
}

fn is_component(part: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    part.starts_with(edge)
        && part.ends_with(edge)
        && part.chars().all(|c| edge(c) || matches!(c, '.' | '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ImageReference {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_is_read_as_docker_reads_it() {
        let hub = parse("python:3.11-slim");
        assert_eq!(
            (hub.registry(), hub.repository(), hub.tag()),
            ("docker.io", "library/python", Some("3.11-slim"))
        );
        assert_eq!(hub.host(), "registry-1.docker.io");
        let own = parse("localhost:5000/pricing/motor:a1b2c3d");
        assert_eq!(
            (own.registry(), own.repository(), own.short()),
            ("localhost:5000", "pricing/motor", "motor:a1b2c3d".to_owned())
        );
        let digest = format!("sha256:{}", "a1".repeat(32));
        let pinned = parse(&format!("r.example/p:3@{digest}"));
        assert_eq!(pinned.manifest(), digest);
        assert_eq!(pinned.to_string(), format!("r.example/p:3@{digest}"));
        assert_eq!(parse("team/model").to_string(), "docker.io/team/model");
        assert_eq!(parse("team/model").manifest(), "latest");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            "Upper/case",
            "a b",
            "r.example/",
            "r.example/a:",
            "a:b:c",
            "a@sha256:12",
            "https://r.example/a",
            "a/../b",
        ] {
            assert!(text.parse::<ImageReference>().is_err(), "{text}");
        }
        assert!(parse("a").with_tag("-x").is_err());
    }
}
