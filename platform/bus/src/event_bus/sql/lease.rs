//! The ownership of a group: one instance holds it for a while, and its cursor moves only while held.

use latchkey_db::{Row, Tx, sql, sql_list};

use crate::BusError;
use crate::sql_log::SqlLog;

/// How long a group stays with an instance that no longer renews it.
const LEASE_MS: i64 = 5_000;
/// A lease that ends later than this was written by a clock far ahead and counts as free: it would last until real time
/// catches up. Clocks that are kept right differ by less than a minute.
const LONGEST_HOLD_MS: i64 = LEASE_MS + 60_000;

/// An instance's lease on a group, or its attempt to get one.
pub(super) struct Lease {
    log: SqlLog,
    group: &'static str,
    /// The name of this instance as the holder.
    me: String,
    held: Option<Held>,
}

struct Held {
    cursor: i64,
    until: i64,
}

/// States that everything of these types up to `to` was handled, or is recorded as failed.
pub(super) struct Receipt {
    group: &'static str,
    holder: String,
    types: Vec<String>,
    from: i64,
    to: i64,
}

impl Lease {
    pub fn new(log: SqlLog, group: &'static str, me: String) -> Self {
        Self {
            me,
            log,
            group,
            held: None,
        }
    }

    /// The cursor while this instance holds the group, `None` while another one does. Takes the group if it is free and
    /// renews the lease in time; otherwise it writes nothing, because each commit wakes every user of the log.
    pub async fn hold(&mut self) -> Result<Option<i64>, BusError> {
        let now = self.log.clock.now_ms();
        let ask = match &self.held {
            Some(held) if held.until - now > LEASE_MS / 2 => return Ok(Some(held.cursor)),
            Some(_) => true,
            None => self.is_free(now).await?,
        };
        self.held = if ask { self.ask(now).await? } else { None };
        Ok(self.held.as_ref().map(|held| held.cursor))
    }

    /// A receipt of ours has moved the cursor.
    pub fn moved(&mut self, to: i64) {
        if let Some(held) = &mut self.held {
            held.cursor = held.cursor.max(to);
        }
    }

    /// A receipt of ours was rejected.
    pub fn lost(&mut self) {
        tracing::info!(
            group = self.group,
            "another instance took over the consumer group"
        );
        self.held = None;
    }

    /// The receipt for `types` up to `to`, given by who holds the group at `from`.
    pub fn receipt(&self, from: i64, to: i64, types: &[&str]) -> Receipt {
        Receipt {
            group: self.group,
            holder: self.me.clone(),
            types: types.iter().map(|name| (*name).to_owned()).collect(),
            from,
            to,
        }
    }

    /// Proves that this instance still holds the group, and moves nothing.
    pub fn proof(&self, at: i64) -> Receipt {
        self.receipt(at, at, &[])
    }

    /// Lets another instance continue at once.
    pub async fn release(self) {
        let (group, me) = (self.group, self.me);
        let released = self
            .log
            .db
            .write(move |tx| async move {
                sql("UPDATE bus_group SET holder = NULL WHERE name = $1 AND holder = $2")
                    .bind(group)
                    .bind(me)
                    .execute(&tx)
                    .await?;
                tx.announce();
                Ok::<_, BusError>(())
            })
            .await;
        if let Err(error) = released {
            tracing::debug!(error = %error, group, "the lease could not be released and expires by itself");
        }
    }

    async fn is_free(&self, now: i64) -> Result<bool, BusError> {
        let held = sql("SELECT name FROM bus_group \
                        WHERE name = $1 AND holder <> $2 AND held_until >= $3 AND held_until <= $4")
        .bind(self.group)
        .bind(&self.me)
        .bind(now)
        .bind(now + LONGEST_HOLD_MS)
        .fetch_optional(&self.log.db)
        .await?;
        Ok(held.is_none())
    }

    async fn ask(&self, now: i64) -> Result<Option<Held>, BusError> {
        let (group, me, until) = (self.group, self.me.clone(), now + LEASE_MS);
        self.log
            .db
            .write(move |tx| async move {
                sql("INSERT INTO bus_group (name, position) VALUES ($1, 0) ON CONFLICT (name) DO NOTHING")
                    .bind(group)
                    .execute(&tx)
                    .await?;
                let row = sql("UPDATE bus_group SET holder = $2, held_until = $3 \
                               WHERE name = $1 AND \
                                 (holder IS NULL OR holder = $2 OR held_until < $4 OR held_until > $5) \
                               RETURNING position")
                .bind(group)
                .bind(me)
                .bind(until)
                .bind(now)
                .bind(now + LONGEST_HOLD_MS)
                .fetch_optional(&tx)
                .await?;
                let held = |row: Row| {
                    Ok::<_, BusError>(Held {
                        cursor: row.int("position")?,
                        until,
                    })
                };
                row.map(held).transpose()
            })
            .await
    }
}

