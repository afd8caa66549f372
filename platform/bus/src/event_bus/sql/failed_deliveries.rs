//! Failed deliveries: retried later, then parked where an operator can see them. Nothing is dropped.

use std::collections::HashSet;
use std::time::Duration;

use latchkey_db::{Row, sql, sql_list};

use super::lease::Receipt;
use crate::BusError;
use crate::event_bus::group::{FailedDelivery, Parked, Replay};
use crate::sql_log::{Entry, SqlLog};

/// The most that are due at once.
pub(super) const BATCH: i64 = 32;

/// How many are read at once by what goes through all of them.
const PAGE: i64 = 500;

/// The failed deliveries of one consumer.
pub(super) struct FailedDeliveries {
    log: SqlLog,
    consumer: &'static str,
}

/// A delivery that is due for a retry.
pub(super) struct Due {
    pub entry: Entry,
    pub attempts: i64,
}

impl FailedDeliveries {
    pub fn new(log: SqlLog, consumer: &'static str) -> Self {
        Self { log, consumer }
    }

    /// Records a failed delivery: `next` is the time of the next attempt, `None` parks it.
    ///
    /// The receipt is used in the same transaction: once the cursor has passed the event, the record is what knows the
    /// number of attempts. `false` if the group has moved to another instance; then nothing is written.
    pub async fn record(
        &self,
        entry: &Entry,
        failed: &FailedDelivery,
        next: Option<i64>,
        receipt: Receipt,
    ) -> Result<bool, BusError> {
        let now = self.log.clock.now_ms();
        let parked = next.is_none().then_some(now);
        let (consumer, event_id) = (self.consumer, entry.event_id.clone());
        let (r#type, envelope) = (entry.r#type.clone(), entry.envelope.clone());
        let (attempts, error) = (failed.attempts, failed.error.clone());
        self.log
            .db
            .write(move |tx| async move {
                if !receipt.apply(&tx).await? {
                    return Ok(false);
                }
                sql("INSERT INTO bus_failed (consumer, event_id, type, envelope, attempts, first_at, last_at, \
                       last_error, next_attempt_at, parked_at) \
                     VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9) \
                     ON CONFLICT (consumer, event_id) DO UPDATE SET attempts = excluded.attempts, \
                       last_at = excluded.last_at, last_error = excluded.last_error, \
                       next_attempt_at = excluded.next_attempt_at, parked_at = excluded.parked_at")
                .bind(consumer)
                .bind(event_id)
                .bind(r#type)
                .bind(envelope)
                .bind(attempts)
                .bind(now)
                .bind(error)
                .bind(next)
                .bind(parked)
                .execute(&tx)
                .await?;
                Ok::<_, BusError>(true)
            })
            .await
    }

    pub async fn forget(&self, event_id: &str) -> Result<(), BusError> {
        let (consumer, event_id) = (self.consumer, event_id.to_owned());
        self.log
            .db
            .write(move |tx| async move {
                sql("DELETE FROM bus_failed WHERE consumer = $1 AND event_id = $2")
                    .bind(consumer)
                    .bind(event_id)
                    .execute(&tx)
                    .await?;
                Ok::<_, BusError>(())
            })
            .await
    }

    /// The failed deliveries of these types that are due; others wait for a version that knows them.
    pub async fn due(&self, types: &[&str]) -> Result<Vec<Due>, BusError> {
        sql_list(
            "SELECT event_id, type, envelope, attempts FROM bus_failed \
             WHERE consumer = $1 AND parked_at IS NULL AND next_attempt_at <= $2 AND type IN ({list}) \
             ORDER BY next_attempt_at LIMIT $3",
        )
        .bind(self.consumer)
        .bind(self.log.clock.now_ms())
        .bind(BATCH)
        .bind_list(types)
        .fetch_all(&self.log.db)
        .await?
        .iter()
        .map(|row| {
            let entry = Entry {
                position: 0,
                event_id: row.text("event_id")?,
                r#type: row.text("type")?,
                envelope: row.text("envelope")?,
            };
            Ok(Due {
                entry,
                attempts: row.int("attempts")?,
            })
        })
        .collect()
    }
}

pub(super) async fn parked(log: &SqlLog) -> Result<Vec<Parked>, BusError> {
    let read = |row: &Row| {
        Ok(Parked {
            consumer: row.text("consumer")?,
            event_id: row.text("event_id")?,
            r#type: row.text("type")?,
            attempts: row.int("attempts")?,
            last_error: row.text("last_error")?,
            first_at: row.int("first_at")?,
            parked_at: row.int("parked_at")?,
            envelope: row.text("envelope")?,
        })
    };
    sql("SELECT consumer, event_id, type, attempts, last_error, first_at, parked_at, envelope FROM bus_failed \
         WHERE parked_at IS NOT NULL ORDER BY parked_at LIMIT 1000")
    .fetch_all(&log.db)
    .await?
    .iter()
    .map(read)
    .collect()
}

pub(super) async fn redrive(log: &SqlLog, consumer: String, event_id: String) -> Result<bool, BusError> {
    let now = log.clock.now_ms();
    log.db
        .write(move |tx| async move {
            let rows = sql(
                "UPDATE bus_failed SET parked_at = NULL, next_attempt_at = $3, attempts = 0 \
                            WHERE consumer = $1 AND event_id = $2 AND parked_at IS NOT NULL",
            )
            .bind(consumer)
            .bind(event_id)
            .bind(now)
            .execute(&tx)
            .await?;
            tx.announce();
            Ok::<_, BusError>(rows == 1)
        })
        .await
}

/// Redrives all that are parked now, a page at a time. One that is parked again meanwhile is passed over.
pub(super) async fn redrive_all(
    log: &SqlLog,
    consumer: Option<&str>,
    pace: Duration,
) -> Result<u64, BusError> {
    let until = log.clock.now_ms();
    let (mut at, mut of, mut id) = (i64::MIN, String::new(), String::new());
    let mut redriven = HashSet::new();
    let mut count = 0;
    loop {
        let page = sql("SELECT consumer, event_id, parked_at FROM bus_failed \
             WHERE parked_at IS NOT NULL AND parked_at <= $1 AND (parked_at, consumer, event_id) > ($2, $3, $4) \
               AND ($5 = '' OR consumer = $5) \
             ORDER BY parked_at, consumer, event_id LIMIT $6")
        .bind(until)
        .bind(at)
        .bind(&of)
        .bind(&id)
        .bind(consumer.unwrap_or_default())
        .bind(PAGE)
        .fetch_all(&log.db)
        .await?;
        if page.is_empty() {
            return Ok(count);
        }
        for row in &page {
            (at, of, id) = (
                row.int("parked_at")?,
                row.text("consumer")?,
                row.text("event_id")?,
            );
            // One that has failed again within a millisecond comes up once more, and is left alone.
            if !redriven.insert((of.clone(), id.clone())) {
                continue;
            }
            if count > 0 {
                tokio::time::sleep(pace).await;
            }
            // It may have been redriven or discarded meanwhile.
            count += u64::from(redrive(log, of.clone(), id.clone()).await?);
        }
    }
}

pub(super) async fn discard(log: &SqlLog, consumer: String, event_id: String) -> Result<bool, BusError> {
    log.db
        .write(move |tx| async move {
            let rows =
                sql("DELETE FROM bus_failed WHERE consumer = $1 AND event_id = $2 AND parked_at IS NOT NULL")
                    .bind(consumer)
                    .bind(event_id)
                    .execute(&tx)
                    .await?;
            Ok::<_, BusError>(rows == 1)
        })
        .await
}

/// Schedules events of the past as deliveries that are due now, in their order. The database copies them, a page at a
/// time: writers of the log wait for a page at most, and this process holds none of them.
pub(super) async fn replay(log: &SqlLog, replay: &Replay) -> Result<u64, BusError> {
    let end = log.position().await?;
    if replay.dry_run {
        let row = sql_list(
            "SELECT COUNT(*) AS n FROM bus_log WHERE appended_at >= $1 AND position <= $2 AND type IN ({list})",
        )
        .bind(replay.since)
        .bind(end)
        .bind_list(&replay.types)
        .fetch_one(&log.db)
        .await?;
        return Ok(u64::try_from(row.int("n")?).unwrap_or_default());
    }
    let id = log.random.uuid_v7(log.clock.now_ms());
    let (mut after, mut count) = (0, 0);
    while let Some((last, copied)) = replay_page(log, replay, &id, after, end).await? {
        after = last;
        count += copied;
    }
    Ok(count)
}

/// Schedules the next events after `after` and up to `end`, and returns the last one's position and their number.
async fn replay_page(
    log: &SqlLog,
    replay: &Replay,
    id: &str,
    after: i64,
    end: i64,
) -> Result<Option<(i64, u64)>, BusError> {
    let (replay, now, suffix) = (replay.clone(), log.clock.now_ms(), format!("#{id}"));
    log.db
        .write(move |tx| async move {
            let page = sql_list(
                "SELECT COALESCE(MAX(position), 0) AS last FROM (SELECT position FROM bus_log \
                   WHERE appended_at >= $1 AND position > $2 AND position <= $3 AND type IN ({list}) \
                   ORDER BY position LIMIT $4) AS page",
            )
            .bind(replay.since)
            .bind(after)
            .bind(end)
            .bind(PAGE)
            .bind_list(&replay.types)
            .fetch_one(&tx)
            .await?;
            let last = page.int("last")?;
            if last == 0 {
                return Ok(None);
            }
            // All of them are due, and the first one first.
            let copied = sql_list(
                "INSERT INTO bus_failed (consumer, event_id, type, envelope, attempts, first_at, last_at, \
                   last_error, next_attempt_at) \
                 SELECT CAST($1 AS TEXT), event_id || CAST($2 AS TEXT), type, envelope, 0, CAST($3 AS BIGINT), \
                   CAST($3 AS BIGINT), 'replayed', CAST($3 AS BIGINT) - (CAST($4 AS BIGINT) - position) \
                 FROM bus_log WHERE appended_at >= $5 AND position > $6 AND position <= $7 AND type IN ({list})",
            )
            .bind(&replay.consumer)
            .bind(suffix)
            .bind(now)
            .bind(end)
            .bind(replay.since)
            .bind(after)
            .bind(last)
            .bind_list(&replay.types)
            .execute(&tx)
            .await?;
            tx.announce();
            Ok::<_, BusError>(Some((last, copied)))
        })
        .await
}
