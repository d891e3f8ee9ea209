//! `build --image --output FILE`: an image without a registry to write to.

use std::path::Path;
use std::sync::Arc;

use haute_container::engine::SavedImage;
use haute_test_services::{BaseImage, Engine, Program, both, require, test};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use super::files::{Files, Kind};
use super::lab::Bench;
use super::site::Site;
use super::{needs_engine, needs_program};

pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let engine = both(needs_engine(bench), require("`skopeo`", Program::find("skopeo")));
    vec![
        test("image::an_archive_is_what_skopeo_reads", needs_program(bench, "skopeo"), skopeo_reads),
        test("image::an_archive_is_what_an_engine_loads", engine, engine_loads),
    ]
}

/// The image of a clone as an archive, its documents and its files above a base of one layer.
pub(crate) fn archived(site: &Site) -> (SavedImage, Files) {
    let file = site.directory().join("image.oci.tar");
    write(site, &file);
    let saved = SavedImage::open(&file).expect("an archive");
    let mut files = Files::default();
    for layer in saved.layers().iter().skip(1) {
        files.lay(saved.read(layer).expect("a layer"));
    }
    (saved, files)
}

/// Writes it; what the program said.
fn write(site: &Site, file: &Path) -> Value {
    // The lock is the one of the first build: another day's index may hold other versions.
    site.run(&["build", "--image", "--output", &file.display().to_string(), "--json"]).expect(0).result()
}

fn skopeo_reads((bench, skopeo): (Arc<Bench>, Program)) -> Result<(), Failed> {
    let lab = bench.lab();
    let site = Site::new(lab, "", &lab.base, "builder = \"direct\"");
    let file = site.directory().join("oci.tar");
    let said = write(&site, &file);
    let address = format!("oci-archive:{}", file.display());
    let read = skopeo.run([
        "inspect",
        "--override-os=linux",
        "--override-arch=amd64",
        "--format={{.Digest}}",
        &address,
    ])?;
    assert_eq!(said["image"], read.trim());
    assert_eq!(said["size"], std::fs::metadata(&file)?.len());
    let copied = format!("dir:{}", site.directory().join("copied").display());
    skopeo.run(["copy", &address, &copied])?;
    let saved = SavedImage::open(&file)?;
    assert_eq!(saved.tags().len(), 1, "{:?}", saved.tags());
    assert_eq!(lab.registry.tags("motor-pricing")?, Vec::<String>::new(), "no registry was written to");
    Ok(())
}

fn engine_loads(
    ((bench, (engine, base)), skopeo): ((Arc<Bench>, (Engine, BaseImage)), Program),
) -> Result<(), Failed> {
    let lab = bench.lab();
    let base = base.push_to(&lab.registry, "base/python", "3.11-slim")?.to_string();
    let site = Site::new(lab, &lab.place("loaded"), &base, "builder = \"direct\"");
    let file = site.directory().join("oci.tar");
    write(&site, &file);
    let loaded = engine.run(["load", "--input", &file.display().to_string()])?;
    let name = loaded.trim().rsplit(": ").next().ok_or("no name")?.to_owned();
    let outcome = (|| -> Result<(), Failed> {
        assert!(name.starts_with(&lab.place("loaded")), "{loaded}");
        let version = engine.run([
            "run",
            "--rm",
            "--network=none",
            "--read-only",
            "--cap-drop=ALL",
            &name,
            "python3",
            "-B",
            "-c",
            "import haute, polars, os; print(haute.__version__, os.getuid())",
        ])?;
        assert_eq!(version.trim(), "0.6.0 65532");
        Ok(())
    })();
    engine.remove_image(&name);
    outcome?;
    let address = format!("oci-archive:{}", file.display());
    skopeo.run(["inspect", "--override-os=linux", "--override-arch=amd64", &address])?;
    let (_, files) = archived(&site);
    let regular = files.0.values().filter(|file| matches!(file.kind, Kind::Regular { .. })).count();
    assert!(regular > 100, "{regular} files");
    Ok(())
}
