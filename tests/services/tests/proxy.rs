//! The fault proxy: it is no obstacle where nothing is to fail, and fails as told otherwise.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use haute_test_services::proxy::{Answer, Fault, Moment, Rule, Tokens};
use haute_test_services::{BaseImage, FaultProxy, Program, Registry, RegistryOptions, both, require, test};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let registry = || require("`docker-registry`", Registry::find());
    let skopeo = || both(registry(), require("`skopeo`", Program::find("skopeo")));
    let trials: Vec<Trial> = vec![
        test("passes_a_whole_image", skopeo(), |((), skopeo)| passes_a_whole_image(&skopeo)),
        test("asks_for_tokens", skopeo(), |((), skopeo)| asks_for_tokens(&skopeo)),
        test("a_token_worth_nothing_is_refused", skopeo(), |((), skopeo)| {
            a_token_worth_nothing_is_refused(&skopeo)
        }),
        test("answers_in_the_registrys_place", registry(), |()| answers_in_the_registrys_place()),
        test("resets", registry(), |()| resets()),
        test("breaks_off_and_lies", registry(), |()| breaks_off_and_lies()),
        test("an_upload_that_breaks_off_stores_nothing", registry(), |()| upload_that_breaks_off()),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn passes_a_whole_image(skopeo: &Program) -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let proxy = FaultProxy::start(&registry, Vec::new())?;
    copy(skopeo, &registry, &proxy, &[])?;
    assert_eq!(registry.tags("copied/model")?, ["1"]);
    let pushed = proxy.exchanges_of("PUT", "/v2/*/manifests/1");
    assert_eq!(pushed.iter().map(|exchange| exchange.status).collect::<Vec<_>>(), [Some(201)]);
    assert!(pushed.iter().all(|exchange| exchange.sent > 0 && !exchange.faulted));
    Ok(())
}

fn asks_for_tokens(skopeo: &Program) -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let proxy = FaultProxy::start_with(&registry, Vec::new(), Some(Tokens::for_user("builder", "word")))?;
    assert!(copy(skopeo, &registry, &proxy, &["--dest-creds=builder:other"]).is_err());
    assert!(registry.tags("copied/model")?.is_empty());
    copy(skopeo, &registry, &proxy, &["--dest-creds=builder:word"])?;
    assert_eq!(registry.tags("copied/model")?, ["1"]);
    Ok(())
}

fn a_token_worth_nothing_is_refused(skopeo: &Program) -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let tokens = Tokens::for_everybody().that_expire_after(0);
    let proxy = FaultProxy::start_with(&registry, Vec::new(), Some(tokens))?;
    assert!(
        copy(skopeo, &registry, &proxy, &[]).is_err(),
        "a token that is worth nothing was good for a push"
    );
    assert!(!proxy.exchanges_of("GET", "/token*").is_empty());
    Ok(())
}

fn answers_in_the_registrys_place() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let busy = Answer::error(429, "TOOMANYREQUESTS", "later").with_header("Retry-After", "2");
    let rules = vec![
        Rule::on("GET", "/v2/", Fault::Answer(busy)).first(1),
        Rule::on("GET", "/v2/", Fault::Delay(Duration::from_millis(50))).first(1),
        Rule::on("HEAD", "/v2/*", Fault::Answer(Answer::page(502, "no gateway"))),
    ];
    let proxy = FaultProxy::start(&registry, rules)?;
    let first = ask(&proxy, "GET /v2/ HTTP/1.1\r\nConnection: close\r\n\r\n")?;
    assert!(first.starts_with("HTTP/1.1 429") && first.contains("Retry-After: 2"), "{first}");
    let begun = Instant::now();
    let second = ask(&proxy, "GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")?;
    assert!(second.starts_with("HTTP/1.1 200"), "{second}");
    assert!(begun.elapsed() >= Duration::from_millis(50));
    let third = ask(&proxy, "HEAD /v2/x/manifests/1 HTTP/1.1\r\nAuthorization: Basic eDp5\r\n\r\n")?;
    assert!(third.starts_with("HTTP/1.1 502") && !third.contains("<html>"), "{third}");
    assert_eq!((proxy.used(0)?, proxy.used(1)?, proxy.used(2)?), (1, 1, 1));
    let asked = proxy.exchanges();
    assert_eq!(
        asked.iter().map(|exchange| exchange.status).collect::<Vec<_>>(),
        [Some(429), Some(200), Some(502)]
    );
    assert_eq!(asked.last().and_then(|exchange| exchange.authorization.as_deref()), Some("Basic eDp5"));
    Ok(())
}

