//! Group subscriptions: of all instances one handles an event, and its effect and its receipt are one commit.

use std::future::Future;
use std::time::Duration;

use latchkey_db::{Db, DbError, Tx, sql};
use tokio_util::sync::CancellationToken;

use crate::log::{Entry, SqlLog};
use crate::{Bus, BusError, Event};

/// The backstop when no word of a change comes.
const POLL: Duration = Duration::from_secs(1);
const BATCH: i64 = 64;
/// How long a group stays with an instance that is not heard of.
const LEASE_MS: i64 = 5_000;

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
    /// It could not be handled after this many attempts.
    Failed {
        attempts: i64,
        error: String,
        for_good: bool,
    },
}

impl<H, Fut> Consumer<H>
where
    H: Fn(Tx, Event) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Failure>> + Send + 'static,
{
    async fn run(self, stop: CancellationToken) {
        let mut changes = self.log.db().changes();
        loop {
            let more = match self.step(&stop).await {
                Ok(more) => more,
                Err(error) => {
                    tracing::warn!(error = %error, group = self.group.name, "a consumer waits for its database");
                    false
                }
            };
            if stop.is_cancelled() {
                return self.release().await;
            }
            if more {
                continue;
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(POLL) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Handles what is due and what is new. `true` when there may be more at once.
    async fn step(&self, stop: &CancellationToken) -> Result<bool, BusError> {
        let Some(cursor) = self.lease().await? else {
            return Ok(false);
        };
        for due in self.log.due(self.group.name).await? {
            match self.deliver(&due.entry, stop).await? {
                Delivered::Done => {
                    self.log
                        .forget_failure(self.group.name, &due.entry.event_id)
                        .await?
                }
                Delivered::Failed {
                    attempts,
                    error,
                    for_good,
                } => {
                    let attempts = due.attempts + attempts;
                    self.put_off(&due.entry, due.attempts, attempts, error, for_good)
                        .await?;
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
            if stop.is_cancelled() {
                break;
            }
            match self.deliver(&entry, stop).await? {
                Delivered::Done => {}
                Delivered::Failed {
                    attempts,
                    error,
                    for_good,
                } => {
                    self.put_off(&entry, 0, attempts, error, for_good).await?;
                }
            }
            handled = entry.position;
        }
        // The receipt comes after the effects; a crash before it delivers again, and the inbox recognises it.
        if handled > cursor && !self.acknowledge(cursor, handled).await? {
            tracing::info!(group = self.group.name, "another instance took the group over");
        }
        Ok(more)
    }

    /// Takes or renews the group. The cursor, or `None` while another instance has it.
    async fn lease(&self) -> Result<Option<i64>, BusError> {
        let (name, me, now) = (
            self.group.name,
            self.log.instance.clone(),
            self.log.clock.now_ms(),
        );
        self.log
            .db()
            .write(move |tx| async move {
                sql("INSERT INTO bus_group (name, position) VALUES ($1, 0) ON CONFLICT (name) DO NOTHING")
                    .bind(name)
                    .execute(&tx)
                    .await?;
                let row = sql("UPDATE bus_group SET holder = $2, held_until = $3 \
                               WHERE name = $1 AND (holder IS NULL OR holder = $2 OR held_until < $4) \
                               RETURNING position")
                .bind(name)
                .bind(me)
                .bind(now + LEASE_MS)
                .bind(now)
                .fetch_optional(&tx)
                .await?;
                row.map(|row| row.int("position"))
                    .transpose()
                    .map_err(BusError::from)
            })
            .await
    }

    async fn acknowledge(&self, from: i64, to: i64) -> Result<bool, BusError> {
        let (name, me) = (self.group.name, self.log.instance.clone());
        self.log
            .db()
            .write(move |tx| async move {
                let rows = sql("UPDATE bus_group SET position = $4 \
                                WHERE name = $1 AND holder = $2 AND position = $3")
                .bind(name)
                .bind(me)
                .bind(from)
                .bind(to)
                .execute(&tx)
                .await?;
                Ok::<_, BusError>(rows == 1)
            })
            .await
    }

    /// Lets another instance go on at once.
    async fn release(&self) {
        let (name, me) = (self.group.name, self.log.instance.clone());
        let released = self
            .log
            .db()
            .write(move |tx| async move {
                sql("UPDATE bus_group SET holder = NULL WHERE name = $1 AND holder = $2")
                    .bind(name)
                    .bind(me)
                    .execute(&tx)
                    .await?;
                tx.announce();
                Ok::<_, BusError>(())
            })
            .await;
        if let Err(error) = released {
            tracing::debug!(error = %error, group = self.group.name, "the lease will run out by itself");
        }
    }

    /// Tries one delivery until it is done or the quick attempts are used up.
    async fn deliver(&self, entry: &Entry, stop: &CancellationToken) -> Result<Delivered, BusError> {
        let event = match Event::parse(&entry.envelope) {
            Ok(event) => event,
            Err(error) => {
                return Ok(Delivered::Failed {
                    attempts: 1,
                    error: error.to_string(),
                    for_good: true,
                });
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
                    return Ok(Delivered::Failed {
                        attempts,
                        error: failure.to_string(),
                        for_good,
                    });
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

    /// Plans the next attempt after `attempts` in all, or parks.
    async fn put_off(
        &self,
        entry: &Entry,
        before: i64,
        attempts: i64,
        error: String,
        for_good: bool,
    ) -> Result<(), BusError> {
        let rounds_done = rounds(before, self.group.retries.quick.len());
        let pause = self.group.retries.later.get(rounds_done).filter(|_| !for_good);
        let next = pause.map(|pause| self.log.clock.now_ms() + pause.as_millis() as i64);
        if next.is_none() {
            metrics::counter!("latchkey_bus_parked_total", "consumer" => self.group.name).increment(1);
            tracing::error!(
                group = self.group.name,
                event.id = entry.event_id,
                error,
                "an event was parked"
            );
        }
        self.log
            .record_failure(self.group.name, entry, attempts, error, next)
            .await
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
