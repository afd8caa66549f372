//! Migrations: numbered, checksummed, and run before a database handle is returned.

use sqlx::migrate::{Migrate, MigrateError, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use crate::{DbError, Engine};

/// The migrations of one owner of tables; several owners may share a database.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// The name of the owner; its progress is stored in `migrations_<set>`.
    pub set: &'static str,
    /// The steps, by ascending version.
    pub steps: &'static [Migration],
}

/// One step. The two texts differ only where types must.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number, the same for both engines.
    pub version: i64,
    /// A short description.
    pub name: &'static str,
    /// The text for SQLite.
    pub sqlite: &'static str,
    /// The text for PostgreSQL.
    pub postgres: &'static str,
}

impl Migrations {
    /// Runs the pending steps.
    pub(crate) async fn run<C: Migrate>(&self, engine: Engine, conn: &mut C) -> Result<(), MigrateError> {
        // `Migrator::run` does the same, but its bounds produce a future that cannot be spawned.
        self.for_engine(engine).run_direct(None, conn, false).await
    }

    /// A migrator that rejects an edited, an unknown or a newer step.
    fn for_engine(&self, engine: Engine) -> Migrator {
        let steps = self.steps.iter().map(|step| {
            let text = match engine {
                Engine::Sqlite => step.sqlite,
                Engine::Postgres => step.postgres,
            };
            sqlx::migrate::Migration::new(
                step.version,
                step.name.into(),
                MigrationType::Simple,
                AssertSqlSafe(text).into_sql_str(),
                false,
            )
        });
        let mut migrator = Migrator::with_migrations(steps.collect());
        migrator.dangerous_set_table_name(format!("migrations_{}", self.set));
        migrator
    }
}

/// The oldest SQLite without the WAL-reset defect (sqlite.org/wal.html#walresetbug).
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);

/// Rejects a linked SQLite that can corrupt its file.
pub(crate) fn check_sqlite_version(version: &str) -> Result<(), DbError> {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    if (next(), next(), next()) < OLDEST_SQLITE {
        return Err(DbError::Unusable(format!(
            "SQLite {version} is linked; 3.51.3 or newer is needed"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sqlite_with_the_wal_reset_defect_is_refused() {
        assert!(check_sqlite_version("3.51.2").is_err());
        assert!(check_sqlite_version("3.9.99").is_err());
        assert!(check_sqlite_version("3.51.3").is_ok());
        assert!(check_sqlite_version("4.0.0").is_ok());
    }
}
