//! The one way to write: a tracked transaction that a disconnecting caller cannot interrupt.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use futures::FutureExt;
use latchkey_metrics::catalog::DB_WRITE;
use latchkey_trace::{Kind, Scope, Span, scoped};
use sqlx::pool::PoolConnection;
use sqlx::{Executor, Postgres};
use tokio::sync::{oneshot, watch};

use crate::changes::CHANNEL;
use crate::db::Pools;
use crate::tx::{Conn, Job, Outcome, refuse};
use crate::{Db, DbError, Sql, Tx};

impl Db {
    /// Runs `work` in a writing transaction and returns after its durable commit.
    ///
    /// `Ok` commits and `Err` rolls back, so a refusal that must leave a record is an `Ok` value. The work runs in a
    /// task of its own. On SQLite several works may share one commit, each in a savepoint. `work` must await only
    /// statements of its transaction, because all other writers wait for it.
    pub async fn write<T, E, F, Fut>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: FnOnce(Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.queue(false, work).await
    }

    /// Runs one statement in its own writing transaction and returns the number of affected rows after the durable
    /// commit.
    ///
    /// Like [`Db::write`], but cheaper where several share a commit on SQLite: one statement needs no savepoint.
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
        let since = Instant::now();
        let (answer, committed) = oneshot::channel();
        let system = match &self.inner.pools {
            Pools::Sqlite { .. } => "sqlite",
            Pools::Postgres { .. } => "postgresql",
        };
        let mut span = Span::child(Kind::Client, || "transaction".into());
        if let Some(span) = &mut span {
            span.set("db.system.name", system);
        }
        let scope = span
            .as_ref()
            .map_or_else(Scope::capture, |span| Some(span.scope()));
        let run = Box::new(move |tx: Result<Tx, DbError>| {
            async move {
                let tx = match tx {
                    Ok(tx) => tx,
                    Err(error) => {
                        let _gone = answer.send(Err(E::from(error)));
                        return Outcome::refused();
                    }
                };
                let result = scoped(scope, work(tx)).await;
                let keep = result.is_ok();
                let release = move |commit: Result<(), DbError>| {
                    if let (Some(span), Err(_)) = (&mut span, &commit) {
                        span.fail("commit");
                    }
                    drop(span);
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
        // The sender is dropped without a result only if the work panicked or the writer stopped.
        let ended = committed.await;
        DB_WRITE.observe(self.inner.role, since.elapsed());
        ended.unwrap_or_else(|_| {
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
    // The pool's connections are read-only by default.
    if let Err(error) = conn.execute("BEGIN READ WRITE").await {
        return refuse(job, error.into()).await;
    }
    let tx = Tx::new(Conn::Postgres(conn));
    let outcome = AssertUnwindSafe((job.run)(Ok(tx.clone()))).catch_unwind().await;
    let Some(Conn::Postgres(mut conn)) = tx.end().await else {
        return;
    };
    match outcome {
        // PostgreSQL responds to COMMIT of an aborted transaction with a silent rollback: never send it one.
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

/// A connection whose transaction is in doubt is not returned to the pool.
async fn close(conn: PoolConnection<Postgres>) {
    let _already_gone = conn.close().await;
}
