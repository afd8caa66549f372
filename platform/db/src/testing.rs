//! Fresh databases for tests, one of each engine, so that every store test runs on both; and waiting for lock
//! contention.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::{Db, Engine, sql};

/// The variable that names the private PostgreSQL server of a test run; `cargo xtask test` starts it.
pub const SERVER: &str = "TEST_POSTGRES_URL";

/// A fresh SQLite file and a fresh PostgreSQL database.
///
/// # Panics
/// If there is no server: a test is never skipped.
pub async fn urls(name: &str) -> Vec<(Engine, String)> {
    vec![
        (Engine::Sqlite, sqlite_url(name)),
        (Engine::Postgres, postgres_url(name).await),
    ]
}

/// A SQLite file that does not exist yet, in the temporary folder of the run.
pub fn sqlite_url(name: &str) -> String {
    let folder = std::env::temp_dir().join(format!("latchkey-{}", unique(name)));
    std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
    format!("sqlite:{}", folder.join("test.db").display())
}

/// An empty database on the server of the run.
///
/// # Panics
/// If there is no server.
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
    if !SWEPT.swap(true, Ordering::Relaxed) {
        drop_left_behind(&mut conn).await;
    }
    conn.execute(AssertSqlSafe(format!("CREATE DATABASE {database}")))
        .await
        .expect("a fresh database");
    conn.close().await.expect("the connection closes");
    let (base, _) = server.rsplit_once('/').expect("a database URL has a path");
    format!("{base}/{database}")
}

/// Whether this process has looked for what others left.
static SWEPT: AtomicBool = AtomicBool::new(false);

/// Drops the databases of test binaries that have ended: those of a whole run would fill a disk. Of two that sweep at
/// once, one finds nothing left to drop.
async fn drop_left_behind(conn: &mut PgConnection) {
    let names: Vec<(String,)> = sqlx::query_as("SELECT datname FROM pg_database WHERE datname LIKE 'lk%'")
        .fetch_all(&mut *conn)
        .await
        .expect("the test server answers");
    for (name,) in names {
        let process = name.strip_prefix("lk").and_then(|rest| rest.split('_').next());
        let process: Option<u32> = process.and_then(|digits| digits.parse().ok());
        if process.is_some_and(|id| !std::path::Path::new(&format!("/proc/{id}")).exists()) {
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            let _dropped_by_another = conn.execute(AssertSqlSafe(drop)).await;
        }
    }
}

/// Waits until a transaction waits for a row that another one has locked. On SQLite this returns at once: the writer
/// has a queue of its own, and nothing in it has started.
///
/// # Panics
/// If nothing waits within twenty seconds.
pub async fn somebody_waits(db: &Db) {
    let waiting = "SELECT COUNT(*) AS n FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let begun = Instant::now();
    while db.engine() == Engine::Postgres {
        let row = sql(waiting).fetch_one(db).await.expect("the server answers");
        if row.int("n").expect("a number") > 0 {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "nobody waits");
        tokio::task::yield_now().await;
    }
}

fn unique(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let plain: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    // The process first: a server cuts off what is too long for a name.
    format!(
        "lk{}_{}_{plain}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
    .to_lowercase()
}
