//! The revocation log in a SQL database: its events, an epoch, and the heartbeats of its sources.

use std::time::Duration;

use latchkey_clock::{Clock, Random};
use latchkey_db::{reasons, sql};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::subscription::{Delivery, Subscription};
use crate::BusError;
use crate::outage::Outage;
use crate::sql_log::SqlLog;

/// The number of events read at once.
const CHUNK: i64 = 512;
/// The number of polls without a heartbeat after which a source counts as failing: three of its heartbeats.
const SILENT_POLLS: u32 = 10;

/// The back end. Cloning is cheap.
#[derive(Clone)]
pub struct SqlRevocationLog {
    pub(super) table: SqlLog,
}

/// The state of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    /// The highest position.
    position: i64,
    /// Changes when the log is recreated or restored: positions of another epoch mean nothing.
    epoch: String,
}

impl SqlRevocationLog {
    pub(super) async fn open(
        url: &str,
        clock: Clock,
        random: Random,
        fatal: CancellationToken,
    ) -> Result<Self, BusError> {
        let table = SqlLog::open(url, clock, random, fatal).await?;
        Ok(Self { table })
    }

    /// It does not wake anybody.
    pub(super) async fn heartbeat(&self, source: &'static str) -> Result<(), BusError> {
        self.table
            .db
            .write(move |tx| async move {
                sql("INSERT INTO bus_beat (source, beat) VALUES ($1, 1) \
                     ON CONFLICT (source) DO UPDATE SET beat = bus_beat.beat + 1")
                .bind(source)
                .execute(&tx)
                .await?;
                Ok::<_, BusError>(())
            })
            .await
    }

    pub(super) fn subscribe(
        &self,
        source: &'static str,
        types: &'static [&'static str],
        since: i64,
        stop: CancellationToken,
    ) -> Subscription {
        let (tell, deliveries) = mpsc::channel(1024);
        let log = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = follow(log, source, types, since, &tell) => {}
                () = stop.cancelled() => {}
            }
        });
        Subscription { deliveries }
    }

    pub(super) async fn begin_epoch(&self) -> Result<(), BusError> {
        let epoch = self.table.random.uuid_v7(self.table.clock.now_ms());
        self.table
            .db
            .write(move |tx| async move {
                sql("UPDATE bus_state SET epoch = $1 WHERE id = 1")
                    .bind(epoch)
                    .execute(&tx)
                    .await?;
                tx.announce();
                Ok::<_, BusError>(())
            })
            .await
    }

    pub(super) fn with_poll(mut self, every: Duration) -> Self {
        self.table.poll = every;
        self
    }

    pub(super) fn poll(&self) -> Duration {
        self.table.poll
    }

    pub(super) async fn close(&self) {
        self.table.db.close().await;
    }

    /// The state of the log, and the heartbeat of a source: everything that it committed before is in the log.
    async fn state(&self, source: &str) -> Result<(State, Option<i64>), BusError> {
        let row = sql(
            "SELECT position, epoch, (SELECT beat FROM bus_beat WHERE source = $1) AS beat \
             FROM bus_state WHERE id = 1",
        )
        .bind(source)
        .fetch_one(&self.table.db)
        .await?;
        let state = State {
            position: row.int("position")?,
            epoch: row.text("epoch")?,
        };
        Ok((state, row.opt_int("beat")?))
    }

    /// The position before the first event appended at or after `since` (Unix milliseconds).
    async fn position_before(&self, since: i64) -> Result<Option<i64>, BusError> {
        let row = sql("SELECT MIN(position) AS first FROM bus_log WHERE appended_at >= $1")
            .bind(since)
            .fetch_one(&self.table.db)
            .await?;
        Ok(row.opt_int("first")?.map(|first| first - 1))
    }
}

