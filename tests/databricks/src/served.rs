//! Prices as MLflow makes them from the files a workspace was sent.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;

use crate::Scorer;
use crate::python::Server;

/// A scorer that writes a version's files to a directory, starts `mlflow models serve` on it, and asks that. One server per
/// version; all end with the scorer.
pub fn mlflow() -> Scorer {
    let servers: Mutex<BTreeMap<Vec<u8>, (Server, TempDir)>> = Mutex::default();
    Arc::new(move |files, rows| {
        let mut servers = servers.lock().unwrap();
        let (server, _) = servers.entry(files["MLmodel"].clone()).or_insert_with(|| {
            let directory = tempfile::tempdir().unwrap();
            for (path, bytes) in files {
                let path = directory.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
            (Server::model(directory.path()), directory)
        });
        ask(server.url.trim_start_matches("http://"), &rows.to_string())
    })
}

fn ask(address: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /invocations HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}
