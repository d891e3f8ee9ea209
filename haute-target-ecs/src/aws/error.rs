//! What AWS refuses, in this project's words. Nothing here depends on how a call was made.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use haute_core::error::{Error, ErrorKind, Result, Retry};

/// An action as IAM names it, and the operation as errors name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Action {
    /// `ecs:DescribeServices`.
    pub(crate) name: &'static str,
    /// `ecs.DescribeServices`.
    pub(crate) operation: &'static str,
}

/// An [`Action`], its two names written once.
macro_rules! action {
    ($service:literal, $operation:literal) => {
        $crate::aws::error::Action {
            name: concat!($service, ":", $operation),
            operation: concat!($service, ".", $operation),
        }
    };
}
pub(crate) use action;

/// The key under which an error names the IAM action that is missing.
pub(crate) const ACTION: &str = "action";
/// The key under which an error names the resource it is missing on.
const RESOURCE: &str = "resource";
/// The key under which an error keeps the service's own code.
const CODE: &str = "code";

/// An answer that is a refusal.
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// `AccessDeniedException`, without namespace.
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Refusal {
    /// The error `action` ends with.
    pub(crate) fn error(&self, action: Action) -> Error {
        let code = self.code.as_str();
        let is = |names: &[&str]| names.iter().any(|name| code.starts_with(name));
        // Checked first: a throttle is a 400 like most refusals (docs.aws.amazon.com, "Common Errors" of ECS).
        if code.contains("Throttl")
            || self.status == 429
            || is(&["TooManyRequests", "RequestLimitExceeded", "LimitExceeded"]) && self.status >= 500
        {
            return self
                .start(ErrorKind::RateLimited, action, "AWS asks to slow down")
                .with_retry(Retry::Soon);
        }
        // A 403 without a code comes from something before AWS; the action it was about is known all the same.
        if is(&["AccessDenied", "UnauthorizedOperation", "NotAuthorized"])
            || code.is_empty() && self.status == 403
        {
            return self.denied(action);
        }
        if is(&[
            "ExpiredToken",
            "RequestExpired",
            "InvalidClientToken",
            "UnrecognizedClient",
            "InvalidSignature",
            "SignatureDoesNotMatch",
            "MissingAuthentication",
            "IncompleteSignature",
            "InvalidAccessKeyId",
            "AuthFailure",
        ]) {
            let expired = code.contains("Expired");
            let what = if expired {
                "the AWS credentials have expired"
            } else {
                "AWS does not accept the credentials"
            };
            let hint = if expired {
                "sign in again (`aws sso login`, or let the CI job ask for a longer session), and run the same command again: it goes on from here"
            } else {
                "`aws sts get-caller-identity` says whether the credentials of this shell work; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_PROFILE"
            };
            return self.start(ErrorKind::Unauthenticated, action, what).with_hint(hint);
        }
        if code.starts_with("ClusterNotFound") {
            return self
                .start(ErrorKind::NotFound, action, "there is no such cluster in this account and region")
                .with_hint("`aws ecs list-clusters` names them; set `cluster` under [deploy.aws-ecs]");
        }
        if is(&["ServiceNotFound", "ServiceNotActive"]) {
            return self
                .start(ErrorKind::NotFound, action, "there is no such active service in the cluster")
                .with_hint("`aws ecs list-services --cluster CLUSTER` names them; set `service` under [deploy.aws-ecs]");
        }
        if is(&[
            "RepositoryNotFound",
            "ImageNotFound",
            "ResourceNotFound",
            "ServiceDeploymentNotFound",
            "TargetGroupNotFound",
            "NoSuchEntity",
            "LoadBalancerNotFound",
        ]) {
            return self.start(ErrorKind::NotFound, action, &self.words());
        }
        if is(&["Conflict", "UpdateInProgress"]) {
            return self.start(ErrorKind::Conflict, action, &self.words());
        }
        if self.status >= 500
            || is(&["ServerException", "ServiceUnavailable", "InternalFailure", "InternalError"])
        {
            return self
                .start(ErrorKind::Unavailable, action, "AWS could not answer")
                .with_retry(Retry::Soon);
        }
        let error = self.start(ErrorKind::InvalidInput, action, &self.words());
        if self.message.contains("Unable to describe task definition")
            || self.message.contains("TaskDefinition not found")
        {
            return error.with_hint("the task definition was deregistered or never existed; plan again");
        }
        error
    }

    fn words(&self) -> String {
        let name = if self.code.is_empty() { format!("status {}", self.status) } else { self.code.clone() };
        if self.message.is_empty() {
            format!("AWS refuses: {name}")
        } else {
            format!("AWS refuses ({name}): {}", self.message)
        }
    }

    fn start(&self, kind: ErrorKind, action: Action, message: &str) -> Error {
        let error = Error::new(kind, message).with_operation(action.operation);
        let error = if self.code.is_empty() {
            error.with_context("status", self.status.to_string())
        } else {
            error.with_context(CODE, self.code.clone())
        };
        let said = !self.message.is_empty() && !message.contains(&self.message);
        if said { error.with_context("AWS says", self.message.clone()) } else { error }
    }

    fn denied(&self, action: Action) -> Error {
        let (name, resource) = asked_for(&self.message);
        // The credentials may lack another action than the one that was called: `iam:PassRole` for a registration.
        let name = name.unwrap_or_else(|| action.name.to_owned());
        let resource = resource.unwrap_or_else(|| "*".to_owned());
        let hint = if name == "iam:PassRole" {
            format!(
                "allow it: {{\"Effect\":\"Allow\",\"Action\":\"iam:PassRole\",\"Resource\":\"{resource}\",\"Condition\":{{\"StringEquals\":{{\"iam:PassedToService\":\"ecs-tasks.amazonaws.com\"}}}}}}"
            )
        } else {
            format!("allow it: {}", statement(&name, &resource))
        };
        Error::new(ErrorKind::PermissionDenied, format!("these AWS credentials may not do `{name}`"))
            .with_operation(action.operation)
            .with_context(ACTION, name)
            .with_context(RESOURCE, resource)
            .with_context("AWS says", self.message.clone())
            .with_hint(hint)
    }
}

