//! The orders that wait for an answer, counted.

use latchkey_db::{Class, Db, DbError, sql_list};

use crate::domain::State;

/// No count goes further. An operator acts long before.
const MOST: i64 = 10_000;

/// Of each state in which orders wait: its name, how many there are, and since when the oldest is in it. States without
/// an order are left out.
pub async fn waiting(db: &Db) -> Result<Vec<(String, i64, i64)>, DbError> {
    let states: Vec<&str> = State::ALL
        .iter()
        .filter(|state| !state.is_settled())
        .map(|state| state.as_str())
        .collect();
    // By the index of states: orders that are at rest, which are nearly all, are not read.
    let rows = sql_list(
        "SELECT state, COUNT(*) AS n, MIN(updated_at) AS since FROM \
         (SELECT state, updated_at FROM order_summaries WHERE state IN ({list}) LIMIT $1) AS waiting GROUP BY state",
    )
    .bind(MOST)
    .bind_list(&states)
    .fetch_all(&db.reading(Class::Background))
    .await?;
    rows.iter()
        .map(|row| Ok((row.text("state")?, row.int("n")?, row.int("since")?)))
        .collect()
}
