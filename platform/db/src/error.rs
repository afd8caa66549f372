//! The errors of the database, distinguished as far as a caller can act on them.

use sqlx::migrate::MigrateError;

/// A database error, classified by what the caller may do about it.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A uniqueness constraint rejected the row; contains the constraint's name or message.
    #[error("a row with this key exists already ({0})")]
    Unique(String),
    /// Another transaction was in the way; nothing was written and the same call may succeed later.
    #[error("the database is busy")]
    Busy(#[source] sqlx::Error),
    /// The database cannot be reached (connection, pool); nothing is known to be written.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// The disk is full; nothing was written, and writing works again once there is space.
    #[error("the disk of the database is full")]
    Full(#[source] sqlx::Error),
    /// The file is not a database, or parts of it are damaged.
    #[error("the database is damaged: restore it from a backup, or move it away to start with an empty one")]
    Damaged(#[source] sqlx::Error),
    /// The writer has stopped, after an I/O error during a commit or because the node shuts down.
    #[error("the database no longer accepts writes")]
    Stopped,
    /// An earlier statement of this transaction failed, and the work continued: nothing of it is written.
    #[error("an earlier statement of this write failed; it was rolled back")]
    Spoiled,
    /// The work panicked and was rolled back.
    #[error("the write panicked and was rolled back")]
    Panicked,
    /// A column does not have the type or value that the reader expects.
    #[error("column {column}: {reason}")]
    Row {
        /// The column's name.
        column: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A recorded migration differs from ours, or is newer than this binary.
    #[error("the schema does not match this version of the binary")]
    Migration(#[source] MigrateError),
    /// The URL or the linked library cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// Any other error: a defect in our statement.
    #[error("the statement failed")]
    Sql(#[source] sqlx::Error),
}

impl DbError {
    /// A column cannot be read, for this reason.
    pub fn row(column: &str, reason: impl Into<String>) -> Self {
        Self::Row {
            column: column.to_owned(),
            reason: reason.into(),
        }
    }

    /// True if the same call may succeed later without intervention.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Busy(_) | Self::Unavailable(_) | Self::Full(_) | Self::Stopped
        )
    }

    /// True if the state of a SQLite file is unknown and the node must stop: an I/O error, or a dead driver.
    pub(crate) fn is_fatal(error: &sqlx::Error) -> bool {
        const SQLITE_IOERR: i64 = 10;
        matches!(error, sqlx::Error::WorkerCrashed)
            || sqlite_code(error).is_some_and(|code| code & 0xff == SQLITE_IOERR)
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        const SQLITE_BUSY: i64 = 5;
        const SQLITE_LOCKED: i64 = 6;
        const SQLITE_CORRUPT: i64 = 11;
        const SQLITE_CANTOPEN: i64 = 14;
        const SQLITE_NOTADB: i64 = 26;
        if let sqlx::Error::Database(database) = &error
            && database.is_unique_violation()
        {
            let name = database.constraint().unwrap_or_else(|| database.message());
            return Self::Unique(name.to_owned());
        }
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default();
                let primary = sqlite_code(&error).map(|code| code & 0xff);
                match (code.as_ref(), primary) {
                    // PostgreSQL: serialization failure, deadlock, lock not available.
                    ("40001" | "40P01" | "55P03", _) => Self::Busy(error),
                    // PostgreSQL: disk full; data or index corrupted.
                    ("53100", _) => Self::Full(error),
                    ("XX001" | "XX002", _) => Self::Damaged(error),
                    // PostgreSQL: connection exceptions, insufficient resources, operator intervention.
                    (class, _) if class.len() == 5 && ["08", "53", "57"].contains(&&class[..2]) => {
                        Self::Unavailable(error)
                    }
                    (_, Some(SQLITE_BUSY | SQLITE_LOCKED)) => Self::Busy(error),
                    (_, Some(SQLITE_FULL)) => Self::Full(error),
                    (_, Some(SQLITE_CANTOPEN)) => Self::Unavailable(error),
                    (_, Some(SQLITE_CORRUPT | SQLITE_NOTADB)) => Self::Damaged(error),
                    _ => Self::Sql(error),
                }
            }
            _ => Self::Sql(error),
        }
    }
}

impl From<MigrateError> for DbError {
    /// A database that is unavailable, full or damaged gets the same error during migration.
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(cause) => match Self::from(cause) {
                Self::Sql(cause) => Self::Migration(MigrateError::Execute(cause)),
                known => known,
            },
            MigrateError::ExecuteMigration(cause, version) => match Self::from(cause) {
                Self::Sql(cause) => Self::Migration(MigrateError::ExecuteMigration(cause, version)),
                known => known,
            },
            other => Self::Migration(other),
        }
    }
}

/// True if SQLite found no space to write.
pub(crate) fn is_full(error: &sqlx::Error) -> bool {
    sqlite_code(error).is_some_and(|code| code & 0xff == SQLITE_FULL)
}

/// An error and its causes, for the log.
pub fn reasons(error: &dyn std::error::Error) -> String {
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        chain.push_str(": ");
        chain.push_str(&cause.to_string());
        source = cause.source();
    }
    chain
}

const SQLITE_FULL: i64 = 13;

/// SQLite's extended result code; PostgreSQL's codes have five characters and are never mistaken for one.
fn sqlite_code(error: &sqlx::Error) -> Option<i64> {
    let code = error.as_database_error()?.code()?;
    if code.len() == 5 { None } else { code.parse().ok() }
}
