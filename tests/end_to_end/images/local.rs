//! An empty `registry`: the image stays on this machine.

use std::sync::Arc;

use haute_container::engine::SavedImage;
use haute_test_services::{BaseImage, Engine, test};
use libtest_mimic::{Failed, Trial};

use super::lab::Bench;
use super::site::Site;
use super::{needs, needs_engine};

pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    vec![
        test("image::without_a_registry_it_stays_in_the_engine", needs_engine(bench), in_the_engine),
        test("image::without_a_registry_and_an_engine_it_is_an_archive", needs(bench), archive),
    ]
}

fn in_the_engine((bench, (engine, base)): (Arc<Bench>, (Engine, BaseImage))) -> Result<(), Failed> {
    let lab = bench.lab();
    let base = base.push_to(&lab.registry, "base/python", "3.11-slim")?.to_string();
    let site = Site::new(lab, "", &base, "latest_tag = \"\"").with("DOCKER_HOST", engine.address());
    // A name no other run of the tests has: the engine is shared.
    let model = format!("motor-{}", std::process::id());
    let configuration = std::fs::read_to_string(site.project().join("haute.toml"))?;
    let renamed =
        configuration.replace("model_name = \"motor-pricing\"", &format!("model_name = \"{model}\""));
    assert_ne!(renamed, configuration);
    std::fs::write(site.project().join("haute.toml"), renamed)?;
    let run = site.deploy(&lab.release).expect(0);
    let details = run.result()["details"].clone();
    let tag = details["tag"].as_str().ok_or("no tag")?.to_owned();
    let name = format!("{model}:{tag}");
    let id = engine.run(["image", "inspect", "--format", "{{.Id}} {{.Config.User}}", &name]);
    let again = site.deploy(&lab.release);
    engine.remove_image(&name);
    let id = id?;
    let (id, user) = id.trim().split_once(' ').ok_or("no user")?;
    assert_eq!(user, "65532:65532");
    assert!(tag.contains("-dirty-"), "haute.toml differs from the commit: {tag}");
    assert!(details["image"].as_str().is_some_and(|image| image.contains(id)), "{details}");
    assert_eq!(again.expect(0).result()["outcome"], "unchanged");
    Ok(())
}

fn archive(bench: Arc<Bench>) -> Result<(), Failed> {
    let lab = bench.lab();
    let site = Site::new(lab, "", &lab.base, "");
    let run = site.deploy(&lab.release).expect(0);
    let details = run.result()["details"].clone();
    let directory = site.project().join(".haute-cli");
    let archives: Vec<_> = walkdir::WalkDir::new(&directory)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "tar"))
        .map(walkdir::DirEntry::into_path)
        .collect();
    assert!(!archives.is_empty(), "no archive below {}: {details}", directory.display());
    for archive in &archives {
        let saved = SavedImage::open(archive)?;
        assert_eq!(saved.config().config.user, "65532:65532");
    }
    assert_eq!(site.deploy(&lab.release).expect(0).result()["outcome"], "unchanged");
    Ok(())
}
