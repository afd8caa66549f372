//! The only SQL of the orders: rows to domain values and back. One text for both engines.

mod backlog;
mod erasure;
mod log;
mod orders;
mod refunds;
mod timers;
mod usage;
mod views;

use latchkey_db::{DbError, Migration, Migrations, Row};

pub use backlog::waiting;
pub use erasure::{pseudonym, remember_erased};
pub use log::{Entry, append, entries, entries_after};
pub use orders::{insert, live_of_basket, lock, next_number, of_buyer, order, save};
pub use refunds::{insert_refund, refund, refunds, refunds_in, save_refund};
pub use timers::{Due, due, next_due, postpone};
pub use usage::{forget_usage, remember_consumed, remember_learned, usage};
pub use views::{Detail, DetailBody, Filter, LineView, NEWEST, Summary, detail, project, rename, summaries};

/// The tables.
pub const MIGRATIONS: Migrations = Migrations {
    set: "order",
    steps: &[
        Migration {
            version: 1,
            name: "orders",
            sqlite: include_str!("../migrations/0001_orders.sql"),
            postgres: include_str!("../migrations/0001_orders.sql"),
        },
        Migration {
            version: 2,
            name: "learned",
            sqlite: include_str!("../migrations/0002_learned.sql"),
            postgres: include_str!("../migrations/0002_learned.sql"),
        },
    ],
};

/// A column with one of a fixed set of words.
fn word<T>(row: &Row, column: &str, parse: fn(&str) -> Option<T>) -> Result<T, DbError> {
    parse(&row.text(column)?).ok_or_else(|| unknown(column))
}

/// The same for a nullable column.
fn opt_word<T>(row: &Row, column: &str, parse: fn(&str) -> Option<T>) -> Result<Option<T>, DbError> {
    let text = row.opt_text(column)?;
    text.map(|text| parse(&text).ok_or_else(|| unknown(column)))
        .transpose()
}

fn unknown(column: &str) -> DbError {
    DbError::row(column, "a word that this binary does not know")
}

fn parsed<T: serde::de::DeserializeOwned>(row: &Row, column: &str) -> Result<T, DbError> {
    serde_json::from_str(&row.text(column)?).map_err(|error| DbError::row(column, error.to_string()))
}

fn json<T: serde::Serialize>(column: &str, value: &T) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::row(column, error.to_string()))
}
