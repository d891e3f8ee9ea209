//! The APIs: which call a request is, and its way through faults, policy and world.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State as Given};
use axum::http::{HeaderMap, Method, Response, StatusCode};
use bytes::Bytes;
use serde_json::Value;

use super::connection::Cut;
use super::{Clock, Shared, State, signature};
use crate::call::Call;
use crate::failure::Failure;
use crate::fault::Fault;
use crate::world::World;
use crate::{ecr, ecs, logs, query};

/// The longest request that is read, in bytes.
const LONGEST: usize = 16 * 1024 * 1024;

const TARGETS: [(&str, &str); 3] = [
    ("AmazonEC2ContainerServiceV20141113.", "ecs"),
    ("AmazonEC2ContainerRegistry_V20150921.", "ecr"),
    ("Logs_20140328.", "logs"),
];

/// A call, read.
struct Asked {
    service: &'static str,
    action: String,
    body: Value,
    /// Whether it came as a form and is answered in XML.
    query: bool,
}

/// What is to be answered, and how it goes wrong on the way.
struct Outcome {
    status: u16,
    kind: &'static str,
    body: String,
    fault: Option<Fault>,
}

pub(super) async fn answer(
    Given(shared): Given<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response<Body> {
    if request.uri().path().starts_with("/v2") {
        return super::registry::answer(&shared, &cut, request).await;
    }
    let (parts, body) = request.into_parts();
    if parts.method != Method::POST {
        return plain(404, "not found");
    }
    let Ok(bytes) = to_bytes(body, LONGEST).await else { return plain(413, "too long") };
    let asked = match read(&parts.headers, &bytes) {
        Ok(asked) => asked,
        Err(failure) => return plain(failure.status, &failure.body().to_string()),
    };
    let (number, fault) = shared.state().meet(&asked.action);
    if let Some(Fault::Latency(time)) = &fault {
        tokio::time::sleep(*time).await;
    }
    let (id, outcome) = {
        let mut state = shared.state();
        let id = state.world.ground.identifiers.uuid();
        (id, state.call(&parts.headers, &asked, number, fault))
    };
    shared.called.notify_all();
    if outcome.fault.as_ref().is_some_and(Fault::hangs) {
        // Dropped when the client goes.
        std::future::pending::<()>().await;
    }
    if matches!(outcome.fault, Some(Fault::ResetBefore | Fault::ResetAfter)) {
        cut.cut();
    }
    let mut body = outcome.body;
    if outcome.fault == Some(Fault::Truncate) {
        body.truncate(body.len() / 2);
    }
    let built = Response::builder()
        .status(StatusCode::from_u16(outcome.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .header("content-type", outcome.kind)
        .header("x-amzn-requestid", id)
        .body(Body::from(body));
    built.unwrap_or_else(|_| Response::new(Body::empty()))
}

pub(crate) fn plain(status: u16, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

fn read(headers: &HeaderMap, bytes: &Bytes) -> Result<Asked, Failure> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let target = text("x-amz-target");
    if target.is_empty() {
        let body = query::form(bytes);
        let action = body.get("Action").and_then(Value::as_str).unwrap_or_default().to_owned();
        if action.is_empty() {
            return Err(Failure::new("MissingAction", "neither `X-Amz-Target` nor `Action` is given"));
        }
        return Ok(Asked { service: query::service_of(&action), action, body, query: true });
    }
    let found = TARGETS.iter().find_map(|(prefix, service)| Some((target.strip_prefix(prefix)?, *service)));
    let (action, service) =
        found.ok_or_else(|| Failure::new("UnknownOperationException", format!("unknown target {target}")))?;
    if !text("content-type").starts_with("application/x-amz-json-1.1") {
        return Err(Failure::new(
            "SerializationException",
            "the content type is not `application/x-amz-json-1.1`",
        ));
    }
    let body = serde_json::from_slice(bytes)
        .map_err(|_| Failure::new("SerializationException", "the request is no JSON"))?;
    Ok(Asked { service, action: action.to_owned(), body, query: false })
}

fn writes(asked: &Asked) -> bool {
    match asked.service {
        "ecs" => ecs::writes(&asked.action),
        "ecr" => ecr::writes(&asked.action),
        _ => false,
    }
}

fn permissions(world: &World, asked: &Asked) -> Vec<(String, String)> {
    match asked.service {
        "ecs" => ecs::permissions(world, &asked.action, &asked.body),
        "ecr" => ecr::permissions(world, &asked.action, &asked.body),
        "logs" => logs::permissions(world, &asked.action, &asked.body),
        _ => query::permissions(world, &asked.action, &asked.body),
    }
}

fn act(world: &mut World, asked: &Asked) -> Result<String, Failure> {
    let (action, body) = (asked.action.as_str(), &asked.body);
    match asked.service {
        "ecs" => ecs::act(world, action, body).map(|answer| answer.to_string()),
        "ecr" => ecr::act(world, action, body).map(|answer| answer.to_string()),
        "logs" => logs::act(world, action, body).map(|answer| answer.to_string()),
        _ => query::act(world, action, body),
    }
}

fn expired() -> Failure {
    Failure::new("ExpiredTokenException", "The security token included in the request is expired")
}

impl State {
    /// Takes a call, writes it down, and gives what is to be answered.
    fn call(&mut self, headers: &HeaderMap, asked: &Asked, number: usize, fault: Option<Fault>) -> Outcome {
        self.keep_time();
        if let (Clock::PerDescribe(time), "DescribeServices") = (self.clock, asked.action.as_str()) {
            let until = self.world.ground.now + time;
            self.world.run_until(until);
        }
        let carried_out = fault.as_ref().is_none_or(Fault::has_effect);
        let result = if carried_out {
            self.carry_out(headers, asked, fault.as_ref())
        } else {
            Ok((String::new(), false))
        };
        let (result, wrote) = match result {
            Ok((body, wrote)) => (Ok(body), wrote),
            Err(failure) => (Err(failure), false),
        };
        let result = match &fault {
            Some(Fault::FailBefore | Fault::FailAfter) => {
                Err(Failure::new("ServerException", "Service Unavailable. Please try again later.")
                    .with_status(500))
            }
            Some(Fault::Throttle) => Err(Failure::new("ThrottlingException", "Rate exceeded")),
            Some(Fault::ExpiredToken) => Err(expired()),
            Some(Fault::Refuse { kind, message }) => Err(Failure::new(kind, message.clone())),
            _ => result,
        };
        self.carried_out += 1;
        self.calls.push(Call {
            number,
            service: asked.service.to_owned(),
            action: asked.action.clone(),
            body: asked.body.clone(),
            at: self.world.ground.now,
            refused: result.as_ref().err().map(|failure| failure.kind.clone()),
            fault: fault.clone(),
            wrote,
        });
        let kind = if asked.query { "text/xml" } else { "application/x-amz-json-1.1" };
        match (&fault, result) {
            (Some(Fault::Status(status)), _) => Outcome {
                status: *status,
                kind: "text/html",
                body: "<html><body>the service cannot be reached</body></html>".to_owned(),
                fault,
            },
            (_, Ok(body)) => Outcome { status: 200, kind, body, fault },
            (_, Err(failure)) => {
                let body = if asked.query { query::refusal(&failure) } else { failure.body().to_string() };
                let denied = asked.query && failure.kind == "AccessDeniedException";
                Outcome { status: if denied { 403 } else { failure.status }, kind, body, fault }
            }
        }
    }

    /// Carries a call out; whether it changed something.
    fn carry_out(
        &mut self,
        headers: &HeaderMap,
        asked: &Asked,
        fault: Option<&Fault>,
    ) -> Result<(String, bool), Failure> {
        if !(asked.query && query::unsigned(&asked.action)) {
            let region = query::region_of(asked.service, &self.world.ground.names.region);
            let key = signature::check(headers, asked.service, region)?;
            // Keys of users are good for ever; those of sessions were handed out here, and end.
            match self.world.sessions.get(&key) {
                Some(until) if *until <= self.world.ground.now => return Err(expired()),
                None if key.starts_with("ASIA") => return Err(signature::invalid()),
                _ => {}
            }
        }
        for (action, resource) in permissions(&self.world, asked) {
            if !self.policy.allows(&action) {
                return Err(Failure::denied(&self.world.ground.names.caller(), &action, &resource));
            }
        }
        if writes(asked) {
            let before = self.world.clone();
            let body = act(&mut self.world, asked)?;
            self.before = Some(before);
            self.stale_left = self.stale_after_write;
            return Ok((body, true));
        }
        let stale = fault == Some(&Fault::StaleRead) || self.stale_left > 0;
        self.stale_left = self.stale_left.saturating_sub(1);
        if let (true, Some(before)) = (stale, &self.before) {
            // What time has brought since is not in it either.
            return Ok((act(&mut before.clone(), asked)?, false));
        }
        Ok((act(&mut self.world, asked)?, false))
    }
}
