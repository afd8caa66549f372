//! Group subscriptions: of all instances one handles an event, and its effect and its receipt are one commit.

use std::future::Future;
use std::time::Duration;

use latchkey_db::{Db, DbError, Tx, reasons, sql};
use tokio_util::sync::CancellationToken;

use crate::lease::{Lease, Receipt};
use crate::log::{Entry, SqlLog};
use crate::{Bus, BusError, Event};

const BATCH: i64 = 64;
/// Who consumes what.
#[derive(Clone, Debug)]
pub struct Group {
    /// The consumer's name, `<service>` or `<service>.<purpose>`; also its name in the inbox.
    pub name: &'static str,
    /// The types that it handles.
    pub types: &'static [&'static str],
    /// When a failed delivery is tried again.
    pub retries: Retries,
}

/// When a failed delivery is tried again: at once while the others wait, then later while they go on, then never.
#[derive(Clone, Debug)]
pub struct Retries {
    /// Pauses of the attempts that hold the queue.
    pub quick: Vec<Duration>,
    /// Pauses of the attempts that let the queue pass.
    pub later: Vec<Duration>,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            quick: [50, 250, 1_000].map(Duration::from_millis).to_vec(),
            later: [5, 30, 120, 600, 3_600].map(Duration::from_secs).to_vec(),
        }
    }
}

/// Why a handler could not do its work. Its transaction is rolled back.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It may work later.
    #[error("{0}")]
    Retry(String),
    /// It will never work: park it at once.
    #[error("{0}")]
    Dead(String),
    /// The database refused; when it is merely away, the attempt does not count.
    #[error("the consumer's database failed")]
    Db(#[from] DbError),
}

impl Bus {
    /// Handles events of `group` until `stop`, at least once each and in order per key while nothing fails.
    ///
    /// `handle` runs inside a transaction of `db` in which the inbox row is already written; an event that was
    /// handled before is acknowledged without calling it.
    pub async fn consume<H, Fut>(&self, group: Group, db: Db, handle: H, stop: CancellationToken)
    where
        H: Fn(Tx, Event) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        match self {
            Self::SqlLog(log) => {
                let consumer = Consumer {
                    log: log.clone(),
                    group,
                    db,
                    handle: std::sync::Arc::new(handle),
                };
                consumer.run(stop).await;
            }
        }
    }
}

struct Consumer<H> {
    log: SqlLog,
    group: Group,
    db: Db,
    handle: std::sync::Arc<H>,
}

/// What became of one delivery.
enum Delivered {
    /// Its effect is committed, now or before.
    Done,
    /// It could not be handled.
    Failed(Failed),
}

/// How a delivery failed.
struct Failed {
    attempts: i64,
    error: String,
    /// No further attempt can succeed.
    for_good: bool,
}

