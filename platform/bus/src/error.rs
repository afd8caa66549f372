//! What can go wrong on either channel.

use latchkey_db::DbError;

/// Why a channel could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The event breaks a rule of the envelope; it can never be published.
    #[error("the event is not valid: {0}")]
    Invalid(String),
    /// The database below, or that of the outbox.
    #[error("the database of the bus failed")]
    Db(#[from] DbError),
    /// The URL names no known back end.
    #[error("its URL must begin with sqlite: or postgres:")]
    Scheme,
}
