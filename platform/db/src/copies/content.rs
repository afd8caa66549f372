//! What is in a copy, and whether it is what was in its database.

use std::collections::BTreeMap;
use std::path::Path;

use crate::DbError;

/// What a copy has, counted in the copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The last migration of each owner of tables.
    pub migrations: BTreeMap<String, i64>,
    /// How many rows each table has.
    pub rows: BTreeMap<String, i64>,
}

/// Two countings of one thing.
pub(super) fn same(found: &Content, expected: &Content, file: &Path) -> Result<(), DbError> {
    if found == expected {
        return Ok(());
    }
    let differs = |(table, rows): &(&String, &i64)| found.rows.get(*table) != Some(rows);
    let table = expected
        .rows
        .iter()
        .find(differs)
        .map(|(table, _)| table.as_str());
    Err(DbError::Unusable(format!(
        "{}: the copy differs from its database ({})",
        file.display(),
        table.unwrap_or("its list of tables")
    )))
}
