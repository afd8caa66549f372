//! The writer of a SQLite file: one task, one connection, and as many jobs in a commit as have arrived.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use latchkey_metrics::catalog::DB_FULL;
use latchkey_metrics::labels::Role;
use sqlx::{Executor, SqliteConnection};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::DbError;
use crate::error::is_full;
use crate::readers::Readers;
use crate::tx::{Conn, Job, Release, Tx, refuse};

/// The maximum number of jobs in one durable commit.
const BATCH: usize = 64;
/// How often other tasks may run before a commit starts, as long as each time another job arrives.
const TURNS: usize = 4;

/// The channels of the writer.
pub(crate) struct Writer {
    pub(crate) changed: watch::Sender<u64>,
    pub(crate) stopping: CancellationToken,
    pub(crate) fatal: CancellationToken,
    pub(crate) readers: Readers,
    pub(crate) disk: Disk,
}

/// The disk of the file: that it is full, and that it has space again, is each logged once.
pub(crate) struct Disk {
    file: String,
    full: AtomicBool,
    role: Role,
}

impl Disk {
    pub(crate) fn new(file: &Path, role: Role) -> Self {
        DB_FULL.set(role, 0.0);
        Self {
            file: file.display().to_string(),
            full: AtomicBool::new(false),
            role,
        }
    }

    fn is_full(&self) {
        if !self.full.swap(true, Ordering::Relaxed) {
            DB_FULL.set(self.role, 1.0);
            tracing::error!(
                file = self.file,
                "the disk is full; writes fail until there is free space"
            );
        }
    }

    fn has_room(&self) {
        if self.full.swap(false, Ordering::Relaxed) {
            DB_FULL.set(self.role, 0.0);
            tracing::warn!(file = self.file, "the disk has free space again");
        }
    }
}

impl Writer {
    /// Takes the jobs that have arrived, runs each in a savepoint, commits once, and releases the results.
    pub(crate) async fn run(self, mut conn: SqliteConnection, mut queue: mpsc::Receiver<Job>) {
        loop {
            let first = tokio::select! {
                biased;
                job = queue.recv() => job,
                () = self.stopping.cancelled() => {
                    queue.close();
                    queue.recv().await
                }
            };
            let Some(first) = first else { break };
            let mut batch = VecDeque::from([first]);
            for _ in 0..TURNS {
                let before = batch.len();
                // Let others that are about to write do so: a commit costs the same for one job as for many.
                tokio::task::yield_now().await;
                while batch.len() < BATCH
                    && let Ok(job) = queue.try_recv()
                {
                    batch.push_back(job);
                }
                if batch.len() == before || batch.len() == BATCH {
                    break;
                }
            }
            while !batch.is_empty() {
                match self.commit(conn, &mut batch).await {
                    Some(next) => conn = next,
                    None => return,
                }
            }
        }
        // The last connection to close checkpoints the WAL into the file; readers cannot, so they are closed first. If
        // another process has a connection open, that one checkpoints it later.
        self.readers.close().await;
        let _held_back = conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").await;
        let _closing = sqlx::Connection::close(conn).await;
    }

