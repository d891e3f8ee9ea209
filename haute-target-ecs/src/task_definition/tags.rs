//! The tags that say which release a revision is.

use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use jiff::Timestamp;

use super::TaskDefinition;
use crate::model::Tag;

/// How many tags a task definition may have:
/// [tag restrictions](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html).
pub const MOST_TAGS: usize = 50;
const LONGEST_VALUE: usize = 256;

const PREFIX: &str = "haute:";
const RELEASE: &str = "haute:release";
const COMMIT: &str = "haute:commit";
const IMAGE_TAG: &str = "haute:image-tag";
const MODEL: &str = "haute:model";
const BY: &str = "haute:by";
const AT: &str = "haute:at";
const VERIFIED: &str = "haute:verified";

/// What the tags of a revision say about the release in it. They are the only history there is: no state is kept elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HauteTags {
    /// The release's digest.
    pub release: Option<Digest>,
    /// The commit it was built from.
    pub commit: Option<String>,
    /// The tag its image was pushed with.
    pub image_tag: Option<String>,
    /// The model's name.
    pub model: Option<String>,
    /// Who deployed it.
    pub by: Option<String>,
    /// When the revision was made.
    pub at: Option<Timestamp>,
    /// When its prices were verified as served; `None`: they never were.
    pub verified: Option<Timestamp>,
}

impl HauteTags {
    /// The tags of a release that is about to be deployed.
    pub fn new(release: Digest) -> Self {
        Self { release: Some(release), ..Self::default() }
    }

    /// Names the commit it was built from.
    #[must_use]
    pub fn with_commit(mut self, commit: impl Into<String>) -> Self {
        self.commit = Some(commit.into());
        self
    }

    /// Names the tag its image was pushed with.
    #[must_use]
    pub fn with_image_tag(mut self, tag: impl Into<String>) -> Self {
        self.image_tag = Some(tag.into());
        self
    }

    /// Names the model.
    #[must_use]
    pub fn with_model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Says who deploys it, and when.
    #[must_use]
    pub fn with_author(mut self, by: impl Into<String>, at: Timestamp) -> Self {
        self.by = Some(by.into());
        self.at = Some(at);
        self
    }

    /// Says when its prices were verified.
    #[must_use]
    pub fn with_verified(mut self, at: Timestamp) -> Self {
        self.verified = Some(at);
        self
    }

    /// Reads them from a task definition's tags. What cannot be read counts as missing.
    pub fn read(tags: &[Tag]) -> Self {
        let value = |key: &str| tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.as_str());
        let words = |key: &str| value(key).map(str::to_owned);
        let time = |key: &str| value(key).and_then(|text| text.parse().ok());
        Self {
            release: value(RELEASE).and_then(Digest::parse),
            commit: words(COMMIT),
            image_tag: words(IMAGE_TAG),
            model: words(MODEL),
            by: words(BY),
            at: time(AT),
            verified: time(VERIFIED),
        }
    }

    /// As tags, in a fixed order; what is not known has none.
    pub fn to_tags(&self) -> Vec<Tag> {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
        [
            (RELEASE, self.release.as_ref().map(ToString::to_string)),
            (COMMIT, self.commit.clone()),
            (IMAGE_TAG, self.image_tag.clone()),
            (MODEL, self.model.clone()),
            (BY, self.by.clone()),
            (AT, time(self.at)),
            (VERIFIED, time(self.verified)),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some(Tag { key: key.to_owned(), value: tag_value(&value?) }))
        .collect()
    }
}

/// `text` as the value of a tag: letters, digits, spaces and `+ - = . _ : / @`, at most 256 characters. Anything else becomes `_`.
pub fn tag_value(text: &str) -> String {
    let allowed = |c: char| c.is_alphanumeric() || " +-=._:/@".contains(c);
    text.trim().chars().map(|c| if allowed(c) { c } else { '_' }).take(LONGEST_VALUE).collect()
}

impl TaskDefinition {
    /// All tags, of whoever made them.
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// What its tags say about the release in it.
    pub fn haute_tags(&self) -> HauteTags {
        HauteTags::read(&self.tags)
    }

    /// The same with these tags of ours in place of all earlier ones of ours: that an earlier release was verified says nothing about
    /// this one. Tags of others stay.
    #[must_use]
    pub fn with_haute_tags(&self, ours: &HauteTags) -> Self {
        let mut patched = self.clone();
        patched.tags.retain(|tag| !tag.key.starts_with(PREFIX));
        patched.tags.extend(ours.to_tags());
        patched
    }

    /// Without what AWS itself wrote: keys that begin with `aws:` can be read and not be written.
    pub(super) fn tags_to_register(&self) -> Vec<&Tag> {
        self.tags.iter().filter(|tag| !tag.key.to_ascii_lowercase().starts_with("aws:")).collect()
    }

    pub(super) fn check_tags(&self) -> Result<()> {
        let count = self.tags_to_register().len();
        if count <= MOST_TAGS {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InvalidInput,
            format!(
                "the task definition `{}` would have {count} tags, and ECS takes {MOST_TAGS}",
                self.family()
            ),
        )
        .with_operation("ecs.RegisterTaskDefinition")
        .with_hint("remove tags of your own from the current revision: those of a release take up to 7"))
    }
}
