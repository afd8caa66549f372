//! The guarded service: a rejected request never reaches the code behind it.

use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::layer::GuardLayer;

/// A service behind a [`crate::Guard`]; see [`GuardLayer`].
#[derive(Clone)]
pub struct GuardService<S> {
    pub(crate) inner: S,
    pub(crate) door: GuardLayer,
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
            match this.door.admit(&mut parts).await {
                Ok(()) => this.inner.call(Request::from_parts(parts, body)).await,
                Err(reason) => Ok(this.door.refuse(reason)),
            }
        })
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = GuardService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        GuardService {
            inner,
            door: self.clone(),
        }
    }
}
