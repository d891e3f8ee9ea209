//! The generated clients as transport: our own body out, the answer's own body in.
//!
//! The generated types know the fields of the day they were generated. A task definition that is read and written through
//! them loses every newer one (aws-actions/amazon-ecs-deploy-task-definition issue 810), so what is sent and what is read
//! stays JSON.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut, InterceptorContext,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use haute_core::error::{Error, ErrorKind, Result, Retry};
use serde_json::Value;

use super::error::{Action, Refusal};
use super::signed::refusal;

/// One call: the body that is sent, and the one that came back.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    body: Arc<str>,
    answer: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Raw {
    /// A call that sends `body`.
    pub(super) fn new(body: &Value) -> Self {
        Self { body: body.to_string().into(), answer: Arc::default() }
    }

    fn keep(&self, bytes: &[u8]) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes.to_vec());
    }

    fn answer(&self) -> Option<Vec<u8>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The answer as JSON, or what went wrong in this project's words.
    pub(super) fn finish<T, E>(
        &self,
        action: Action,
        result: std::result::Result<T, SdkError<E, HttpResponse>>,
    ) -> Result<Value>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let failed = match result {
            Ok(_) => None,
            // The generated types could not read it. That is their limit, not a failure: the status says it succeeded.
            Err(SdkError::ResponseError(error)) if error.raw().status().is_success() => None,
            Err(error) => Some(error),
        };
        let Some(error) = failed else {
            let bytes = self.answer().unwrap_or_default();
            return serde_json::from_slice(&bytes).map_err(|source| {
                Error::new(
                    ErrorKind::Unavailable,
                    format!("`{}` was answered with something unreadable", action.name),
                )
                .with_operation(action.operation)
                .with_retry(Retry::Soon)
                .with_source(source)
            });
        };
        Err(match &error {
            SdkError::ServiceError(service) if service.err().code().is_some() => Refusal {
                status: service.raw().status().as_u16(),
                code: service.err().code().unwrap_or_default().to_owned(),
                message: service.err().message().unwrap_or_default().to_owned(),
            }
            .error(action),
            SdkError::ServiceError(service) => foreign(service.raw()).error(action),
            SdkError::ResponseError(response) => foreign(response.raw()).error(action),
            _ => super::error::unreached(action, error),
        })
    }
}

/// A refusal in another form than the service's own: XML of a gateway before it, or the page of a proxy.
fn foreign(answer: &HttpResponse) -> Refusal {
    let body = String::from_utf8_lossy(answer.body().bytes().unwrap_or_default());
    let mut read = refusal(answer.status().as_u16(), &body);
    if read.code.is_empty() && read.message.is_empty() {
        "the answer could not be read".clone_into(&mut read.message);
    }
    read
}

#[dyn_dispatch_hint]
impl Intercept for Raw {
    fn name(&self) -> &'static str {
        "haute raw body"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        let request = context.request_mut();
        request.headers_mut().try_insert("content-length", self.body.len().to_string())?;
        *request.body_mut() = SdkBody::from(self.body.as_bytes().to_vec());
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        if let Some(bytes) = context.response().body().bytes() {
            self.keep(bytes);
        }
        Ok(())
    }
}

/// Lets a write be tried again only where it surely did nothing: when it was throttled. After a lost answer the caller looks
/// at the world first; a second `RegisterTaskDefinition` would be a second revision.
#[derive(Clone, Copy, Debug)]
pub(super) struct OnlyIfThrottled;

impl ClassifyRetry for OnlyIfThrottled {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        if context.output_or_error().is_none_or(|ended| ended.is_ok()) {
            return RetryAction::NoActionIndicated;
        }
        let body = context.response().and_then(|response| response.body().bytes()).unwrap_or_default();
        let throttled = String::from_utf8_lossy(body).contains("Throttl");
        if throttled { RetryAction::NoActionIndicated } else { RetryAction::RetryForbidden }
    }

    fn name(&self) -> &'static str {
        "only if throttled"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}
