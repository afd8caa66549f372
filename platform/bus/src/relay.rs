//! The relay: carries what waits in an outbox to the bus, however often it has to try.

use std::time::Duration;

use latchkey_clock::Clock;
use latchkey_db::{Db, sql, sql_list};
use tokio_util::sync::CancellationToken;

use crate::{Bus, BusError, Event};

/// The backstop when no word of a change comes.
const POLL: Duration = Duration::from_secs(1);
const BATCH: i64 = 256;
/// How long a published row is kept for a person to look at, and an inbox row to recognise a repeat.
const OUTBOX_KEPT_MS: i64 = 7 * 24 * 3_600_000;
const INBOX_KEPT_MS: i64 = 14 * 24 * 3_600_000;
const PRUNE_EVERY_MS: i64 = 3_600_000;

/// Carries one outbox to the bus. Several relays may serve one outbox: a second publish is harmless.
pub struct Relay {
    bus: Bus,
    db: Db,
    clock: Clock,
}

impl Relay {
    pub(crate) fn new(bus: Bus, db: Db, clock: Clock) -> Self {
        Self { bus, db, clock }
    }

    /// Runs until `stop`, then carries what is left if it can be done at once.
    pub async fn run(self, stop: CancellationToken) {
        let mut changes = self.db.changes();
        let mut pruned_at = 0;
        let mut trouble = 0_u32;
        loop {
            match self.drain().await {
                Ok(()) => trouble = 0,
                Err(error) => {
                    trouble = trouble.saturating_add(1);
                    tracing::warn!(error = %error, attempts = trouble, "events wait in the outbox");
                }
            }
            if stop.is_cancelled() {
                return;
            }
            let now = self.clock.now_ms();
            if now - pruned_at > PRUNE_EVERY_MS {
                pruned_at = now;
                if let Err(error) = self.prune(now).await {
                    tracing::warn!(error = %error, "old outbox and inbox rows stay for now");
                }
            }
            let wait = if trouble == 0 { POLL } else { POLL / 4 };
            tokio::select! {
                changed = changes.changed(), if trouble == 0 => {
                    if changed.is_err() { return; }
                }
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Publishes until nothing waits. Reads what is unpublished, never what is beyond a remembered number: a
    /// transaction that began earlier may commit later, with a lower number.
    pub async fn drain(&self) -> Result<(), BusError> {
        loop {
            let rows =
                sql("SELECT id, envelope FROM outbox WHERE published_at IS NULL ORDER BY seq LIMIT $1")
                    .bind(BATCH)
                    .fetch_all(&self.db)
                    .await?;
            if rows.is_empty() {
                return Ok(());
            }
            let mut ids = Vec::with_capacity(rows.len());
            let mut batch = Vec::with_capacity(rows.len());
            for row in &rows {
                ids.push(row.text("id")?);
                batch.push(Event::parse(&row.text("envelope")?)?);
            }
            self.bus.publish(batch).await?;
            // Only now: a row is published when the bus has it durably.
            let now = self.clock.now_ms();
            self.db
                .write(move |tx| async move {
                    sql_list(
                        "UPDATE outbox SET published_at = $1 WHERE published_at IS NULL AND id IN ({list})",
                    )
                    .bind(now)
                    .bind_list(&ids)
                    .execute(&tx)
                    .await
                    .map_err(BusError::from)
                })
                .await?;
        }
    }

    async fn prune(&self, now: i64) -> Result<(), BusError> {
        self.db
            .write(move |tx| async move {
                sql("DELETE FROM outbox WHERE published_at IS NOT NULL AND published_at < $1")
                    .bind(now - OUTBOX_KEPT_MS)
                    .execute(&tx)
                    .await?;
                sql("DELETE FROM inbox WHERE processed_at < $1")
                    .bind(now - INBOX_KEPT_MS)
                    .execute(&tx)
                    .await?;
                Ok::<_, BusError>(())
            })
            .await
    }
}
