//! The readers of a SQLite file: a few connections, lent for one statement each.
//!
//! sqlx's own pool asks a connection whether it still lives each time that it comes back, which wakes the connection's
//! thread once more for every statement. A file does not hang up, so nobody needs to ask.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// How long somebody waits for a reader before it is an outage.
const PATIENCE: Duration = Duration::from_secs(5);

/// Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Readers {
    shared: Arc<Shared>,
}

struct Shared {
    file: SqliteConnectOptions,
    most: u32,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<SqliteConnection>>,
}

/// A reader that is lent. Dropped in the middle of a statement, it goes back when its thread has noticed.
pub(crate) struct Reader {
    conn: Option<SqliteConnection>,
    finished: bool,
    of: Readers,
    place: Option<OwnedSemaphorePermit>,
}

impl Readers {
    /// None is opened before somebody reads, and never more than `most`.
    pub fn new(file: SqliteConnectOptions, most: u32) -> Self {
        Self {
            shared: Arc::new(Shared {
                file,
                most,
                places: Arc::new(Semaphore::new(most as usize)),
                idle: Mutex::default(),
            }),
        }
    }

    /// `PoolTimedOut` when all are busy for too long, `PoolClosed` after [`Self::close`].
    pub async fn lend(&self) -> Result<Reader, sqlx::Error> {
        let places = &self.shared.places;
        let place = match places.clone().try_acquire_owned() {
            Ok(place) => place,
            Err(TryAcquireError::Closed) => return Err(sqlx::Error::PoolClosed),
            Err(TryAcquireError::NoPermits) => tokio::time::timeout(PATIENCE, places.clone().acquire_owned())
                .await
                .map_err(|_late| sqlx::Error::PoolTimedOut)?
                .map_err(|_closed| sqlx::Error::PoolClosed)?,
        };
        let idle = self.idle().pop();
        let conn = match idle {
            Some(conn) => conn,
            None => SqliteConnection::connect_with(&self.shared.file).await?,
        };
        Ok(Reader {
            conn: Some(conn),
            finished: false,
            of: self.clone(),
            place: Some(place),
        })
    }

    /// Lets every statement that has begun end, then closes all.
    pub async fn close(&self) {
        let _all = self.shared.places.acquire_many(self.shared.most).await;
        self.shared.places.close();
        let all = std::mem::take(&mut *self.idle());
        for conn in all {
            let _closing = conn.close().await;
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<SqliteConnection>> {
        self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// The connection, as long as the reader is lent.
    pub fn conn(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        self.conn.as_mut().ok_or(sqlx::Error::WorkerCrashed)
    }

    /// The statement is over. What has lost its thread does not go back.
    pub fn finished<T>(mut self, answer: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        match &answer {
            Err(sqlx::Error::WorkerCrashed) => self.conn = None,
            _ => self.finished = true,
        }
        answer
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let Some(mut conn) = self.conn.take() else { return };
        if self.finished {
            return self.of.idle().push(conn);
        }
        // Whoever asked has gone; the thread is still at it. Outside of a runtime the connection closes.
        let (of, place) = (self.of.clone(), self.place.take());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if conn.ping().await.is_ok() {
                    of.idle().push(conn);
                }
                drop(place);
            });
        }
    }
}
