//! An open database: the state that all handles share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use latchkey_metrics::catalog::{DB_CONNECTIONS, DB_CONNECTIONS_MAX, DB_WRITER_QUEUE};
use latchkey_metrics::labels::{Connections, Role};
use sqlx::PgPool;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Class;
use crate::class::Places;
use crate::readers::Readers;
use crate::tx::Job;

/// The kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file on this host.
    Sqlite,
    /// A server.
    Postgres,
}

/// An open database: readers, one way to write, and change notifications. Cloning is cheap.
#[derive(Clone)]
pub struct Db {
    pub(crate) inner: Arc<Inner>,
    /// The class of this handle's reads.
    pub(crate) class: Class,
}

pub(crate) struct Inner {
    pub(crate) pools: Pools,
    pub(crate) changed: watch::Sender<u64>,
    pub(crate) watching: AtomicBool,
    pub(crate) tasks: TaskTracker,
    pub(crate) stopping: CancellationToken,
    pub(crate) fatal: CancellationToken,
    /// Whose database it is, for metrics.
    pub(crate) role: Role,
}

/// Stops the watcher if the database is dropped without being closed.
impl Drop for Inner {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

pub(crate) enum Pools {
    Sqlite {
        readers: Readers,
        writer: mpsc::Sender<Job>,
        file: Box<SqliteConnectOptions>,
    },
    Postgres {
        pool: PgPool,
        /// How many of the pool's connections each class of reads may use.
        places: Places,
    },
}

impl Db {
    /// A handle on newly opened connections.
    pub(crate) fn new(pools: Pools, fatal: CancellationToken, role: Role) -> Self {
        Self {
            inner: Arc::new(Inner {
                pools,
                changed: watch::Sender::new(0),
                watching: AtomicBool::new(false),
                tasks: TaskTracker::new(),
                stopping: CancellationToken::new(),
                fatal,
                role,
            }),
            class: Class::default(),
        }
    }

    /// Which engine this is, for reports; business code never asks.
    pub fn engine(&self) -> Engine {
        match &self.inner.pools {
            Pools::Sqlite { .. } => Engine::Sqlite,
            Pools::Postgres { .. } => Engine::Postgres,
        }
    }

    /// The same database with a handle whose reads are of this class: they have their own slots, and wait only for each
    /// other. Writes have no classes.
    pub fn reading(&self, class: Class) -> Self {
        Self {
            inner: self.inner.clone(),
            class,
        }
    }

    /// Whose database it is.
    pub fn role(&self) -> Role {
        self.inner.role
    }

    /// Shows its pool and its queue in metrics, without a query.
    pub fn sample(&self) {
        let role = self.inner.role;
        let (most, all, idle) = match &self.inner.pools {
            Pools::Sqlite { readers, writer, .. } => {
                DB_WRITER_QUEUE.set(role, (writer.max_capacity() - writer.capacity()) as f64);
                let (most, free) = readers.slots();
                (most, most, free)
            }
            Pools::Postgres { pool, .. } => {
                let most = pool.options().get_max_connections() as usize;
                (most, pool.size() as usize, pool.num_idle())
            }
        };
        DB_CONNECTIONS_MAX.set(role, most as f64);
        DB_CONNECTIONS.set((role, Connections::Idle), idle as f64);
        DB_CONNECTIONS.set((role, Connections::Used), all.saturating_sub(idle) as f64);
    }

    /// Waits for pending writes, then closes every connection.
    pub async fn close(&self) {
        self.inner.stopping.cancel();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
        match &self.inner.pools {
            Pools::Sqlite { readers, .. } => readers.close().await,
            Pools::Postgres { pool, .. } => pool.close().await,
        }
    }
}
