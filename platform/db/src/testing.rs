//! Fresh databases for tests, one of each engine, so that every store test runs on both.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::Engine;

/// The variable that names the private PostgreSQL server of a test run; `cargo xtask test` starts it.
pub const SERVER: &str = "TEST_POSTGRES_URL";

/// A fresh SQLite file and a fresh PostgreSQL database.
///
/// # Panics
/// When there is no server: a test is never skipped.
pub async fn urls(name: &str) -> Vec<(Engine, String)> {
    vec![
        (Engine::Sqlite, sqlite_url(name)),
        (Engine::Postgres, postgres_url(name).await),
    ]
}

/// A SQLite file that does not exist yet, in the run's temporary folder.
pub fn sqlite_url(name: &str) -> String {
    let folder = std::env::temp_dir().join(format!("latchkey-{}", unique(name)));
    std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
    format!("sqlite:{}", folder.join("test.db").display())
}

/// An empty database on the run's server.
///
/// # Panics
/// When there is no server.
pub async fn postgres_url(name: &str) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one thing that a test run tells its tests"
    )]
    let server = std::env::var(SERVER)
        .unwrap_or_else(|_| panic!("{SERVER} names no server: run the tests with `cargo xtask test`"));
    let database = unique(name);
    let mut conn = PgConnection::connect(&server)
        .await
        .expect("the test server answers");
    conn.execute(AssertSqlSafe(format!("CREATE DATABASE {database}")))
        .await
        .expect("a fresh database");
    conn.close().await.expect("the connection closes");
    let (base, _) = server.rsplit_once('/').expect("a database URL has a path");
    format!("{base}/{database}")
}

fn unique(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let plain: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    format!(
        "{plain}_{}_{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
    .to_lowercase()
}
