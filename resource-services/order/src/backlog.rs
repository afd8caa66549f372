//! How many orders wait for an answer, and for how long, for metrics.

use std::time::Duration;

use futures::FutureExt;
use latchkey_kit::{Context, Task, at_interval};
use latchkey_metrics::catalog::{ORDERS_OLDEST, ORDERS_OPEN};
use latchkey_metrics::labels::OrderState;

use crate::Error;
use crate::domain::State;
use crate::store;

/// Looks every few seconds.
pub const TASK: Task = Task {
    name: "backlog",
    run: |context, stop| {
        at_interval(context, stop, EVERY, |context| async move {
            sample(&context).await.map_err(|error| error.to_string())
        })
        .boxed()
    },
};

const EVERY: Duration = Duration::from_secs(15);

async fn sample(context: &Context) -> Result<(), Error> {
    let (waiting, now) = (store::waiting(&context.db).await?, context.clock.now_ms());
    for state in State::ALL.iter().filter(|state| !state.is_settled()) {
        let found = waiting.iter().find(|(name, _, _)| name == state.as_str());
        let (count, since) = found.map_or((0, now), |(_, count, since)| (*count, *since));
        let label = OrderState::of(state.as_str());
        ORDERS_OPEN.set(label, count as f64);
        ORDERS_OLDEST.set(label, (now - since).max(0) as f64 / 1_000.0);
    }
    Ok(())
}