/// Ends when the subscriber is gone.
async fn follow(
    log: SqlRevocationLog,
    source: &str,
    types: &[&str],
    since: i64,
    tell: &mpsc::Sender<Delivery>,
) {
    let mut changes = log.table.db.changes();
    let mut at: Option<State> = None;
    let mut monitor = HeartbeatMonitor::new(Instant::now());
    let mut outage = Outage::default();
    loop {
        let told = async {
            let (now, heartbeat) = log.state(source).await?;
            let is_live = monitor.is_alive(heartbeat, Instant::now(), log.poll() * SILENT_POLLS);
            step(&log, now, is_live, types, since, &mut at, tell).await
        };
        match told.await {
            Ok(true) => {
                if outage.worked().is_some() {
                    tracing::info!("a subscriber can read the revocation log again");
                }
            }
            Ok(false) => return,
            // No `Live` is delivered: the subscriber sees the age of its feed grow.
            Err(error) => {
                if outage.failed() {
                    tracing::warn!(
                        reason = reasons(&error),
                        "a subscriber cannot read the revocation log"
                    );
                }
            }
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(log.poll()) => {}
            () = tell.closed() => return,
        }
    }
}

/// Delivers everything new. `false` if the subscriber is gone.
///
/// `at` moves with every delivery, so that after a failure of the log it continues where it stopped.
///
/// `now` was read before the events: everything up to it is committed and visible. There is no `Live` unless the source
/// `is_live`.
async fn step(
    log: &SqlRevocationLog,
    now: State,
    is_live: bool,
    types: &[&str],
    since: i64,
    at: &mut Option<State>,
    tell: &mpsc::Sender<Delivery>,
) -> Result<bool, BusError> {
    if let Some(then) = &at
        && (then.epoch != now.epoch || then.position > now.position)
    {
        if tell.send(Delivery::Reset).await.is_err() {
            return Ok(false);
        }
        *at = None;
    }
    let told = match at {
        Some(told) => told,
        None => at.insert(State {
            position: log
                .position_before(since)
                .await?
                .unwrap_or(now.position)
                .min(now.position),
            epoch: now.epoch,
        }),
    };
    while told.position < now.position {
        let entries = log
            .table
            .between(told.position, now.position, types, CHUNK)
            .await?;
        let last = (entries.len() as i64) < CHUNK;
        for entry in entries {
            match entry.event() {
                Ok(event) => {
                    let event = Delivery::Event {
                        position: entry.position,
                        event: Box::new(event),
                    };
                    if tell.send(event).await.is_err() {
                        return Ok(false);
                    }
                }
                // It was checked when it was published; somebody has written into the log by hand.
                Err(error) => {
                    tracing::error!(error = %error, event.id = entry.event_id, "an event of the revocation log cannot be parsed")
                }
            }
            told.position = entry.position;
        }
        if last {
            told.position = now.position;
        }
    }
    if !is_live {
        return Ok(!tell.is_closed());
    }
    let live = Delivery::Live {
        position: told.position,
        epoch: told.epoch.clone(),
    };
    Ok(tell.send(live).await.is_ok())
}

/// Whether a source is alive: its heartbeat, and when it was last seen to change. Only the clock of this process
/// counts.
struct HeartbeatMonitor {
    heartbeat: Option<i64>,
    moved: Instant,
    silent: bool,
}

impl HeartbeatMonitor {
    /// A new subscriber first assumes that the source is alive.
    fn new(now: Instant) -> Self {
        Self {
            heartbeat: None,
            moved: now,
            silent: false,
        }
    }

    /// False if the last heartbeat is longer ago than `patience`; never for a source that has none.
    fn is_alive(&mut self, heartbeat: Option<i64>, now: Instant, patience: Duration) -> bool {
        if self.heartbeat != heartbeat {
            (self.heartbeat, self.moved) = (heartbeat, now);
        }
        let silent = heartbeat.is_some() && now.duration_since(self.moved) > patience;
        if silent != self.silent {
            self.silent = silent;
            if silent {
                tracing::warn!("a source of the revocation log has stopped sending heartbeats");
            } else {
                tracing::info!("a source of the revocation log sends heartbeats again");
            }
        }
        !silent
    }
}

#[cfg(test)]
mod tests {
    use latchkey_db::{Db, Options, testing};

    use super::*;
    use crate::parcel::Parcel;

    const TYPES: &[&str] = &["shop.order.placed.v1"];

