//! The event bus in a SQL database: a log, and for each group a cursor that one instance holds at a time.

mod failed_deliveries;
mod lease;
mod wakes;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use failed_deliveries::FailedDeliveries;
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Tx, reasons};
use lease::{Lease, Receipt};
use tokio_util::sync::CancellationToken;
use wakes::Wakes;

use super::group::{Delivered, FailedDelivery, Group, Handler, HandlerError, Parked, Replay};
use crate::outage::Outage;
use crate::sql_log::{Entry, SqlLog};
use crate::{BusError, Event};

/// The number of events read at once.
const BATCH: i64 = 64;

/// The back end. Cloning is cheap.
#[derive(Clone)]
pub struct SqlEventBus {
    pub(super) log: SqlLog,
    /// Identifies this process.
    instance: String,
    /// Numbers the consumers of this process.
    consumers: Arc<AtomicU64>,
    wakes: Arc<Wakes>,
}

impl SqlEventBus {
    pub(super) async fn open(
        url: &str,
        clock: Clock,
        random: Random,
        fatal: CancellationToken,
    ) -> Result<Self, BusError> {
        let instance = random.uuid_v7(clock.now_ms());
        Ok(Self {
            log: SqlLog::open(url, clock, random, fatal).await?,
            instance,
            consumers: Arc::default(),
            wakes: Arc::default(),
        })
    }

    /// Enters the types of `groups` in the log of `url`.
    pub(super) async fn declare(url: &str, groups: &[Group]) -> Result<(), BusError> {
        let (clock, random, never) = (Clock::system(), Random::system(), CancellationToken::new());
        let log = SqlLog::migrated(url, clock, random, never).await?;
        let declared = Self::enter(&log, groups).await;
        log.db.close().await;
        declared
    }

    pub(super) async fn enroll(&self, groups: &[Group]) -> Result<(), BusError> {
        Self::enter(&self.log, groups).await
    }

    async fn enter(log: &SqlLog, groups: &[Group]) -> Result<(), BusError> {
        for group in groups {
            log.declare(group.name, group.types).await?;
        }
        Ok(())
    }

    pub(super) async fn subscribe<H, Fut>(&self, group: Group, db: Db, handle: H, stop: CancellationToken)
    where
        H: Fn(Tx, Event) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        // A name that no other consumer has, here or elsewhere.
        let me = format!(
            "{}/{}",
            self.instance,
            self.consumers.fetch_add(1, Ordering::Relaxed)
        );
        let consumer = Consumer {
            failed_deliveries: FailedDeliveries::new(self.log.clone(), group.name),
            log: self.log.clone(),
            wakes: self.wakes.clone(),
            handler: Handler {
                group,
                db,
                clock: self.log.clock.clone(),
                handle: Arc::new(handle),
                system: "latchkey_sql",
            },
        };
        consumer.run(me, stop).await;
    }

    pub(super) async fn parked(&self) -> Result<Vec<Parked>, BusError> {
        failed_deliveries::parked(&self.log).await
    }

    pub(super) async fn redrive(&self, consumer: &str, event_id: &str) -> Result<bool, BusError> {
        failed_deliveries::redrive(&self.log, consumer.to_owned(), event_id.to_owned()).await
    }

    pub(super) async fn redrive_all(&self, consumer: Option<&str>, pace: Duration) -> Result<u64, BusError> {
        failed_deliveries::redrive_all(&self.log, consumer, pace).await
    }

    pub(super) async fn discard(&self, consumer: &str, event_id: &str) -> Result<bool, BusError> {
        failed_deliveries::discard(&self.log, consumer.to_owned(), event_id.to_owned()).await
    }

    pub(super) async fn replay(&self, replay: &Replay) -> Result<u64, BusError> {
        failed_deliveries::replay(&self.log, replay).await
    }

    pub(super) fn with_poll(mut self, every: Duration) -> Self {
        self.log.poll = every;
        self
    }

    pub(super) fn poll(&self) -> Duration {
        self.log.poll
    }

    pub(super) async fn close(&self) {
        self.log.db.close().await;
    }
}

struct Consumer<H> {
    log: SqlLog,
    wakes: Arc<Wakes>,
    failed_deliveries: FailedDeliveries,
    handler: Handler<H>,
}

