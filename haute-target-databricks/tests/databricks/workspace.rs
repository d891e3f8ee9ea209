//! A workspace of Databricks, as far as a deploy sees one: experiments, runs, logged models, the Files API, Unity Catalog
//! and serving endpoints. It keeps what it is sent and serves the prices of the files it was sent.

mod mlflow;
mod serving;
mod signing;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) use signing::{JOB, SECRET};

/// The token every request must carry.
pub(crate) const TOKEN: &str = "canary-9d41c2";

/// A request that was made.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// JSON, or `{"bytes": n}`.
    pub(crate) body: Value,
}

/// What goes wrong with a request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// It is answered so, and not carried out. The header is `Retry-After`.
    Answer(u16, Value, Option<u32>),
    /// It is carried out, and the connection is closed without an answer.
    DropAfter,
}

/// What there is in the workspace.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) experiments: BTreeMap<String, String>,
    pub(crate) folders: Vec<String>,
    pub(crate) runs: BTreeMap<String, Value>,
    pub(crate) logged: BTreeMap<String, Value>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) models: BTreeMap<String, Value>,
    pub(crate) endpoints: BTreeMap<String, Value>,
    /// How often an endpoint is looked at until its change is over.
    pub(crate) looks: u32,
    /// How the next change of an endpoint ends, when not well: its entity's state and message.
    pub(crate) fails: Option<(String, String)>,
    pub(crate) exchanges: Vec<Exchange>,
    /// Faults by method and a part of the path; each is used up.
    pub(crate) faults: VecDeque<(String, String, Fault)>,
    next: u32,
}

impl World {
    fn id(&mut self) -> u32 {
        self.next += 1;
        self.next
    }
}

/// The workspace, served on a port of this machine.
pub(crate) struct Workspace {
    pub(crate) url: String,
    pub(crate) world: Arc<Mutex<World>>,
    server: JoinHandle<()>,
}

impl Workspace {
    pub(crate) async fn start() -> Self {
        let world = Arc::new(Mutex::new(World { looks: 2, ..World::default() }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(world.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, world, server }
    }

    /// Lets the next request of that method whose path holds `part` go wrong.
    pub(crate) fn fault(&self, method: &str, part: &str, fault: Fault) {
        self.world.lock().unwrap().faults.push_back((method.to_owned(), part.to_owned(), fault));
    }

    /// Every request that could have changed something, without those for prices and searches.
    pub(crate) fn writes(&self) -> Vec<Exchange> {
        let reads = |one: &Exchange| {
            one.method == "GET" || one.path.ends_with("/search") || one.path.ends_with("/invocations")
        };
        self.world.lock().unwrap().exchanges.iter().filter(|one| !reads(one)).cloned().collect()
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What a handler answers: a status and a body.
pub(crate) type Reply = (u16, Value);

pub(crate) fn refuse(status: u16, code: &str, message: &str) -> Reply {
    (status, json!({"error_code": code, "message": message}))
}

pub(crate) fn missing(what: &str) -> Reply {
    refuse(404, "RESOURCE_DOES_NOT_EXIST", &format!("{what} does not exist"))
}

/// A request, read.
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) json: Value,
    pub(crate) bytes: Vec<u8>,
}

impl Asked {
    pub(crate) fn text(&self, key: &str) -> String {
        let found = self.json.get(key).and_then(Value::as_str).map(str::to_owned);
        found.or_else(|| self.query.get(key).cloned()).unwrap_or_default()
    }
}

async fn answer(State(world): State<Arc<Mutex<World>>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    let query = head.uri.query().unwrap_or_default().to_owned();
    let json: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let asked = Asked {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), decode(value)))
            .collect(),
        json: json.clone(),
        bytes: bytes.clone(),
    };
    let token = format!("Bearer {TOKEN}");
    let allowed = head.headers.get("authorization").is_some_and(|given| given.as_bytes() == token.as_bytes());
    let mut world = world.lock().unwrap();
    let fault = world
        .faults
        .iter()
        .position(|(method, part, _)| *method == asked.method && asked.path.contains(part.as_str()));
    let fault = fault.and_then(|index| world.faults.remove(index)).map(|(_, _, fault)| fault);
    let signing = signing::answer(&asked, &head.headers);
    let json = if signing.is_some() && json.is_null() { signing::form(&bytes) } else { json };
    let (status, value) = match (signing, &fault) {
        (Some(reply), _) => reply,
        (None, _) if !allowed => refuse(401, "UNAUTHENTICATED", "who asks?"),
        (None, Some(Fault::Answer(status, value, _))) => (*status, value.clone()),
        (None, _) => route(&mut world, &asked),
    };
    let is_file = asked.path.contains("/fs/files/");
    let body = if is_file { json!({"bytes": bytes.len()}) } else { json };
    world.exchanges.push(Exchange { method: asked.method, path: asked.path, query, body });
    if matches!(fault, Some(Fault::DropAfter)) {
        // A body that is shorter than it is said to be ends the connection.
        let stream = Body::from_stream(Broken);
        return Response::builder().header("content-length", "100").body(stream).unwrap();
    }
    let mut response =
        Response::new(if value.is_null() { Body::empty() } else { Body::from(value.to_string()) });
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("x-databricks-org-id", HeaderValue::from_static("1234567890"));
    if let Some(Fault::Answer(_, _, Some(seconds))) = fault {
        headers.insert("retry-after", HeaderValue::from(seconds));
    }
    response
}

/// A stream that fails.
struct Broken;

impl futures_util::Stream for Broken {
    type Item = Result<axum::body::Bytes, std::io::Error>;
    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(Some(Err(std::io::Error::other("dropped on purpose"))))
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                let digits = String::from_utf8(digits).unwrap();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap());
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn route(world: &mut World, asked: &Asked) -> Reply {
    let path = asked.path.as_str();
    if let Some(file) = path.strip_prefix("/api/2.0/fs/files/") {
        if asked.method != "PUT" || asked.query.get("overwrite").map(String::as_str) != Some("true") {
            return refuse(400, "BAD_REQUEST", "only whole files are taken");
        }
        world.files.insert(decode(file), asked.bytes.clone());
        return (204, Value::Null);
    }
    if path == "/api/2.0/workspace/mkdirs" {
        world.folders.push(asked.text("path"));
        return (200, json!({}));
    }
    if let Some(call) = path.strip_prefix("/api/2.0/mlflow/unity-catalog/") {
        return mlflow::registry(world, asked, call);
    }
    if let Some(call) = path.strip_prefix("/api/2.0/mlflow/") {
        return mlflow::tracking(world, asked, call);
    }
    if path.starts_with("/api/2.0/serving-endpoints") || path.starts_with("/serving-endpoints/") {
        return serving::answer(world, asked);
    }
    missing(path)
}
