//! The relay: carries what waits in an outbox to the bus, however often it has to try.

use std::time::Instant;

use latchkey_clock::Clock;
use latchkey_db::{Db, Row, reasons, sql, sql_list};
use tokio_util::sync::CancellationToken;

use crate::{Bus, BusError};

const BATCH: i64 = 256;
/// How long a published row is kept for a person to look at, and an inbox row to recognise a repeat.
const OUTBOX_KEPT_MS: i64 = 7 * 24 * 3_600_000;
const INBOX_KEPT_MS: i64 = 14 * 24 * 3_600_000;
const PRUNE_EVERY_MS: i64 = 3_600_000;
/// Polls from beat to beat: a bus at rest writes next to nothing.
const BEAT_POLLS: u32 = 3;

/// An event on its way. The relay carries the envelope and does not judge it: one that nobody can read is parked by
/// those who should, and must not keep the others waiting here.
pub(crate) struct Parcel {
    pub id: String,
    pub r#type: String,
    pub partition_key: String,
    pub envelope: String,
}

impl Parcel {
    fn from_row(row: &Row) -> Result<Self, BusError> {
        Ok(Self {
            id: row.text("id")?,
            r#type: row.text("type")?,
            partition_key: row.text("partition_key")?,
            envelope: row.text("envelope")?,
        })
    }
}

/// Carries one outbox to the bus. Several relays may serve one outbox: a second publish is harmless.
pub struct Relay {
    bus: Bus,
    db: Db,
    clock: Clock,
    source: Option<&'static str>,
}

impl Relay {
    pub(crate) fn new(bus: Bus, db: Db, clock: Clock) -> Self {
        Self {
            bus,
            db,
            clock,
            source: None,
        }
    }

    /// Tells listeners every few [polls](Bus::with_poll) that nothing of `source` waits in this outbox, so that silence
    /// means that nothing happened ([`Bus::broadcast_of`]).
    pub fn beating(mut self, source: &'static str) -> Self {
        self.source = Some(source);
        self
    }

    /// Runs until `stop`, then carries what is left if it can be done at once.
    pub async fn run(self, stop: CancellationToken) {
        let mut changes = self.db.changes();
        let mut pruned_at = 0;
        let mut trouble = 0_u32;
        let mut beaten_at = None;
        loop {
            match self.drain_and_beat(&mut beaten_at).await {
                Ok(()) => {
                    if trouble > 0 {
                        tracing::info!(attempts = trouble, "events leave the outbox again");
                    }
                    trouble = 0;
                }
                Err(error) => {
                    trouble = trouble.saturating_add(1);
                    // Once, not four times a second for as long as a disk is full.
                    if trouble == 1 {
                        tracing::warn!(
                            reason = reasons(&error),
                            "events wait in the outbox until it works again"
                        );
                    }
                }
            }
            if stop.is_cancelled() {
                return;
            }
            let now = self.clock.now_ms();
            if now - pruned_at > PRUNE_EVERY_MS {
                pruned_at = now;
                if let Err(error) = self.prune(now).await {
                    tracing::warn!(reason = reasons(&error), "old outbox and inbox rows stay for now");
                }
            }
            let poll = self.bus.poll();
            let wait = if trouble == 0 { poll } else { poll / 4 };
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
            let batch = sql(
                "SELECT id, type, partition_key, envelope FROM outbox WHERE published_at IS NULL \
                 ORDER BY seq LIMIT $1",
            )
            .bind(BATCH)
            .fetch_all(&self.db)
            .await?
            .iter()
            .map(Parcel::from_row)
            .collect::<Result<Vec<_>, _>>()?;
            if batch.is_empty() {
                return Ok(());
            }
            let ids: Vec<String> = batch.iter().map(|parcel| parcel.id.clone()).collect();
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

    async fn drain_and_beat(&self, beaten_at: &mut Option<Instant>) -> Result<(), BusError> {
        let begun = Instant::now();
        self.drain().await?;
        let due = beaten_at.is_none_or(|at| begun.duration_since(at) >= self.bus.poll() * BEAT_POLLS);
        if let Some(source) = self.source
            && due
        {
            self.bus.beat(source).await?;
            *beaten_at = Some(begun);
        }
        Ok(())
    }

    async fn prune(&self, now: i64) -> Result<(), BusError> {
        self.bus.prune(now).await?;
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
