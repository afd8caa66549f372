//! The only SQL of inventory: rows to domain values and back. One text for both engines.

mod answers;
mod library;
mod movements;
mod owners;
mod reservations;
mod stock;

use latchkey_contracts::events::course::CourseKind;
use latchkey_db::{DbError, Migration, Migrations, Row};

pub use answers::{answer, put_answer};
pub use library::{Entry, Position, entries, entry, forget, library, owned, owned_among, save_owned};
pub use movements::{Moved, Movement, movement, seats_moved};
pub use owners::{erase, lock_owner};
pub use reservations::{
    asked, hold, insert_line, is_pending, lines, lock_reservation, set_line, set_state, to_ask,
};
pub use stock::{insert_stock, lock_stock, lock_stock_alone, save_stock, stock, stocks};

/// The tables of inventory.
pub const MIGRATIONS: Migrations = Migrations {
    set: "inventory",
    steps: &[
        Migration {
            version: 1,
            name: "stock",
            sqlite: include_str!("../migrations/0001_stock.sql"),
            postgres: include_str!("../migrations/0001_stock.sql"),
        },
        Migration {
            version: 2,
            name: "learned_at",
            sqlite: include_str!("../migrations/0002_learned_at.sql"),
            postgres: include_str!("../migrations/0002_learned_at.sql"),
        },
    ],
};

/// A kind as the tables write it.
fn kind_name(kind: CourseKind) -> &'static str {
    match kind {
        CourseKind::Course => "course",
        CourseKind::Item => "item",
    }
}

fn kind(row: &Row) -> Result<CourseKind, DbError> {
    word(row, "kind", |text| {
        [CourseKind::Course, CourseKind::Item]
            .into_iter()
            .find(|kind| kind_name(*kind) == text)
    })
}

/// A column with one of a fixed set of words.
fn word<T>(row: &Row, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, DbError> {
    parse(&row.text(column)?).ok_or_else(|| DbError::row(column, "a word that this binary does not know"))
}