impl Receipt {
    /// Moves the cursors of group and types, never back; `false` if the group has moved to another instance.
    pub async fn apply(self, tx: &Tx) -> Result<bool, BusError> {
        let rows =
            sql("UPDATE bus_group SET position = $4 WHERE name = $1 AND holder = $2 AND position = $3")
                .bind(self.group)
                .bind(self.holder)
                .bind(self.from)
                .bind(self.to.max(self.from))
                .execute(tx)
                .await?;
        if rows == 1 && !self.types.is_empty() {
            sql_list(
                "UPDATE bus_group_type SET position = $2 WHERE name = $1 AND position < $2 AND type IN ({list})",
            )
            .bind(self.group)
            .bind(self.to)
            .bind_list(&self.types)
            .execute(tx)
            .await?;
        }
        Ok(rows == 1)
    }
}

#[cfg(test)]
mod tests {
    use latchkey_clock::{Clock, Random};
    use latchkey_db::testing;
    use tokio_util::sync::CancellationToken;

    use super::*;

    async fn on_each_engine(name: &str, test: impl AsyncFn(SqlLog, Clock)) {
        for (engine, url) in testing::urls(name).await {
            println!("on {engine:?}");
            let clock = Clock::manual(1_000);
            let log = SqlLog::open(&url, clock.clone(), Random::system(), CancellationToken::new());
            test(log.await.unwrap(), clock).await;
        }
    }

    fn lease(log: &SqlLog, me: &str) -> Lease {
        Lease::new(log.clone(), "till", me.to_owned())
    }

    async fn held_until(log: &SqlLog) -> i64 {
        let row = sql("SELECT held_until FROM bus_group")
            .fetch_one(&log.db)
            .await
            .unwrap();
        row.int("held_until").unwrap()
    }

    #[tokio::test]
    async fn a_holder_writes_only_when_half_of_its_time_is_over() {
        on_each_engine("lease_writes", async |log, clock| {
            let mut lease = lease(&log, "one");
            assert_eq!(lease.hold().await.unwrap(), Some(0));
            for (at, until) in [(1_000, 6_000), (3_499, 6_000), (3_500, 8_500), (5_999, 8_500)] {
                clock.advance(at - clock.now_ms());
                assert_eq!(lease.hold().await.unwrap(), Some(0));
                assert_eq!(held_until(&log).await, until, "at {at}");
            }
        })
        .await;
    }

    #[tokio::test]
    async fn an_expired_lease_changes_hands_and_old_receipts_are_refused() {
        on_each_engine("lease_hands", async |log, clock| {
            let (mut old, mut new) = (lease(&log, "one"), lease(&log, "two"));
            assert_eq!(old.hold().await.unwrap(), Some(0));
            assert_eq!(new.hold().await.unwrap(), None);
            clock.advance(LEASE_MS);
            assert_eq!(new.hold().await.unwrap(), None);
            clock.advance(1);
            assert_eq!(new.hold().await.unwrap(), Some(0));
            let receipt = old.receipt(0, 7, &[]);
            let taken = log.db.write(async move |tx| receipt.apply(&tx).await).await;
            assert!(!taken.unwrap());
            assert_eq!(old.hold().await.unwrap(), None);
            let receipt = new.receipt(0, 7, &[]);
            let taken = log.db.write(async move |tx| receipt.apply(&tx).await).await;
            assert!(taken.unwrap());
            new.release().await;
            assert_eq!(old.hold().await.unwrap(), Some(7));
        })
        .await;
    }

    /// Its holder died before its clock was corrected.
    #[tokio::test]
    async fn a_group_that_was_held_by_a_clock_far_ahead_is_free() {
        on_each_engine("lease_ahead", async |log, clock| {
            let (mut ahead, mut new) = (lease(&log, "one"), lease(&log, "two"));
            let day_ms = 24 * 3_600_000;
            clock.advance(3 * day_ms);
            assert_eq!(ahead.hold().await.unwrap(), Some(0));
            clock.advance(-60_000);
            assert_eq!(new.hold().await.unwrap(), None, "clocks differ a little");
            clock.advance(60_000 - 3 * day_ms);
            assert_eq!(new.hold().await.unwrap(), Some(0));
        })
        .await;
    }

    #[tokio::test]
    async fn of_many_who_ask_at_once_one_gets_the_group() {
        on_each_engine("lease_race", async |log, _| {
            let asking = (0..20).map(async |n| lease(&log, &n.to_string()).hold().await.unwrap());
            let held = futures::future::join_all(asking).await;
            assert_eq!(held.iter().flatten().count(), 1);
        })
        .await;
    }
}
