//! The databases as they lie there: rows as text and numbers, read by statements of the checker's own.

use std::collections::BTreeMap;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{Row as _, SqlitePool};

use crate::plan::ChaosError;

/// A database for each service, and the bus.
pub struct Databases(BTreeMap<String, SqlitePool>);

/// A row: the checker asks for columns by name.
pub struct Row(sqlx::sqlite::SqliteRow);

impl Databases {
    pub async fn open(data: &Path, services: &[&str]) -> Result<Self, ChaosError> {
        let mut pools = BTreeMap::new();
        for name in services.iter().copied().chain(["bus"]) {
            let options = SqliteConnectOptions::new()
                .filename(data.join(format!("{name}.db")))
                .create_if_missing(false)
                .busy_timeout(std::time::Duration::from_secs(10));
            let pool = SqlitePoolOptions::new()
                .max_connections(1)
                .connect_with(options)
                .await?;
            pools.insert(name.to_owned(), pool);
        }
        Ok(Self(pools))
    }

    /// Runs a statement for the eyes of this value alone: it is never committed.
    pub async fn pretend(&self, database: &str, statement: &'static str) -> Result<(), ChaosError> {
        // The pool has one connection, which all later statements use.
        let pool = &self.0[database];
        for statement in ["BEGIN", statement] {
            sqlx::raw_sql(statement).execute(pool).await?;
        }
        Ok(())
    }

    /// The rows of a statement.
    pub async fn rows(&self, database: &str, statement: &'static str) -> Result<Vec<Row>, ChaosError> {
        let pool = &self.0[database];
        let rows = sqlx::query(statement).fetch_all(pool).await?;
        Ok(rows.into_iter().map(Row).collect())
    }

    /// The number that a statement counts.
    pub async fn count(&self, database: &str, statement: &'static str) -> Result<i64, ChaosError> {
        let rows = self.rows(database, statement).await?;
        Ok(rows.first().map_or(0, |row| row.0.get::<i64, _>(0)))
    }
}

impl Row {
    pub fn int(&self, column: &str) -> i64 {
        self.0.get::<Option<i64>, _>(column).unwrap_or(0)
    }

    pub fn is_some(&self, column: &str) -> bool {
        self.0.get::<Option<i64>, _>(column).is_some()
    }

    pub fn text(&self, column: &str) -> String {
        self.0.get::<Option<String>, _>(column).unwrap_or_default()
    }

    pub fn json(&self, column: &str) -> serde_json::Value {
        serde_json::from_str(&self.text(column)).unwrap_or_default()
    }
}
