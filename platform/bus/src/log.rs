//! The SQL log: one table of events whose positions are in the order of their commits.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Migration, Migrations, Options, Row, sql, sql_list};
use tokio_util::sync::CancellationToken;

use crate::relay::Parcel;
use crate::{BusError, Event};

/// The tables of the log.
pub const MIGRATIONS: Migrations = Migrations {
    set: "bus_log",
    steps: &[
        Migration {
            version: 1,
            name: "log",
            sqlite: include_str!("../migrations/0001_log.sql"),
            postgres: include_str!("../migrations/0001_log.sql"),
        },
        Migration {
            version: 2,
            name: "beat",
            sqlite: include_str!("../migrations/0002_beat.sql"),
            postgres: include_str!("../migrations/0002_beat.sql"),
        },
    ],
};

/// The backstop when no word of a change comes.
const POLL: Duration = Duration::from_secs(1);

/// How long an event can be replayed.
const KEPT_MS: i64 = 30 * 24 * 3_600_000;

/// The log in a SQL database. Cloning is cheap.
#[derive(Clone)]
pub struct SqlLog {
    db: Db,
    pub(crate) clock: Clock,
    pub(crate) poll: Duration,
    random: Random,
    /// Tells this process from others.
    instance: String,
    /// Tells the consumers of this process from each other.
    consumers: Arc<AtomicU64>,
}

/// Where the log stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// The highest position.
    pub position: i64,
    /// Changes when the log is made anew or restored: positions of another epoch mean nothing.
    pub epoch: String,
}

/// An event and where it stands. The envelope is text until it is needed: a poison one must not stop the reader.
pub(crate) struct Entry {
    pub position: i64,
    pub event_id: String,
    pub r#type: String,
    pub envelope: String,
}

impl Entry {
    /// The event, if the envelope is one and says what the log says of it.
    pub(crate) fn event(&self) -> Result<Event, BusError> {
        let event = Event::parse(&self.envelope)?;
        if event.id != self.event_id || event.r#type != self.r#type {
            return Err(BusError::Invalid(
                "the envelope says another id or type than the log".to_owned(),
            ));
        }
        Ok(event)
    }

    fn from_row(row: &Row) -> Result<Self, BusError> {
        Ok(Self {
            position: row.int("position")?,
            event_id: row.text("event_id")?,
            r#type: row.text("type")?,
            envelope: row.text("envelope")?,
        })
    }
}

impl SqlLog {
    pub(crate) async fn open(
        url: &str,
        clock: Clock,
        random: Random,
        fatal: CancellationToken,
    ) -> Result<Self, BusError> {
        let db = Db::open(url, Options::new(&[MIGRATIONS]).fatal(fatal)).await?;
        let now = clock.now_ms();
        let epoch = random.uuid_v7(now);
        db.write(move |tx| async move {
            sql("INSERT INTO bus_state (id, position, epoch) VALUES (1, 0, $1) ON CONFLICT (id) DO NOTHING")
                .bind(epoch)
                .execute(&tx)
                .await
                .map_err(BusError::from)
        })
        .await?;
        let log = Self {
            db,
            clock,
            poll: POLL,
            instance: random.uuid_v7(now),
            random,
            consumers: Arc::default(),
        };
        log.prune(now).await?;
        Ok(log)
    }

