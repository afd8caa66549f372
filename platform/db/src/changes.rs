//! Notification of commits, from this process or from another one on the same database.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::FutureExt;
use sqlx::postgres::PgListener;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, PgPool, SqliteConnection};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Db;
use crate::db::Pools;

/// The channel on which PostgreSQL notifies other processes of changes.
pub(crate) const CHANNEL: &str = "latchkey";

/// The pause before a watcher that panicked is restarted.
const RESTART_AFTER: Duration = Duration::from_millis(250);

/// How often SQLite is asked whether another connection has committed.
const DATA_VERSION_EVERY: Duration = Duration::from_millis(50);

impl Db {
    /// A counter that increases after commits that were announced here, and soon after commits elsewhere.
    ///
    /// It may change without a reason, and several commits may change it once: it is a hint to look, never a message.
    pub fn changes(&self) -> watch::Receiver<u64> {
        if !self.inner.watching.swap(true, Ordering::SeqCst) {
            let changed = self.inner.changed.clone();
            let stopping = self.inner.stopping.clone();
            match &self.inner.pools {
                Pools::Sqlite { file, .. } => {
                    let file = file.as_ref().clone().create_if_missing(false).read_only(true);
                    let watch = move |stopping| watch_sqlite(file.clone(), changed.clone(), stopping);
                    self.inner.tasks.spawn(keep(watch, stopping));
                }
                Pools::Postgres { pool, .. } => {
                    let pool = pool.clone();
                    let watch = move |stopping| watch_postgres(pool.clone(), changed.clone(), stopping);
                    self.inner.tasks.spawn(keep(watch, stopping));
                }
            }
        }
        self.inner.changed.subscribe()
    }
}

/// Watches until `stopping`, restarting after every panic.
async fn keep<Fut>(watch: impl Fn(CancellationToken) -> Fut, stopping: CancellationToken)
where
    Fut: Future<Output = ()>,
{
    while !stopping.is_cancelled() {
        let watched = AssertUnwindSafe(watch(stopping.clone())).catch_unwind().await;
        if watched.is_err() {
            tracing::error!("the task that watches a database for changes panicked and is restarted");
            tokio::time::sleep(RESTART_AFTER).await;
        }
    }
}

/// `PRAGMA data_version` changes when another connection has committed (sqlite.org/pragma.html#pragma_data_version).
async fn watch_sqlite(file: SqliteConnectOptions, changed: watch::Sender<u64>, stopping: CancellationToken) {
    let mut conn: Option<SqliteConnection> = None;
    let mut seen = None;
    let mut tick = tokio::time::interval(DATA_VERSION_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stopping.cancelled() => return,
        }
        if conn.is_none() {
            conn = SqliteConnection::connect_with(&file).await.ok();
        }
        let Some(open) = conn.as_mut() else { continue };
        match sqlx::query_as::<_, (i64,)>("PRAGMA data_version")
            .fetch_one(open)
            .await
        {
            Ok((version,)) => {
                // The first reading counts: there may have been a commit between the subscription and this connection.
                if seen.replace(version) != Some(version) {
                    changed.send_modify(|count| *count += 1);
                }
            }
            Err(error) => {
                tracing::warn!(error = %error, "the database file cannot be watched for changes");
                conn = None;
                // The numbers of two connections cannot be compared.
                seen = None;
            }
        }
    }
}

async fn watch_postgres(pool: PgPool, changed: watch::Sender<u64>, stopping: CancellationToken) {
    let listen = async {
        loop {
            match follow(&pool, &changed).await {
                Ok(never) => match never {},
                Err(error) => tracing::warn!(error = %error, "the database cannot be watched for changes"),
            }
            // Notifications may have been missed while not listening.
            changed.send_modify(|count| *count += 1);
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    tokio::select! {
        () = listen => {}
        () = stopping.cancelled() => {}
    }
}

async fn follow(
    pool: &PgPool,
    changed: &watch::Sender<u64>,
) -> Result<std::convert::Infallible, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.ignore_pool_close_event(true);
    listener.listen(CHANNEL).await?;
    changed.send_modify(|count| *count += 1);
    loop {
        // `None` means that the connection was lost and reestablished: check again, too.
        listener.try_recv().await?;
        changed.send_modify(|count| *count += 1);
    }
}
