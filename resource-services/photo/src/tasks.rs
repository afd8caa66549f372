//! What photo does at an interval: it deletes photos that no course shows, and files that no photo has.

use std::time::Duration;

use futures::FutureExt;
use latchkey_bus::Cause;
use latchkey_kit::{Context, Task, at_interval};

use crate::domain::{FILE_UNUSED_FOR, UNUSED_FOR};
use crate::{Error, routes, store};

/// Deletes photos that no course has shown for a day, and then files that no photo has had for an hour.
pub const UNUSED: Task = Task {
    name: "unused",
    run: |context, stop| at_interval(context, stop, EVERY, round).boxed(),
};

async fn round(context: Context) -> Result<(), String> {
    let said = |error: Error| latchkey_http::reasons(&error);
    delete_unused(&context).await.map_err(said)?;
    remove_files(&context).await.map(drop).map_err(said)
}

/// Returns how many photos were deleted, a page at most: the next round takes the rest.
pub async fn delete_unused(context: &Context) -> Result<usize, Error> {
    let before = context.clock.now_ms() - UNUSED_FOR;
    let mut deleted = 0;
    for photo in store::unused(&context.db, before, PAGE).await? {
        // A course that began to show it in the meantime keeps it.
        let gone = context
            .write(Cause::default(), async move |t| {
                routes::forget(&t, &photo, before).await
            })
            .await?;
        deleted += usize::from(gone);
    }
    Ok(deleted)
}

/// Returns how many files were removed, a page at most.
pub async fn remove_files(context: &Context) -> Result<usize, Error> {
    let now = context.clock.now_ms();
    let (before, abandoned) = (now - FILE_UNUSED_FOR, now - ABANDONED);
    let files = context.files()?;
    let mut removed = 0;
    for file in store::unused_files(&context.db, before, PAGE).await? {
        let name = file.clone();
        let begun = context
            .write(Cause::default(), async move |t| {
                store::begin_removal(&t.tx, &name, before, abandoned, now).await
            })
            .await?;
        if !begun {
            continue;
        }
        files.delete(&file).await?;
        context
            .write(Cause::default(), async move |t| {
                store::end_removal(&t.tx, &file, now).await
            })
            .await?;
        removed += 1;
    }
    Ok(removed)
}

/// After that long, in milliseconds, a removal that has not ended is another process's to finish: far longer than a
/// store may take to delete a file.
const ABANDONED: i64 = 10 * 60 * 1000;

const PAGE: i64 = 100;

const EVERY: Duration = Duration::from_secs(600);
