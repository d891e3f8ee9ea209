//! What stands before the tasks of a service: the load balancer callers know.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use tokio::net::TcpListener;

use crate::server::{Shared, forward};

/// The service a front is of.
#[derive(Clone, Debug)]
struct Front {
    shared: Arc<Shared>,
    key: (String, String),
}

/// Answers requests by the healthy tasks of a service; the deployment that is primary comes first.
pub(crate) async fn serve(listener: std::net::TcpListener, shared: Arc<Shared>, key: (String, String)) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let router = Router::new().fallback(answer).with_state(Front { shared, key });
    // It ends only with the listener.
    drop(axum::serve(listener, router).await);
}

async fn answer(State(front): State<Front>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let address = {
        let state = front.shared.state();
        state.world.services.get(&front.key).and_then(|service| {
            let primary = service.primary().map(|primary| primary.id.clone());
            let healthy = service.tasks.iter().filter(|task| task.well() && task.address.is_some());
            healthy
                .max_by_key(|task| Some(&task.deployment) == primary.as_ref())
                .and_then(|task| task.address.clone())
        })
    };
    let Some(address) = address else { return unavailable(503, "Service Temporarily Unavailable") };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let answered = forward(&front.shared.client, &parts, &address, path, &address, body).await;
    answered.unwrap_or_else(|_| unavailable(502, "Bad Gateway"))
}

fn unavailable(status: u16, words: &str) -> Response<Body> {
    let text = format!("<html><head><title>{status} {words}</title></head></html>");
    crate::server::plain(status, &text)
}
