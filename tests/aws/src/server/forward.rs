//! Handing a request on to a server of this machine, and its answer back, both as they come.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderName, Response};
use reqwest::Client;

/// What is between two neighbours only.
const HOPS: [&str; 5] = ["connection", "keep-alive", "transfer-encoding", "host", "authorization"];

/// Sends the request to `address` with this path and body and gives the answer. `host` is the name it is asked by, which a
/// registry makes addresses of.
pub(crate) async fn forward(
    client: &Client,
    parts: &Parts,
    address: &str,
    path: &str,
    host: &str,
    body: Body,
) -> Result<Response<Body>, reqwest::Error> {
    let mut request =
        client.request(parts.method.clone(), format!("http://{address}{path}")).header("host", host);
    for (name, value) in &parts.headers {
        if !HOPS.contains(&name.as_str()) {
            request = request.header(name, value);
        }
    }
    let has_body =
        parts.headers.contains_key("content-length") || parts.headers.contains_key("transfer-encoding");
    if has_body {
        request = request.body(reqwest::Body::wrap_stream(body.into_data_stream()));
    }
    let answer = request.send().await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    for (name, value) in answer.headers() {
        if !HOPS.contains(&HeaderName::as_str(name)) {
            response.headers_mut().append(name, value.clone());
        }
    }
    *response.body_mut() = Body::from_stream(answer.bytes_stream());
    Ok(response)
}
