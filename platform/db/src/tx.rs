//! A writing transaction, and the jobs that wait for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::{Postgres, SqliteConnection};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use crate::DbError;
use crate::error::is_full;

/// A writing transaction. It lives as long as the closure that [`Db::write`](crate::Db::write) runs; a handle kept
/// longer fails with [`DbError::Stopped`].
///
/// The first failing statement ends it: PostgreSQL aborts the transaction, and SQLite may roll it back completely, so
/// on both every later statement fails with [`DbError::Spoiled`] and nothing is committed, whatever the work returns.
#[derive(Clone)]
pub struct Tx {
    inner: Arc<TxInner>,
}

struct TxInner {
    conn: Mutex<Option<Conn>>,
    announce: AtomicBool,
    spoiled: AtomicBool,
    /// The failed statement ended in an I/O error.
    fatal: AtomicBool,
    /// The failed statement found no space on the disk.
    full: AtomicBool,
}

pub(crate) enum Conn {
    Sqlite(SqliteConnection),
    Postgres(PoolConnection<Postgres>),
}

/// A job that waits for the writer.
pub(crate) struct Job {
    /// The work, and the result that it releases after the commit. Given an error instead of a transaction, it passes
    /// the error on and the work is never run.
    pub(crate) run: Box<dyn FnOnce(Result<Tx, DbError>) -> BoxFuture<'static, Outcome> + Send>,
    /// It is a single statement, which is atomic by itself.
    pub(crate) single: bool,
}

pub(crate) struct Outcome {
    /// Whether the work requests a commit.
    pub(crate) keep: bool,
    /// Tells its caller the outcome.
    pub(crate) release: Release,
}

pub(crate) type Release = Box<dyn FnOnce(Result<(), DbError>) + Send>;

impl Tx {
    /// Wakes everybody who waits on [`Db::changes`](crate::Db::changes), in this process and in others, once the
    /// transaction is committed.
    pub fn announce(&self) {
        self.inner.announce.store(true, Ordering::Relaxed);
    }

    pub(crate) fn new(conn: Conn) -> Self {
        Self {
            inner: Arc::new(TxInner {
                conn: Mutex::new(Some(conn)),
                announce: AtomicBool::new(false),
                spoiled: AtomicBool::new(false),
                fatal: AtomicBool::new(false),
                full: AtomicBool::new(false),
            }),
        }
    }

    /// The connection, while the transaction is open and intact.
    pub(crate) async fn connection(&self) -> Result<MappedMutexGuard<'_, Conn>, DbError> {
        let conn = MutexGuard::try_map(self.inner.conn.lock().await, Option::as_mut)
            .map_err(|_ended| DbError::Stopped)?;
        if self.spoiled() {
            return Err(DbError::Spoiled);
        }
        Ok(conn)
    }

    /// Records that a statement failed.
    pub(crate) fn spoil(&self, error: sqlx::Error) -> DbError {
        self.inner.spoiled.store(true, Ordering::Relaxed);
        if DbError::is_fatal(&error) {
            self.inner.fatal.store(true, Ordering::Relaxed);
        }
        if is_full(&error) {
            self.inner.full.store(true, Ordering::Relaxed);
        }
        error.into()
    }

    pub(crate) async fn end(&self) -> Option<Conn> {
        self.inner.conn.lock().await.take()
    }

    pub(crate) fn announced(&self) -> bool {
        self.inner.announce.load(Ordering::Relaxed)
    }

    pub(crate) fn spoiled(&self) -> bool {
        self.inner.spoiled.load(Ordering::Relaxed)
    }

    pub(crate) fn fatal(&self) -> bool {
        self.inner.fatal.load(Ordering::Relaxed)
    }

    pub(crate) fn full(&self) -> bool {
        self.inner.full.load(Ordering::Relaxed)
    }

    /// The verdict for a work that requested, or did not request, a commit: it may not know that a commit is
    /// impossible.
    pub(crate) fn verdict(&self, keep: bool) -> Result<(), DbError> {
        if keep && self.spoiled() {
            return Err(DbError::Spoiled);
        }
        Ok(())
    }
}

impl Outcome {
    /// The outcome of a work that was never run.
    pub(crate) fn refused() -> Self {
        Self {
            keep: false,
            release: Box::new(|_| {}),
        }
    }
}

/// Fails a job that never got its transaction.
pub(crate) async fn refuse(job: Job, error: DbError) {
    (job.run)(Err(error)).await;
}
