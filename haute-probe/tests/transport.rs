//! What the client says of services that do not answer, answer badly, or break off.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use haute_core::error::{ErrorKind, Retry};
use haute_core::verify::QuoteService as _;
use haute_probe::{HttpQuoteService, Options, smoke};
use serde_json::{Map, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A service that gives `answer` to every request, byte for byte, and closes; nothing at all when it is `None`.
async fn service(answer: Option<&'static str>) -> HttpQuoteService {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let _read = stream.read(&mut buffer).await;
            match answer {
                Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                None => kept.push(stream),
            }
        }
    });
    HttpQuoteService::new(&url, &Options::default().with_timeout(Duration::from_millis(300))).unwrap()
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let service = HttpQuoteService::new(&format!("http://127.0.0.1:{port}"), &Options::default()).unwrap();
    let error = service.health().await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Soon));
    assert_eq!(error.message(), format!("`http://127.0.0.1:{port}/health` cannot be reached"));
}

#[tokio::test]
async fn silence_is_a_timeout_and_half_an_answer_is_unavailable() {
    let error = service(None).await.health().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"rows\": [";
    let error = service(Some(half)).await.quote(&[Map::new()]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().ends_with("broke off its answer"), "{error}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/quote\r\ncontent-length: 0\r\n\r\n";
    let error = service(Some(elsewhere)).await.quote(&[Map::new()]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::VerificationFailed);
    assert!(error.message().ends_with("answers 302: nothing more"), "{error}");
}

#[tokio::test]
async fn a_service_that_drains_says_so_in_its_health() {
    let draining =
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 22\r\n\r\n{\"status\": \"draining\"}\n";
    let health = service(Some(draining)).await.health().await.unwrap();
    assert_eq!((health.status.as_str(), health.release), ("draining", None));
}

#[tokio::test]
async fn a_smoke_test_names_what_is_off() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 34\r\n\r\n{\"status\":\"ok\",\"rows\":[{\"a\":1.5}]}";
    let service = service(Some(answer)).await;
    let quotes = serde_json::from_value::<Vec<haute_core::quotes::TestQuote>>(json!([
        {"id": "q#0", "input": {}, "expected": {"a": 1.5}},
        {"id": "q#1", "input": {}, "expected": {"a": 1.4}, "tolerance_pct": 0.01},
        {"id": "q#2", "input": {}},
    ]))
    .unwrap();
    let report = smoke(&service, &quotes).await.unwrap();
    assert!(!report.passed());
    let error = report.require().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the smoke test failed: q#1: `a` is 1.5, expected 1.4 (failed quotes: 1 of 3)"
    );
}

#[test]
fn what_is_no_address_is_refused() {
    for url in ["127.0.0.1:8080", "ftp://x.test", "http://", "nonsense"] {
        let error = HttpQuoteService::new(url, &Options::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{url}");
    }
    let service = HttpQuoteService::new("http://x.test/prices/quote", &Options::default()).unwrap();
    assert_eq!(service.base(), "http://x.test/prices");
}