fn resets() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let rules = vec![Rule::on("GET", "/v2/", Fault::Reset(Moment::BeforeAnswer))];
    let proxy = FaultProxy::start(&registry, rules)?;
    let error =
        ask(&proxy, "GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n").err().ok_or("the connection was not cut")?;
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(proxy.exchanges().first().and_then(|exchange| exchange.status), None);
    Ok(())
}

fn breaks_off_and_lies() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let digest = registry.put_blob("model", b"0123456789")?;
    let rules = vec![
        Rule::on("GET", "/v2/*/blobs/*", Fault::Truncate(4)).first(1),
        Rule::on("GET", "/v2/*/blobs/*", Fault::Length(5)).first(1),
        Rule::on("GET", "/v2/*/blobs/*", Fault::Corrupt).first(1),
        Rule::on("GET", "/v2/*/blobs/*", Fault::Header("Docker-Content-Digest", None)).first(1),
    ];
    let proxy = FaultProxy::start(&registry, rules)?;
    let request = format!("GET /v2/model/blobs/{digest} HTTP/1.1\r\nHost: x\r\n\r\n");
    let cut = ask(&proxy, &request)?;
    assert!(cut.contains("Content-Length: 10") && cut.ends_with("\r\n\r\n0123"), "{cut}");
    let short = ask(&proxy, &request)?;
    assert!(short.contains("Content-Length: 5") && short.ends_with("0123456789"), "{short}");
    let corrupt = ask(&proxy, &request)?;
    assert!(corrupt.ends_with("\r\n\r\n0123446789"), "{corrupt}");
    let bare = ask(&proxy, &request)?;
    assert!(bare.ends_with("0123456789") && !bare.contains("Docker-Content-Digest"), "{bare}");
    Ok(())
}

fn upload_that_breaks_off() -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let rules = vec![Rule::on("PUT", "/v2/*", Fault::Reset(Moment::InRequest(3)))];
    let proxy = FaultProxy::start(&registry, rules)?;
    let begun =
        ask(&proxy, "POST /v2/model/blobs/uploads/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")?;
    let place =
        begun.lines().find_map(|line| line.strip_prefix("Location: http://x")).ok_or("no location")?;
    let digest = haute_core::digest::Digest::of("123456");
    let put = format!("PUT {place}&digest={digest} HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n123456");
    assert!(ask(&proxy, &put).is_err());
    assert_eq!(proxy.exchanges_of("PUT", "*").first().map(|exchange| exchange.sent), Some(3));
    assert!(registry.blobs().is_empty());
    Ok(())
}

/// Copies a small image from the registry to itself, through the proxy.
fn copy(skopeo: &Program, registry: &Registry, proxy: &FaultProxy, more: &[&str]) -> Result<(), Failed> {
    let base = BaseImage::tiny("amd64")?.push_to(registry, "library/python", "3.11-slim")?;
    let (from, to) = (format!("docker://{base}"), format!("docker://{}/copied/model:1", proxy.address()));
    let mut arguments = vec!["copy", "--src-tls-verify=false", "--dest-tls-verify=false"];
    arguments.extend(more);
    arguments.extend([from.as_str(), to.as_str()]);
    skopeo.run(arguments)?;
    Ok(())
}

/// What comes back for these bytes, until the connection is silent.
fn ask(proxy: &FaultProxy, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(proxy.address())?;
    stream.write_all(request.as_bytes())?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
