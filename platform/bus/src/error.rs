//! The errors of both channels.

use latchkey_db::DbError;

/// Why a channel operation failed.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The event violates the envelope's rules; it can never be published.
    #[error("the event is not valid: {0}")]
    Invalid(String),
    /// An error of the channel's database, or that of the outbox.
    #[error("the database of the bus failed")]
    Db(#[from] DbError),
    /// No back end has this URL scheme.
    #[error("its URL must begin with sqlite: or postgres:")]
    Scheme,
}
