//! The relay: moves the events of an outbox to their channels, retrying as often as necessary.
//!
//! The type of an event decides its channel, and each channel has a loop of its own: while one is unavailable, its rows
//! wait in the outbox in their order, and those of the other leave.

use std::time::{Duration, Instant};

use latchkey_clock::Clock;
use latchkey_db::{Db, reasons, sql, sql_list};
use tokio_util::sync::CancellationToken;

use crate::outage::Outage;
use crate::parcel::Parcel;
use crate::{BusError, EventBus, RevocationLog};

const BATCH: i64 = 256;
/// How long published rows are kept for inspection, and inbox rows to detect repeats.
const OUTBOX_KEPT_MS: i64 = 7 * 24 * 3_600_000;
const INBOX_KEPT_MS: i64 = 14 * 24 * 3_600_000;
const PRUNE_EVERY_MS: i64 = 3_600_000;
/// The number of polls between heartbeats: an idle log is hardly written to.
const HEARTBEAT_POLLS: u32 = 3;

/// Moves the events of one outbox to its channels. Several relays may serve one outbox: publishing twice is harmless.
pub struct Relay {
    bus: EventBus,
    revocations: Option<Revocations>,
    db: Db,
    clock: Clock,
}

/// The events that go to the revocation log.
struct Revocations {
    log: RevocationLog,
    types: &'static [&'static str],
    source: &'static str,
}

/// One of the two channels.
#[derive(Clone, Copy)]
enum Channel<'a> {
    Bus(&'a EventBus),
    Log(&'a Revocations),
}

impl Relay {
    /// Moves the events in `db`'s outbox to the bus.
    pub fn new(bus: EventBus, db: Db, clock: Clock) -> Self {
        Self {
            bus,
            revocations: None,
            db,
            clock,
        }
    }

    /// Sends events of `types` to `log` instead, and tells its followers every few [polls](RevocationLog::with_poll)
    /// that none of `source` waits here, so that silence means that nothing happened ([`RevocationLog::subscribe`]).
    pub fn revocations(
        mut self,
        log: RevocationLog,
        types: &'static [&'static str],
        source: &'static str,
    ) -> Self {
        self.revocations = Some(Revocations { log, types, source });
        self
    }

    /// Runs until `stop`, then publishes the rest if that is possible at once.
    pub async fn run(self, stop: CancellationToken) {
        let bus = self.serve(Channel::Bus(&self.bus), &stop);
        match &self.revocations {
            None => bus.await,
            Some(revocations) => {
                tokio::join!(bus, self.serve(Channel::Log(revocations), &stop));
            }
        }
    }

    /// Publishes until nothing is waiting.
    pub async fn drain(&self) -> Result<(), BusError> {
        self.drain_to(Channel::Bus(&self.bus)).await?;
        match &self.revocations {
            None => Ok(()),
            Some(revocations) => self.drain_to(Channel::Log(revocations)).await,
        }
    }

    async fn serve(&self, channel: Channel<'_>, stop: &CancellationToken) {
        let mut changes = self.db.changes();
        let mut pruned_at = 0;
        let mut outage = Outage::default();
        let mut heartbeat_at = None;
        loop {
            // Asked first: what was written while a round was under way is only seen by the next one.
            let is_last = stop.is_cancelled();
            match self.drain_and_send_heartbeat(channel, &mut heartbeat_at).await {
                Ok(()) => {
                    if let Some(attempts) = outage.worked() {
                        let channel = channel.name();
                        tracing::info!(attempts, channel, "the outbox relay works again");
                    }
                }
                Err(error) => {
                    // Once, not four times a second while a disk is full.
                    if outage.failed() {
                        tracing::warn!(
                            reason = reasons(&error),
                            channel = channel.name(),
                            "the outbox relay failed; events stay in the outbox until it succeeds"
                        );
                    }
                }
            }
            if is_last {
                return;
            }
            let now = self.clock.now_ms();
            if now - pruned_at > PRUNE_EVERY_MS {
                pruned_at = now;
                if let Err(error) = self.prune(channel, now).await {
                    tracing::warn!(
                        reason = reasons(&error),
                        channel = channel.name(),
                        "pruning old outbox and inbox rows failed; it is tried again later"
                    );
                }
            }
            let poll = channel.poll();
            let wait = if outage.lasts() { poll / 4 } else { poll };
            tokio::select! {
                changed = changes.changed(), if !outage.lasts() => {
                    if changed.is_err() { return; }
                }
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn drain_to(&self, channel: Channel<'_>) -> Result<(), BusError> {
        loop {
            let batch = self.waiting(channel).await?;
            if batch.is_empty() {
                return Ok(());
            }
            let ids: Vec<String> = batch.iter().map(|parcel| parcel.id.clone()).collect();
            channel.publish(batch).await?;
            // Not earlier: a row counts as published when the channel has stored it durably.
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

    /// The next events of a channel. It reads unpublished rows instead of rows beyond a remembered number: a
    /// transaction that started earlier may commit later, with a lower number.
    async fn waiting(&self, channel: Channel<'_>) -> Result<Vec<Parcel>, BusError> {
        let waiting = match (channel, &self.revocations) {
            (Channel::Log(revocations), _) => sql_list(
                "SELECT id, type, partition_key, envelope FROM outbox \
                 WHERE published_at IS NULL AND type IN ({list}) ORDER BY seq LIMIT $1",
            )
            .bind(BATCH)
            .bind_list(revocations.types),
            (Channel::Bus(_), Some(revocations)) => sql_list(
                "SELECT id, type, partition_key, envelope FROM outbox \
                 WHERE published_at IS NULL AND type NOT IN ({list}) ORDER BY seq LIMIT $1",
            )
            .bind(BATCH)
            .bind_list(revocations.types),
            (Channel::Bus(_), None) => sql(
                "SELECT id, type, partition_key, envelope FROM outbox WHERE published_at IS NULL \
                 ORDER BY seq LIMIT $1",
            )
            .bind(BATCH),
        };
        waiting
            .fetch_all(&self.db)
            .await?
            .iter()
            .map(Parcel::from_row)
            .collect()
    }

    async fn drain_and_send_heartbeat(
        &self,
        channel: Channel<'_>,
        heartbeat_at: &mut Option<Instant>,
    ) -> Result<(), BusError> {
        let begun = Instant::now();
        self.drain_to(channel).await?;
        let due = heartbeat_at.is_none_or(|at| begun.duration_since(at) >= channel.poll() * HEARTBEAT_POLLS);
        if let Channel::Log(revocations) = channel
            && due
        {
            revocations.log.heartbeat(revocations.source).await?;
            *heartbeat_at = Some(begun);
        }
        Ok(())
    }

    async fn prune(&self, channel: Channel<'_>, now: i64) -> Result<(), BusError> {
        let bus = match channel {
            Channel::Log(revocations) => return revocations.log.prune(now).await,
            Channel::Bus(bus) => bus,
        };
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
            .await?;
        bus.prune(now).await
    }
}

impl Channel<'_> {
    fn name(self) -> &'static str {
        match self {
            Self::Bus(_) => "event bus",
            Self::Log(_) => "revocation log",
        }
    }

    async fn publish(self, batch: Vec<Parcel>) -> Result<(), BusError> {
        match self {
            Self::Bus(bus) => bus.publish(batch).await,
            Self::Log(revocations) => revocations.log.publish(batch).await,
        }
    }

    fn poll(self) -> Duration {
        match self {
            Self::Bus(bus) => bus.poll(),
            Self::Log(revocations) => revocations.log.poll(),
        }
    }
}