impl<H, Fut> Consumer<H>
where
    H: Fn(Tx, Event) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Failure>> + Send + 'static,
{
    async fn run(self, stop: CancellationToken) {
        let mut changes = self.log.db().changes();
        let mut lease = Lease::new(self.log.clone(), self.group.name);
        let mut waits = false;
        loop {
            let more = match self.step(&mut lease, &stop).await {
                Ok(more) => {
                    if std::mem::take(&mut waits) {
                        tracing::info!(group = self.group.name, "a consumer goes on");
                    }
                    more
                }
                Err(error) => {
                    if !std::mem::replace(&mut waits, true) {
                        let (group, reason) = (self.group.name, reasons(&error));
                        tracing::warn!(reason, group, "a consumer waits for its database");
                    }
                    false
                }
            };
            if stop.is_cancelled() {
                return lease.release().await;
            }
            if more {
                continue;
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(self.log.poll) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Handles what is due and what is new. `true` when there may be more at once.
    async fn step(&self, lease: &mut Lease, stop: &CancellationToken) -> Result<bool, BusError> {
        let Some(mut cursor) = lease.hold().await? else {
            return Ok(false);
        };
        for due in self.log.due(self.group.name).await? {
            if stop.is_cancelled() || lease.hold().await?.is_none() {
                return Ok(false);
            }
            match self.deliver(&due.entry, stop).await? {
                Delivered::Done => {
                    self.log
                        .forget_failure(self.group.name, &due.entry.event_id)
                        .await?;
                }
                Delivered::Failed(failed) => {
                    let attempts = due.attempts + failed.attempts;
                    let failed = Failed { attempts, ..failed };
                    // The cursor stays; the receipt proves that the group is still ours.
                    let receipt = lease.receipt(cursor, cursor);
                    if !self.put_off(&due.entry, due.attempts, failed, receipt).await? {
                        lease.lost();
                        return Ok(false);
                    }
                }
            }
        }
        let state = self.log.state().await?;
        let entries = self
            .log
            .between(cursor, state.position, self.group.types, BATCH)
            .await?;
        let more = entries.len() as i64 == BATCH;
        let mut handled = cursor;
        for entry in entries {
            if stop.is_cancelled() || lease.hold().await?.is_none() {
                break;
            }
            match self.deliver(&entry, stop).await? {
                Delivered::Done => handled = entry.position,
                Delivered::Failed(failed) => {
                    let receipt = lease.receipt(cursor, entry.position);
                    if !self.put_off(&entry, 0, failed, receipt).await? {
                        lease.lost();
                        return Ok(false);
                    }
                    (cursor, handled) = (entry.position, entry.position);
                    lease.moved(cursor);
                }
            }
        }
        // The receipt comes after the effects; a crash before it delivers again, and the inbox recognises it.
        if handled > cursor {
            let receipt = lease.receipt(cursor, handled);
            let write = self
                .log
                .db()
                .write(move |tx| async move { receipt.hand_in(&tx).await });
            if !write.await? {
                lease.lost();
                return Ok(false);
            }
            lease.moved(handled);
        }
        Ok(more)
    }

    /// Tries one delivery until it is done or the quick attempts are used up.
    async fn deliver(&self, entry: &Entry, stop: &CancellationToken) -> Result<Delivered, BusError> {
        let event = match entry.event() {
            Ok(event) => event,
            Err(error) => {
                return Ok(Delivered::Failed(Failed {
                    attempts: 1,
                    error: error.to_string(),
                    for_good: true,
                }));
            }
        };
        let mut attempts = 0_i64;
        let mut pauses = self.group.retries.quick.iter();
        loop {
            let failure = match self.handle_once(event.clone()).await {
                Ok(()) => return Ok(Delivered::Done),
                // The database is away: nobody's fault, so nothing is counted and nothing is acknowledged.
                Err(Failure::Db(error)) if error.is_transient() => return Err(error.into()),
                Err(failure) => failure,
            };
            attempts += 1;
            let for_good = matches!(failure, Failure::Dead(_));
            match pauses.next() {
                Some(pause) if !for_good && !stop.is_cancelled() => tokio::time::sleep(*pause).await,
                _ => {
                    return Ok(Delivered::Failed(Failed {
                        attempts,
                        error: failure.to_string(),
                        for_good,
                    }));
                }
            }
        }
    }

    /// Inbox row and effect in one transaction.
    async fn handle_once(&self, event: Event) -> Result<(), Failure> {
        let (consumer, now, handle) = (self.group.name, self.log.clock.now_ms(), self.handle.clone());
        self.db
            .write(move |tx| async move {
                let first = sql(
                    "INSERT INTO inbox (consumer, message_id, processed_at) VALUES ($1, $2, $3) \
                                 ON CONFLICT (consumer, message_id) DO NOTHING",
                )
                .bind(consumer)
                .bind(&event.id)
                .bind(now)
                .execute(&tx)
                .await?;
                if first == 0 {
                    return Ok(());
                }
                handle(tx, event).await
            })
            .await
    }

    /// Plans the next attempt, or parks. `before` is how often it was tried in earlier rounds, `failed` counts all.
    async fn put_off(
        &self,
        entry: &Entry,
        before: i64,
        failed: Failed,
        receipt: Receipt,
    ) -> Result<bool, BusError> {
        let rounds_done = rounds(before, self.group.retries.quick.len());
        let pause = self
            .group
            .retries
            .later
            .get(rounds_done)
            .filter(|_| !failed.for_good);
        let next = pause.map(|pause| self.log.clock.now_ms() + pause.as_millis() as i64);
        let error = failed.error.clone();
        let recorded = self
            .log
            .record_failure(
                self.group.name,
                entry,
                failed.attempts,
                failed.error,
                next,
                receipt,
            )
            .await?;
        if recorded && next.is_none() {
            metrics::counter!("latchkey_bus_parked_total", "consumer" => self.group.name).increment(1);
            tracing::error!(
                group = self.group.name,
                event.id = entry.event_id,
                error,
                "an event was parked"
            );
        }
        Ok(recorded)
    }
}

/// How many rounds of quick attempts were made before.
fn rounds(attempts: i64, quick: usize) -> usize {
    usize::try_from(attempts).unwrap_or(0).div_ceil(quick + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_of_quick_attempts_moves_one_step_along_the_later_ones() {
        assert_eq!(rounds(0, 3), 0);
        assert_eq!(rounds(4, 3), 1);
        assert_eq!(rounds(8, 3), 2);
        assert_eq!(rounds(1, 0), 1);
    }
}
