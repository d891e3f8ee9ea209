//! What moves when little or nothing changed.

use std::sync::Arc;

use haute_test_services::{FaultProxy, test};
use libtest_mimic::{Failed, Trial};

use super::lab::Bench;
use super::needs;
use super::pushed::{Image, Pushed};
use super::site::Site;

/// What a change of the code may move, either way, in bytes.
const LITTLE: u64 = 100 * 1024;

pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    vec![
        test("image::nothing_changed_moves_nothing_and_says_so", needs(bench), unchanged),
        test("image::changed_code_moves_a_few_kilobytes_from_a_fresh_runner", needs(bench), changed),
        test(
            "image::another_commit_of_the_same_release_moves_its_documents_only",
            needs(bench),
            another_commit,
        ),
    ]
}

fn unchanged(bench: Arc<Bench>) -> Result<(), Failed> {
    let lab = bench.lab();
    let (site, first) = lab.first();
    let before = lab.registry.blobs();
    let again = site.deploy(&lab.release).expect(0);
    assert_eq!(again.result()["outcome"], "unchanged");
    assert_eq!(Pushed::find(&again), None);
    assert_eq!(lab.registry.digest_of("first/motor-pricing", &first.tag)?.as_ref(), Some(&first.digest));
    // Other tests push at the same time: what may not grow is what this repository's image is made of.
    assert!(before.keys().all(|digest| lab.registry.blobs().contains_key(digest)));

    // And in words, from a runner that knows nothing, through something that sees every request.
    let proxy = FaultProxy::start(&lab.registry, Vec::new())?;
    let fresh = fresh(lab, &proxy, "first");
    let words = super::site::deploy_arguments(&lab.release);
    let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| *word != "--json").collect();
    let said = fresh.run(&words).expect(0);
    let said = format!("{}{}", said.stdout, said.stderr);
    assert!(said.contains("nothing to change") && said.contains("is already the image"), "{said}");
    // Whether it may push is asked by beginning an upload and giving it up again.
    let stored: Vec<_> = ["PUT", "PATCH"].iter().flat_map(|method| proxy.exchanges_of(method, "*")).collect();
    assert!(stored.is_empty(), "{stored:?}");
    assert_eq!(proxy.exchanges().iter().map(|one| one.sent).sum::<u64>(), 0);
    assert!(received(&proxy) < LITTLE, "{}", received(&proxy));
    Ok(())
}

fn changed(bench: Arc<Bench>) -> Result<(), Failed> {
    let lab = bench.lab();
    let site = Site::new(lab, &lab.place("code"), &lab.base, "builder = \"direct\"");
    let first = Pushed::of(&site.deploy(&lab.release).expect(0));
    drop(site);

    let proxy = FaultProxy::start(&lab.registry, Vec::new())?;
    let runner = fresh(lab, &proxy, "code");
    let project = runner.project();
    super::lab::git(&project, &["commit", "-q", "--allow-empty", "-m", "other code"]);
    let run = runner.deploy(lab.changed()).expect(0);
    let second = Pushed::of(&run);
    assert_ne!(second.tag, first.tag);
    assert_eq!(second.layers, 1, "the pipeline's layer alone: {second:?}");
    assert!(second.bytes <= LITTLE, "{second:?}");
    let exchanges = proxy.exchanges();
    let sent: u64 = exchanges.iter().map(|one| one.sent).sum();
    assert!(sent <= LITTLE, "{sent} bytes were sent");
    assert!(received(&proxy) <= LITTLE, "{} bytes were fetched", received(&proxy));

    // No layer was fetched: neither the base's nor our own.
    let image = Image::read(&lab.registry, "code/motor-pricing", second.digest.as_str());
    for layer in image.manifest["layers"].as_array().expect("layers") {
        let digest = layer["digest"].as_str().expect("a digest");
        let fetched = proxy.exchanges_of("GET", &format!("/v2/*/blobs/{digest}*"));
        assert!(fetched.is_empty(), "{fetched:?}");
    }
    assert!(!runner.directory().join("cache/wheels").exists(), "no wheel was fetched");
    Ok(())
}

fn another_commit(bench: Arc<Bench>) -> Result<(), Failed> {
    let lab = bench.lab();
    let (_, first) = lab.first();
    let proxy = FaultProxy::start(&lab.registry, Vec::new())?;
    let runner = fresh(lab, &proxy, "first");
    super::lab::git(&runner.project(), &["commit", "-q", "--allow-empty", "-m", "a word in the manual"]);
    let pushed = Pushed::of(&runner.deploy(&lab.release).expect(0));
    assert_ne!(pushed.tag, first.tag);
    assert_eq!(pushed.layers, 0);
    assert!(pushed.bytes <= LITTLE, "{pushed:?}");
    Ok(())
}

/// A clone on a machine without any cache, and without a package index.
fn fresh(lab: &super::lab::Lab, proxy: &FaultProxy, team: &str) -> Site {
    let base = lab.base.replace(lab.registry.address(), proxy.address());
    let site = Site::new(lab, &format!("{}/{team}", proxy.address()), &base, "builder = \"direct\"");
    let cache = site.directory().join("cache").display().to_string();
    let closed = "http://127.0.0.1:9/simple";
    site.with("HAUTE_CLI_CACHE", &cache)
        .with("UV_DEFAULT_INDEX", closed)
        .with("UV_INDEX_URL", closed)
        .with("PIP_INDEX_URL", closed)
}

fn received(proxy: &FaultProxy) -> u64 {
    proxy.exchanges().iter().map(|one| one.received).sum()
}
