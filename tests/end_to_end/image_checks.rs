//! What a scanner of images asks (CIS Docker Benchmark, section 4), as tests on an image made by a whole deploy, with secrets
//! planted wherever a careless build would pick them up.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use base64::Engine as _;
use haute_test_services::{BaseImage, Program, Registry, RegistryOptions, test};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::images::files::{File, Kind, plain};
use crate::images::lab::{Bench, git};
use crate::images::pushed::{Image, Pushed};
use crate::images::site::Site;
use crate::images::{needs, needs_program};

const USER: &str = "builder";
/// Stands in every secret that is planted.
const CANARY: &str = "canary-5f1d7c";
const PASSWORD: &str = "canary-5f1d7c-of-the-registry";
const REPOSITORY: &str = "team/motor-pricing";

pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    vec![
        test(
            "image_checks::no_planted_secret_leaves_this_machine",
            needs_program(bench, "htpasswd"),
            secrets,
        ),
        test("image_checks::no_file_gives_rights_away", needs(bench), rights),
        test("image_checks::it_runs_as_a_number_without_a_shell", needs(bench), configuration),
        test("image_checks::it_says_where_it_comes_from", needs(bench), labels),
        test("image_checks::it_holds_nothing_that_builds", needs(bench), tools),
    ]
}

fn secrets((bench, _): (Arc<Bench>, Program)) -> Result<(), Failed> {
    let lab = bench.lab();
    let registry = Registry::start(RegistryOptions::plain().with_credentials(USER, PASSWORD))?;
    let base = BaseImage::tiny("amd64")?.push_to(&registry, "base/tiny", "1")?.to_string();
    let place = format!("{}/team", registry.address());
    let secret = |what: &str| format!("{CANARY}-{what}");
    let mut site = Site::new(lab, &place, &base, "builder = \"direct\"")
        .with("DOCKER_USERNAME", USER)
        .with("DOCKER_PASSWORD", PASSWORD);
    for name in [
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "DATABRICKS_TOKEN",
        "HAUTE_API_KEY",
        "HAUTE_SECRET",
        "OPENAI_API_KEY",
        "GITHUB_TOKEN",
    ] {
        site = site.with(name, &secret(name));
    }
    let project = site.project();
    for (path, text) in [
        (".env", format!("DATABRICKS_RATING_TOKEN={}\n", secret("env"))),
        (".env.production", format!("TOKEN={}\n", secret("env-production"))),
        (".netrc", format!("machine x login y password {}\n", secret("netrc"))),
        ("id_rsa", format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n", secret("key"))),
        ("credentials.json", format!("{{\"key\": \"{}\"}}\n", secret("json"))),
        ("rating/.env", format!("TOKEN={}\n", secret("rating-env"))),
        ("rating/secrets.toml", format!("token = \"{}\"\n", secret("toml"))),
        (".aws/credentials", format!("aws_secret_access_key = {}\n", secret("aws"))),
        (".streamlit/secrets.toml", format!("token = \"{}\"\n", secret("streamlit"))),
    ] {
        let path = project.join(path);
        fs::create_dir_all(path.parent().expect("a parent"))?;
        fs::write(path, text)?;
    }
    // Committed, as a careless team does it: it is not git that keeps it out of the image.
    git(&project, &["add", "--force", "--all", "."]);
    git(&project, &["commit", "-q", "-m", "everything"]);

    // The whole way: check, build, prove, push.
    let run = site.run(&["deploy", "--yes", "--json"]).expect(0);
    let pushed = Pushed::of(&run);
    let read = site.run(&["history", "--json"]).expect(0);
    let status = site.run(&["status"]).expect(0);
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let clear = |what: &str, bytes: &[u8]| {
        for word in [CANARY, &basic, "canary-of-the-remote"] {
            assert!(find(bytes, word.as_bytes()).is_none(), "a secret is in {what}");
        }
    };
    for (what, run) in [("deploy", &run), ("history", &read), ("status", &status)] {
        clear(&format!("the output of {what}"), run.stdout.as_bytes());
        clear(&format!("the messages of {what}"), run.stderr.as_bytes());
    }
    for entry in walkdir::WalkDir::new(project.join(".haute-cli")).into_iter().filter_map(Result::ok) {
        if entry.file_type().is_file() {
            clear(&entry.path().display().to_string(), &fs::read(entry.path())?);
        }
    }
    // Everything the registry holds: layers, configuration, manifests, attachments.
    let blobs = registry.blobs();
    assert!(blobs.keys().any(|digest| *digest == pushed.digest));
    let manifests = manifests(&registry, &pushed)?;
    for digest in blobs.keys() {
        match registry.blob(REPOSITORY, digest)? {
            Some(bytes) => clear(digest.as_str(), &plain(&bytes)),
            None => assert!(
                manifests.contains(digest.as_str()) || registry.blob("base/tiny", digest)?.is_some(),
                "{digest} is neither a blob nor a manifest of the image"
            ),
        }
    }
    for digest in &manifests {
        if let Some((bytes, _)) = registry.manifest(REPOSITORY, digest)? {
            clear(digest, &bytes);
        }
    }
    Ok(())
}

/// The digests of the image's manifest and of everything attached to it, and the base's.
fn manifests(registry: &Registry, pushed: &Pushed) -> Result<BTreeSet<String>, Failed> {
    let mut found = BTreeSet::from([pushed.digest.to_string()]);
    let tag = pushed.digest.as_str().replace(':', "-");
    for (repository, reference) in [(REPOSITORY, tag.as_str()), ("base/tiny", "1")] {
        let (bytes, _) = registry.manifest(repository, reference)?.ok_or("no manifest")?;
        found.insert(haute_core::digest::Digest::of(&bytes).to_string());
        let list: Value = serde_json::from_slice(&bytes)?;
        for entry in list["manifests"].as_array().into_iter().flatten() {
            found.extend(entry["digest"].as_str().map(str::to_owned));
        }
    }
    // The list as it was when there was one attachment only.
    let before: Vec<String> = registry
        .blobs()
        .keys()
        .filter_map(|digest| Some((digest, registry.manifest(REPOSITORY, digest.as_str()).ok()??)))
        .map(|(digest, _)| digest.to_string())
        .collect();
    found.extend(before);
    Ok(found)
}

/// Where `wanted` begins in `bytes`.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let (first, _) = wanted.split_first()?;
    let mut from = 0;
    // `contains` of a byte is fast where a comparison at every place is not.
    while let Some(next) = bytes.get(from..)?.iter().position(|byte| byte == first) {
        if bytes.get(from + next..)?.starts_with(wanted) {
            return Some(from + next);
        }
        from += next + 1;
    }
    None
}