    /// Commits the jobs of `batch` together. It leaves in `batch` those that must be repeated because SQLite rolled
    /// back the transaction before their turn. `None` if the file can no longer be trusted.
    async fn commit(
        &self,
        mut conn: SqliteConnection,
        batch: &mut VecDeque<Job>,
    ) -> Option<SqliteConnection> {
        if let Err(error) = run(&mut conn, "BEGIN IMMEDIATE").await {
            if DbError::is_fatal(&error) {
                return self.stop(&error.to_string());
            }
            if is_full(&error) {
                self.disk.is_full();
            }
            let again = copies(error);
            for job in batch.drain(..) {
                refuse(job, again()).await;
            }
            return Some(conn);
        }
        // A single job needs no savepoint: its rollback is that of the transaction. Neither does a single statement.
        let alone = batch.len() == 1;
        let mut begin = "SAVEPOINT work";
        // Jobs without a commit wait for it as well: the row that made one fail may be a neighbour's.
        let mut waiting = Vec::with_capacity(batch.len());
        let mut kept = 0_usize;
        let mut announced = false;
        while let Some(job) = batch.pop_front() {
            let guarded = !alone && !job.single;
            if guarded {
                if let Err(error) = run(&mut conn, begin).await {
                    batch.push_front(job);
                    return self.undone(conn, waiting, error).await;
                }
                // The open savepoint is released together with the start of the next one, or with the commit: one step
                // less each.
                begin = "RELEASE work; SAVEPOINT work";
            }
            let tx = Tx::new(Conn::Sqlite(conn));
            let outcome = AssertUnwindSafe((job.run)(Ok(tx.clone()))).catch_unwind().await;
            let Some(Conn::Sqlite(back)) = tx.end().await else {
                return self.stop("a transaction lost its connection");
            };
            conn = back;
            if tx.fatal() {
                return self.stop("a statement ended in an I/O error");
            }
            if tx.full() {
                self.disk.is_full();
            }
            let mut keep = false;
            match outcome {
                Ok(outcome) => {
                    keep = outcome.keep && !tx.spoiled();
                    waiting.push((outcome.release, tx.verdict(outcome.keep)));
                }
                Err(_panic) => tracing::error!("a write panicked and was rolled back"),
            }
            if keep {
                kept += 1;
                announced |= tx.announced();
            }
            if alone {
                break;
            }
            if keep {
                continue;
            }
            let whole = match guarded {
                true => run(&mut conn, "ROLLBACK TO work").await,
                false => still_begun(&mut conn).await,
            };
            if let Err(error) = whole {
                return self.undone(conn, waiting, error).await;
            }
        }
        if kept == 0 {
            // After a full disk there may be nothing left to roll back.
            if let Err(error) = run(&mut conn, "ROLLBACK").await
                && DbError::is_fatal(&error)
            {
                return self.stop(&error.to_string());
            }
        } else if let Err(error) = run(&mut conn, "COMMIT").await {
            return self.undone(conn, waiting, error).await;
        } else {
            self.disk.has_room();
            if announced {
                self.changed.send_modify(|count| *count += 1);
            }
        }
        waiting
            .into_iter()
            .for_each(|(release, verdict)| release(verdict));
        Some(conn)
    }

    /// The transaction is lost with all jobs so far: SQLite rolls it back on its own when the disk is full.
    async fn undone(
        &self,
        mut conn: SqliteConnection,
        waiting: Vec<(Release, Result<(), DbError>)>,
        error: sqlx::Error,
    ) -> Option<SqliteConnection> {
        if DbError::is_fatal(&error) {
            return self.stop(&error.to_string());
        }
        if is_full(&error) {
            self.disk.is_full();
        }
        let _already = run(&mut conn, "ROLLBACK").await;
        let again = copies(error);
        waiting.into_iter().for_each(|(release, _)| release(Err(again())));
        Some(conn)
    }

    /// What reached the disk is unknown, and Linux reports a failed fsync only once: stop, and replay the log.
    ///
    /// The token is cancelled before the waiting jobs are dropped: that is how their callers learn the reason.
    fn stop(&self, reason: &str) -> Option<SqliteConnection> {
        tracing::error!(
            reason,
            "the database file can no longer be trusted; this process stops"
        );
        self.fatal.cancel();
        None
    }
}

/// A statement that the connection prepares once.
async fn run(conn: &mut SqliteConnection, statement: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(statement).execute(conn).await.map(drop)
}

/// After a failed statement: whether SQLite rolled back the whole transaction with it, as it does when the disk is
/// full. A BEGIN inside of an open transaction fails.
async fn still_begun(conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    match run(conn, "BEGIN").await {
        Ok(()) => Err(sqlx::Error::Protocol("SQLite undid the transaction".to_owned())),
        Err(error) if DbError::is_fatal(&error) => Err(error),
        Err(_inside) => Ok(()),
    }
}

/// The same error for every affected job.
fn copies(error: sqlx::Error) -> impl Fn() -> DbError {
    let reason = error.to_string();
    let kind: fn(sqlx::Error) -> DbError = match DbError::from(error) {
        DbError::Busy(_) => DbError::Busy,
        DbError::Full(_) => DbError::Full,
        DbError::Damaged(_) => DbError::Damaged,
        _ => DbError::Unavailable,
    };
    move || kind(sqlx::Error::Protocol(reason.clone()))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_named_once_until_it_has_room() {
        let log = Log::default();
        let lines = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || lines.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let disk = Disk::new(Path::new("/data/identity.db"), Role::Other);
            disk.has_room();
            for _ in 0..2 {
                for _ in 0..100 {
                    disk.is_full();
                }
                disk.has_room();
                disk.has_room();
            }
        });
        let said = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let lines = said.lines().filter(|line| line.contains("/data/identity.db"));
        let full = lines
            .clone()
            .filter(|line| line.contains("the disk is full"))
            .count();
        assert_eq!((full, lines.count()), (2, 4), "{said}");
    }
}
