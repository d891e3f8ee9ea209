//! Indexes that behave, and indexes that do not.

use std::sync::Arc;
use std::time::Duration;

use haute_container::index::{IndexSettings, WheelStore};
use haute_container::wheel::{Locked, WheelTarget, Wheels};
use haute_core::digest::Digest;
use haute_core::error::{Error, ErrorKind, Result};
use haute_core::event::{Event, RecordingSink};
use haute_core::python::PythonVersion;
use haute_core::release::lock::Platform;
use haute_core::target::{Cancellation, Context};
use haute_core::variables::Variables;

use crate::archives::{WheelMaker, locked, words};
use crate::server::{Asked, Reply, Server};

const FILE: &str = "six-1.0-py3-none-any.whl";

fn wheel() -> Vec<u8> {
    WheelMaker::new("six", "1.0").stored("six.py", words(600_000, 9)).bytes()
}

/// A page of PEP 691 that lists files by name, address and digest.
fn page(files: &[(&str, &str, &Digest)]) -> Reply {
    let files: Vec<_> = files
        .iter()
        .map(|(name, url, digest)| serde_json::json!({"filename": name, "url": url, "hashes": {"sha256": digest.hex()}}))
        .collect();
    Reply::new(
        200,
        serde_json::json!({"meta": {"api-version": "1.1"}, "name": "six", "files": files}).to_string(),
    )
    .with("content-type", "application/vnd.pypi.simple.v1+json")
}

/// One store with its directory, its events and its world.
struct Client {
    directory: tempfile::TempDir,
    events: Arc<RecordingSink>,
    variables: Variables,
    cancelled: Cancellation,
}

impl Client {
    fn new(pairs: &[(&str, String)]) -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            events: Arc::default(),
            variables: pairs.iter().map(|(name, value)| (*name, value.clone())).collect(),
            cancelled: Cancellation::default(),
        }
    }

    fn of(server: &Server) -> Self {
        Self::new(&[("UV_INDEX_URL", server.url("/simple"))])
    }

    async fn fetch(&self, wanted: &Locked) -> Result<Wheels> {
        let store = WheelStore::new(IndexSettings::from_variables(&self.variables)?, self.directory.path())
            .with_pause(Duration::from_millis(1));
        let target = WheelTarget::new(PythonVersion::parse("3.11").unwrap(), Platform::LinuxAmd64)?;
        let context = Context::new(Arc::clone(&self.events) as _, self.cancelled.clone());
        store.fetch(&context, [wanted], &target).await
    }

    /// Every file below the directory.
    fn kept(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![self.directory.path().to_owned()];
        while let Some(directory) = open.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    open.push(entry.path());
                } else {
                    found.push(entry.file_name().into_string().unwrap());
                }
            }
        }
        found
    }
}

fn shown(error: &Error) -> String {
    format!("{} {error:?}", haute_core::error::chain(error).join(": "))
}

