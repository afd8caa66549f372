//! The business of the cases: orders are placed, and each must have exactly one effect somewhere else.

use latchkey_bus::{BusError, Draft, Event, HandlerError};
use latchkey_db::{Db, DbError, Migration, Migrations, Tx, sql};
use serde_json::json;

/// The type that the group under test handles.
pub const PLACED: &str = "shop.order.placed.v1";
/// A type that it does not handle.
pub const SHIPPED: &str = "shop.order.shipped.v1";
/// A type of the revocation log.
pub const RECALLED: &str = "shop.order.recalled.v1";
/// All that go to the revocation log.
pub const RECALLS: &[&str] = &[RECALLED];

const TABLES: &str = "\
    CREATE TABLE orders (id TEXT NOT NULL PRIMARY KEY, subject TEXT NOT NULL, sequence BIGINT NOT NULL);
    CREATE TABLE tally (id BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL);
    CREATE TABLE effects (n BIGINT NOT NULL PRIMARY KEY, order_id TEXT NOT NULL, subject TEXT NOT NULL,
        sequence BIGINT NOT NULL, handled_by TEXT NOT NULL);
    CREATE TABLE high_water (id BIGINT NOT NULL PRIMARY KEY, seq BIGINT NOT NULL);";

/// The shop's own tables.
pub const MIGRATIONS: Migrations = Migrations {
    set: "shop",
    steps: &[Migration {
        version: 1,
        name: "orders and effects",
        sqlite: TABLES,
        postgres: TABLES,
    }],
};

/// What is done, and told.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub id: String,
    pub subject: String,
    pub sequence: i64,
    pub r#type: &'static str,
}

impl Order {
    /// The first of its own subject.
    pub fn new(id: &str) -> Self {
        Self::of(id, 1)
    }

    /// One of several of a subject.
    pub fn of(subject: &str, sequence: i64) -> Self {
        Self {
            id: format!("{subject}-{sequence}"),
            subject: subject.to_owned(),
            sequence,
            r#type: PLACED,
        }
    }

    pub fn shipped(self) -> Self {
        Self {
            r#type: SHIPPED,
            ..self
        }
    }

    pub fn recalled(self) -> Self {
        Self {
            r#type: RECALLED,
            ..self
        }
    }

    pub fn draft(&self) -> Draft {
        Draft {
            r#type: self.r#type.to_owned(),
            subject: self.subject.clone(),
            sequence: self.sequence,
            data: json!({ "order": self.id }),
            cause: Default::default(),
        }
    }

    /// The business row that makes it true.
    pub async fn record(&self, tx: &Tx) -> Result<(), DbError> {
        sql("INSERT INTO orders (id, subject, sequence) VALUES ($1, $2, $3)")
            .bind(&self.id)
            .bind(&self.subject)
            .bind(self.sequence)
            .execute(tx)
            .await?;
        Ok(())
    }
}

/// Why a producer did not do it.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    #[error("the business said no")]
    ByTheBusiness,
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What an event brought about, in the order of the commits.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    pub order: String,
    pub subject: String,
    pub sequence: i64,
    pub handled_by: String,
}

/// The order that an event speaks of.
pub fn order_of(event: &Event) -> String {
    event.data["order"].as_str().unwrap_or_default().to_owned()
}

/// Has the effect of `event`; nothing in the table forbids to have it twice.
pub async fn have_effect(tx: &Tx, event: &Event, handled_by: &str) -> Result<(), HandlerError> {
    let n = sql(
        "INSERT INTO tally (id, n) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = tally.n + 1 RETURNING n",
    )
    .fetch_one(tx)
    .await?
    .int("n")?;
    sql("INSERT INTO effects (n, order_id, subject, sequence, handled_by) VALUES ($1, $2, $3, $4, $5)")
        .bind(n)
        .bind(order_of(event))
        .bind(&event.subject)
        .bind(event.version())
        .bind(handled_by)
        .execute(tx)
        .await?;
    Ok(())
}

pub async fn effects(db: &Db) -> Vec<Effect> {
    let rows = sql("SELECT order_id, subject, sequence, handled_by FROM effects ORDER BY n")
        .fetch_all(db)
        .await
        .unwrap();
    rows.iter()
        .map(|row| Effect {
            order: row.text("order_id").unwrap(),
            subject: row.text("subject").unwrap(),
            sequence: row.int("sequence").unwrap(),
            handled_by: row.text("handled_by").unwrap(),
        })
        .collect()
}

/// The orders that were committed.
pub async fn orders(db: &Db) -> Vec<String> {
    let rows = sql("SELECT id FROM orders ORDER BY id")
        .fetch_all(db)
        .await
        .unwrap();
    rows.iter().map(|row| row.text("id").unwrap()).collect()
}
