//! The one way to write: a tracked transaction that a caller who hangs up cannot cut in two.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::{Executor, Postgres, SqliteConnection};
use tokio::sync::{Mutex, MutexGuard, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::open::Pools;
use crate::{Db, DbError};

/// How many decisions one durable commit may carry.
const BATCH: usize = 64;

/// The channel on which PostgreSQL tells other processes that something changed.
pub(crate) const CHANNEL: &str = "latchkey";

/// A writing transaction. It lives as long as the closure that [`Db::write`] runs; a handle kept longer fails
/// with [`DbError::Stopped`].
#[derive(Clone)]
pub struct Tx {
    inner: Arc<TxInner>,
}

struct TxInner {
    conn: Mutex<Option<Conn>>,
    announce: AtomicBool,
}

pub(crate) enum Conn {
    Sqlite(SqliteConnection),
    Postgres(PoolConnection<Postgres>),
}

/// A closure waiting for the writer, and the answer it will release after the commit.
pub(crate) type Job = Box<dyn FnOnce(Tx) -> BoxFuture<'static, Outcome> + Send>;

pub(crate) struct Outcome {
    keep: bool,
    release: Box<dyn FnOnce(Result<(), DbError>) + Send>,
}

impl Tx {
    /// Wakes whoever waits on [`Db::changes`], in this process and in others, once the transaction is committed.
    pub fn announce(&self) {
        self.inner.announce.store(true, Ordering::Relaxed);
    }

    fn new(conn: Conn) -> Self {
        Self {
            inner: Arc::new(TxInner {
                conn: Mutex::new(Some(conn)),
                announce: AtomicBool::new(false),
            }),
        }
    }

    pub(crate) async fn connection(&self) -> MutexGuard<'_, Option<Conn>> {
        self.inner.conn.lock().await
    }

    async fn end(&self) -> Option<Conn> {
        self.inner.conn.lock().await.take()
    }

    fn announced(&self) -> bool {
        self.inner.announce.load(Ordering::Relaxed)
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
        let (answer, committed) = oneshot::channel();
        let job: Job = Box::new(move |tx| {
            async move {
                let result = work(tx).await;
                let keep = result.is_ok();
                let release = move |commit: Result<(), DbError>| {
                    // The caller may be gone; the commit stands all the same.
                    let _gone = answer.send(match commit {
                        Ok(()) => result,
                        Err(error) => result.and(Err(E::from(error))),
                    });
                };
                Outcome {
                    keep,
                    release: Box::new(release),
                }
            }
            .boxed()
        });
        match &self.inner.pools {
            Pools::Sqlite { writer, .. } => {
                writer.send(job).await.map_err(|_| E::from(DbError::Stopped))?;
            }
            Pools::Postgres(pool) => {
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

async fn write_postgres(pool: sqlx::PgPool, job: Job, changed: watch::Sender<u64>) {
    let mut conn = match pool.acquire().await {
        Ok(conn) => conn,
        Err(error) => return refuse(job, error.into()).await,
    };
    if let Err(error) = conn.execute("BEGIN").await {
        return refuse(job, error.into()).await;
    }
    let tx = Tx::new(Conn::Postgres(conn));
    let outcome = AssertUnwindSafe(job(tx.clone())).catch_unwind().await;
    let Some(Conn::Postgres(mut conn)) = tx.end().await else {
        return;
    };
    match outcome {
        Ok(outcome) if outcome.keep => {
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
            (outcome.release)(Ok(()));
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
async fn refuse(job: Job, error: DbError) {
    let tx = Tx {
        inner: Arc::new(TxInner {
            conn: Mutex::new(None),
            announce: AtomicBool::new(false),
        }),
    };
    if let Ok(outcome) = AssertUnwindSafe(job(tx)).catch_unwind().await {
        (outcome.release)(Err(error));
    }
}

/// Takes what has arrived, runs each in a savepoint, commits once, and releases the answers.
pub(crate) async fn run_sqlite_writer(
    mut conn: SqliteConnection,
    mut queue: mpsc::Receiver<Job>,
    changed: watch::Sender<u64>,
    stopping: CancellationToken,
    fatal: CancellationToken,
) {
    loop {
        let first = tokio::select! {
            biased;
            job = queue.recv() => job,
            () = stopping.cancelled() => {
                queue.close();
                queue.recv().await
            }
        };
        let Some(first) = first else { break };
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(job) = queue.try_recv()
        {
            batch.push(job);
        }
        match commit_batch(conn, batch, &changed).await {
            Ok(next) => conn = next,
            Err(error) => {
                // What reached the disk is unknown, and Linux reports a failed fsync once: stop and replay the log.
                tracing::error!(error = %error, "a commit ended in an I/O error; this node stops");
                fatal.cancel();
                return;
            }
        }
    }
    let _closing = sqlx::Connection::close(conn).await;
}

async fn commit_batch(
    mut conn: SqliteConnection,
    batch: Vec<Job>,
    changed: &watch::Sender<u64>,
) -> Result<SqliteConnection, DbError> {
    if let Err(error) = conn.execute("BEGIN IMMEDIATE").await {
        let io = DbError::is_io(&error);
        let reason = error.to_string();
        for job in batch {
            refuse(job, DbError::Busy(sqlx::Error::Protocol(reason.clone()))).await;
        }
        return if io { Err(error.into()) } else { Ok(conn) };
    }
    // One work alone needs no savepoint: its rollback is the transaction's.
    let alone = batch.len() == 1;
    let mut releases = Vec::with_capacity(batch.len());
    let mut kept = 0_usize;
    let mut announced = false;
    for job in batch {
        if !alone {
            conn.execute("SAVEPOINT work").await?;
        }
        let tx = Tx::new(Conn::Sqlite(conn));
        let outcome = AssertUnwindSafe(job(tx.clone())).catch_unwind().await;
        let Some(Conn::Sqlite(back)) = tx.end().await else {
            return Err(DbError::Stopped);
        };
        conn = back;
        let keep = match outcome {
            Ok(outcome) => {
                releases.push((outcome.keep, outcome.release));
                outcome.keep
            }
            Err(_panic) => {
                tracing::error!("a write panicked and was rolled back");
                false
            }
        };
        if keep {
            kept += 1;
            announced |= tx.announced();
        } else if !alone {
            conn.execute("ROLLBACK TO work").await?;
        }
        if !alone {
            conn.execute("RELEASE work").await?;
        }
    }
    if kept == 0 {
        conn.execute("ROLLBACK").await?;
        releases.into_iter().for_each(|(_, release)| release(Ok(())));
        return Ok(conn);
    }
    match conn.execute("COMMIT").await {
        Ok(_) => {
            if announced {
                changed.send_modify(|count| *count += 1);
            }
            releases.into_iter().for_each(|(_, release)| release(Ok(())));
            Ok(conn)
        }
        Err(error) => {
            let io = DbError::is_io(&error);
            let reason = error.to_string();
            for (_, release) in releases {
                release(Err(DbError::Unavailable(sqlx::Error::Protocol(reason.clone()))));
            }
            if io {
                return Err(error.into());
            }
            // A full disk ends here: SQLite may have rolled back by itself, and then there is nothing to roll back.
            let _already = conn.execute("ROLLBACK").await;
            Ok(conn)
        }
    }
}
