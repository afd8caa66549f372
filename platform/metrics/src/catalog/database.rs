//! Connections, queues and writes of the databases of this process.

use crate::labels::{Connections, Role};
use crate::metric::Served::{Always, Where};
use crate::metric::metrics;

metrics! {
    DB_CONNECTIONS: Gauge<(Role, Connections)> = "db_client_connections", "connections", Always,
        "Connections of a pool; for SQLite, reads under way and free places for them.";
    DB_CONNECTIONS_MAX: Gauge<Role> = "db_client_connections_max", "connections", Always,
        "The most connections that a pool may have; for SQLite, the most reads at once.";
    DB_WAIT: Histogram<Role> = "db_client_connection_wait_time_seconds", "seconds", Always,
        "How long a read waits for its place in the pool.";
    DB_WRITE: Histogram<Role> = "latchkey_db_write_duration_seconds", "seconds",
        Where("once something was written"),
        "From asking for a transaction to its durable commit or its end, waiting included.";
    DB_WRITER_QUEUE: Gauge<Role> = "latchkey_db_writer_queue", "transactions", Where("for SQLite"),
        "Transactions that wait for the one writer of a SQLite file.";
    DB_FULL: Gauge<Role> = "latchkey_db_disk_full", "0 or 1", Where("for SQLite"),
        "1 while writes fail because the disk is full.";
}
