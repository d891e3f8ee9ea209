//! The registry of ECR: Docker's HTTP API with the password of a token, permissions, repositories that must be there, and tags
//! that cannot be moved, before a plain registry that keeps the content.

mod operation;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::connection::Cut;
use super::forward::forward;
use super::{Shared, State};
use crate::call::Call;
use crate::ecr::{Holder, cannot_tag, holder};
use crate::failure::denial;
use crate::fault::Fault;
use operation::{Kind, Operation};

/// The longest manifest, in bytes, as the registry behind has it.
const LONGEST_MANIFEST: usize = 4 * 1024 * 1024;

/// A refusal of the registry: a status, a code, a message.
type Refusal = (u16, &'static str, String);

pub(super) async fn answer(shared: &Arc<Shared>, cut: &Cut, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let operation = Operation::of(&parts.method, parts.uri.path());
    let own = held(&parts.headers) == Some(Holder::Execution);
    if own {
        // Tasks that pull are nobody's calls.
        return carry_out(shared, &parts, &operation, body, true).await.0;
    }
    let (number, fault) = {
        let mut state = shared.state();
        state.keep_time();
        let met = state.meet(operation.name());
        // Its place is taken before it is answered: several are under way at once.
        let call = call(&state, met.0, &operation, &parts);
        state.calls.push(call);
        met
    };
    if let Some(Fault::Latency(time)) = &fault {
        tokio::time::sleep(*time).await;
    }
    let carried_out = fault.as_ref().is_none_or(Fault::has_effect);
    let (response, wrote) = if carried_out {
        carry_out(shared, &parts, &operation, body, false).await
    } else {
        // Read to the end, so that the client sees the answer and not a broken connection.
        drop(to_bytes(body, usize::MAX).await);
        (Response::new(Body::empty()), false)
    };
    shared.state().note(number, |call| {
        call.fault.clone_from(&fault);
        call.wrote = wrote;
    });
    shared.called.notify_all();
    if fault.as_ref().is_some_and(Fault::hangs) {
        std::future::pending::<()>().await;
    }
    let response = match &fault {
        Some(Fault::ResetBefore | Fault::ResetAfter) => {
            cut.cut();
            response
        }
        Some(Fault::FailBefore | Fault::FailAfter) => {
            refused((500, "UNKNOWN", "an internal error".to_owned()))
        }
        Some(Fault::Status(status)) => super::api::plain(*status, "<html><body>not now</body></html>"),
        Some(Fault::Throttle) => refused((429, "TOOMANYREQUESTS", "Rate exceeded".to_owned())),
        Some(Fault::ExpiredToken) => refused(expired()),
        Some(Fault::Refuse { message, .. }) => refused((403, "DENIED", message.clone())),
        _ => response,
    };
    let refusal = (response.status().as_u16() >= 400).then(|| response.status().as_u16().to_string());
    if let Some(call) = shared.state().calls.iter_mut().find(|call| call.number == number) {
        call.refused = refusal;
    }
    response
}

impl State {
    /// Notes how a call was carried out whose place was taken before.
    fn note(&mut self, number: usize, how: impl FnOnce(&mut Call)) {
        self.carried_out += 1;
        if let Some(call) = self.calls.iter_mut().find(|call| call.number == number) {
            how(call);
        }
    }
}

fn call(state: &State, number: usize, operation: &Operation, parts: &Parts) -> Call {
    let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Call {
        number,
        service: "registry".to_owned(),
        action: operation.name().to_owned(),
        body: json!({ "method": parts.method.as_str(), "path": format!("{}{query}", parts.uri.path()) }),
        at: state.world.ground.now,
        refused: None,
        fault: None,
        wrote: false,
    }
}

/// Whose password a request carries.
fn held(headers: &HeaderMap) -> Option<Holder> {
    let encoded = headers.get("authorization")?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    holder(text.strip_prefix("AWS:")?)
}

fn expired() -> Refusal {
    let words = "Your authorization token has expired. Reauthenticate and try again.";
    (403, "DENIED", words.to_owned())
}

fn refused((status, code, message): Refusal) -> Response<Body> {
    let body = json!({ "errors": [{ "code": code, "message": message }] });
    let mut response = super::api::plain(status, &body.to_string());
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/json; charset=utf-8"));
    response
}

/// What an ECR registry says to who has not signed in.
fn challenge(shared: &Shared) -> Response<Body> {
    let mut response = super::api::plain(401, "Not Authorized\n");
    let realm = format!("Basic realm=\"http://{}/\",service=\"ecr.amazonaws.com\"", shared.address);
    if let Ok(realm) = HeaderValue::from_str(&realm) {
        response.headers_mut().insert("www-authenticate", realm);
    }
    response
        .headers_mut()
        .insert("docker-distribution-api-version", HeaderValue::from_static("registry/2.0"));
    response
}

/// Why a request is not handed on: who asks, what they may do, whether there is such a repository.
fn check(state: &State, operation: &Operation, execution: bool) -> Result<(), Refusal> {
    let names = &state.world.ground.names;
    let Some(repository) = &operation.repository else { return Ok(()) };
    let action = operation.permission();
    if !execution && !state.policy.allows(action) {
        return Err((403, "DENIED", denial(&names.caller(), action, &names.repository(repository))));
    }
    if !state.world.ground.repositories.contains_key(repository) {
        return Err((
            404,
            "NAME_UNKNOWN",
            format!(
                "The repository with name '{repository}' does not exist in the registry with id '{}'",
                names.account
            ),
        ));
    }
    Ok(())
}

/// Hands a request on, where it may be; whether it changed something.
async fn carry_out(
    shared: &Arc<Shared>,
    parts: &Parts,
    operation: &Operation,
    body: Body,
    execution: bool,
) -> (Response<Body>, bool) {
    let refusal = {
        let state = shared.state();
        match held(&parts.headers) {
            None => None,
            Some(Holder::Caller(until)) if until <= state.world.ground.now => Some(expired()),
            Some(_) => Some(check(&state, operation, execution).err().unwrap_or((0, "", String::new()))),
        }
    };
    let Some(refusal) = refusal else { return (challenge(shared), false) };
    if refusal.0 != 0 {
        drop(to_bytes(body, usize::MAX).await);
        return (refused(refusal), false);
    }
    let Some(upstream) = shared.upstream.get() else {
        return (refused((503, "UNAVAILABLE", "the fake was started without a registry".to_owned())), false);
    };
    if operation.kind == Kind::PutManifest {
        return put_manifest(shared, parts, operation, body, upstream).await;
    }
    // ECR mounts no blobs of other repositories unless told to: it begins an upload.
    let path = match (operation.kind, parts.uri.query()) {
        (Kind::StartUpload, Some(query)) if query.contains("mount=") => parts.uri.path().to_owned(),
        (_, Some(query)) => format!("{}?{query}", parts.uri.path()),
        (_, None) => parts.uri.path().to_owned(),
    };
    let answered = forward(&shared.client, parts, upstream, &path, &shared.address, body).await;
    let Ok(response) = answered else {
        return (refused((502, "UNAVAILABLE", "the registry behind does not answer".to_owned())), false);
    };
    let stored = response.status() == StatusCode::CREATED
        && matches!(operation.kind, Kind::FinishUpload | Kind::StartUpload);
    if stored {
        let digest = response.headers().get("docker-content-digest").and_then(|digest| digest.to_str().ok());
        let digest = digest.map(str::to_owned);
        remember_blob(shared, operation, digest, upstream).await;
    }
    (response, stored)
}

async fn remember_blob(shared: &Arc<Shared>, operation: &Operation, digest: Option<String>, upstream: &str) {
    let (Some(name), Some(digest)) = (&operation.repository, digest) else { return };
    let address = format!("http://{upstream}/v2/{name}/blobs/{digest}");
    let looked = shared.client.head(address).send().await.ok();
    let size = looked.and_then(|answer| answer.headers().get("content-length")?.to_str().ok()?.parse().ok());
    if let Some(repository) = shared.state().world.ground.repositories.get_mut(name) {
        repository.layers.insert(digest, size.unwrap_or_default());
    }
}

async fn put_manifest(
    shared: &Arc<Shared>,
    parts: &Parts,
    operation: &Operation,
    body: Body,
    upstream: &str,
) -> (Response<Body>, bool) {
    let too_long = || (refused((400, "MANIFEST_INVALID", "the manifest is too long".to_owned())), false);
    let Ok(bytes) = to_bytes(body, LONGEST_MANIFEST).await else { return too_long() };
    let (Some(name), reference) = (&operation.repository, &operation.reference) else { return too_long() };
    let tag = (!reference.contains(':')).then_some(reference.as_str());
    let digest = haute_core::digest::Digest::of(&bytes).to_string();
    let immovable = {
        let state = shared.state();
        let repository = state.world.ground.repositories.get(name);
        repository.and_then(|repository| cannot_tag(repository, name, tag?, &digest))
    };
    if let Some(words) = immovable {
        return (refused((400, "TAG_INVALID", words)), false);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let answered =
        forward(&shared.client, parts, upstream, parts.uri.path(), &shared.address, Body::from(bytes)).await;
    let Ok(response) = answered else {
        return (refused((502, "UNAVAILABLE", "the registry behind does not answer".to_owned())), false);
    };
    let stored = response.status() == StatusCode::CREATED;
    if stored {
        let kind = parts.headers.get("content-type").and_then(|kind| kind.to_str().ok());
        shared.state().world.ground.pushed(name, tag, &text, kind.unwrap_or_default());
    }
    (response, stored)
}