    async fn publish(log: &SqlRevocationLog, ids: std::ops::RangeInclusive<u32>) {
        let parcel = |id: u32| Parcel {
            id: id.to_string(),
            r#type: TYPES[0].to_owned(),
            partition_key: "key".to_owned(),
            envelope: format!(
                r#"{{"specversion":"1.0","id":"{id}","source":"/shop","type":"{}","subject":"key","time":"",
                "datacontenttype":"application/json","sequence":"{id}","partitionkey":"key","data":null}}"#,
                TYPES[0]
            ),
        };
        log.table.append(ids.map(parcel).collect()).await.unwrap();
    }

    /// The deliveries as positions, with zero for a `Live`.
    fn told(deliveries: &mut mpsc::Receiver<Delivery>) -> Vec<i64> {
        let mut told = Vec::new();
        while let Ok(delivery) = deliveries.try_recv() {
            told.push(match delivery {
                Delivery::Event { position, .. } => position,
                Delivery::Live { .. } => 0,
                Delivery::Reset => -1,
            });
        }
        told
    }

    #[test]
    fn a_source_is_silent_when_its_beat_stands_still_and_not_before() {
        let patience = Duration::from_secs(10);
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut monitor = HeartbeatMonitor::new(begun);
        // No source has ever sent a heartbeat here.
        assert!(monitor.is_alive(None, at(100), patience));
        for (heartbeat, second, is_live) in [
            (7, 101, true),
            (7, 111, true),
            (7, 112, false),
            (8, 113, true),
            (8, 123, true),
            (8, 124, false),
            // A log that was recreated starts with its own heartbeat.
            (1, 125, true),
        ] {
            assert_eq!(
                monitor.is_alive(Some(heartbeat), at(second), patience),
                is_live,
                "{heartbeat} at {second}"
            );
        }
    }

    async fn tell_all(
        log: &SqlRevocationLog,
        at: &mut Option<State>,
        tell: &mpsc::Sender<Delivery>,
    ) -> Result<bool, BusError> {
        step(log, log.state("").await?.0, true, TYPES, 0, at, tell).await
    }

    #[tokio::test]
    async fn a_log_that_cannot_be_read_for_a_while_is_taken_up_where_it_was_left() {
        for (_, url) in testing::urls("revocation_log_step").await {
            let log = SqlRevocationLog::open(
                &url,
                Clock::manual(1_000),
                Random::system(),
                CancellationToken::new(),
            )
            .await
            .unwrap();
            let hand = Db::open(&url, Options::new(&[])).await.unwrap();
            let by_hand = async |statement: &'static str| {
                let done = hand.write(async move |tx| sql(statement).execute(&tx).await);
                done.await.unwrap();
            };
            let (tell, mut deliveries) = mpsc::channel(64);
            let mut at = None;
            publish(&log, 1..=3).await;
            assert!(tell_all(&log, &mut at, &tell).await.unwrap());
            assert_eq!(told(&mut deliveries), [1, 2, 3, 0]);

            publish(&log, 4..=5).await;
            by_hand("ALTER TABLE bus_log RENAME TO away").await;
            assert!(tell_all(&log, &mut at, &tell).await.is_err());
            by_hand("ALTER TABLE away RENAME TO bus_log").await;
            assert!(tell_all(&log, &mut at, &tell).await.unwrap());
            assert_eq!(told(&mut deliveries), [4, 5, 0]);
        }
    }

    #[tokio::test]
    async fn a_snapshot_of_several_chunks_is_whole() {
        let url = testing::sqlite_url("revocation_log_chunks");
        let log = SqlRevocationLog::open(
            &url,
            Clock::manual(1_000),
            Random::system(),
            CancellationToken::new(),
        )
        .await
        .unwrap();
        let last = 2 * CHUNK;
        publish(&log, 1..=last as u32).await;
        let (tell, mut deliveries) = mpsc::channel(last as usize + 1);
        assert!(tell_all(&log, &mut None, &tell).await.unwrap());
        let expected: Vec<i64> = (1..=last).chain([0]).collect();
        assert_eq!(told(&mut deliveries), expected);
    }
}
