//! The same release is the same image, wherever and whenever it is made.

use std::process::Command;
use std::sync::Arc;

use haute_test_services::{BaseImage, test};
use libtest_mimic::{Failed, Trial};

use super::archive::archived;
use super::files::Kind;
use super::lab::{Bench, Lab, git};
use super::needs;
use super::pushed::{Image, Pushed};
use super::site::{Site, clean, deploy_arguments, run};

pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    vec![
        test("image::another_path_time_umask_and_home_give_the_same_digest", needs(bench), gzip),
        test("image::zstd_gives_the_same_digest_twice", needs(bench), zstd),
        test("image::for_another_processor_it_holds_that_processors_files", needs(bench), other_processor),
    ]
}

fn gzip(bench: Arc<Bench>) -> Result<(), Failed> {
    let lab = bench.lab();
    let (_, first) = lab.first();
    let again = elsewhere(lab, "again", "builder = \"direct\"");
    assert_eq!(again.digest, first.digest);
    assert!(again.layers > 0, "the second push made its layers itself: {again:?}");
    Ok(())
}

fn zstd(bench: Arc<Bench>) -> Result<(), Failed> {
    let lab = bench.lab();
    let settings = "builder = \"direct\"\ncompression = \"zstd\"";
    let site = Site::new(lab, &lab.place("zstd"), &lab.base, settings);
    let first = Pushed::of(&site.deploy(&lab.release).expect(0));
    let again = elsewhere(lab, "zstd-again", settings);
    assert_eq!(again.digest, first.digest);
    assert!(again.layers > 0, "the second push made its layers itself: {again:?}");
    let image = Image::read(&lab.registry, "zstd/motor-pricing", first.digest.as_str());
    for layer in image.own_layers() {
        assert_eq!(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+zstd", "{layer}");
    }
    let gzip = Image::read(&lab.registry, "first/motor-pricing", lab.first().1.digest.as_str());
    assert_eq!(image.files(), gzip.files(), "the same files, however they are compressed");
    Ok(())
}

/// The same release, from a copy of everything on a machine that differs in whatever may differ.
fn elsewhere(lab: &Lab, team: &str, settings: &str) -> Pushed {
    let site = Site::new(lab, &lab.place(team), &lab.base, settings);
    assert_eq!(git(&site.project(), &["rev-parse", "HEAD"]), git(&lab.project(), &["rev-parse", "HEAD"]));
    let home = site.directory().join("a home of somebody else");
    let release = home.join("hand over/release");
    for entry in walkdir::WalkDir::new(&lab.release.directory) {
        let entry = entry.expect("an entry");
        let to = release.join(entry.path().strip_prefix(&lab.release.directory).expect("below"));
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(&to).expect("a directory");
        } else {
            // Content only: other times, and the permissions of another umask.
            std::fs::write(&to, std::fs::read(entry.path()).expect("read")).expect("written");
        }
    }
    let mut words = deploy_arguments(&lab.release);
    words[2] = release.display().to_string();
    let mut command = Command::new("sh");
    command.args(["-c", "umask 077; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_haute-cli")]).args(words);
    site.on_this(clean(&mut command));
    command
        .env("HOME", &home)
        .env("HAUTE_CLI_CACHE", home.join("cache"))
        .env("TZ", "Pacific/Auckland")
        .env("LC_ALL", "C")
        .current_dir(&home);
    Pushed::of(&run(&mut command).expect(0))
}

fn other_processor(bench: Arc<Bench>) -> Result<(), Failed> {
    let lab = bench.lab();
    let (architecture, machine) = if cfg!(target_arch = "aarch64") { ("amd64", 62) } else { ("arm64", 183) };
    let base = BaseImage::tiny(architecture)?.push_to(&lab.registry, "base/other", "1")?.to_string();
    let site = Site::new(lab, "", &base, "builder = \"direct\"");
    let overlay = site.project().join("haute.images.toml");
    let text = std::fs::read_to_string(&overlay)?;
    std::fs::write(&overlay, format!("[deploy.build]\narchitecture = \"{architecture}\"\n\n{text}"))?;
    let (saved, files) = archived(&site);
    assert_eq!(saved.config().architecture, architecture);
    assert_eq!(saved.config().os, "linux");
    let machines: Vec<(&String, u16)> = files
        .0
        .iter()
        .filter_map(|(path, file)| match file.kind {
            Kind::Regular { machine: Some(machine), .. } => Some((path, machine)),
            _ => None,
        })
        .collect();
    assert!(machines.iter().any(|(path, _)| path.contains("polars")), "{machines:?}");
    assert!(machines.len() >= 5, "{machines:?}");
    assert!(machines.iter().all(|(_, found)| *found == machine), "{machines:?}");
    Ok(())
}
