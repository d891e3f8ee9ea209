//! The services themselves: they run, they ask for what they should, and what is stored is what is read.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what is wrong by panicking; without the standard harness clippy cannot tell that this is one"
)]

use std::process::ExitCode;

use haute_container::oci::media_type;
use haute_core::digest::Digest;
use haute_test_services::{
    BaseImage, Engine, ImageFormat, Program, Registry, RegistryOptions, both, require, test,
};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let registry = || require("`docker-registry`", Registry::find());
    let skopeo = || both(registry(), require("`skopeo`", Program::find("skopeo")));
    let base = || require("a base image (HAUTE_TEST_BASE)", BaseImage::find());
    let engine = || require("a Docker engine (HAUTE_TEST_ENGINE)", Engine::find());
    let trials: Vec<Trial> = vec![
        test("registry::stores_what_is_put", registry(), |()| stores_what_is_put()),
        test("registry::asks_for_a_password", registry(), |()| asks_for_a_password()),
        test("registry::speaks_tls", registry(), |()| speaks_tls()),
        test("registry::is_read_only", registry(), |()| is_read_only()),
        test("registry::loses_a_blob", registry(), |()| loses_a_blob()),
        test("base::others_read_what_is_pushed", skopeo(), |((), skopeo)| others_read(&skopeo)),
        test("base::debian_in_a_registry", both(skopeo(), base()), |(((), skopeo), base)| {
            debian(&skopeo, &base)
        }),
        test("base::debian_in_an_engine", both(engine(), base()), |(engine, base)| {
            runs_python(&engine, &base)
        }),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn stores_what_is_put() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let digest = registry.put_blob("team/model", b"a blob")?;
    assert_eq!(registry.blob("team/model", &digest)?, Some(b"a blob".to_vec()));
    assert_eq!(registry.blob("team/other", &digest)?, None);
    assert_eq!(registry.blobs().get(&digest), Some(&6));
    assert_eq!(registry.stored_bytes(), 6);
    assert!(registry.tags("team/model")?.is_empty());
    let address = registry.address().to_owned();
    drop(registry);
    assert!(std::net::TcpStream::connect(address).is_err(), "a dropped registry still listens");
    Ok(())
}

fn asks_for_a_password() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain().with_credentials("builder", "a ?~> word"))?;
    let digest = registry.put_blob("model", b"a blob")?;
    assert_eq!(registry.blob("model", &digest)?.unwrap(), b"a blob");
    let status = status_of(&registry)?;
    assert_eq!(status, "401", "without a password");
    Ok(())
}

fn speaks_tls() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain().with_tls())?;
    let digest = registry.put_blob("model", b"a blob")?;
    assert_eq!(registry.blob("model", &digest)?.unwrap(), b"a blob");
    let curl = Program::find("curl").ok_or("`curl` is not installed")?;
    let address = format!("{}/v2/", registry.url());
    assert!(curl.run(["-sS", &address]).is_err(), "trusted by somebody who was not told to");
    let authority = registry.certificates().unwrap().authority().display().to_string();
    curl.run(["-sSf", "--cacert", &authority, &address])?;
    Ok(())
}

fn is_read_only() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain().read_only())?;
    let error = registry.put_blob("model", b"a blob").unwrap_err().to_string();
    assert!(error.contains("405"), "{error}");
    Ok(())
}

fn loses_a_blob() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let digest = registry.put_blob("team/model", b"a blob")?;
    registry.lose(&digest)?;
    assert_eq!(registry.blob("team/model", &digest)?, None);
    assert!(registry.lose(&digest).is_err());
    Ok(())
}

fn others_read(skopeo: &Program) -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let (amd64, arm64) = (BaseImage::tiny("amd64")?, BaseImage::tiny("arm64")?);
    let reference = BaseImage::push_index(&[amd64.clone(), arm64], &registry, "library/python", "3.11-slim")?;
    for architecture in ["amd64", "arm64"] {
        let address = format!("docker://{reference}");
        let read = skopeo.run([
            "inspect",
            "--tls-verify=false",
            "--override-os=linux",
            &format!("--override-arch={architecture}"),
            "--format={{.Architecture}} {{.Env}}",
            &address,
        ])?;
        assert!(read.starts_with(architecture) && read.contains("PYTHON_VERSION=3.11.2"), "{read}");
    }
    for (format, kind) in
        [(ImageFormat::Oci, media_type::MANIFEST), (ImageFormat::Docker, media_type::DOCKER_MANIFEST)]
    {
        let reference = amd64.push_as(format, &registry, "library/plain", "1")?;
        assert_eq!(registry.manifest("library/plain", "1")?.unwrap().1, kind);
        let address = format!("docker://{reference}");
        skopeo.run(["inspect", "--tls-verify=false", &address])?;
    }
    assert_eq!(registry.tags("library/plain")?, ["1"]);
    Ok(())
}

fn debian(skopeo: &Program, base: &BaseImage) -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let reference = base.push_to(&registry, "library/python", "3.11-slim")?;
    let directory = tempfile::tempdir()?;
    let copied = directory.path().join("image");
    // Copying checks every digest, the one of the unpacked layer too.
    let (from, to) = (format!("docker://{reference}"), format!("dir:{}", copied.display()));
    skopeo.run(["copy", "--src-tls-verify=false", &from, &to])?;
    assert_eq!(Digest::of_file(&copied.join(base.layer_digest().hex()))?, *base.layer_digest());
    Ok(())
}

fn runs_python(engine: &Engine, base: &BaseImage) -> Result<(), Failed> {
    let name = format!("haute-test-base-{}:services", std::process::id());
    base.import_into(engine, &name)?;
    let found = (|| {
        assert!(engine.has_image(&name));
        base.import_into(engine, &name)?;
        let program = "import ctypes, ssl, sqlite3, sys, zlib; print(sys.version_info[:2], len(ssl.create_default_context().get_ca_certs()) > 50)";
        engine.run([
            "run",
            "--rm",
            "--network=host",
            "--read-only",
            "--user=65532:65532",
            "--cap-drop=ALL",
            &name,
            "python3",
            "-c",
            program,
        ])
    })();
    engine.remove_image(&name);
    assert_eq!(found?.trim(), "(3, 11) True");
    Ok(())
}

/// The status of `GET /v2/` without credentials.
fn status_of(registry: &Registry) -> Result<String, Failed> {
    let curl = Program::find("curl").ok_or("`curl` is not installed")?;
    let address = format!("{}/v2/", registry.url());
    Ok(curl.run(["-s", "-o", "/dev/null", "-w", "%{http_code}", &address])?)
}