impl<H, Fut> Consumer<H>
where
    H: Fn(Tx, Event) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
{
    async fn run(self, me: String, stop: CancellationToken) {
        let Group {
            name: group, types, ..
        } = self.handler.group;
        let mine = self.wakes.enter(&self.log, group, types);
        let mut lease = Lease::new(self.log.clone(), group, me);
        let mut outage = Outage::default();
        let mut declared = false;
        loop {
            let more = match self.step(&mut lease, &mut declared, &stop).await {
                Ok(more) => {
                    if outage.worked().is_some() {
                        tracing::info!(group, "a consumer continues");
                    }
                    more
                }
                Err(error) => {
                    if outage.failed() {
                        let reason = reasons(&error);
                        tracing::warn!(reason, group, "a consumer is waiting for its database");
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
                () = mine.woken() => {}
                () = tokio::time::sleep(self.log.poll) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Handles due retries and new events. `true` if more may be ready immediately.
    async fn step(
        &self,
        lease: &mut Lease,
        declared: &mut bool,
        stop: &CancellationToken,
    ) -> Result<bool, BusError> {
        let Group { name, types, .. } = self.handler.group;
        if !*declared {
            // Whoever holds the group: from here on it leaves what it does not know to this version.
            self.log.declare(name, types).await?;
            *declared = true;
        }
        let Some(mut cursor) = lease.hold().await? else {
            return Ok(false);
        };
        let due = self.failed_deliveries.due(types).await?;
        let more_due = due.len() as i64 == failed_deliveries::BATCH;
        for due in due {
            if stop.is_cancelled() || lease.hold().await?.is_none() {
                return Ok(false);
            }
            match self
                .handler
                .deliver(&due.entry.event_id, &due.entry.event(), stop)
                .await?
            {
                Delivered::Done => self.failed_deliveries.forget(&due.entry.event_id).await?,
                Delivered::Failed(failed) => {
                    let attempts = due.attempts + failed.attempts;
                    let failed = FailedDelivery { attempts, ..failed };
                    // The cursor stays; the receipt proves that this instance still holds the group.
                    let receipt = lease.proof(cursor);
                    if !self
                        .schedule_retry(&due.entry, due.attempts, failed, receipt)
                        .await?
                    {
                        lease.lost();
                        return Ok(false);
                    }
                }
            }
        }
        let (reach, last) = self.log.standing(name, types).await?;
        let Some(Stretch {
            types,
            from,
            to,
            joins,
        }) = Stretch::next(&reach, last)
        else {
            return Ok(more_due);
        };
        let entries = self.log.between(from, to, &types, BATCH).await?;
        let full = entries.len() as i64 == BATCH;
        let (mut handled, mut receipted, mut all) = (from, from, true);
        for entry in entries {
            if stop.is_cancelled() || lease.hold().await?.is_none() {
                all = false;
                break;
            }
            match self
                .handler
                .deliver(&entry.event_id, &entry.event(), stop)
                .await?
            {
                Delivered::Done => handled = entry.position,
                Delivered::Failed(failed) => {
                    let receipt = lease.receipt(cursor, entry.position, &types);
                    if !self.schedule_retry(&entry, 0, failed, receipt).await? {
                        lease.lost();
                        return Ok(false);
                    }
                    (handled, receipted) = (entry.position, entry.position);
                    cursor = cursor.max(handled);
                    lease.moved(handled);
                }
            }
        }
        if joins && all && !full {
            handled = to;
        }
        // The receipt comes after the effects; a crash in between delivers again, and the inbox detects it.
        if handled > receipted {
            let receipt = lease.receipt(cursor, handled, &types);
            let write = self
                .log
                .db
                .write(move |tx| async move { receipt.apply(&tx).await });
            if !write.await? {
                lease.lost();
                return Ok(false);
            }
            lease.moved(handled);
        }
        Ok(more_due || full || joins)
    }

    /// Schedules the next attempt, or parks. `before` counts the attempts of earlier rounds, `failed` all of them.
    async fn schedule_retry(
        &self,
        entry: &Entry,
        before: i64,
        failed: FailedDelivery,
        receipt: Receipt,
    ) -> Result<bool, BusError> {
        let next = self.handler.next_attempt(before, &failed);
        let recorded = self
            .failed_deliveries
            .record(entry, &failed, next, receipt)
            .await?;
        if recorded && next.is_none() {
            self.handler.tell_parked(&entry.event_id, &failed.error);
        }
        Ok(recorded)
    }
}

/// What a group reads next: the types that are behind, up to where the others are, so that all go on together.
struct Stretch<'a> {
    types: Vec<&'a str>,
    from: i64,
    to: i64,
    /// Others are ahead, at `to`.
    joins: bool,
}

impl<'a> Stretch<'a> {
    fn next(reach: &'a [(String, i64)], last: i64) -> Option<Self> {
        let from = reach.iter().map(|(_, position)| *position).min()?;
        let ahead = reach
            .iter()
            .map(|(_, position)| *position)
            .filter(|at| *at > from);
        let ahead = ahead.min().filter(|at| *at <= last);
        let behind = reach.iter().filter(|(_, position)| *position == from);
        Some(Self {
            types: behind.map(|(name, _)| name.as_str()).collect(),
            from,
            to: ahead.unwrap_or(last),
            joins: ahead.is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_are_behind_catch_up_and_all_go_on_together() {
        let next = |a, b, c| {
            let reach = [("a", a), ("b", b), ("c", c)].map(|(name, at)| (name.to_owned(), at));
            let Stretch {
                types,
                from,
                to,
                joins,
            } = Stretch::next(&reach, 9).unwrap();
            (types.concat(), from, to, joins)
        };
        assert_eq!(next(2, 5, 7), ("a".to_owned(), 2, 5, true));
        assert_eq!(next(5, 5, 7), ("ab".to_owned(), 5, 7, true));
        assert_eq!(next(7, 7, 7), ("abc".to_owned(), 7, 9, false));
        assert_eq!(next(9, 9, 9), ("abc".to_owned(), 9, 9, false));
        assert!(Stretch::next(&[], 9).is_none());
    }
}
