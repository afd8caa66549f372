//! The background work of a service.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::MissedTickBehavior;
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

/// Runs a round of work at once and then at each interval until `stop`. A round that has begun is finished; one that
/// failed says why, for the log, and the next one tries again.
pub async fn at_interval<Fut>(
    context: Context,
    stop: CancellationToken,
    every: Duration,
    round: impl Fn(Context) -> Fut,
) where
    Fut: Future<Output = Result<(), String>>,
{
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(reason) = round(context.clone()).await {
            let service = context.resource.name;
            tracing::warn!(
                service,
                reason,
                "a round of background work failed; it is tried again"
            );
        }
    }
}
