//! What inventory does at an interval: it asks orders about holds that nobody ends.

use std::time::Duration;

use futures::FutureExt;
use latchkey_bus::Cause;
use latchkey_kit::{Context, Task, at_interval};

use crate::{Error, commands, store};

/// Asks the orders of old holds.
pub const STALE: Task = Task {
    name: "stale",
    run: |context, stop| at_interval(context, stop, EVERY, round).boxed(),
};

async fn round(context: Context) -> Result<(), String> {
    let asked = ask_about_stale_holds(&context).await;
    asked.map(drop).map_err(|error| latchkey_http::reasons(&error))
}

/// Asks every order whose hold is older than half an hour, once in each half hour; returns how many were asked.
pub async fn ask_about_stale_holds(context: &Context) -> Result<usize, Error> {
    let mut asked = 0;
    loop {
        let due = store::to_ask(&context.db, context.clock.now_ms(), PAGE).await?;
        let last = due.len() < PAGE as usize;
        for order_id in due {
            let cause = Cause {
                correlation: Some(order_id.clone()),
                ..Cause::default()
            };
            let was_due = context
                .write(cause, async move |t| commands::ask(&t, &order_id).await)
                .await?;
            asked += usize::from(was_due);
        }
        if last {
            return Ok(asked);
        }
    }
}

/// Each order is asked in a transaction of its own, so that a long list holds nobody up.
const PAGE: i64 = 100;

/// Holds are old in half hours.
const EVERY: Duration = Duration::from_secs(60);