/// One statement of an IAM policy.
fn statement(action: &str, resource: &str) -> String {
    format!("{{\"Effect\":\"Allow\",\"Action\":\"{action}\",\"Resource\":\"{resource}\"}}")
}

/// Action and resource out of "User: … is not authorized to perform: ACTION on resource: RESOURCE because …".
fn asked_for(message: &str) -> (Option<String>, Option<String>) {
    let after = |mark: &str| {
        let (_, rest) = message.split_once(mark)?;
        let word = rest.split_whitespace().next()?.trim_end_matches([',', '.', ';']);
        (!word.is_empty()).then(|| word.to_owned())
    };
    (after("perform: "), after("on resource: "))
}

/// The action an error says is missing; `None` for every other error.
pub(crate) fn missing_action(error: &Error) -> Option<&str> {
    if error.kind() != ErrorKind::PermissionDenied {
        return None;
    }
    error.context().iter().find(|(key, _)| *key == ACTION).map(|(_, action)| action.as_str())
}

/// The service's own code, such as `RepositoryNotFoundException`; empty where there is none.
pub(crate) fn code(error: &Error) -> &str {
    error.context().iter().find(|(key, _)| *key == CODE).map_or("", |(_, code)| code.as_str())
}

/// A value where the credentials may see it, and the missing action where they may not.
#[derive(Clone, Debug)]
pub(crate) enum Permitted<T> {
    /// What was read.
    Seen(T),
    /// The IAM action that is missing.
    Denied(String),
}