fn rights(bench: Arc<Bench>) -> Result<(), Failed> {
    let lab = bench.lab();
    let (_, pushed) = lab.first();
    let files = Image::read(&lab.registry, "first/motor-pricing", pushed.digest.as_str()).files();
    let found = |wrong: &dyn Fn(&File) -> bool| -> Vec<&String> {
        files.0.iter().filter(|(_, file)| wrong(file)).map(|(path, _)| path).collect()
    };
    assert_eq!(found(&|file| file.mode & 0o7000 != 0), Vec::<&String>::new(), "setuid, setgid or sticky");
    let plain = |file: &File| !matches!(file.kind, Kind::Link(_));
    assert_eq!(
        found(&|file| plain(file) && file.mode & 0o022 != 0),
        Vec::<&String>::new(),
        "others may write"
    );
    assert_eq!(found(&|file| (file.user, file.group) != (0, 0)), Vec::<&String>::new(), "not root's");
    assert_eq!(
        found(&|file| matches!(file.kind, Kind::Other(_))),
        Vec::<&String>::new(),
        "devices and pipes"
    );
    // The user of the container reads everything, and owns nothing of it.
    assert_eq!(found(&|file| plain(file) && file.mode & 0o004 == 0), Vec::<&String>::new(), "unreadable");
    for path in files.0.keys() {
        let ours = ["app", "opt/haute"].iter().any(|top| path == top || path.starts_with(&format!("{top}/")));
        assert!(ours || path == "opt", "{path} is outside of /app and /opt/haute");
    }
    Ok(())
}

