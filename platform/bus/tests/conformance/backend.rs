//! The back ends on trial, and what each can have done to it by hand.
//!
//! One that carries only one of the two interfaces has a log or a bus of another kind beside it, and stands in the suites of
//! its own interface alone.

use latchkey_bus::{Event, EventBus, Group};
use latchkey_db::{Db, DbError, Options, sql, testing};

use crate::broker::Desk;
use crate::cases::{Violation, ensure};
use crate::gate::{Held, gate};
use crate::shop::order_of;

/// A back end of both channels, with a database of the same kind for the business beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Backend {
    /// Logs in files.
    Sqlite,
    /// Logs on a server.
    Postgres,
    /// A broker for the bus, and files for the rest.
    Rabbit,
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
    /// What of the bus is at a broker.
    pub desk: Option<Desk>,
}

impl Backend {
    /// Those with an event bus.
    pub const EVENT_BUS: &[Self] = &[Self::Sqlite, Self::Postgres, Self::Rabbit];
    /// Those with a revocation log.
    pub const REVOCATION_LOG: &[Self] = &[Self::Sqlite, Self::Postgres];
    /// Those with an event bus beside a log.
    pub const CHANNELS: &[Self] = Self::EVENT_BUS;

    /// A fresh place.
    pub async fn place(self, name: &str) -> Place {
        let name: String = name.chars().take(30).collect();
        match self {
            Self::Sqlite => Place {
                business: testing::sqlite_url(&format!("{name}_shop")),
                bus: testing::sqlite_url(&format!("{name}_bus")),
                log: testing::sqlite_url(&format!("{name}_log")),
                desk: None,
            },
            Self::Postgres => Place {
                business: testing::postgres_url(&format!("{name}_shop")).await,
                bus: testing::postgres_url(&format!("{name}_bus")).await,
                log: testing::postgres_url(&format!("{name}_log")).await,
                desk: None,
            },
            Self::Rabbit => Self::place_at(&name, Desk::open(&name).await),
        }
    }

    /// A fresh place whose bus is there.
    pub fn place_at(name: &str, desk: Desk) -> Place {
        Place {
            business: testing::sqlite_url(&format!("{name}_shop")),
            bus: desk.url.clone(),
            log: testing::sqlite_url(&format!("{name}_log")),
            desk: Some(desk),
        }
    }

    /// The end of a place.
    pub async fn leave(self, place: &Place) {
        if let Some(desk) = &place.desk {
            desk.hold(false);
            desk.leave().await;
        }
    }

    /// The time of the bus has advanced as that of the clock.
    pub async fn hurry(self, place: &Place) {
        if let Some(desk) = &place.desk {
            desk.hurry().await;
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
            Self::Rabbit => {
                let (desk, (inside, held)) = (at_a_broker(place), gate());
                desk.hold(true);
                tokio::spawn(async move {
                    inside.pass().await;
                    desk.hold(false);
                });
                held
            }
        }
    }

    /// Declares a group, as it is done before a release.
    pub async fn declare(self, place: &Place, group: Group) {
        let url = place.desk.as_ref().map_or(&place.bus, |desk| &desk.direct);
        EventBus::declare(url, &[group]).await.unwrap();
    }

    /// Delivers everything to every group again, as a broker may.
    pub async fn deliver_again(self, place: &Place) {
        match self {
            Self::Sqlite | Self::Postgres => {
                let begin_anew = &[
                    "UPDATE bus_group SET position = 0",
                    "UPDATE bus_group_type SET position = 0",
                ];
                by_hand(&place.bus, begin_anew).await
            }
            Self::Rabbit => at_a_broker(place).deliver_again().await,
        }
    }

    /// The orders that the bus has, in its order.
    pub async fn published(self, place: &Place) -> Vec<String> {
        let order = |envelope: String| order_of(&Event::parse(&envelope).unwrap());
        match self {
            Self::Rabbit => {
                let all = at_a_broker(place).published().await;
                let text = |delivery: lapin::message::Delivery| String::from_utf8(delivery.data).unwrap();
                all.into_iter().map(|delivery| order(text(delivery))).collect()
            }
            Self::Sqlite | Self::Postgres => {
                let db = Db::open(&place.bus, Options::new(&[])).await.unwrap();
                let all = sql("SELECT envelope FROM bus_log ORDER BY position");
                let all = all.fetch_all(&db).await.unwrap();
                db.close().await;
                all.iter()
                    .map(|row| order(row.text("envelope").unwrap()))
                    .collect()
            }
        }
    }

    /// Of old events a log in a database has dropped these; a broker does so by its own clock.
    pub async fn keeps_only_the_new(self, place: &Place, dropped: &[&str]) -> Result<(), Violation> {
        match self {
            Self::Rabbit => Ok(()),
            Self::Sqlite | Self::Postgres => {
                let kept = self.published(place).await;
                let still = kept.iter().find(|order| dropped.contains(&order.as_str()));
                ensure(still.is_none(), || format!("{still:?} is still there"))
            }
        }
    }

    /// Replaces the revocation log by another one that begins anew.
    pub async fn replace(self, place: &Place) {
        let begin_anew = &[
            "DELETE FROM bus_log",
            "UPDATE bus_state SET position = 0, epoch = 'another'",
        ];
        by_hand(&place.log, begin_anew).await;
    }

    /// Puts the revocation log back by one event, as yesterday's copy does.
    pub async fn rewind(self, place: &Place) {
        let forget_one = &[
            "DELETE FROM bus_log WHERE position = (SELECT position FROM bus_state)",
            "UPDATE bus_state SET position = position - 1",
        ];
        by_hand(&place.log, forget_one).await;
    }

    /// From now on nothing can be published on the bus, while what was published can be read.
    pub async fn refuse_on_bus(self, place: &Place) {
        match &place.desk {
            Some(desk) => desk.refuse().await,
            None => by_hand(&place.bus, REFUSE).await,
        }
    }

    /// The end of that.
    pub async fn accept_on_bus(self, place: &Place) {
        match &place.desk {
            Some(desk) => desk.declare().await,
            None => by_hand(&place.bus, ACCEPT).await,
        }
    }

    /// From now on nothing can be published in the log, while what was published can be read.
    pub async fn refuse_in_log(self, place: &Place) {
        by_hand(&place.log, REFUSE).await;
    }

    /// The end of that.
    pub async fn accept_in_log(self, place: &Place) {
        by_hand(&place.log, ACCEPT).await;
    }
}

const REFUSE: &[&str] = &["ALTER TABLE bus_log RENAME COLUMN appended_at TO away"];
const ACCEPT: &[&str] = &["ALTER TABLE bus_log RENAME COLUMN away TO appended_at"];

fn at_a_broker(place: &Place) -> Desk {
    place.desk.clone().unwrap()
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