impl<T> Permitted<T> {
    /// Sorts a denial out of the errors.
    pub(crate) fn of(result: Result<T>) -> Result<Self> {
        match result {
            Ok(value) => Ok(Self::Seen(value)),
            Err(error) => match missing_action(&error) {
                Some(action) => Ok(Self::Denied(action.to_owned())),
                None => Err(error),
            },
        }
    }

    /// The value by reference.
    pub(crate) fn as_seen(&self) -> Option<&T> {
        match self {
            Self::Seen(value) => Some(value),
            Self::Denied(_) => None,
        }
    }
}

/// The error of a call that got no answer.
pub(crate) fn unreached(action: Action, source: impl StdError + Send + Sync + 'static) -> Error {
    if without_credentials(&source) {
        return Error::new(ErrorKind::Unauthenticated, "no AWS credentials were found, or they cannot be used")
            .with_operation(action.operation)
            .with_hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the CI job a role (OIDC)")
            .with_source(Words::of(&source));
    }
    Error::new(ErrorKind::Unavailable, "AWS was not reached")
        .with_operation(action.operation)
        .with_retry(Retry::Soon)
        .with_source(Words::of(&source))
}

fn without_credentials(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(link) = next {
        if link
            .downcast_ref::<CredentialsError>()
            .is_some_and(|error| !matches!(error, CredentialsError::ProviderTimedOut(_)))
        {
            return true;
        }
        next = link.source();
    }
    false
}

/// The words of a foreign error and of those behind it: its type stays inside this crate.
#[derive(Debug)]
struct Words(String);

impl Words {
    fn of(error: &(dyn StdError + 'static)) -> Self {
        let mut words: Vec<String> = Vec::new();
        let mut next = Some(error);
        while let Some(link) = next {
            let text = link.to_string();
            if words.last() != Some(&text) {
                words.push(text);
            }
            next = link.source();
        }
        Self(words.join(": "))
    }
}

impl std::fmt::Display for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Words {}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str, message: &str) -> Error {
        Refusal { status, code: code.to_owned(), message: message.to_owned() }
            .error(action!("ecs", "RegisterTaskDefinition"))
    }

    #[test]
    fn a_denial_names_the_action_that_is_missing_and_the_statement_that_mends_it() {
        let words = "User: arn:aws:sts::123456789012:assumed-role/ci/x is not authorized to perform: iam:PassRole on resource: \
                     arn:aws:iam::123456789012:role/task because no identity-based policy allows the iam:PassRole action";
        let error = refused(400, "AccessDeniedException", words);
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert_eq!(missing_action(&error), Some("iam:PassRole"));
        let hint = error.hints().first().unwrap();
        assert!(
            hint.contains("arn:aws:iam::123456789012:role/task") && hint.contains("ecs-tasks.amazonaws.com"),
            "{hint}"
        );
        let error = refused(400, "AccessDeniedException", "no.");
        assert_eq!(missing_action(&error), Some("ecs:RegisterTaskDefinition"));
    }

    #[test]
    fn what_helps_is_told_apart() {
        let kinds = [
            (400, "ThrottlingException", ErrorKind::RateLimited, Retry::Soon),
            (400, "ExpiredTokenException", ErrorKind::Unauthenticated, Retry::Never),
            (503, "", ErrorKind::Unavailable, Retry::Soon),
            (500, "ServerException", ErrorKind::Unavailable, Retry::Soon),
            (400, "ClusterNotFoundException", ErrorKind::NotFound, Retry::Never),
            (400, "ClientException", ErrorKind::InvalidInput, Retry::Never),
            (403, "AccessDenied", ErrorKind::PermissionDenied, Retry::Never),
            (403, "", ErrorKind::PermissionDenied, Retry::Never),
        ];
        for (status, code, kind, retry) in kinds {
            let error = refused(status, code, "words");
            assert_eq!((error.kind(), error.retry()), (kind, retry), "{code}");
        }
    }
}
