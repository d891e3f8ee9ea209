//! Uploads that are taken up where they broke off, at registries that keep what arrived, and at one that loses it.
//!
//! The real registry of the other tests forgets an upload that breaks off, so what the specification says of resuming is
//! played here by a server of a few lines.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use haute_container::oci::{Descriptor, media_type};
use haute_container::registry::{BlobSource, Uploaded};
use haute_core::digest::Digest;
use libtest_mimic::Failed;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::Check;
use crate::support::{REPOSITORY, client, noise, quiet, run};

pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("the_rest_of_an_upload_follows", rest_follows),
    ("an_upload_that_arrived_whole_is_closed", arrived_whole),
    ("a_registry_that_loses_later_parts_gets_the_whole_again", losing_registry),
    ("a_registry_that_says_it_stored_what_it_lost_is_not_believed", lying_registry),
];

/// How the server treats an upload.
#[derive(Clone, Copy, Default)]
struct Manners {
    /// Cuts the first upload's connection after so many bytes of it.
    cut: usize,
    /// Drops what comes after the first part and answers as if it had not (Amazon's ECR).
    loses: bool,
    /// Stores whatever it has, without looking at its digest.
    believes: bool,
}

#[derive(Default)]
struct State {
    uploads: BTreeMap<String, Vec<u8>>,
    blobs: BTreeMap<String, Vec<u8>>,
    cuts: usize,
    requests: Vec<String>,
    moved: usize,
}

/// A registry of a few lines.
struct Server {
    address: String,
    state: Arc<Mutex<State>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    async fn start(manners: Manners) -> Result<Self, Failed> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move { serve(stream, manners, &shared).await });
            }
        });
        Ok(Self { address, state, accepting })
    }

    fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }
}

/// Answers the requests of one connection; `None` when it is over.
async fn serve(mut stream: TcpStream, manners: Manners, state: &Mutex<State>) -> Option<()> {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            if stream.read_buf(&mut buffer).await.ok()? == 0 {
                return None;
            }
        };
        let head = String::from_utf8_lossy(&buffer[..end]).to_lowercase();
        let target = String::from_utf8_lossy(&buffer[..end]).split(' ').nth(1)?.to_owned();
        let method = head.split(' ').next()?.to_uppercase();
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .map_or(Some(0), |value| value.trim().parse().ok())?;
        let mut body = buffer.split_off(end + 4);
        buffer.clear();
        let cut = {
            let mut state = state.lock().unwrap();
            state.requests.push(format!("{method} {}", target.split('?').next()?));
            let cuts = method == "PUT" && length > manners.cut && state.cuts == 0 && manners.cut > 0;
            state.cuts += usize::from(cuts);
            cuts
        };
        let wanted = if cut { manners.cut } else { length };
        while body.len() < wanted {
            if stream.read_buf(&mut body).await.ok()? == 0 {
                break;
            }
        }
        body.truncate(wanted);
        let answer = answer(&method, &target, &body, cut, manners, state)?;
        if cut {
            return None;
        }
        stream.write_all(answer.as_bytes()).await.ok()?;
    }
}

fn answer(
    method: &str,
    target: &str,
    body: &[u8],
    cut: bool,
    manners: Manners,
    state: &Mutex<State>,
) -> Option<String> {
    let mut state = state.lock().unwrap();
    state.moved += body.len();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let reply = |status: &str, headers: &str| {
        Some(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n{headers}\r\n"))
    };
    let last = path.rsplit('/').next()?.to_owned();
    match method {
        "HEAD" => match state.blobs.get(&last) {
            Some(blob) => Some(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", blob.len())),
            None => reply("404 Not Found", ""),
        },
        "POST" => {
            let id = format!("upload-{}", state.uploads.len());
            let place = format!("Location: /v2/{REPOSITORY}/blobs/uploads/{id}\r\n");
            state.uploads.insert(id, Vec::new());
            reply("202 Accepted", &place)
        }
        "GET" => {
            let held = state.uploads.get(&last)?.len();
            reply("204 No Content", &format!("Range: 0-{}\r\nLocation: {path}\r\n", held.saturating_sub(1)))
        }
        "PATCH" => {
            let upload = state.uploads.get_mut(&last)?;
            if manners.loses && !upload.is_empty() {
                return reply("201 Created", &format!("Location: {path}\r\n"));
            }
            upload.extend_from_slice(body);
            let end = upload.len() - 1;
            reply("202 Accepted", &format!("Location: {path}\r\nRange: 0-{end}\r\n"))
        }
        "PUT" => {
            let upload = state.uploads.get_mut(&last)?;
            upload.extend_from_slice(body);
            let held = upload.clone();
            let digest = query.split("digest=").nth(1)?.replace("%3A", ":");
            if cut {
                return reply("200 OK", "");
            }
            if Digest::of(&held).as_str() != digest && !manners.believes {
                return reply("400 Bad Request", "");
            }
            state.blobs.insert(digest.clone(), held);
            reply("201 Created", &format!("Docker-Content-Digest: {digest}\r\n"))
        }
        _ => None,
    }
}

const SIZE: usize = 2_000_000;

/// Uploads a blob to a server of these manners: what came of it, and the server.
async fn upload(manners: Manners) -> Result<(Uploaded, Server), Failed> {
    let server = Server::start(manners).await?;
    let bytes = noise(SIZE, 42);
    let layer = Descriptor::of(media_type::LAYER_GZIP, &bytes);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("layer");
    std::fs::write(&path, &bytes)?;
    let uploaded =
        client(&server.address).upload_blob(REPOSITORY, &layer, &BlobSource::File(path), &quiet).await?;
    {
        let state = server.state.lock().unwrap();
        assert_eq!(state.blobs.get(layer.digest.as_str()).map(Vec::len), Some(SIZE));
        assert!(state.blobs[layer.digest.as_str()] == bytes);
    }
    Ok((uploaded, server))
}

fn methods(server: &Server) -> Vec<String> {
    server.requests().iter().map(|request| request.split(' ').next().unwrap().to_owned()).collect()
}

fn rest_follows() -> Result<(), Failed> {
    run(async {
        let (_, server) = upload(Manners { cut: 1_500_000, ..Manners::default() }).await?;
        assert_eq!(methods(&server), ["HEAD", "POST", "PUT", "GET", "PATCH", "PUT", "HEAD"]);
        assert_eq!(server.state.lock().unwrap().moved, SIZE);
        Ok(())
    })
}

fn arrived_whole() -> Result<(), Failed> {
    run(async {
        let (_, server) = upload(Manners { cut: SIZE - 1, ..Manners::default() }).await?;
        assert_eq!(methods(&server)[2..5], ["PUT", "GET", "PATCH"]);
        assert_eq!(server.state.lock().unwrap().moved, SIZE);
        Ok(())
    })
}

fn losing_registry() -> Result<(), Failed> {
    run(async {
        let manners = Manners { cut: 1_000_000, loses: true, ..Manners::default() };
        let (uploaded, server) = upload(manners).await?;
        assert!(matches!(uploaded, Uploaded::Sent { bytes } if bytes >= SIZE as u64), "{uploaded:?}");
        assert_eq!(methods(&server).iter().filter(|method| *method == "PATCH").count(), 1);
        Ok(())
    })
}

fn lying_registry() -> Result<(), Failed> {
    run(async {
        let manners = Manners { cut: 1_000_000, loses: true, believes: true };
        let (_, server) = upload(manners).await?;
        assert_eq!(methods(&server).iter().filter(|method| *method == "PATCH").count(), 1);
        Ok(())
    })
}
