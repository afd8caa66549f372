//! The background work of a service.

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::Context;

/// Work that a service does beside its requests and consumers. The process restarts it when it ends unexpectedly, so
/// what is half done must be found again in the database.
pub struct Task {
    /// Its name after that of the service, in logs and metrics.
    pub name: &'static str,
    /// Works until the token is cancelled.
    pub run: fn(Context, CancellationToken) -> BoxFuture<'static, ()>,
}
