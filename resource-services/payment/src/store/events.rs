//! Events of the processor that have been received.

use latchkey_db::{DbError, Tx, sql};

/// Remembers an event for 30 days. `false` if it was received before.
#[must_use = "zero rows mean that it was received before"]
pub async fn remember_event(tx: &Tx, id: &str, now: i64) -> Result<bool, DbError> {
    sql("DELETE FROM processor_events WHERE received_at < $1")
        .bind(now - KEPT_MS)
        .execute(tx)
        .await?;
    let rows =
        sql("INSERT INTO processor_events (id, received_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
            .bind(id)
            .bind(now)
            .execute(tx)
            .await?;
    Ok(rows == 1)
}

const KEPT_MS: i64 = 30 * 24 * 3_600_000;
