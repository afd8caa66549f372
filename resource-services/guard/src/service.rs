//! The guarded service: a rejected request never reaches the code behind it.

use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::request::Parts;
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::access::{Access, Passed};
use crate::layer::GuardLayer;
use crate::rejection::GuardError;
use crate::verdicts::Verdict;

/// A service behind a [`crate::Guard`]; see [`GuardLayer`].
#[derive(Clone)]
pub struct GuardService<S> {
    pub(crate) inner: S,
    pub(crate) layer: GuardLayer,
}

impl<S, B, R> Service<Request<B>> for GuardService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<R>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The instance that was polled ready must be the one that is called; its clone is not ready yet.
        let spare = self.clone();
        let mut this = std::mem::replace(self, spare);
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match this.layer.admit(&mut parts).await {
                Ok(()) => this.inner.call(Request::from_parts(parts, body)).await,
                Err(reason) => Ok(this.layer.refuse(reason)),
            }
        })
    }
}

impl GuardLayer {
    /// Records in the request who calls, and that a guard has examined it.
    async fn admit(&self, parts: &mut Parts) -> Result<(), GuardError> {
        let access = self
            .guard
            .admit_request(&parts.uri, &parts.headers, self.sensitive)
            .await?;
        let verdict = match access {
            Some(access) => {
                parts.extensions.insert(access);
                Verdict::Admitted
            }
            None if self.required => return Err(GuardError::NoCredentials),
            None => {
                parts.extensions.remove::<Access>();
                Verdict::Anonymous
            }
        };
        self.guard.0.verdicts.count(Ok(verdict));
        parts.extensions.insert(Passed {
            realm: self.guard.0.realm.clone(),
        });
        Ok(())
    }

    fn refuse<R: From<String>>(&self, reason: GuardError) -> Response<R> {
        match &reason {
            GuardError::NoCredentials => tracing::debug!("a request without credentials was refused"),
            reason => tracing::info!(%reason, "a request was refused"),
        }
        self.guard.0.verdicts.count(Err(&reason));
        self.guard.reject(reason).response()
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = GuardService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        GuardService {
            inner,
            layer: self.clone(),
        }
    }
}