fn configuration(bench: Arc<Bench>) -> Result<(), Failed> {
    let lab = bench.lab();
    let (_, pushed) = lab.first();
    let image = Image::read(&lab.registry, "first/motor-pricing", pushed.digest.as_str());
    let config = &image.config["config"];
    let user = config["User"].as_str().ok_or("no user")?;
    let (user, group) = user.split_once(':').ok_or("no group")?;
    assert!(user.parse::<u32>()? >= 10_000 && group.parse::<u32>()? >= 10_000, "{user}:{group}");
    let words = |value: &Value| -> Vec<String> { serde_json::from_value(value.clone()).expect("words") };
    let shell = |words: &[String]| {
        words
            .iter()
            .find(|word| {
                let name = word.rsplit('/').next().unwrap_or_default();
                ["sh", "bash", "dash", "curl", "wget", "CMD-SHELL"].contains(&name)
            })
            .cloned()
    };
    let command = words(&config["Cmd"]);
    assert_eq!(command.first().map(String::as_str), Some("python3"));
    assert_eq!(shell(&command), None);
    assert!(config["Entrypoint"].is_null(), "{config}");
    let check = &config["Healthcheck"];
    let question = words(&check["Test"]);
    assert_eq!(question.first().map(String::as_str), Some("CMD"), "exec form");
    assert_eq!(shell(&question), None);
    for time in ["Interval", "Timeout", "StartPeriod", "Retries"] {
        assert!(check[time].as_u64().is_some_and(|time| time > 0), "{check}");
    }
    assert_eq!(config["StopSignal"], "SIGTERM");
    assert_eq!(config["WorkingDir"], "/app");
    let ports = config["ExposedPorts"].as_object().ok_or("no ports")?;
    assert_eq!(ports.keys().collect::<Vec<_>>(), ["8080/tcp"]);
    for entry in image.config["history"].as_array().ok_or("no history")? {
        let text = entry.to_string();
        assert!(!text.contains("RUN") && !text.contains("/bin/sh"), "{text}");
    }
    Ok(())
}

fn labels(bench: Arc<Bench>) -> Result<(), Failed> {
    let lab = bench.lab();
    let (_, pushed) = lab.first();
    let image = Image::read(&lab.registry, "first/motor-pricing", pushed.digest.as_str());
    let label = |name: &str| image.label(&format!("org.opencontainers.image.{name}")).to_owned();
    assert_eq!(label("title"), "motor-pricing");
    assert_eq!(label("revision"), git(&lab.project(), &["rev-parse", "HEAD"]));
    assert_eq!(
        label("source"),
        "https://git.example.test/pricing/motor.git",
        "without the credentials in it"
    );
    assert_eq!(label("created"), "2026-11-20T12:00:00Z", "the time of the commit");
    assert_eq!(label("base.name"), lab.base);
    let base = lab.registry.digest_of("base/tiny", "1")?.ok_or("no base")?;
    assert_eq!(label("base.digest"), base.as_str());
    assert_eq!(image.label("dev.haute.release"), lab.release.digest);
    for (name, value) in image.config["config"]["Labels"].as_object().ok_or("no labels")? {
        assert_eq!(&image.manifest["annotations"][name], value, "the annotation {name} says the same");
    }
    let diff_ids = image.config["rootfs"]["diff_ids"].as_array().map(Vec::len);
    assert_eq!(diff_ids, image.manifest["layers"].as_array().map(Vec::len));
    Ok(())
}

fn tools(bench: Arc<Bench>) -> Result<(), Failed> {
    let lab = bench.lab();
    let (_, pushed) = lab.first();
    let files = Image::read(&lab.registry, "first/motor-pricing", pushed.digest.as_str()).files();
    let empty = haute_core::digest::Digest::of(b"");
    for (path, file) in &files.0 {
        let parts: Vec<&str> = path.split('/').collect();
        let top = path.strip_prefix("opt/haute/lib/").and_then(|rest| rest.split(['/', '-']).next());
        for tool in ["pip", "setuptools", "wheel", "uv", "virtualenv"] {
            assert_ne!(top, Some(tool), "{path}");
        }
        let last = parts.last().copied().unwrap_or_default();
        assert!(!parts.contains(&".cache") && !parts.contains(&"__pycache__"), "{path}");
        assert!(!matches!(last.rsplit_once('.'), Some((_, "pyc" | "whl"))), "{path}");
        // Two empty marks tell Haute where the project begins; nothing of a repository or a cache is behind them.
        if matches!(&file.kind, Kind::Regular { content, .. } if *content == empty) {
            continue;
        }
        assert!(![".git", ".env", ".haute-cli", ".netrc"].iter().any(|name| parts.contains(name)), "{path}");
    }
    // What is left out because scoring never imports it is not there in part either.
    let left_out: Vec<String> =
        serde_json::from_value(lab.release.manifest()["unused_distributions"].clone())?;
    for name in left_out {
        let metadata = format!("opt/haute/lib/{}-", name.replace('-', "_"));
        let found = files.0.keys().find(|path| path.to_lowercase().starts_with(&metadata));
        assert_eq!(found, None, "{name} is left out");
    }
    Ok(())
}