    /// From here on positions are of another log: every listener takes a snapshot.
    pub(crate) async fn begin_epoch(&self) -> Result<(), BusError> {
        let epoch = self.random.uuid_v7(self.clock.now_ms());
        self.db
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

    pub(crate) async fn prune(&self, now: i64) -> Result<(), BusError> {
        self.db
            .write(move |tx| async move {
                sql("DELETE FROM bus_log WHERE appended_at < $1")
                    .bind(now - KEPT_MS)
                    .execute(&tx)
                    .await?;
                Ok::<_, BusError>(())
            })
            .await
    }

    /// A name that no other consumer has, here or elsewhere.
    pub(crate) fn consumer(&self) -> String {
        format!(
            "{}/{}",
            self.instance,
            self.consumers.fetch_add(1, Ordering::Relaxed)
        )
    }

    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    pub(crate) async fn state(&self) -> Result<State, BusError> {
        Ok(self.state_and_beat("").await?.0)
    }

    /// Where the log stands, and the beat of a source: what was committed there before this beat is in the log.
    pub(crate) async fn state_and_beat(&self, source: &str) -> Result<(State, Option<i64>), BusError> {
        let row = sql(
            "SELECT position, epoch, (SELECT beat FROM bus_beat WHERE source = $1) AS beat \
             FROM bus_state WHERE id = 1",
        )
        .bind(source)
        .fetch_one(&self.db)
        .await?;
        let state = State {
            position: row.int("position")?,
            epoch: row.text("epoch")?,
        };
        Ok((state, row.opt_int("beat")?))
    }

    /// Says that all that `source` has committed is in the log. Nobody is woken for it.
    pub(crate) async fn beat(&self, source: &'static str) -> Result<(), BusError> {
        self.db
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

    /// Appends what is not there yet, at consecutive positions.
    pub(crate) async fn append(&self, batch: Vec<Parcel>) -> Result<(), BusError> {
        let now = self.clock.now_ms();
        self.db
            .write(move |tx| async move {
                // The lock on this row is held until the commit: whoever reads a position has seen all below it.
                let mut position =
                    sql("UPDATE bus_state SET position = position WHERE id = 1 RETURNING position")
                        .fetch_one(&tx)
                        .await?
                        .int("position")?;
                let ids: Vec<&str> = batch.iter().map(|parcel| parcel.id.as_str()).collect();
                let mut known = HashSet::new();
                for row in sql_list("SELECT event_id FROM bus_log WHERE event_id IN ({list})")
                    .bind_list(&ids)
                    .fetch_all(&tx)
                    .await?
                {
                    known.insert(row.text("event_id")?);
                }
                for parcel in &batch {
                    if !known.insert(parcel.id.clone()) {
                        continue;
                    }
                    position += 1;
                    sql("INSERT INTO bus_log (position, event_id, type, partition_key, envelope, appended_at) \
                         VALUES ($1, $2, $3, $4, $5, $6)")
                    .bind(position)
                    .bind(&parcel.id)
                    .bind(&parcel.r#type)
                    .bind(&parcel.partition_key)
                    .bind(&parcel.envelope)
                    .bind(now)
                    .execute(&tx)
                    .await?;
                }
                sql("UPDATE bus_state SET position = $1 WHERE id = 1").bind(position).execute(&tx).await?;
                tx.announce();
                Ok::<_, BusError>(())
            })
            .await
    }

    /// Up to `limit` events of these types beyond `position` and not beyond `to`, in order.
    pub(crate) async fn between(
        &self,
        position: i64,
        to: i64,
        types: &[&str],
        limit: i64,
    ) -> Result<Vec<Entry>, BusError> {
        sql_list(
            "SELECT position, event_id, type, envelope FROM bus_log \
             WHERE position > $1 AND position <= $2 AND type IN ({list}) ORDER BY position LIMIT $3",
        )
        .bind(position)
        .bind(to)
        .bind(limit)
        .bind_list(types)
        .fetch_all(&self.db)
        .await?
        .iter()
        .map(Entry::from_row)
        .collect()
    }

    /// The position before the first event that was appended at or after `since` (Unix milliseconds).
    pub(crate) async fn position_before(&self, since: i64) -> Result<Option<i64>, BusError> {
        let row = sql("SELECT MIN(position) AS first FROM bus_log WHERE appended_at >= $1")
            .bind(since)
            .fetch_one(&self.db)
            .await?;
        Ok(row.opt_int("first")?.map(|first| first - 1))
    }
}
