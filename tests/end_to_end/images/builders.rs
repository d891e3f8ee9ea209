//! Both builders make the same image, and it serves what was proven.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use haute_container::engine::SavedImage;
use haute_test_services::{BaseImage, Engine, test};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use super::files::Files;
use super::lab::{Bench, Built, Lab};
use super::needs_engine;
use super::pushed::{Image, Pushed};
use super::site::Site;

pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    vec![test(
        "image::both_builders_make_the_same_image_and_it_serves_what_was_proven",
        needs_engine(bench),
        same,
    )]
}

fn same((bench, (engine, base)): (Arc<Bench>, (Engine, BaseImage))) -> Result<(), Failed> {
    let lab = bench.lab();
    let base = base.push_to(&lab.registry, "base/python", "3.11-slim")?.to_string();
    let deploy = |builder: &str| {
        let port = free_port();
        let settings = format!("builder = \"{builder}\"\nport = {port}");
        let site =
            Site::new(lab, &lab.place(builder), &base, &settings).with("DOCKER_HOST", engine.address());
        let run = site.deploy_with(&lab.release, &["--prove-in", "image"]).expect(0);
        (Pushed::of(&run), port)
    };
    let (direct, direct_port) = deploy("direct");
    let (built, built_port) = deploy("engine");
    let name =
        |builder: &str, pushed: &Pushed| format!("{}/motor-pricing@{}", lab.place(builder), pushed.digest);
    let outcome = (|| {
        compare(lab, &engine, &direct, &built)?;
        serves(&engine, &name("direct", &direct), direct_port, &lab.release)?;
        serves(&engine, &name("engine", &built), built_port, &lab.release)
    })();
    for (builder, pushed) in [("direct", &direct), ("engine", &built)] {
        engine.remove_image(&name(builder, pushed));
        engine.remove_image(&format!("{}/motor-pricing:{}", lab.place(builder), pushed.tag));
    }
    engine.remove_image(&base);
    outcome
}

/// Files, and how it runs.
fn compare(lab: &Lab, engine: &Engine, direct: &Pushed, built: &Pushed) -> Result<(), Failed> {
    let image = Image::read(&lab.registry, "direct/motor-pricing", direct.digest.as_str());
    let files = image.files();
    assert!(files.0.contains_key("app/app.py") && files.0.contains_key("opt/haute/lib/haute/__init__.py"));

    let directory = tempfile::tempdir()?;
    let archive = directory.path().join("engine.tar");
    let name = format!("{}/motor-pricing:{}", lab.place("engine"), built.tag);
    engine.run(["save", "--output", &archive.display().to_string(), &name])?;
    let saved = SavedImage::open(&archive)?;
    let mut theirs = Files::default();
    for layer in saved.layers().iter().skip(1) {
        theirs.lay(saved.read(layer)?);
    }
    let mut differences = Vec::new();
    for path in files.0.keys().chain(theirs.0.keys().filter(|path| !files.0.contains_key(*path))) {
        let (direct, engine) = (files.0.get(path), theirs.0.get(path));
        if direct != engine {
            differences.push(format!("{path}: direct {direct:?}, engine {engine:?}"));
        }
    }
    let shown: Vec<&String> = differences.iter().take(10).collect();
    assert!(differences.is_empty(), "{} files differ: {shown:#?}", differences.len());

    // How it runs is the same too, but for the port the test chose for each.
    let pushed = Image::read(&lab.registry, "engine/motor-pricing", built.digest.as_str());
    for key in ["User", "WorkingDir", "StopSignal"] {
        assert_eq!(image.config["config"][key], pushed.config["config"][key], "{key}");
    }
    for key in ["Env", "Cmd"] {
        let (ours, theirs) = (words(&image, key), words(&pushed, key));
        assert_eq!(ours[..ours.len() - 1], theirs[..theirs.len() - 1], "{key}");
    }
    for label in ["title", "base.digest", "revision", "source", "created"] {
        let label = format!("org.opencontainers.image.{label}");
        assert_eq!(image.label(&label), pushed.label(&label), "{label}");
    }
    assert_eq!(image.label("dev.haute.release"), lab.release.digest);
    assert_eq!(pushed.label("dev.haute.release"), lab.release.digest);
    Ok(())
}

fn words(image: &Image<'_>, key: &str) -> Vec<String> {
    serde_json::from_value(image.config["config"][key].clone()).expect("words")
}

/// Runs the image as a strict platform does, by Docker's own client, and asks for every proven premium.
fn serves(engine: &Engine, image: &str, port: u16, built: &Built) -> Result<(), Failed> {
    let id = engine.run([
        "run",
        "--detach",
        "--network=host",
        "--read-only",
        "--user=65532",
        "--cap-drop=ALL",
        image,
    ])?;
    let id = id.trim();
    let asked = std::panic::catch_unwind(|| ask(port, built));
    let logs = engine.command().args(["logs", id]).output()?;
    engine.run(["rm", "--force", id])?;
    match asked {
        Ok(outcome) => outcome.map_err(|failed| {
            format!("{image}: {failed:?}\n{}", String::from_utf8_lossy(&logs.stderr)).into()
        }),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn ask(port: u16, built: &Built) -> Result<(), String> {
    let began = Instant::now();
    let health = loop {
        let address = format!("http://127.0.0.1:{port}/health");
        let output = Command::new("curl").args(["-sS", "--max-time", "5", &address]).output();
        let output = output.map_err(|error| error.to_string())?;
        let health: Option<Value> = serde_json::from_slice(&output.stdout).ok();
        match health.filter(|health| health["status"] == "ok") {
            Some(health) => break health,
            None if began.elapsed() > Duration::from_mins(2) => {
                return Err(format!("not healthy: {}", String::from_utf8_lossy(&output.stderr)));
            }
            None => std::thread::sleep(Duration::from_millis(100)),
        }
    };
    if health["digest"] != built.digest.as_str() {
        return Err(format!("another release is served: {health}"));
    }
    let quotes = built.quotes();
    assert!(quotes.len() >= 10, "the project has test quotes");
    for quote in quotes {
        let rows = crate::answers::quote(port, &quote["input"]).rows();
        for (column, proven) in quote["prices"].as_object().expect("prices") {
            assert_eq!(&rows[0][column], proven, "{column} of {}", quote["id"]);
        }
    }
    Ok(())
}

/// A port nothing listens at, below those the system gives away by itself.
fn free_port() -> u16 {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).expect("small");
    (first..32_000).find(|port| std::net::TcpListener::bind(("0.0.0.0", *port)).is_ok()).expect("a free port")
}