/// An index of `six` whose file is answered by `file`.
async fn index(bytes: &[u8], file: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Server {
    let digest = Digest::of(bytes);
    Server::start(move |asked, before| match asked.path.as_str() {
        "/simple/six/" => page(&[(FILE, "../../files/six.whl", &digest)]),
        "/files/six.whl" => file(asked, before),
        _ => Reply::new(404, ""),
    })
    .await
}

#[tokio::test]
async fn a_wheel_is_fetched_once_and_checked_each_time() {
    let bytes = wheel();
    let answer = bytes.clone();
    let server = index(&bytes, move |_, _| Reply::new(200, answer.clone())).await;
    let client = Client::of(&server);
    let wanted = locked("six", "1.0", &[&bytes]);
    for _ in 0..2 {
        let wheels = client.fetch(&wanted).await.unwrap();
        assert_eq!(std::fs::read(&wheels.of(&wanted).unwrap().path).unwrap(), bytes);
    }
    assert_eq!(server.paths(), ["/simple/six/", "/files/six.whl"]);
    let last = client.events.events().pop();
    let Some(Event::Progress { done, unit, .. }) = last else { unreachable!("{last:?}") };
    assert_eq!((done, unit.as_str()), (bytes.len() as u64, "bytes"));

    let path = client.fetch(&wanted).await.unwrap().of(&wanted).unwrap().path.clone();
    let mut changed = bytes.clone();
    changed[1000] ^= 1;
    std::fs::write(&path, changed).unwrap();
    let wheels = client.fetch(&wanted).await.unwrap();
    assert_eq!(
        std::fs::read(&wheels.of(&wanted).unwrap().path).unwrap(),
        bytes,
        "what was changed is fetched again"
    );
    assert!(client.events.events().iter().any(|event| matches!(event, Event::Warning { .. })));
}

#[tokio::test]
async fn other_bytes_than_the_lock_names_are_refused_and_not_kept() {
    let bytes = wheel();
    let mut other = bytes.clone();
    other[77] ^= 1;
    let received = Digest::of(&other);
    let server = index(&bytes, move |_, _| Reply::new(200, other.clone())).await;
    let client = Client::of(&server);
    let error = client.fetch(&locked("six", "1.0", &[&bytes])).await.unwrap_err();
    let text = shown(&error);
    for part in [FILE, Digest::of(&bytes).as_str(), received.as_str(), "127.0.0.1"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(client.kept(), Vec::<String>::new());
    assert_eq!(server.paths().len(), 2, "not asked again for the same bytes");
}

#[tokio::test]
async fn a_download_goes_on_where_it_broke_off() {
    let bytes = wheel();
    let answer = bytes.clone();
    let server = index(&bytes, move |asked, before| {
        let from: usize = asked
            .headers
            .get("range")
            .map_or(0, |range| range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap());
        let rest = Reply::new(if from > 0 { 206 } else { 200 }, &answer[from..])
            .with("content-range", format!("bytes {from}-{}/{}", answer.len() - 1, answer.len()));
        if before < 2 { rest.cut(200_000) } else { rest }
    })
    .await;
    let client = Client::of(&server);
    let wanted = locked("six", "1.0", &[&bytes]);
    let wheels = client.fetch(&wanted).await.unwrap();
    assert_eq!(std::fs::read(&wheels.of(&wanted).unwrap().path).unwrap(), bytes);
    let ranges: Vec<_> =
        server.asked().into_iter().filter_map(|asked| asked.headers.get("range").cloned()).collect();
    assert_eq!(ranges.len(), 2, "{ranges:?}");
}

#[tokio::test]
async fn a_server_that_cannot_go_on_starts_again() {
    let bytes = wheel();
    let answer = bytes.clone();
    let server = index(&bytes, move |_, before| {
        let whole = Reply::new(200, answer.clone());
        if before == 0 { whole.cut(100_000) } else { whole }
    })
    .await;
    let wanted = locked("six", "1.0", &[&bytes]);
    let wheels = Client::of(&server).fetch(&wanted).await.unwrap();
    assert_eq!(wheels.of(&wanted).unwrap().size, bytes.len() as u64);
}

#[tokio::test]
async fn a_busy_index_is_asked_again_and_a_dead_one_not_for_ever() {
    let bytes = wheel();
    let answer = bytes.clone();
    let server = index(&bytes, move |_, before| match before {
        0 => Reply::new(503, "busy"),
        1 => Reply::new(429, "slow").with("retry-after", "0"),
        _ => Reply::new(200, answer.clone()),
    })
    .await;
    let wanted = locked("six", "1.0", &[&bytes]);
    Client::of(&server).fetch(&wanted).await.unwrap();
    assert_eq!(server.paths().len(), 4);

    let dead = index(&bytes, |_, _| Reply::new(500, "no")).await;
    let error = Client::of(&dead).fetch(&wanted).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.context().contains(&("attempts", "5".to_owned())), "{error}");
    assert_eq!(dead.paths().len(), 6);
}

#[tokio::test]
async fn credentials_go_to_their_host_alone_and_nowhere_else() {
    let bytes = wheel();
    let answer = bytes.clone();
    let files = Server::start(move |_, _| Reply::new(200, answer.clone())).await;
    let (digest, there) = (Digest::of(&bytes), files.url("/six.whl"));
    let server = Server::start(move |_, _| page(&[(FILE, &there, &digest)])).await;
    let address = format!("http://robot:canary-secret@{}/canary-path/simple", server.address);
    let client = Client::new(&[("UV_INDEX_URL", address.clone())]);
    client.fetch(&locked("six", "1.0", &[&bytes])).await.unwrap();
    assert!(server.asked()[0].headers["authorization"].starts_with("Basic "));
    assert!(!files.asked()[0].headers.contains_key("authorization"));

    let refusing = Server::start(|_, _| Reply::new(401, "")).await;
    let address = address.replace(&server.address.to_string(), &refusing.address.to_string());
    let client = Client::new(&[("UV_INDEX_URL", address)]);
    let error = client.fetch(&locked("six", "1.0", &[&bytes])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(!shown(&error).contains("canary"), "{}", shown(&error));
    assert!(!format!("{:?}", client.events.events()).contains("canary"));
}

#[tokio::test]
async fn a_netrc_signs_in_to_its_host() {
    let bytes = wheel();
    let answer = bytes.clone();
    let server = index(&bytes, move |_, _| Reply::new(200, answer.clone())).await;
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join(".netrc"), "machine 127.0.0.1 login me password canary\n").unwrap();
    let client =
        Client::new(&[("UV_INDEX_URL", server.url("/simple")), ("HOME", home.path().display().to_string())]);
    client.fetch(&locked("six", "1.0", &[&bytes])).await.unwrap();
    assert!(server.asked().iter().all(|asked| asked.headers.contains_key("authorization")));
}

#[tokio::test]
async fn indexes_are_asked_in_turn_until_one_has_the_file_of_the_lock() {
    let bytes = wheel();
    let answer = bytes.clone();
    let main = index(&bytes, move |_, _| Reply::new(200, answer.clone())).await;
    let impostor = index(b"something else under the same name", |_, _| Reply::new(200, "never asked")).await;
    let empty = Server::start(|_, _| Reply::new(404, "")).await;
    let client = Client::new(&[
        ("UV_INDEX", format!("{} {}", empty.url("/simple"), impostor.url("/simple/"))),
        ("UV_DEFAULT_INDEX", main.url("/simple")),
    ]);
    client.fetch(&locked("six", "1.0", &[&bytes])).await.unwrap();
    assert_eq!(impostor.paths(), ["/simple/six/"]);
    assert_eq!(main.paths().len(), 2);

    let error = client.fetch(&locked("six", "2.0", &[b"nobody has this"])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("six==2.0"), "{error}");
}

#[tokio::test]
async fn html_and_gzip_are_read_and_the_best_wheel_is_taken() {
    let bytes = wheel();
    let (best, musl, source) = (bytes.clone(), b"musl".to_vec(), b"source".to_vec());
    let digests = [&best, &musl, &source].map(Digest::of);
    let server = Server::start(move |asked, _| match asked.path.as_str() {
        "/simple/six/" => {
            let link = |name: &str, digest: &Digest| {
                format!(
                    "<a href=\"/files/{name}#sha256={}\" data-requires-python=\"&gt;=3\">{name}</a>",
                    digest.hex()
                )
            };
            let html = [
                link("six-1.0.tar.gz", &digests[2]),
                link("six-1.0-cp311-cp311-musllinux_1_2_x86_64.whl", &digests[1]),
                link(FILE, &digests[0]),
            ];
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            std::io::Write::write_all(&mut encoder, html.join("\n").as_bytes()).unwrap();
            Reply::new(200, encoder.finish().unwrap())
                .with("content-type", "text/html; charset=utf-8")
                .with("content-encoding", "gzip")
        }
        "/files/six-1.0-py3-none-any.whl" => Reply::new(200, best.clone()),
        _ => Reply::new(404, ""),
    })
    .await;
    let wheels = Client::of(&server).fetch(&locked("six", "1.0", &[&bytes, &musl, &source])).await.unwrap();
    assert_eq!(wheels.iter().next().unwrap().file_name, FILE);

    let error = Client::of(&server).fetch(&locked("six", "1.0", &[&musl, &source])).await.unwrap_err();
    assert!(error.message().contains("musl"), "{error}");
    let error = Client::of(&server).fetch(&locked("six", "1.0", &[&source])).await.unwrap_err();
    assert!(error.message().contains("source alone") && error.message().contains("six==1.0"), "{error}");
}

#[tokio::test]
async fn names_that_would_leave_the_directory_are_no_wheels() {
    let bytes = wheel();
    let digest = Digest::of(&bytes);
    for name in
        ["../../six-1.0-py3-none-any.whl", "six-1.0-py3-none-any.whl/../x", "six-1.0-py3-none-any/..whl"]
    {
        let digest = digest.clone();
        let server = Server::start(move |_, _| page(&[(name, "/files/x", &digest)])).await;
        let client = Client::of(&server);
        let error = client.fetch(&locked("six", "1.0", &[&bytes])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BuildFailed, "{name}: {error}");
        assert_eq!(client.kept(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_is_no_index_is_said() {
    let bytes = wheel();
    for (reply, says) in [
        (Reply::new(200, "<p>hello").with("content-type", "text/plain"), "neither JSON nor HTML"),
        (Reply::new(200, "{").with("content-type", "application/json"), "not what PEP 691 says"),
        (Reply::new(418, ""), "an answer nobody expected"),
    ] {
        let server = Server::start(move |_, _| reply.clone()).await;
        let error = Client::of(&server).fetch(&locked("six", "1.0", &[&bytes])).await.unwrap_err();
        assert!(error.message().contains(says), "{error}");
    }
}

#[tokio::test]
async fn a_stop_ends_the_download_and_leaves_nothing() {
    let bytes = wheel();
    let cancelled = Cancellation::default();
    let raise = cancelled.clone();
    let server = index(&bytes, move |_, _| {
        raise.cancel();
        Reply::new(503, "").with("retry-after", "60")
    })
    .await;
    let mut client = Client::of(&server);
    client.cancelled = cancelled;
    let error = client.fetch(&locked("six", "1.0", &[&bytes])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(client.kept(), Vec::<String>::new());
}
