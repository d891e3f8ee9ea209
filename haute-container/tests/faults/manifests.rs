//! Manifests and tags that are not taken as they are sent.

use std::sync::Mutex;

use async_trait::async_trait;
use haute_container::oci::Descriptor;
use haute_container::registry::{BlobSource, MissingBlobs, NothingMissing, PushSource};
use haute_core::digest::Digest;
use haute_core::error::{ErrorKind, Result};
use haute_test_services::proxy::{Answer, Fault, Rule};
use libtest_mimic::Trial;

use crate::expect::{Says, assert_says, refused, trial};
use crate::image::{Image, REPOSITORY};
use crate::stage::Stage;

const BY_DIGEST: &str = "/v2/*/manifests/sha256:*";
const BY_TAG: &str = "/v2/*/manifests/a1b2c3d";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        refused(
            "manifests::another_one_is_stored",
            || {
                let other = Some(format!("sha256:{}", "cd".repeat(32)));
                vec![Rule::on("PUT", BY_DIGEST, Fault::Header("Docker-Content-Digest", other))]
            },
            Says { kind: ErrorKind::BuildFailed, message: "stored another manifest", hint: "" },
        ),
        refused(
            "manifests::not_accepted",
            || {
                let answer = Answer::error(400, "MANIFEST_INVALID", "manifest invalid");
                vec![Rule::on("PUT", BY_DIGEST, Fault::Answer(answer))]
            },
            Says { kind: ErrorKind::BuildFailed, message: "MANIFEST_INVALID", hint: "" },
        ),
        refused(
            "manifests::blobs_are_never_there",
            || {
                let answer = Answer::error(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry");
                vec![Rule::on("PUT", BY_DIGEST, Fault::Answer(answer))]
            },
            Says { kind: ErrorKind::Unavailable, message: "does not have blobs", hint: "nothing was tagged" },
        ),
        refused(
            "manifests::blobs_are_lost_before_the_tag",
            || {
                let answer = Answer::error(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry");
                vec![Rule::on("PUT", BY_TAG, Fault::Answer(answer))]
            },
            Says { kind: ErrorKind::Conflict, message: "lost blobs", hint: "run it again" },
        ),
        trial("manifests::a_layer_that_a_lifecycle_rule_removed_is_made_again", removed_layer),
        trial("manifests::a_layer_that_cannot_be_made_again", removed_for_good),
        trial("manifests::a_removed_layer_where_nobody_may_look", removed_unseen),
    ]
}

/// Makes layers of an image, and remembers which.
struct Maker {
    image: Image,
    made: Mutex<Vec<Digest>>,
}

#[async_trait]
impl MissingBlobs for Maker {
    async fn make(&self, descriptor: &Descriptor) -> Result<BlobSource> {
        self.made.lock().unwrap().push(descriptor.digest.clone());
        let (_, bytes) = self.image.blobs().find(|(known, _)| known.digest == descriptor.digest).unwrap();
        Ok(BlobSource::Bytes(bytes.clone().into()))
    }
}

/// A stage whose registry has the image, but for its largest layer, and a push that takes all layers to be there.
fn without_a_layer(rules: Vec<Rule>) -> (Stage, Digest) {
    let stage = Stage::new(Vec::new());
    stage.push().unwrap();
    let lost = stage.image.first().digest;
    stage.registry.lose(&lost).unwrap();
    let manifest = stage.image.digest();
    stage.registry.lose(&manifest).unwrap();
    assert_eq!(stage.registry.blob(REPOSITORY, &lost).unwrap(), None);
    stage.proxy.restart(rules);
    (stage, lost)
}

fn assumed(image: &Image) -> haute_container::registry::Push {
    image.push_from(|_, _| PushSource::Assumed)
}

fn removed_layer() {
    let (stage, lost) = without_a_layer(Vec::new());
    let maker = Maker { image: stage.image.clone(), made: Mutex::default() };
    let pushed = stage.push_so(&assumed(&stage.image), &maker).unwrap();
    stage.assert_complete();
    assert_eq!(*maker.made.lock().unwrap(), [lost]);
    assert_eq!((pushed.blobs_uploaded, pushed.blobs_present), (1, 3));
}

fn removed_for_good() {
    let (stage, lost) = without_a_layer(Vec::new());
    let error = stage.push_so(&assumed(&stage.image), &NothingMissing).unwrap_err();
    assert_says(&error, Says { kind: ErrorKind::NotFound, message: "thought to have", hint: "" });
    assert!(error.to_string().contains(lost.as_str()), "{error}");
    assert_eq!(stage.registry.manifest(REPOSITORY, stage.image.digest().as_str()).unwrap(), None);
}

/// An account that may only push learns what is missing from the refusal of the manifest.
fn removed_unseen() {
    let denied = || Fault::Answer(Answer::status(403));
    let (stage, lost) =
        without_a_layer(vec![Rule::on("HEAD", "*", denied()), Rule::on("GET", "*", denied())]);
    let maker = Maker { image: stage.image.clone(), made: Mutex::default() };
    stage.push_so(&assumed(&stage.image), &maker).unwrap();
    stage.assert_complete();
    assert!(maker.made.lock().unwrap().contains(&lost));
}
