//! The only SQL of billing: rows to domain values and back. One text for both engines, but for triggers.

mod documents;
mod journal;
mod listing;
mod read_models;
mod sales;

use latchkey_db::{DbError, Migration, Migrations, Row};

pub use documents::{
    claim_order, credit_note, credited_lines, has_credit_note, insert_credit_note, insert_invoice, invoice,
    invoice_of_order, lock_invoice, next_number,
};
pub use journal::{Totals, append, head, lock_head, party_totals, records, records_before, totals};
pub use listing::{Filter, NEWEST, credit_note_owner, credit_notes, invoice_owner, invoices};
pub use read_models::{
    Sums, drifts, erase_buyer, forget_drift, insert_capture, lock_buyer, remember_drift, save_wallet, sums,
};
pub use sales::{
    CourseSales, MonthSales, Place, Sale, SaleKind, course_sales, insert_sale, month_sales, sales,
};

/// The tables of billing.
pub const MIGRATIONS: Migrations = Migrations {
    set: "billing",
    steps: &[
        Migration {
            version: 1,
            name: "books",
            sqlite: include_str!("../migrations/0001_books.sql"),
            postgres: include_str!("../migrations/0001_books.sql"),
        },
        Migration {
            version: 2,
            name: "append-only",
            sqlite: include_str!("../migrations/0002_append_only.sqlite.sql"),
            postgres: include_str!("../migrations/0002_append_only.postgres.sql"),
        },
    ],
};

/// A column with one of a fixed set of words.
fn word<T>(row: &Row, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, DbError> {
    parse(&row.text(column)?).ok_or_else(|| DbError::row(column, "a word that this binary does not know"))
}

fn parsed<T: serde::de::DeserializeOwned>(row: &Row, column: &str) -> Result<T, DbError> {
    serde_json::from_str(&row.text(column)?).map_err(|error| DbError::row(column, error.to_string()))
}

fn json<T: serde::Serialize>(column: &str, value: &T) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::row(column, error.to_string()))
}
