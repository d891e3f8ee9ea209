//! Tags that may not change, as Amazon's registry can be told (`TAG_INVALID`, status 400).

use std::sync::Arc;

use haute_test_services::proxy::{Answer, Fault, Rule};
use haute_test_services::{FaultProxy, test};
use libtest_mimic::{Failed, Trial};

use super::lab::{Bench, Lab};
use super::needs;
use super::pushed::Pushed;
use super::site::Site;

pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    vec![test("image::a_tag_that_may_not_change_keeps_its_image", needs(bench), immutable)]
}

fn immutable(bench: Arc<Bench>) -> Result<(), Failed> {
    let lab = bench.lab();
    let proxy = FaultProxy::start(&lab.registry, Vec::new())?;
    let site = site(lab, &proxy, 8080);
    let first = Pushed::of(&site.deploy(&lab.release).expect(0));
    let commit = super::lab::git(&lab.project(), &["rev-parse", "HEAD"]);
    assert_eq!(first.tag, commit[..7], "the tag is the commit");
    let words = format!(
        "The image tag '{}' already exists in the 'fixed/motor-pricing' repository and cannot be overwritten because the tag is immutable.",
        first.tag
    );
    let fixed = || {
        let answer = Answer::error(400, "TAG_INVALID", &words);
        vec![Rule::on("PUT", &format!("/v2/*/manifests/{}", first.tag), Fault::Answer(answer))]
    };

    // The same content is there already, and that is all anybody wants.
    proxy.restart(fixed());
    let same = site.deploy(&lab.release).expect(0);
    assert_eq!(same.result()["outcome"], "unchanged");

    // Another image of the same commit: another port.
    proxy.restart(fixed());
    let other = self::site(lab, &proxy, 9090);
    let refused = other.deploy(&lab.release);
    assert!(matches!(refused.code, 5 | 6), "{}\n{}\n{}", refused.code, refused.stdout, refused.stderr);
    assert_eq!(proxy.used(0)?, 1, "the registry was asked once and not again");
    let result = refused.result();
    let said = result["error"].to_string();
    assert!(said.contains(first.digest.as_str()), "the image that stands under the tag is named: {said}");
    let named = said.matches("sha256:").count();
    assert!(named >= 2, "both images are named: {said}");
    assert!(said.contains(&first.tag), "{said}");
    let tagged = |tag: &str| lab.registry.digest_of("fixed/motor-pricing", tag);
    assert_eq!(tagged(&first.tag)?.as_ref(), Some(&first.digest), "the old image keeps its tag");
    assert_eq!(tagged("latest")?.as_ref(), Some(&first.digest), "and the moving one");
    Ok(())
}

fn site(lab: &Lab, proxy: &FaultProxy, port: u16) -> Site {
    let settings = format!("builder = \"direct\"\nport = {port}");
    Site::new(lab, &format!("{}/fixed", proxy.address()), &lab.base, &settings)
}
