//! Who signed a request, for what: Signature Version 4, as far as a server without the secret can check it.

use axum::http::HeaderMap;

use crate::failure::Failure;

/// Checks that a request is signed for `service` in `region`, and gives the access key it is signed with.
pub(super) fn check(headers: &HeaderMap, service: &str, region: &str) -> Result<String, Failure> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(authorization) = text("authorization") else {
        return Err(Failure::new("MissingAuthenticationTokenException", "Missing Authentication Token"));
    };
    let incomplete = |what: &str| {
        Failure::new(
            "IncompleteSignatureException",
            format!("Authorization header requires '{what}' parameter."),
        )
    };
    let parts =
        authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or_else(|| incomplete("AWS4-HMAC-SHA256"))?;
    let part =
        |name: &str| parts.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let scope: Vec<&str> = part("Credential").ok_or_else(|| incomplete("Credential"))?.split('/').collect();
    let signed = part("SignedHeaders").ok_or_else(|| incomplete("SignedHeaders"))?;
    let signature = part("Signature").ok_or_else(|| incomplete("Signature"))?;
    let [key, date, its_region, its_service, "aws4_request"] = scope.as_slice() else {
        return Err(incomplete("Credential"));
    };
    let wrong = |message: String| Err(Failure::new("InvalidSignatureException", message));
    if key.is_empty() {
        return Err(invalid());
    }
    if *its_region != region {
        return wrong(format!("Credential should be scoped to a valid region, not '{its_region}'."));
    }
    if *its_service != service {
        return wrong(format!("Credential should be scoped to correct service: '{service}'."));
    }
    let at = text("x-amz-date").unwrap_or_default();
    if date.len() != 8 || !at.starts_with(date) {
        return wrong(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date ('{date}' != '{at}')."
        ));
    }
    let names: Vec<&str> = signed.split(';').collect();
    if !names.contains(&"host") || !names.contains(&"x-amz-date") {
        return wrong("'Host' or 'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization.".to_owned());
    }
    if signature.len() != 64 || !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return wrong(
            "The request signature we calculated does not match the signature you provided.".to_owned(),
        );
    }
    if key.starts_with("ASIA") && !headers.contains_key("x-amz-security-token") {
        return Err(invalid());
    }
    Ok((*key).to_owned())
}

/// What is said of a key nobody has.
pub(super) fn invalid() -> Failure {
    let words = "The security token included in the request is invalid.";
    Failure::new("UnrecognizedClientException", words)
}
