//! One SQL text for SQLite and PostgreSQL: a facade over both native drivers.
//!
//! No code above this crate knows which database it has. Statements use `$1` placeholders and the types `BIGINT` and
//! `TEXT`; instants are Unix milliseconds, flags are times, money is in minor units, JSON is text. Reading never blocks
//! the writer; the only way to write is [`Db::write`], or [`Db::write_one`] for one statement.

mod changes;
mod class;
pub mod copies;
mod db;
mod error;
mod exists;
mod inspect;
mod migrate;
mod open;
mod readers;
mod sql;
pub mod testing;
mod tx;
mod write;
mod writer;

pub use class::Class;
pub use db::{Db, Engine};
pub use error::{DbError, reasons};
pub use inspect::Steps;
pub use migrate::{Migration, Migrations};
pub use open::Options;
pub use sql::{On, Row, Sql, Value, sql, sql_for_each, sql_list};
pub use tx::Tx;
