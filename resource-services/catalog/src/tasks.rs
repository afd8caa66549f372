//! What the catalog does at an interval: it puts courses into the index that are older than it is.

use std::time::Duration;

use futures::FutureExt;
use latchkey_bus::Cause;
use latchkey_kit::{Context, Task, at_interval};

use crate::{Error, store};

/// Fills the index.
pub const INDEX: Task = Task {
    name: "index",
    run: |context, stop| at_interval(context, stop, EVERY, round).boxed(),
};

async fn round(context: Context) -> Result<(), String> {
    let indexed = index_old_courses(&context).await;
    indexed.map(drop).map_err(|error| latchkey_http::reasons(&error))
}

/// Indexes every published course that is not in the index; returns how many there were.
pub async fn index_old_courses(context: &Context) -> Result<usize, Error> {
    let mut indexed = 0;
    loop {
        let old = store::unindexed(&context.db, PAGE).await?;
        if old.is_empty() {
            return Ok(indexed);
        }
        indexed += old.len();
        context
            .write(Cause::default(), async move |t| {
                for id in old {
                    // Locked, so that a concurrent edit is not overwritten by what was before it.
                    if store::lock_rating(&t.tx, &id).await?
                        && let Some(course) = store::course(&t.tx, &id).await?
                    {
                        store::index(&t.tx, &course).await?;
                    }
                }
                Ok::<_, Error>(())
            })
            .await?;
    }
}

/// Short transactions, so that a long list holds nobody up.
const PAGE: i64 = 100;

/// Only an upgrade leaves courses without a place in the index, so one round after the start finds all.
const EVERY: Duration = Duration::from_secs(3_600);
