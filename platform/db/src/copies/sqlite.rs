//! Copies of SQLite files, by `VACUUM INTO`.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, SqliteConnection};
use tokio::task::JoinHandle;

use super::content::{Content, same};
use crate::DbError;
use crate::open::sqlite_file;

/// A file whose writers wait.
pub(super) struct Held {
    file: SqliteConnectOptions,
    copy: PathBuf,
    lock: Option<SqliteConnection>,
    /// Reads the instant of the copy for as long as it is open.
    pin: Option<SqliteConnection>,
    copying: Option<JoinHandle<Result<(), DbError>>>,
}

impl Held {
    pub async fn new(url: &str, copy: &Path) -> Result<Self, DbError> {
        let path = path(url)?;
        if !path.exists() {
            return Err(DbError::Unusable(format!("{} does not exist", path.display())));
        }
        let file = SqliteConnectOptions::new()
            .filename(&path)
            .busy_timeout(Duration::from_secs(10))
            .disable_statement_logging();
        let mut lock = SqliteConnection::connect_with(&file).await?;
        lock.execute("BEGIN IMMEDIATE").await?;
        Ok(Self {
            file,
            copy: copy.to_owned(),
            lock: Some(lock),
            pin: None,
            copying: None,
        })
    }

    /// Pins the instant, and starts to copy.
    pub async fn begin(&mut self) -> Result<(), DbError> {
        let mut pin = SqliteConnection::connect_with(&self.file).await?;
        pin.execute("BEGIN").await?;
        // A transaction begins to read with its first statement.
        pin.execute("SELECT COUNT(*) FROM sqlite_schema").await?;
        self.pin = Some(pin);
        let mut conn = SqliteConnection::connect_with(&self.file).await?;
        let copy = self.copy.display().to_string();
        self.copying = Some(tokio::spawn(async move {
            sqlx::query("VACUUM INTO $1")
                .bind(copy)
                .execute(&mut conn)
                .await?;
            Ok(conn.close().await?)
        }));
        Ok(())
    }

    /// Waits for the end of the copy.
    pub async fn copied(&mut self) -> Result<(), DbError> {
        match self.copying.as_mut() {
            None => Ok(()),
            Some(copying) => {
                let done = copying.await.map_err(|_| DbError::Panicked)?;
                self.copying = None;
                done
            }
        }
    }

    /// Lets writers go on.
    pub async fn release(&mut self) -> Result<(), DbError> {
        if let Some(mut lock) = self.lock.take() {
            lock.execute("ROLLBACK").await?;
            lock.close().await?;
        }
        Ok(())
    }

    /// Compares the copy with the pinned instant.
    pub async fn finish(mut self) -> Result<Content, DbError> {
        self.copied().await?;
        let mut pin = self.pin.take().ok_or(DbError::Stopped)?;
        let expected = count(&mut pin).await?;
        pin.close().await?;
        let found = read(&self.copy).await?;
        same(&found, &expected, &self.copy)?;
        Ok(found)
    }
}

/// What a copy has, after every page of it was looked at.
pub(super) async fn read(file: &Path) -> Result<Content, DbError> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .read_only(true)
        .disable_statement_logging();
    let mut conn = SqliteConnection::connect_with(&options).await?;
    let (said,): (String,) = sqlx::query_as("PRAGMA integrity_check(1)")
        .fetch_one(&mut conn)
        .await?;
    if said != "ok" {
        return Err(DbError::Unusable(format!("{}: {said}", file.display())));
    }
    let content = count(&mut conn).await?;
    conn.close().await?;
    Ok(content)
}

async fn count(conn: &mut SqliteConnection) -> Result<Content, DbError> {
    // The tables of a full-text index are counted, and not the index, which has no rows of its own.
    let tables: Vec<(String,)> = sqlx::query_as(
        "SELECT name FROM sqlite_schema \
         WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql NOT LIKE 'CREATE VIRTUAL %' ORDER BY name",
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut content = Content::default();
    for (table,) in tables {
        let quoted = table.replace('"', "\"\"");
        let text = format!("SELECT COUNT(*) FROM \"{quoted}\"");
        let (rows,): (i64,) = sqlx::query_as(AssertSqlSafe(text)).fetch_one(&mut *conn).await?;
        if let Some(set) = table.strip_prefix("migrations_") {
            let text = format!("SELECT MAX(version) FROM \"{quoted}\"");
            let (last,): (Option<i64>,) = sqlx::query_as(AssertSqlSafe(text)).fetch_one(&mut *conn).await?;
            content.migrations.insert(set.to_owned(), last.unwrap_or(0));
        }
        content.rows.insert(table, rows);
    }
    Ok(content)
}

fn path(url: &str) -> Result<PathBuf, DbError> {
    sqlite_file(url.strip_prefix("sqlite:").unwrap_or_default())
}

pub(super) fn is_free(url: &str) -> Result<bool, DbError> {
    let path = path(url)?;
    // A log without its file is one that somebody moved away, and would be read into the new one.
    Ok(["", "-wal", "-journal"].iter().all(|end| {
        let mut name = path.clone().into_os_string();
        name.push(end);
        !Path::new(&name).exists()
    }))
}

pub(super) fn put(url: &str, copy: &Path) -> Result<(), DbError> {
    let path = path(url)?;
    let mut beside = path.clone().into_os_string();
    beside.push(".restoring");
    let beside = PathBuf::from(beside);
    let failed = |error: std::io::Error| DbError::Unusable(format!("{}: {error}", path.display()));
    let _left_over = fs::remove_file(&beside);
    let mut to = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .map_err(failed)?;
    let mut from = fs::File::open(copy).map_err(failed)?;
    std::io::copy(&mut from, &mut to).map_err(failed)?;
    to.sync_all().map_err(failed)?;
    // Unlike a rename, a link does not replace what came in the meantime.
    fs::hard_link(&beside, &path).map_err(failed)?;
    fs::remove_file(&beside).map_err(failed)
}
