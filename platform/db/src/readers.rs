//! The readers of a SQLite file: a few connections, lent for one statement each.
//!
//! sqlx's own pool asks a connection whether it still lives each time that it comes back, which wakes the connection's
//! thread once more for every statement. A file does not hang up, so nobody needs to ask.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::OwnedSemaphorePermit;

use crate::Class;
use crate::class::Places;

/// Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Readers {
    shared: Arc<Shared>,
}

struct Shared {
    file: SqliteConnectOptions,
    places: Places,
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
    /// None is opened before somebody reads, and never more than there are places.
    pub fn new(file: SqliteConnectOptions, places: Places) -> Self {
        Self {
            shared: Arc::new(Shared {
                file,
                places,
                idle: Mutex::default(),
            }),
        }
    }

    /// `PoolTimedOut` when all of the class are busy for too long, `PoolClosed` after [`Self::close`].
    pub async fn lend(&self, class: Class) -> Result<Reader, sqlx::Error> {
        let place = self.shared.places.take(class).await?;
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
        self.shared.places.close().await;
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
