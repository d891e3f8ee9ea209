//! A workspace of Databricks, as far as a deploy sees one: experiments, runs, logged models, the Files API, Unity Catalog
//! and serving endpoints. It keeps what it is sent and serves the prices of the files it was sent.

mod files;
mod mlflow;
mod request;
mod serving;
mod signing;
mod traffic;

use std::collections::{BTreeMap, VecDeque};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::oneshot;

pub(crate) use request::{Asked, Reply, decode, missing, refuse};
pub use signing::{JOB, SECRET};

/// The token every request must carry.
pub const TOKEN: &str = "canary-9d41c2";

/// A request that was made.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Its query, as it was sent.
    pub query: String,
    /// JSON, or `{"bytes": n}`.
    pub body: Value,
}

/// What goes wrong with a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is answered so, and not carried out. The header is `Retry-After`.
    Answer(u16, Value, Option<u32>),
    /// It is carried out, and the connection is closed without an answer.
    DropAfter,
}

/// Where a request is left without an answer, for good: whoever asked can only be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Before it is carried out.
    Before,
    /// After.
    After,
}

/// Files by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Answers rows with the files of a version, by path: what `invocations` gives back.
pub type Scorer = Arc<dyn Fn(&Files, &Value) -> (u16, Value) + Send + Sync>;

/// What there is in the workspace.
#[derive(Default)]
#[expect(missing_docs, reason = "each is what its name says")]
pub struct World {
    pub experiments: BTreeMap<String, String>,
    pub folders: Vec<String>,
    pub runs: BTreeMap<String, Value>,
    pub logged: BTreeMap<String, Value>,
    pub files: Files,
    pub models: BTreeMap<String, Value>,
    pub endpoints: BTreeMap<String, Value>,
    /// How often an endpoint is looked at until its change is over.
    pub looks: u32,
    /// How the next change of an endpoint ends, when not well: its entity's state and message.
    pub fails: Option<(String, String)>,
    /// Refuses the Files API so: a status and a code.
    pub no_files_api: Option<(u16, &'static str)>,
    /// What kind of store signed addresses of logged models lead to, as MLflow names it.
    pub store: String,
    pub exchanges: Vec<Exchange>,
    /// Faults by method and a part of the path; each is used up.
    pub faults: VecDeque<(String, String, Fault)>,
    /// How prices are made; none: the source `premium = 1.5` of the release says.
    pub scorer: Option<Scorer>,
    /// How many requests have come in.
    pub requests: usize,
    stop: Option<(usize, Stop, mpsc::Sender<()>)>,
    quotes: u64,
    next: u32,
}

impl World {
    fn id(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// Whether this request, the latest, is the one that is never answered.
    fn stops(&self, at: Stop, number: usize) -> bool {
        match &self.stop {
            Some((wanted, when, tell)) if *wanted == number && *when == at => tell.send(()).is_ok(),
            _ => false,
        }
    }
}

/// The workspace, served on a port of this machine until it goes.
pub struct Workspace {
    /// Its address.
    pub url: String,
    /// What there is in it.
    pub world: Arc<Mutex<World>>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Workspace {
    /// Starts one, on a thread of its own.
    pub fn start() -> Self {
        let world = World { looks: 2, store: "AWS_PRESIGNED_URL".to_owned(), ..World::default() };
        let world = Arc::new(Mutex::new(world));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(world.clone());
        let (end, ended) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    served = async { axum::serve(listener, router).await } => served.unwrap(),
                    _ = ended => {}
                }
            });
            // A price that is still being made is nobody's any more.
            runtime.shutdown_background();
        });
        Self { url, world, end: Some(end), thread: Some(thread) }
    }

    /// Lets the next request of that method whose path holds `part` go wrong.
    pub fn fault(&self, method: &str, part: &str, fault: Fault) {
        self.world.lock().unwrap().faults.push_back((method.to_owned(), part.to_owned(), fault));
    }

    /// Never answers request `number`, counted from 1; the receiver is told when it has come.
    pub fn stop_at(&self, number: usize, stop: Stop) -> mpsc::Receiver<()> {
        let (tell, told) = mpsc::channel();
        self.world.lock().unwrap().stop = Some((number, stop, tell));
        told
    }

    /// Answers every request again.
    pub fn go_on(&self) {
        self.world.lock().unwrap().stop = None;
    }

    /// Every request that could have changed something, without those for prices, searches and addresses.
    pub fn writes(&self) -> Vec<Exchange> {
        let reads = |one: &Exchange| {
            one.method == "GET"
                || ["/search", "/invocations", "/v1/token", "/oauth2/token", "/oidctoken"]
                    .iter()
                    .any(|end| one.path.ends_with(end))
        };
        self.world.lock().unwrap().exchanges.iter().filter(|one| !reads(one)).cloned().collect()
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _a_panic_was_told_already = thread.join();
        }
    }
}

async fn answer(State(shared): State<Arc<Mutex<World>>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else { return Response::new(Body::empty()) };
    let asked = Asked::new(&head, bytes.to_vec());
    let allowed = {
        let token = format!("Bearer {TOKEN}");
        head.headers.get("authorization").is_some_and(|given| given.as_bytes() == token.as_bytes())
    };
    let number = {
        let mut world = shared.lock().unwrap();
        world.requests += 1;
        world.requests
    };
    if shared.lock().unwrap().stops(Stop::Before, number) {
        return std::future::pending().await;
    }
    let fault = {
        let mut world = shared.lock().unwrap();
        let found = world
            .faults
            .iter()
            .position(|(method, part, _)| *method == asked.method && asked.path.contains(part.as_str()));
        found.and_then(|index| world.faults.remove(index)).map(|(_, _, fault)| fault)
    };
    let signing = signing::answer(&asked, &head.headers);
    let signed = asked.path.starts_with(files::SIGNED);
    let json = if signing.is_some() && asked.json.is_null() {
        signing::form(&asked.bytes)
    } else {
        asked.json.clone()
    };
    let (status, value) = match (signing, &fault) {
        (Some(_), Some(Fault::Answer(status, value, _))) => (*status, value.clone()),
        (Some(reply), _) => reply,
        (None, _) if !allowed && !signed => refuse(401, "UNAUTHENTICATED", "who asks?"),
        (None, Some(Fault::Answer(status, value, _))) => (*status, value.clone()),
        (None, _) if asked.path.ends_with("/invocations") => traffic::price(&shared, &asked).await,
        (None, _) => route(&mut shared.lock().unwrap(), &asked),
    };
    {
        let mut world = shared.lock().unwrap();
        let is_file = signed || asked.path.contains("/fs/files/");
        let body = if is_file { json!({"bytes": asked.bytes.len()}) } else { json };
        let Asked { method, path, raw_query: query, .. } = asked;
        world.exchanges.push(Exchange { method, path, query, body });
    }
    if shared.lock().unwrap().stops(Stop::After, number) {
        return std::future::pending().await;
    }
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

fn route(world: &mut World, asked: &Asked) -> Reply {
    let path = asked.path.as_str();
    if let Some(reply) = files::answer(world, asked) {
        return reply;
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
    if let Some(schema) = path.strip_prefix("/api/2.1/unity-catalog/schemas/") {
        return if schema == "main.pricing" {
            (200, json!({"full_name": schema}))
        } else {
            missing("the schema")
        };
    }
    if path.starts_with("/api/2.0/serving-endpoints") {
        return serving::answer(world, asked);
    }
    missing(path)
}
