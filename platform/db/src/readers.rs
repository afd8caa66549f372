//! The readers of a SQLite file: a few connections, lent for one statement each.
//!
//! sqlx's own pool checks whether a connection is alive each time it is returned, which wakes the connection's thread
//! once more for every statement. A file does not disconnect, so this check is unnecessary.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::OwnedSemaphorePermit;

use crate::Class;
use crate::class::Places;

/// The readers of one file. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Readers {
    shared: Arc<Shared>,
}

struct Shared {
    file: SqliteConnectOptions,
    places: Places,
    idle: Mutex<Vec<SqliteConnection>>,
}

/// A lent reader. If it is dropped in the middle of a statement, it is returned when its thread has noticed.
pub(crate) struct Reader {
    conn: Option<SqliteConnection>,
    finished: bool,
    of: Readers,
    place: Option<OwnedSemaphorePermit>,
}

impl Readers {
    /// Readers are opened on demand, and never more than there are slots.
    pub fn new(file: SqliteConnectOptions, places: Places) -> Self {
        Self {
            shared: Arc::new(Shared {
                file,
                places,
                idle: Mutex::default(),
            }),
        }
    }

    /// `PoolTimedOut` if all readers of the class are busy for too long, `PoolClosed` after [`Self::close`].
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

    /// How many reads there may be at once, and how many more there may be now.
    pub fn slots(&self) -> (usize, usize) {
        self.shared.places.slots()
    }

    /// Waits for every statement in progress, then closes all readers.
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
    /// The connection, while the reader is lent.
    pub fn conn(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        self.conn.as_mut().ok_or(sqlx::Error::WorkerCrashed)
    }

    /// Returns the reader after a statement, unless it has lost its thread.
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
        // The caller is gone, but the thread is still busy. Outside of a runtime the connection closes.
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
