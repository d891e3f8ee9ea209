//! What answers where the service does: the releases it was told of, whichever the fake's service has.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::{get, post};
use haute_core::digest::Digest;
use haute_core::proof::Proof;
use haute_core::target::ProvenRelease;
use serde_json::{Value, json};

use crate::lab::{CLUSTER, Lab, SERVICE, tag};

/// A server that answers with the proven prices of the release the service runs.
pub(crate) struct PriceService {
    shared: Arc<Shared>,
    address: String,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    fake: Arc<haute_aws_fake::AwsFake>,
    known: Mutex<BTreeMap<Digest, (Proof, f64)>>,
    claims: Mutex<Option<Digest>>,
}

impl Shared {
    /// The release in the revision whose tasks serve.
    fn serving(&self) -> Option<Digest> {
        let arn = self.fake.service(CLUSTER, SERVICE)?.serving().into_iter().next()?;
        let revisions = self.fake.task_definitions(SERVICE);
        let revision = revisions.iter().find(|one| one["taskDefinitionArn"] == arn.as_str())?;
        Digest::parse(&tag(revision, "haute:release")?)
    }
}

impl PriceService {
    pub(crate) async fn start(lab: &Lab) -> Self {
        let shared = Arc::new(Shared {
            fake: Arc::clone(&lab.fake),
            known: Mutex::default(),
            claims: Mutex::default(),
        });
        let router = axum::Router::new()
            .route("/health", get(health))
            .route("/quote", post(quote))
            .with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { shared, address, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers for `release` as it was proven.
    pub(crate) fn knows(&self, release: &ProvenRelease) {
        self.knows_with(release, 0.0);
    }

    /// Answers for `release`, each premium off by so much.
    pub(crate) fn knows_with(&self, release: &ProvenRelease, off: f64) {
        let digest = release.release.digest().clone();
        self.shared.known.lock().unwrap().insert(digest, (release.proof.clone(), off));
    }

    /// Says of itself that it is another release.
    pub(crate) fn claims(&self, release: Option<Digest>) {
        *self.shared.claims.lock().unwrap() = release;
    }
}

impl Drop for PriceService {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn health(State(shared): State<Arc<Shared>>) -> String {
    let claimed = shared.claims.lock().unwrap().clone();
    json!({"status": "ok", "release": claimed.or_else(|| shared.serving()), "model": "motor"}).to_string()
}

async fn quote(State(shared): State<Arc<Shared>>, asked: String) -> String {
    let asked: Value = serde_json::from_str(&asked).unwrap();
    let known = shared.known.lock().unwrap();
    let (proof, off) = known.get(&shared.serving().unwrap()).unwrap();
    let answer = |row: &Value| {
        let row = row.as_object().unwrap();
        let proven = proof.quotes.iter().find(|quote| &quote.input == row).unwrap();
        let mut output = proven.outputs[0].clone();
        let premium = output["premium"].as_f64().unwrap() + off;
        output.insert("premium".to_owned(), premium.into());
        Value::Object(output)
    };
    let rows = match &asked {
        Value::Array(rows) => rows.iter().map(answer).collect(),
        row => vec![answer(row)],
    };
    Value::Array(rows).to_string()
}
