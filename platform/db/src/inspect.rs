//! Looking at a database without changing it: no file is made, nothing is migrated, and nothing can be written.

use std::collections::BTreeSet;

use latchkey_metrics::labels::Role;
use sqlx::AssertSqlSafe;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::SqliteConnectOptions;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::class::Places;
use crate::db::Pools;
use crate::open::{LIMITS, sqlite_file};
use crate::readers::Readers;
use crate::{Db, DbError, Migrations, sql_for_each};

/// How the recorded steps of one owner differ from those of this binary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// Ours that were not run yet.
    pub pending: Vec<i64>,
    /// Recorded ones that this binary does not know.
    pub newer: Vec<i64>,
}

impl Db {
    /// Opens `sqlite:PATH` or `postgres://…` for reading alone, whatever its schema. Writes fail.
    pub async fn open_read_only(url: &str) -> Result<Self, DbError> {
        let pools = match url.split_once(':') {
            Some(("sqlite", path)) => {
                let file = SqliteConnectOptions::new()
                    .filename(sqlite_file(path)?)
                    .create_if_missing(false)
                    .read_only(true)
                    .disable_statement_logging();
                // Nobody receives what is sent to this writer.
                let (writer, _) = mpsc::channel(1);
                Pools::Sqlite {
                    readers: Readers::new(file.clone(), Places::new(Role::Other, 2, 1)),
                    writer,
                    file: Box::new(file),
                }
            }
            Some(("postgres" | "postgresql", _)) => {
                let server: PgConnectOptions = url
                    .parse()
                    .map_err(|_| DbError::Unusable("the PostgreSQL URL cannot be read".to_owned()))?;
                let server = server.disable_statement_logging().application_name("latchkey");
                let pool = PgPoolOptions::new()
                    .max_connections(2)
                    .min_connections(0)
                    .acquire_timeout(std::time::Duration::from_secs(5))
                    .connect_lazy_with(server.options(LIMITS));
                Pools::Postgres {
                    pool,
                    places: Places::new(Role::Other, 2, 1),
                }
            }
            _ => {
                return Err(DbError::Unusable(
                    "a database URL begins with sqlite: or postgres:".to_owned(),
                ));
            }
        };
        Ok(Self::new(pools, CancellationToken::new(), Role::Other))
    }

    /// Compares the recorded steps of these tables with ours. The tables must exist ([`Db::exists`]).
    pub async fn steps(&self, set: &Migrations) -> Result<Steps, DbError> {
        // The name is one of ours, and no input.
        let text = AssertSqlSafe(format!("SELECT version FROM migrations_{}", set.set));
        let recorded: Vec<(i64,)> = match &self.inner.pools {
            Pools::Sqlite { readers, .. } => {
                let mut reader = readers.lend(self.class).await?;
                let rows = sqlx::query_as(text).fetch_all(reader.conn()?).await;
                reader.finished(rows)?
            }
            Pools::Postgres { pool, .. } => sqlx::query_as(text).fetch_all(pool).await?,
        };
        let recorded = recorded.into_iter().map(|(version,)| version).collect();
        Ok(compare(&recorded, set))
    }

    /// The clock of the database's machine, in Unix milliseconds.
    pub async fn clock_ms(&self) -> Result<i64, DbError> {
        sql_for_each(
            "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now",
            "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now",
        )
        .fetch_one(self)
        .await?
        .int("now")
    }
}

fn compare(recorded: &BTreeSet<i64>, set: &Migrations) -> Steps {
    let ours: BTreeSet<i64> = set.steps.iter().map(|step| step.version).collect();
    Steps {
        pending: ours.difference(recorded).copied().collect(),
        newer: recorded.difference(&ours).copied().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Migration, Options, sql};

    const STEP: Migration = Migration {
        version: 1,
        name: "one",
        sqlite: "CREATE TABLE one (id BIGINT)",
        postgres: "CREATE TABLE one (id BIGINT)",
    };
    const OLD: Migrations = Migrations {
        set: "look",
        steps: &[STEP],
    };
    const NEW: Migrations = Migrations {
        set: "look",
        steps: &[
            STEP,
            Migration {
                version: 2,
                name: "two",
                ..STEP
            },
        ],
    };

    #[tokio::test]
    async fn a_look_finds_the_steps_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("look.db");
        let url = format!("sqlite:{}", file.display());
        let absent = Db::open_read_only(&url).await.unwrap();
        assert!(absent.steps(&OLD).await.is_err());
        assert!(!file.exists(), "no file is made");

        Db::open(&url, Options::new(&[OLD])).await.unwrap().close().await;
        let db = Db::open_read_only(&url).await.unwrap();
        assert_eq!(db.steps(&OLD).await.unwrap(), Steps::default());
        let pending = db.steps(&NEW).await.unwrap();
        assert_eq!((pending.pending, pending.newer), (vec![2], vec![]));
        let written = db.write(async move |tx| sql("DELETE FROM one").execute(&tx).await);
        assert!(written.await.is_err(), "it is for reading alone");
    }

    #[test]
    fn a_step_that_this_binary_does_not_know_is_newer() {
        let steps = compare(&BTreeSet::from([1, 2]), &OLD);
        assert_eq!((steps.pending, steps.newer), (vec![], vec![2]));
    }
}
