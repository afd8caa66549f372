//! The SQL log: one table of events whose positions are in the order of their commits.

use std::collections::HashSet;

use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Migration, Migrations, Options, Row, sql, sql_list};
use tokio_util::sync::CancellationToken;

use crate::{BusError, Event};

const MIGRATIONS: Migrations = Migrations {
    set: "bus_log",
    steps: &[Migration {
        version: 1,
        name: "log",
        sqlite: include_str!("../migrations/0001_log.sql"),
        postgres: include_str!("../migrations/0001_log.sql"),
    }],
};

/// How long an event can be replayed.
const KEPT_MS: i64 = 30 * 24 * 3_600_000;

/// The log in a SQL database. Cloning is cheap.
#[derive(Clone)]
pub struct SqlLog {
    db: Db,
    pub(crate) clock: Clock,
    /// Tells this process from others that compete for a group.
    pub(crate) instance: String,
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
                .await?;
            sql("DELETE FROM bus_log WHERE appended_at < $1")
                .bind(now - KEPT_MS)
                .execute(&tx)
                .await?;
            Ok::<_, BusError>(())
        })
        .await?;
        let instance = random.uuid_v7(now);
        Ok(Self { db, clock, instance })
    }

    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    pub(crate) async fn state(&self) -> Result<State, BusError> {
        let row = sql("SELECT position, epoch FROM bus_state WHERE id = 1")
            .fetch_one(&self.db)
            .await?;
        Ok(State {
            position: row.int("position")?,
            epoch: row.text("epoch")?,
        })
    }

    /// Appends what is not there yet, at consecutive positions.
    pub(crate) async fn append(&self, batch: Vec<Event>) -> Result<(), BusError> {
        let now = self.clock.now_ms();
        self.db
            .write(move |tx| async move {
                // The lock on this row is held until the commit: whoever reads a position has seen all below it.
                let mut position =
                    sql("UPDATE bus_state SET position = position WHERE id = 1 RETURNING position")
                        .fetch_one(&tx)
                        .await?
                        .int("position")?;
                let ids: Vec<&str> = batch.iter().map(|event| event.id.as_str()).collect();
                let mut known = HashSet::new();
                for row in sql_list("SELECT event_id FROM bus_log WHERE event_id IN ({list})")
                    .bind_list(&ids)
                    .fetch_all(&tx)
                    .await?
                {
                    known.insert(row.text("event_id")?);
                }
                for event in &batch {
                    if !known.insert(event.id.clone()) {
                        continue;
                    }
                    position += 1;
                    sql("INSERT INTO bus_log (position, event_id, type, partition_key, envelope, appended_at) \
                         VALUES ($1, $2, $3, $4, $5, $6)")
                    .bind(position)
                    .bind(&event.id)
                    .bind(&event.r#type)
                    .bind(&event.partitionkey)
                    .bind(event.envelope()?)
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
