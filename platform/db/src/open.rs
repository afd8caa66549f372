//! Opening a database by URL: the one place where the engine is selected.

use std::os::unix::fs::OpenOptionsExt;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures::FutureExt;
use latchkey_metrics::labels::Role;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, PgConnection, SqliteConnection};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::class::Places;
use crate::db::Pools;
use crate::migrate::check_sqlite_version;
use crate::readers::Readers;
use crate::writer::{Disk, Writer};
use crate::{Db, DbError, Engine, Migrations};

/// How to open a database.
#[derive(Clone)]
pub struct Options {
    /// The migrations of all owners of its tables.
    pub migrations: Vec<Migrations>,
    /// The maximum number of SQLite readers (no more than cores, and two; pages, searches and the background have a few
    /// of their own) or of PostgreSQL connections.
    pub connections: u32,
    /// Cancelled when a commit ends in an I/O error: the node must stop, and recover from the log when it restarts.
    pub fatal: CancellationToken,
    /// Whose database it is, for metrics.
    pub role: Role,
}

impl Options {
    /// The default sizes, with these tables.
    pub fn new(migrations: &[Migrations]) -> Self {
        Self {
            migrations: migrations.to_vec(),
            connections: 8,
            fatal: CancellationToken::new(),
            role: Role::Other,
        }
    }

    /// Names whose database it is, for metrics.
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// Sets the token that tells the node to stop.
    pub fn fatal(mut self, fatal: CancellationToken) -> Self {
        self.fatal = fatal;
        self
    }
}

impl Db {
    /// Opens `sqlite:PATH` or `postgres://…` and migrates its schema.
    ///
    /// Fails for an unknown scheme, a SQLite with known defects, or a schema newer than this binary.
    pub async fn open(url: &str, options: Options) -> Result<Self, DbError> {
        match url.split_once(':') {
            Some(("sqlite", path)) => Self::open_sqlite(path, options).await,
            Some(("postgres" | "postgresql", _)) => Self::open_postgres(url, options).await,
            // The URL may contain a password and is not repeated.
            _ => Err(DbError::Unusable(
                "a database URL begins with sqlite: or postgres:".to_owned(),
            )),
        }
    }

    async fn open_sqlite(path: &str, options: Options) -> Result<Self, DbError> {
        let path = sqlite_file(path)?;
        private_file(&path)?;
        let file = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // With NORMAL, a power failure may undo the last commits, and a spent token would become valid again.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .disable_statement_logging();
        let mut writer = connect_sqlite(&file).await?;
        let version: (String,) = sqlx::query_as("SELECT sqlite_version()")
            .fetch_one(&mut writer)
            .await?;
        check_sqlite_version(&version.0)?;
        migrate_sqlite(&mut writer, &options.migrations).await?;

        let reading = file.clone().create_if_missing(false).read_only(true);
        let vital = readers(options.connections);
        let readers = Readers::new(reading, Places::new(options.role, vital, (vital / 2).max(1)));
        let last_readers = readers.clone();
        let (jobs, queue) = mpsc::channel(1024);
        let db = Self::new(
            Pools::Sqlite {
                readers,
                writer: jobs,
                file: Box::new(file),
            },
            options.fatal,
            options.role,
        );
        let writing = Writer {
            changed: db.inner.changed.clone(),
            stopping: db.inner.stopping.clone(),
            fatal: db.inner.fatal.clone(),
            readers: last_readers,
            disk: Disk::new(&path, options.role),
        };
        let fatal = db.inner.fatal.clone();
        db.inner.tasks.spawn(async move {
            let written = AssertUnwindSafe(writing.run(writer, queue)).catch_unwind();
            if written.await.is_err() {
                // No other writer exists: the node must stop and restart.
                fatal.cancel();
            }
        });
        Ok(db)
    }

    async fn open_postgres(url: &str, options: Options) -> Result<Self, DbError> {
        let server: PgConnectOptions = url
            .parse()
            .map_err(|_| DbError::Unusable("the PostgreSQL URL cannot be read".to_owned()))?;
        let server = server.disable_statement_logging().application_name("latchkey");
        let mut first = PgConnection::connect_with(&server).await?;
        for set in &options.migrations {
            set.run(Engine::Postgres, &mut first).await?;
        }
        first.close().await?;
        let pool = PgPoolOptions::new()
            .max_connections(options.connections)
            .min_connections(0)
            .acquire_timeout(Duration::from_secs(5))
            .test_before_acquire(false)
            .connect_lazy_with(server.options(LIMITS));
        let places = Places::new(
            options.role,
            options.connections,
            (options.connections / 4).max(1),
        );
        Ok(Self::new(
            Pools::Postgres { pool, places },
            options.fatal,
            options.role,
        ))
    }
}

/// The file of `sqlite:PATH`.
pub(crate) fn sqlite_file(path: &str) -> Result<PathBuf, DbError> {
    match path.trim_start_matches("//") {
        "" => Err(DbError::Unusable(
            "a SQLite URL names a file: sqlite:PATH".to_owned(),
        )),
        path => Ok(PathBuf::from(path)),
    }
}

/// How many vital readers a SQLite file has. Each is a thread with its own pages: more of them than cores only wake
/// each other up. At least two, so that a long search does not block everything.
fn readers(most: u32) -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(cores).unwrap_or(most).max(2).min(most)
}

/// Settings of every PostgreSQL connection. None of our statements takes a tenth of these times: a longer wait is for
/// somebody who is gone, and counts as an outage. Migrations may take as long as they need.
pub(crate) const LIMITS: [(&str, &str); 5] = [
    // As on SQLite, a reader cannot write; `Db::write` requests it in its BEGIN.
    ("default_transaction_read_only", "on"),
    // Regardless of the server's default: a transaction that waited for a row must see what was committed in the
    // meantime.
    ("default_transaction_isolation", "read committed"),
    ("lock_timeout", "10s"),
    ("statement_timeout", "30s"),
    ("idle_in_transaction_session_timeout", "60s"),
];

/// Creates the file so that only its owner can access it; SQLite gives its log and its index the same mode.
fn private_file(path: &Path) -> Result<(), DbError> {
    let opened = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path);
    opened
        .map(drop)
        .map_err(|error| DbError::Unusable(format!("{}: {error}", path.display())))
}

/// If several processes open a new file at once, one switches it to WAL; SQLite rejects the others immediately,
/// whatever their busy timeout, so they retry.
async fn connect_sqlite(file: &SqliteConnectOptions) -> Result<SqliteConnection, DbError> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let begun = Instant::now();
    loop {
        match SqliteConnection::connect_with(file).await.map_err(DbError::from) {
            Err(DbError::Busy(_)) if begun.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            connected => return connected,
        }
    }
}

/// All sets in one transaction that takes the writer's lock first: sqlx locks nothing on SQLite, and two processes that
/// start at once on one file would both find it empty.
async fn migrate_sqlite(writer: &mut SqliteConnection, sets: &[Migrations]) -> Result<(), DbError> {
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
    for set in sets {
        set.run(Engine::Sqlite, &mut *tx).await?;
    }
    Ok(tx.commit().await?)
}
