//! What is told of outboxes, the bus and the revocation log to whoever looks for what is wrong with them.

use latchkey_db::{Db, DbError, sql};

/// The events of an outbox that have not left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub count: i64,
    /// When the oldest was written, in Unix milliseconds; `None` if there is none.
    pub oldest_ms: Option<i64>,
}

/// What waits in the outbox of this database.
pub async fn waiting(db: &Db) -> Result<Waiting, DbError> {
    let row = sql("SELECT COUNT(*) AS n, MIN(created_at) AS oldest FROM outbox WHERE published_at IS NULL")
        .fetch_one(db)
        .await?;
    Ok(Waiting {
        count: row.int("n")?,
        oldest_ms: row.opt_int("oldest")?,
    })
}

/// How many events of a bus in SQL no consumer could handle.
pub async fn parked(db: &Db) -> Result<i64, DbError> {
    let row = sql("SELECT COUNT(*) AS n FROM bus_failed WHERE parked_at IS NOT NULL")
        .fetch_one(db)
        .await?;
    row.int("n")
}

/// The heartbeat of a source of the revocation log: a number that grows while the source runs. `None` before its first.
pub async fn heartbeat(db: &Db, source: &str) -> Result<Option<i64>, DbError> {
    let row = sql("SELECT beat FROM bus_beat WHERE source = $1")
        .bind(source)
        .fetch_optional(db)
        .await?;
    row.map(|row| row.int("beat")).transpose()
}
