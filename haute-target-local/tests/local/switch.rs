//! The way of a release on this machine, and switches under load.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use haute_core::record::{Origin, Outcome};
use haute_core::target::DeployTarget as _;
use haute_core::verify::QuoteService as _;
use haute_probe::{HttpQuoteService, Options};
use serde_json::{Value, json};

use crate::lab::{Lab, object};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_serves_until_it_is_removed() {
    let lab = Lab::new();
    let release = lab.priced("one", 250.5);
    let recorded = lab.deploy(&release).await.unwrap();
    assert_eq!(recorded.record.outcome, Outcome::Deployed);
    assert_eq!(recorded.record.url, Some(lab.url()));
    let service = HttpQuoteService::new(&lab.url(), &Options::default()).unwrap();
    let answers = service.quote(&[object(&json!({"IDpol": 7}))]).await.unwrap();
    assert_eq!(answers, [object(&json!({"premium": 250.5, "IDpol": 7}))]);

    let process = lab.detail("process").await;
    assert_eq!(lab.deploy(&release).await.unwrap().record.outcome, Outcome::Unchanged);
    assert_eq!(lab.detail("process").await, process, "nothing changed, nothing is restarted");

    lab.remove().await;
    let status = lab.local().status(&lab.context()).await.unwrap();
    assert_eq!((status.release, status.state.as_str()), (None, "stopped"));
    assert!(service.health().await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_release_before_serves_again_after_a_rollback() {
    let lab = Lab::new();
    let (one, two) = (lab.priced("one", 100.0), lab.priced("two", 200.0));
    lab.deploy(&one).await.unwrap();
    lab.deploy(&two).await.unwrap();
    let local = lab.local();
    let back = lab.engine().rollback(&local, &lab.context(), None, Origin::new("motor")).await.unwrap();
    assert_eq!(back.record.release.as_ref(), Some(one.release.digest()));
    assert!(back.record.verification.unwrap().passed);
    assert_eq!(back.record.premium_changes[0].before, Some(json!(200.0)));
    lab.remove().await;
}

/// A caller that speaks plain HTTP/1.1 over one socket, keeps it as long as the server does, and never tries again:
/// nothing a client library mends can hide a failure from it.
struct PlainCaller {
    port: u16,
    stream: Option<BufReader<TcpStream>>,
}

impl PlainCaller {
    fn quote(&mut self, number: u32) -> std::io::Result<Value> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => BufReader::new(TcpStream::connect(("127.0.0.1", self.port))?),
        };
        let body = json!({"IDpol": number}).to_string();
        let head = "POST /quote HTTP/1.1\r\nhost: x.test\r\ncontent-type: application/json\r\n";
        stream
            .get_mut()
            .write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes())?;
        let (mut length, mut close, mut line) = (0, false, String::new());
        loop {
            line.clear();
            if stream.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let header = line.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            close |= header == "connection: close";
            if let Some(value) = header.strip_prefix("content-length: ") {
                length = value.parse().map_err(std::io::Error::other)?;
            }
        }
        let mut content = vec![0; length];
        stream.read_exact(&mut content)?;
        self.stream = (!close).then_some(stream);
        serde_json::from_slice(&content).map_err(std::io::Error::other)
    }
}

/// Six callers that keep their connections, and two that make a new one per quote, through 20 switches.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_quote_fails_during_twenty_switches() {
    let lab = Lab::new();
    let releases = [lab.priced("one", 101.0), lab.priced("two", 102.0)];
    lab.deploy(&releases[0]).await.unwrap();
    let (stop, quotes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let callers: Vec<_> = (0..8_u32)
        .map(|number| {
            let (stop, quotes, port) = (stop.clone(), quotes.clone(), lab.config.port);
            std::thread::spawn(move || {
                let mut caller = PlainCaller { port, stream: None };
                let mut failures = Vec::new();
                while !stop.load(Ordering::SeqCst) {
                    if number >= 6 {
                        caller.stream = None;
                    }
                    match caller.quote(number) {
                        Ok(answer) if answer["rows"][0]["IDpol"] == json!(number) => {
                            quotes.fetch_add(1, Ordering::SeqCst);
                        }
                        other => failures.push(format!("{other:?}")),
                    }
                }
                failures
            })
        })
        .collect();
    for switch in 1..=20 {
        let before = quotes.load(Ordering::SeqCst);
        let release = &releases[switch % 2];
        let recorded = lab.deploy(release).await.unwrap();
        assert_eq!(recorded.record.serving.as_ref(), Some(release.release.digest()));
        assert!(quotes.load(Ordering::SeqCst) > before, "nobody quoted during switch {switch}");
    }
    stop.store(true, Ordering::SeqCst);
    let mut failures = Vec::new();
    for caller in callers {
        failures.extend(caller.join().unwrap());
    }
    let total = quotes.load(Ordering::SeqCst);
    println!("{total} quotes through 20 switches, {} failures", failures.len());
    assert!(
        failures.is_empty(),
        "{} of {total} quotes failed, the first with {}",
        failures.len(),
        failures[0]
    );
    lab.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crashed_release_is_started_again() {
    let lab = Lab::new();
    let release = lab.priced("one", 100.0);
    lab.deploy(&release).await.unwrap();
    let before = lab.detail("process").await;
    let service = HttpQuoteService::new(&lab.url(), &Options::default()).unwrap();
    // Its `/die` address ends the process.
    let die = HttpQuoteService::new(&format!("{}/die?", lab.url()), &Options::default()).unwrap();
    assert!(die.health().await.is_err());
    // The public socket stays open all the while: the question waits in it until the new process accepts.
    let found = lab.engine().verify(&lab.local(), &lab.context(), &release.proof).await.unwrap();
    assert!(found.passed, "{found:?}");
    assert_ne!(lab.detail("process").await, before);
    assert_eq!(lab.detail("restarts").await, "1");
    assert!(service.health().await.is_ok());
    lab.remove().await;
}
