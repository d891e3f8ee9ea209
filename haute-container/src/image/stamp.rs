//! Where an image comes from: labels and annotations (OCI image-spec 1.1, `annotations.md`).

use std::collections::BTreeMap;
use std::path::Path;

use haute_core::digest::Digest;
use haute_core::record::{Origin, git};
use haute_core::release::Release;
use haute_core::variables::Variables;
use jiff::Timestamp;

use super::Base;

/// The label and annotation that name the release.
pub const RELEASE: &str = "dev.haute.release";
/// The label and annotation that say which release, base and settings an image was made of, apart from the commit.
pub const IMAGE_KEY: &str = "dev.haute.image.key";

/// Where an image comes from: what may differ between two images of the same release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stamp {
    /// The commit, with `-dirty` behind it where files differ from it.
    pub revision: Option<String>,
    /// The address of the repository, without credentials.
    pub source: Option<String>,
    /// When the commit was made; an image outside git says nothing of a time.
    pub created: Option<Timestamp>,
}

impl Stamp {
    /// Says nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// What git says of the project at `root`. `SOURCE_DATE_EPOCH` in `variables`, in seconds, wins over the commit's time
    /// (reproducible-builds.org, `SOURCE_DATE_EPOCH`). Cancel-safe: it reads only.
    pub async fn collect(root: &Path, variables: &Variables) -> Self {
        let (origin, seconds, source) = tokio::join!(
            Origin::collect("", root, variables),
            git(root, &["log", "-1", "--format=%ct"]),
            git(root, &["config", "--get", "remote.origin.url"]),
        );
        let seconds = variables.get("SOURCE_DATE_EPOCH").map(str::to_owned).or(seconds);
        Self {
            revision: origin.revision(),
            source: source.and_then(|url| without_credentials(&url)),
            created: seconds
                .and_then(|text| text.trim().parse().ok())
                .and_then(|seconds| Timestamp::from_second(seconds).ok()),
        }
    }

    /// The tag of an image of this commit: its first seven digits as `git rev-parse --short` gives them, marked where the
    /// tree is not the commit's; outside git, the release's digest.
    pub fn tag(&self, release: &Digest) -> String {
        match &self.revision {
            Some(revision) => {
                let commit = revision.strip_suffix("-dirty").unwrap_or(revision);
                let mark = if commit.len() == revision.len() {
                    String::new()
                } else {
                    format!("-dirty-{}", release.short().get(..7).unwrap_or_default())
                };
                format!("{}{mark}", commit.get(..7).unwrap_or(commit))
            }
            None => format!("release-{}", release.short()),
        }
    }

    /// The labels of an image, which are its annotations too.
    pub fn labels(&self, release: &Release, base: &Base, image_key: &Digest) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::from([
            ("org.opencontainers.image.title".to_owned(), release.name().to_owned()),
            ("org.opencontainers.image.base.name".to_owned(), base.name().to_string()),
            ("org.opencontainers.image.base.digest".to_owned(), base.digest().to_string()),
            (RELEASE.to_owned(), release.digest().to_string()),
            (IMAGE_KEY.to_owned(), image_key.to_string()),
        ]);
        let own = [
            ("org.opencontainers.image.revision", self.revision.clone()),
            ("org.opencontainers.image.source", self.source.clone()),
            ("org.opencontainers.image.created", self.created.map(|time| time.to_string())),
        ];
        labels.extend(own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        labels
    }
}

/// A remote's address as a person would open it: CI systems put tokens into the one they clone from.
fn without_credentials(url: &str) -> Option<String> {
    let url = url.trim();
    if let Some((scheme @ ("https" | "http" | "ssh"), rest)) = url.split_once("://") {
        let (host, path) = rest.split_once('/')?;
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        return Some(format!("{scheme}://{host}/{path}"));
    }
    // `git@host:team/project.git`: the user is no secret, but says nothing either.
    let (user, rest) = url.split_once('@')?;
    (!user.contains(['/', ':']) && rest.contains(':'))
        .then(|| format!("ssh://{}", rest.replacen(':', "/", 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_the_remote_reaches_no_label() {
        assert_eq!(
            without_credentials("https://ci:canary-token@git.example/team/motor.git\n").unwrap(),
            "https://git.example/team/motor.git"
        );
        assert_eq!(
            without_credentials("git@git.example:team/motor.git").unwrap(),
            "ssh://git.example/team/motor.git"
        );
        assert_eq!(without_credentials("/srv/git/motor.git"), None);
    }

    #[test]
    fn a_tag_is_the_commit_and_says_when_the_tree_is_not() {
        let release = Digest::of("a release");
        let mut stamp = Stamp { revision: Some("a1b2c3d4e5f6".to_owned()), ..Stamp::none() };
        assert_eq!(stamp.tag(&release), "a1b2c3d");
        stamp.revision = Some("a1b2c3d4e5f6-dirty".to_owned());
        assert_eq!(stamp.tag(&release), format!("a1b2c3d-dirty-{}", release.short().get(..7).unwrap()));
        assert_eq!(Stamp::none().tag(&release), format!("release-{}", release.short()));
    }
}
