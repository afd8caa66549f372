//! What the basket does at an interval: it forgets baskets that nobody touches.

use std::time::Duration;

use futures::FutureExt;
use latchkey_kit::{Context, Task, at_interval};

use crate::store;

/// Deletes expired baskets.
pub const EXPIRY: Task = Task {
    name: "expiry",
    run: |context, stop| at_interval(context, stop, EVERY, forget_expired).boxed(),
};

/// Deletes every basket that has expired, a page at a time, so that no writer waits for long.
pub async fn forget_expired(context: Context) -> Result<(), String> {
    loop {
        let deleted = store::delete_expired(&context.db, context.clock.now_ms(), PAGE).await;
        if deleted.map_err(|error| latchkey_http::reasons(&error))? < PAGE.unsigned_abs() {
            return Ok(());
        }
    }
}

const PAGE: i64 = 500;
/// A basket lives for days: an hour more or less does not matter.
const EVERY: Duration = Duration::from_secs(60 * 60);
