//! What every request to an engine gets, beyond what bollard gives it.

use bollard::BollardRequest;

/// Asks for the API version that was agreed on, and mends the sign-in.
///
/// bollard 0.21 sends no version in the path, so that a newer engine answers in a form of its own choice. And it writes the
/// sign-in headers in the standard base64 alphabet, where the engine reads the URL-safe one (Engine API, "Authentication"):
/// a password with `?` or `~` in some places is then refused as "no basic auth credentials".
pub(super) fn finish(version: &str, mut request: BollardRequest) -> BollardRequest {
    for name in ["X-Registry-Auth", "X-Registry-Config"] {
        if let Some(value) = request.headers_mut().get_mut(name) {
            let safe = value.to_str().map(|text| text.replace('+', "-").replace('/', "_"));
            if let Some(Ok(safe)) = safe.ok().map(|text| text.parse()) {
                *value = safe;
            }
            value.set_sensitive(true);
        }
    }
    let uri = request.uri();
    let (scheme, authority) = (uri.scheme_str().unwrap_or_default(), uri.authority());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let versioned = authority.map(|authority| format!("{scheme}://{authority}/v{version}{path}"));
    if let Some(Ok(uri)) = versioned.map(|uri| uri.parse()) {
        *request.uri_mut() = uri;
    }
    request
}
