//! The back ends on trial, and what each can have done to it by hand.
//!
//! One that carries only one of the two interfaces has a log or a bus of another kind beside it, and stands in the suites of
//! its own interface alone.

use latchkey_bus::Event;
use latchkey_db::{Db, DbError, Options, sql, testing};

use crate::gate::{Held, gate};
use crate::shop::order_of;

/// A back end of both channels, with a database of the same kind for the business beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Backend {
    /// Logs in files.
    Sqlite,
    /// Logs on a server.
    Postgres,
}

/// Where one case takes place.
#[derive(Clone)]
pub struct Place {
    /// The database of a service: its tables, outbox and inbox.
    pub business: String,
    /// The event bus.
    pub bus: String,
    /// The revocation log.
    pub log: String,
}

impl Backend {
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// A fresh place.
    pub async fn place(self, name: &str) -> Place {
        let name: String = name.chars().take(30).collect();
        match self {
            Self::Sqlite => Place {
                business: testing::sqlite_url(&format!("{name}_shop")),
                bus: testing::sqlite_url(&format!("{name}_bus")),
                log: testing::sqlite_url(&format!("{name}_log")),
            },
            Self::Postgres => Place {
                business: testing::postgres_url(&format!("{name}_shop")).await,
                bus: testing::postgres_url(&format!("{name}_bus")).await,
                log: testing::postgres_url(&format!("{name}_log")).await,
            },
        }
    }

    /// True when two transactions of the business database can be under way at once.
    pub fn writes_in_parallel(self) -> bool {
        self == Self::Postgres
    }

    /// From now on the bus accepts no acknowledgement, until the gate is opened.
    pub async fn hold_acknowledgements(self, place: &Place) -> Held {
        match self {
            Self::Sqlite | Self::Postgres => {
                hold(&place.bus, "UPDATE bus_group SET position = position").await
            }
        }
    }

    /// Delivers everything to every group again, as a broker may.
    pub async fn deliver_again(self, place: &Place) {
        match self {
            Self::Sqlite | Self::Postgres => {
                by_hand(&place.bus, &["UPDATE bus_group SET position = 0"]).await
            }
        }
    }

    /// The orders that the bus has, in its order.
    pub async fn published(self, place: &Place) -> Vec<String> {
        match self {
            Self::Sqlite | Self::Postgres => {
                let db = Db::open(&place.bus, Options::new(&[])).await.unwrap();
                let all = sql("SELECT envelope FROM bus_log ORDER BY position");
                let all = all.fetch_all(&db).await.unwrap();
                db.close().await;
                let order = |envelope: String| order_of(&Event::parse(&envelope).unwrap());
                all.iter()
                    .map(|row| order(row.text("envelope").unwrap()))
                    .collect()
            }
        }
    }

    /// Replaces the revocation log by another one that begins anew.
    pub async fn replace(self, place: &Place) {
        let begin_anew = &[
            "DELETE FROM bus_log",
            "UPDATE bus_state SET position = 0, epoch = 'another'",
        ];
        self.by_hand(&place.log, begin_anew).await;
    }

    /// Puts the revocation log back by one event, as yesterday's copy does.
    pub async fn rewind(self, place: &Place) {
        let forget_one = &[
            "DELETE FROM bus_log WHERE position = (SELECT position FROM bus_state)",
            "UPDATE bus_state SET position = position - 1",
        ];
        self.by_hand(&place.log, forget_one).await;
    }

    /// From now on nothing can be published on this channel, while what was published can be read.
    pub async fn refuse_events(self, channel: &str) {
        let refuse = &["ALTER TABLE bus_log RENAME COLUMN appended_at TO away"];
        self.by_hand(channel, refuse).await;
    }

    /// The end of that.
    pub async fn accept_events(self, channel: &str) {
        let accept = &["ALTER TABLE bus_log RENAME COLUMN away TO appended_at"];
        self.by_hand(channel, accept).await;
    }

    async fn by_hand(self, channel: &str, statements: &'static [&'static str]) {
        match self {
            Self::Sqlite | Self::Postgres => by_hand(channel, statements).await,
        }
    }
}

/// Runs `statement`, which locks what others need, and holds its transaction open until the gate is passed.
pub async fn hold(url: &str, statement: &'static str) -> Held {
    let (inside, held) = gate();
    let db = Db::open(url, Options::new(&[])).await.unwrap();
    tokio::spawn(async move {
        let rolled_back = db
            .write(async move |tx| {
                sql(statement).execute(&tx).await?;
                inside.pass().await;
                Err::<(), _>(DbError::Stopped)
            })
            .await;
        drop(rolled_back);
        db.close().await;
    });
    held
}

async fn by_hand(url: &str, statements: &'static [&'static str]) {
    let db = Db::open(url, Options::new(&[])).await.unwrap();
    let done = db.write(async move |tx| {
        for statement in statements {
            sql(statement).execute(&tx).await?;
        }
        tx.announce();
        Ok::<_, DbError>(())
    });
    done.await.unwrap();
    db.close().await;
}
