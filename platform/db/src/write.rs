//! The one way to write: a tracked transaction that a caller who hangs up cannot cut in two.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::{Executor, Postgres, SqliteConnection};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard, oneshot, watch};

use crate::error::is_full;
use crate::open::Pools;
use crate::{Db, DbError, Sql};

/// The channel on which PostgreSQL tells other processes that something changed.
pub(crate) const CHANNEL: &str = "latchkey";

/// A writing transaction. It lives as long as the closure that [`Db::write`] runs; a handle kept longer fails
/// with [`DbError::Stopped`].
///
/// The first statement that fails ends it: PostgreSQL aborts the transaction, SQLite may undo it whole by itself, so
/// on both every later statement fails with [`DbError::Spoiled`] and nothing is committed, whatever the work answers.
#[derive(Clone)]
pub struct Tx {
    inner: Arc<TxInner>,
}

struct TxInner {
    conn: Mutex<Option<Conn>>,
    announce: AtomicBool,
    spoiled: AtomicBool,
    /// The statement that spoiled it ended in an I/O error.
    fatal: AtomicBool,
    /// It found no room on the disk.
    full: AtomicBool,
}

pub(crate) enum Conn {
    Sqlite(SqliteConnection),
    Postgres(PoolConnection<Postgres>),
}

/// What waits for the writer.
pub(crate) struct Job {
    /// The work, and the answer that it will release after the commit. Given an error instead of a transaction, it
    /// passes the error on and the work is never run.
    pub(crate) run: Box<dyn FnOnce(Result<Tx, DbError>) -> BoxFuture<'static, Outcome> + Send>,
    /// It is one statement, which is whole or not at all by itself.
    pub(crate) single: bool,
}

pub(crate) struct Outcome {
    /// The work asks for a commit.
    pub(crate) keep: bool,
    /// Lets its caller know what became of it.
    pub(crate) release: Release,
}

pub(crate) type Release = Box<dyn FnOnce(Result<(), DbError>) + Send>;

impl Tx {
    /// Wakes whoever waits on [`Db::changes`], in this process and in others, once the transaction is committed.
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

    /// The connection, while the transaction lives and is whole.
    pub(crate) async fn connection(&self) -> Result<MappedMutexGuard<'_, Conn>, DbError> {
        let conn = MutexGuard::try_map(self.inner.conn.lock().await, Option::as_mut)
            .map_err(|_ended| DbError::Stopped)?;
        if self.spoiled() {
            return Err(DbError::Spoiled);
        }
        Ok(conn)
    }

    /// Takes note that a statement failed.
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

    /// What a work is told that asked, or did not ask, for a commit: it may not know that it cannot have one.
    pub(crate) fn verdict(&self, keep: bool) -> Result<(), DbError> {
        if keep && self.spoiled() {
            return Err(DbError::Spoiled);
        }
        Ok(())
    }
}

impl Db {
    /// Runs `work` in a writing transaction and answers after its durable commit.
    ///
    /// `Ok` is committed and `Err` is rolled back, so a refusal that must leave a trace is an `Ok` value. The work
    /// runs in a task of its own. On SQLite several works may share one commit, each in a savepoint. `work` must
    /// await nothing but statements of its transaction: everybody else who writes waits for it.
    pub async fn write<T, E, F, Fut>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: FnOnce(Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.queue(false, work).await
    }

    /// Runs one statement in a writing transaction of its own and answers after its durable commit with the number of
    /// rows it touched.
    ///
    /// As [`Db::write`], and cheaper where several share a commit on SQLite: one statement needs no savepoint.
    pub async fn write_one(&self, statement: Sql) -> Result<u64, DbError> {
        self.queue(true, move |tx| async move { statement.execute(&tx).await })
            .await
    }

    async fn queue<T, E, F, Fut>(&self, single: bool, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: FnOnce(Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let (answer, committed) = oneshot::channel();
        let run = Box::new(move |tx: Result<Tx, DbError>| {
            async move {
                let tx = match tx {
                    Ok(tx) => tx,
                    Err(error) => {
                        let _gone = answer.send(Err(E::from(error)));
                        return Outcome::refused();
                    }
                };
                let result = work(tx).await;
                let keep = result.is_ok();
                let release = move |commit: Result<(), DbError>| {
                    // The caller may be gone; the commit stands all the same.
                    let _gone = answer.send(match commit {
                        Ok(()) => result,
                        Err(error) => Err(E::from(error)),
                    });
                };
                Outcome {
                    keep,
                    release: Box::new(release),
                }
            }
            .boxed()
        });
        let job = Job { run, single };
        match &self.inner.pools {
            Pools::Sqlite { writer, .. } => {
                writer.send(job).await.map_err(|_| E::from(DbError::Stopped))?;
            }
            Pools::Postgres { pool, .. } => {
                if self.inner.stopping.is_cancelled() {
                    return Err(E::from(DbError::Stopped));
                }
                let pool = pool.clone();
                let changed = self.inner.changed.clone();
                self.inner
                    .tasks
                    .spawn(async move { write_postgres(pool, job, changed).await });
            }
        }
        // The sender is dropped without an answer only when the work panicked or the writer stopped.
        committed.await.unwrap_or_else(|_| {
            let stopped = self.inner.stopping.is_cancelled() || self.inner.fatal.is_cancelled();
            Err(E::from(if stopped {
                DbError::Stopped
            } else {
                DbError::Panicked
            }))
        })
    }
}

impl Outcome {
    fn refused() -> Self {
        Self {
            keep: false,
            release: Box::new(|_| {}),
        }
    }
}

async fn write_postgres(pool: sqlx::PgPool, job: Job, changed: watch::Sender<u64>) {
    let mut conn = match pool.acquire().await {
        Ok(conn) => conn,
        Err(error) => return refuse(job, error.into()).await,
    };
    // The connections of the pool are read-only unless they are asked.
    if let Err(error) = conn.execute("BEGIN READ WRITE").await {
        return refuse(job, error.into()).await;
    }
    let tx = Tx::new(Conn::Postgres(conn));
    let outcome = AssertUnwindSafe((job.run)(Ok(tx.clone()))).catch_unwind().await;
    let Some(Conn::Postgres(mut conn)) = tx.end().await else {
        return;
    };
    match outcome {
        // PostgreSQL answers COMMIT of an aborted transaction with a silent rollback: never send it one.
        Ok(outcome) if outcome.keep && !tx.spoiled() => {
            let announced = tx.announced();
            if announced {
                let told = sqlx::query("SELECT pg_notify($1, '')")
                    .bind(CHANNEL)
                    .execute(&mut *conn)
                    .await;
                if let Err(error) = told {
                    close(conn).await;
                    return (outcome.release)(Err(error.into()));
                }
            }
            let commit = conn.execute("COMMIT").await.map(|_| ()).map_err(DbError::from);
            if commit.is_err() {
                close(conn).await;
            } else if announced {
                changed.send_modify(|count| *count += 1);
            }
            (outcome.release)(commit);
        }
        Ok(outcome) => {
            if conn.execute("ROLLBACK").await.is_err() {
                close(conn).await;
            }
            (outcome.release)(tx.verdict(outcome.keep));
        }
        Err(_panic) => {
            tracing::error!("a write panicked and was rolled back");
            close(conn).await;
        }
    }
}

/// A connection whose transaction is in doubt does not go back to the pool.
async fn close(conn: PoolConnection<Postgres>) {
    let _already_gone = conn.close().await;
}

/// Answers a job that never got its transaction.
pub(crate) async fn refuse(job: Job, error: DbError) {
    (job.run)(Err(error)).await;
}
