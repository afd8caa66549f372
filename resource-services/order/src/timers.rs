//! The clock of the sagas: fires the timers that are due, each in a transaction of its own.

use std::time::Duration;

use futures::FutureExt;
use latchkey_bus::Cause;
use latchkey_kit::{Context, Task};
use tokio_util::sync::CancellationToken;

use crate::domain::Input;
use crate::store::{self, Due};
use crate::{Error, commands};

/// Runs as long as the service. Several nodes may run it: whoever is second finds the timer moved.
pub const TASK: Task = Task {
    name: "timers",
    run: |context, stop| async move { run(&context, &stop).await }.boxed(),
};

async fn run(context: &Context, stop: &CancellationToken) {
    let mut changes = context.db.changes();
    loop {
        changes.mark_unchanged();
        let pause = match stop.run_until_cancelled(turn(context)).await {
            Some(pause) => pause,
            None => return,
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
            // A new order may be due before whatever was next. If the database is gone, the pause is what is left.
            Ok(()) = changes.changed() => {}
        }
    }
}

/// Fires what is due, and returns how long nothing will be.
async fn turn(context: &Context) -> Duration {
    match fire_due(context).await {
        Ok(MOST..) => Duration::ZERO,
        Ok(_) => until_next(context).await,
        Err(error) => {
            tracing::warn!(reason = %error, "timers of orders cannot be read");
            AFTER_ERROR
        }
    }
}

/// Fires the timers that are due, at most a page of them, and returns how many that were.
pub async fn fire_due(context: &Context) -> Result<usize, Error> {
    let due = store::due(&context.db, context.clock.now_ms(), MOST as i64).await?;
    for due in &due {
        if let Err(error) = fire(context, due).await {
            tracing::error!(order.id = %due.order_id, timer = due.kind.as_str(), reason = %error, "a timer failed");
            // An order that cannot be read must not stand in the way of the others.
            let (due, until) = (due.clone(), context.clock.now_ms() + POSTPONED_MS);
            let postponed = context
                .write(Cause::default(), async move |t| {
                    store::postpone(&t.tx, &due, until).await.map_err(Error::from)
                })
                .await;
            postponed?;
        }
    }
    Ok(due.len())
}

async fn fire(context: &Context, due: &Due) -> Result<(), Error> {
    let due = due.clone();
    let cause = Cause {
        correlation: Some(due.order_id.clone()),
        ..Cause::default()
    };
    context
        .write(cause, async move |t| {
            let input = Input::Timer(due.kind);
            commands::happen(&t, &due.order_id, &input).await.map(drop)
        })
        .await
}

async fn until_next(context: &Context) -> Duration {
    let pause = match store::next_due(&context.db).await {
        Ok(Some(due_at)) => due_at - context.clock.now_ms(),
        Ok(None) => return LONGEST,
        Err(_) => return AFTER_ERROR,
    };
    // A clock may be set while this waits; therefore never long.
    Duration::from_millis(pause.try_into().unwrap_or(0)).clamp(SHORTEST, LONGEST)
}

/// The most timers between two looks at the clock.
const MOST: usize = 100;
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(10);
const AFTER_ERROR: Duration = Duration::from_secs(1);
const POSTPONED_MS: i64 = 60_000;
