//! Registries that ask who is there.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;

use base64::Engine as _;
use haute_test_services::{BaseImage, Program, Registry, RegistryOptions, test};
use libtest_mimic::{Failed, Trial};
use serde_json::json;

use super::lab::Bench;
use super::needs_program;
use super::pushed::Pushed;
use super::site::Site;

/// What the certificate of a test's registry says beside this machine's own names.
const NAME: &str = "registry.test";
const USER: &str = "builder";
const PASSWORD: &str = "canary ?~> word";

pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    vec![
        test(
            "image::credentials_come_from_dockers_configuration_over_tls",
            needs_program(bench, "htpasswd"),
            over_tls,
        ),
        test(
            "image::refused_credentials_end_with_four_and_say_what_to_do",
            needs_program(bench, "htpasswd"),
            refused,
        ),
    ]
}

/// A registry of a company: a name of its own, a private authority, a password, and a proxy on the way.
fn over_tls((bench, _): (Arc<Bench>, Program)) -> Result<(), Failed> {
    let lab = bench.lab();
    // The wheels are on this machine after it: only the registry is behind the proxy.
    lab.first();
    let registry = Registry::start(RegistryOptions::plain().with_tls().with_credentials(USER, PASSWORD))?;
    let way = tunnel(registry.address())?;
    BaseImage::tiny("amd64")?.push_to(&registry, "base/tiny", "1")?;
    let site =
        Site::new(lab, &format!("{NAME}/team"), &format!("{NAME}/base/tiny:1"), "builder = \"direct\"");
    let directory = site.directory().join("docker");
    std::fs::create_dir_all(&directory)?;
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let configuration = json!({ "auths": { NAME: { "auth": auth } } }).to_string();
    std::fs::write(directory.join("config.json"), configuration)?;
    let site = site.with("DOCKER_CONFIG", &directory.display().to_string());
    let site =
        site.with("HTTPS_PROXY", &way).with("https_proxy", &way).with("NO_PROXY", "").with("no_proxy", "");

    let unknown = site.deploy(&lab.release);
    assert_ne!(unknown.code, 0, "a registry nobody vouches for is not spoken to");
    let said = format!("{}{}", unknown.stdout, unknown.stderr);
    assert!(said.contains("SSL_CERT_FILE"), "it says what to set: {said}");
    assert_eq!(registry.tags("team/motor-pricing")?, Vec::<String>::new());

    let authority = registry.certificates().ok_or("no certificates")?.authority().display().to_string();
    // The indexes' own authority is not in it, and nothing but the registry is asked.
    let run = site.with("SSL_CERT_FILE", &authority).deploy(&lab.release).expect(0);
    let pushed = Pushed::of(&run);
    assert_eq!(registry.digest_of("team/motor-pricing", &pushed.tag)?, Some(pushed.digest));
    for said in [&run.stdout, &run.stderr] {
        assert!(!said.contains(PASSWORD) && !said.contains(&auth), "{said}");
    }
    Ok(())
}

/// A proxy that carries connections for `NAME` to `to` (RFC 9110, "CONNECT"); its address.
fn tunnel(to: &str) -> Result<String, Failed> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    let to = to.to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let to = to.clone();
            std::thread::spawn(move || carry(&client, &to));
        }
    });
    Ok(address)
}

fn carry(client: &TcpStream, to: &str) -> std::io::Result<()> {
    let mut head = BufReader::new(client);
    let mut first = String::new();
    head.read_line(&mut first)?;
    let mut line = first.clone();
    while line != "\r\n" {
        line.clear();
        if head.read_line(&mut line)? == 0 {
            return Ok(());
        }
    }
    if !first.starts_with(&format!("CONNECT {NAME}:443 ")) {
        return (&*client).write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    }
    let server = TcpStream::connect(to)?;
    (&*client).write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let copied = std::io::copy(&mut &server, &mut &*client);
            copied.and_then(|_| client.shutdown(Shutdown::Write))
        });
        std::io::copy(&mut head, &mut &server).and_then(|_| server.shutdown(Shutdown::Write))
    })
}

fn refused((bench, _): (Arc<Bench>, Program)) -> Result<(), Failed> {
    let lab = bench.lab();
    let registry = Registry::start(RegistryOptions::plain().with_credentials(USER, PASSWORD))?;
    let place = format!("{}/team", registry.address());
    let site = |user: &str, password: &str| {
        let site = Site::new(lab, &place, &lab.base, "builder = \"direct\"");
        site.with("DOCKER_USERNAME", user).with("DOCKER_PASSWORD", password)
    };
    let wrong = site(USER, "canary-of-a-wrong-word").deploy(&lab.release).expect(4);
    let said = format!("{}{}", wrong.stdout, wrong.stderr);
    assert!(said.contains("DOCKER_PASSWORD"), "it says what to set: {said}");
    assert!(!said.contains("canary-of-a-wrong-word"), "{said}");
    let error = wrong.result()["error"].clone();
    assert_eq!(error["kind"], "unauthenticated", "{error}");
    let nobody = site("", "").deploy(&lab.release).expect(4);
    let error = nobody.result()["error"].clone();
    assert!(error.to_string().contains("docker login"), "{error}");
    assert_eq!(registry.tags("team/motor-pricing")?, Vec::<String>::new());
    assert_eq!(registry.stored_bytes(), 0, "nothing was sent before it was known who sends");
    Ok(())
}
