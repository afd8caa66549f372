//! The only SQL of the service: rows to domain values and back. One text for both engines.

mod buyers;
mod coupons;
mod courses;
mod guesses;
mod redemptions;

use latchkey_db::{DbError, Migration, Migrations, Row};

pub use buyers::{Buyer, buyer, claim_first, erase_buyer, lock_buyer, release_first, remember_order};
pub use coupons::{
    add_use, commit_use, coupon, coupon_by_code, coupons_about, forget_uses, hold_use, insert, listed, lock,
    lock_by_code, of_user, release_use, return_use, save, used,
};
pub use courses::{places, remember_course};
pub use guesses::{asked, forget_asker, lock_asker, refused_by_user, refused_from, remember_asked, sweep};
pub use redemptions::{claim, erase_user, of_coupon, save_answer, user_of};

/// The tables.
pub const MIGRATIONS: Migrations = Migrations {
    set: "discount",
    steps: &[Migration {
        version: 1,
        name: "coupons",
        sqlite: include_str!("../migrations/0001_coupons.sql"),
        postgres: include_str!("../migrations/0001_coupons.sql"),
    }],
};

/// A column with one of a fixed set of words.
fn word<T>(row: &Row, column: &str, parse: fn(&str) -> Option<T>) -> Result<T, DbError> {
    parse(&row.text(column)?).ok_or_else(|| DbError::row(column, "a word that this binary does not know"))
}

fn parsed<T: serde::de::DeserializeOwned>(column: &str, text: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::row(column, error.to_string()))
}

fn json<T: serde::Serialize>(column: &str, value: &T) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::row(column, error.to_string()))
}
