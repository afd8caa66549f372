//! The foundation of both channels in a SQL database: one table of events whose positions are in the order of their
//! commits.
//!
//! Each channel has its own database, or both share one and with it the table. Each reads only its own types.

use std::collections::HashSet;
use std::time::Duration;

use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Migration, Migrations, Options, Row, sql, sql_list};
use tokio_util::sync::CancellationToken;

use crate::parcel::Parcel;
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
        Migration {
            version: 3,
            name: "types of groups",
            sqlite: include_str!("../migrations/0003_group_types.sql"),
            postgres: include_str!("../migrations/0003_group_types.sql"),
        },
    ],
};

/// The fallback if no change notification arrives.
const POLL: Duration = Duration::from_secs(1);

/// How long an event can be replayed.
const KEPT_MS: i64 = 30 * 24 * 3_600_000;

/// The log in a SQL database. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct SqlLog {
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) poll: Duration,
}

/// An event and its position. The envelope stays text until it is needed: an unreadable one must not stop the reader.
pub(crate) struct Entry {
    pub position: i64,
    pub event_id: String,
    pub r#type: String,
    pub envelope: String,
}

impl Entry {
    /// The parsed event, if the envelope is valid and agrees with the row.
    pub(crate) fn event(&self) -> Result<Event, BusError> {
        let event = Event::parse(&self.envelope)?;
        // A replay has a row of its own, which begins with the id.
        let id = self.event_id.split('#').next();
        if id != Some(event.id.as_str()) || event.r#type != self.r#type {
            return Err(BusError::Invalid(
                "the id or type in the envelope differs from that in the log".to_owned(),
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
    /// Opens and migrates the log, and removes what is too old. `fatal` is cancelled when its durability can no longer
    /// be guaranteed.
    pub(crate) async fn open(
        url: &str,
        clock: Clock,
        random: Random,
        fatal: CancellationToken,
    ) -> Result<Self, BusError> {
        let log = Self::migrated(url, clock, random, fatal).await?;
        log.prune(log.clock.now_ms()).await?;
        Ok(log)
    }

    /// Opens and migrates the log.
    pub(crate) async fn migrated(
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
        Ok(Self {
            db,
            clock,
            random,
            poll: POLL,
        })
    }

    /// Enters the types of a group. The first ones begin where the group is, which is the beginning of the log unless it
    /// is older than this record of its types; one that is added later begins now. What is entered already stays.
    pub(crate) async fn declare(
        &self,
        group: &'static str,
        types: &'static [&'static str],
    ) -> Result<(), BusError> {
        let known = self.reach(group, types).await?;
        if known.len() == types.len() {
            // Each commit wakes every user of the log.
            return Ok(());
        }
        self.db
            .write(move |tx| async move {
                sql("INSERT INTO bus_group (name, position) VALUES ($1, 0) ON CONFLICT (name) DO NOTHING")
                    .bind(group)
                    .execute(&tx)
                    .await?;
                // The lock on this row keeps two nodes from both being the first.
                let at = sql("UPDATE bus_group SET position = position WHERE name = $1 RETURNING position")
                    .bind(group)
                    .fetch_one(&tx)
                    .await?
                    .int("position")?;
                let entered = sql("SELECT type FROM bus_group_type WHERE name = $1 LIMIT 1")
                    .bind(group)
                    .fetch_optional(&tx)
                    .await?;
                let begin = match entered {
                    None => at,
                    Some(_) => {
                        let row = sql("SELECT position FROM bus_state WHERE id = 1");
                        row.fetch_one(&tx).await?.int("position")?
                    }
                };
                for r#type in types {
                    sql(
                        "INSERT INTO bus_group_type (name, type, position) VALUES ($1, $2, $3) \
                         ON CONFLICT (name, type) DO NOTHING",
                    )
                    .bind(group)
                    .bind(*r#type)
                    .bind(begin)
                    .execute(&tx)
                    .await?;
                }
                Ok::<_, BusError>(())
            })
            .await
    }

    /// The position up to which `group` has handled each of these types, if they are entered.
    pub(crate) async fn reach(&self, group: &str, types: &[&str]) -> Result<Vec<(String, i64)>, BusError> {
        sql_list("SELECT type, position FROM bus_group_type WHERE name = $1 AND type IN ({list})")
            .bind(group)
            .bind_list(types)
            .fetch_all(&self.db)
            .await?
            .iter()
            .map(|row| Ok((row.text("type")?, row.int("position")?)))
            .collect()
    }

    /// The same, and the highest position of the log at that moment.
    pub(crate) async fn standing(
        &self,
        group: &str,
        types: &[&str],
    ) -> Result<(Vec<(String, i64)>, i64), BusError> {
        let rows = sql_list(
            "SELECT t.type, t.position, s.position AS last FROM bus_group_type t JOIN bus_state s ON s.id = 1 \
             WHERE t.name = $1 AND t.type IN ({list})",
        )
        .bind(group)
        .bind_list(types)
        .fetch_all(&self.db)
        .await?;
        let (mut reach, mut last) = (Vec::with_capacity(rows.len()), 0);
        for row in rows {
            reach.push((row.text("type")?, row.int("position")?));
            last = row.int("last")?;
        }
        Ok((reach, last))
    }

    /// Deletes events that are too old to be replayed and that no group still has to handle. A group whose types are
    /// not entered yet has all of them to handle.
    pub(crate) async fn prune(&self, now: i64) -> Result<(), BusError> {
        let limit = now - KEPT_MS;
        self.db
            .write(move |tx| async move {
                sql("DELETE FROM bus_log WHERE appended_at < $1 AND NOT EXISTS \
                       (SELECT 1 FROM bus_group_type t WHERE t.type = bus_log.type AND t.position < bus_log.position) \
                     AND NOT EXISTS (SELECT 1 FROM bus_group g WHERE g.position < bus_log.position AND NOT EXISTS \
                       (SELECT 1 FROM bus_group_type t WHERE t.name = g.name))")
                .bind(limit)
                .execute(&tx)
                .await?;
                Ok::<_, BusError>(())
            })
            .await?;
        let held = sql("SELECT g.name, COUNT(*) AS n FROM bus_log l JOIN bus_group g \
                        ON EXISTS (SELECT 1 FROM bus_group_type t WHERE t.name = g.name AND t.type = l.type \
                          AND t.position < l.position) \
                        WHERE l.appended_at < $1 GROUP BY g.name ORDER BY g.name")
        .bind(limit)
        .fetch_all(&self.db)
        .await?;
        for row in held {
            // It is far behind, or was given up and its rows were left.
            let (group, events) = (row.text("name")?, row.int("n")?);
            tracing::warn!(
                group,
                events,
                "old events wait for a group that does not handle them"
            );
        }
        Ok(())
    }

    /// The highest position.
    pub(crate) async fn position(&self) -> Result<i64, BusError> {
        let row = sql("SELECT position FROM bus_state WHERE id = 1")
            .fetch_one(&self.db)
            .await?;
        Ok(row.int("position")?)
    }

    /// Appends new events at consecutive positions, and returns when they are durable. An event that is already there
    /// is skipped, so publishing twice is harmless.
    pub(crate) async fn append(&self, batch: Vec<Parcel>) -> Result<(), BusError> {
        let now = self.clock.now_ms();
        self.db
            .write(move |tx| async move {
                // The lock on this row is held until the commit: whoever reads a position can see all events below it.
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

    /// Up to `limit` events of these types after `position` and up to `to`, in order.
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
}
