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
    #[error("its URL must begin with {0}")]
    Scheme(&'static str),
    /// The URL of the broker cannot be used. It may hold a password, so it is not repeated.
    #[error("its URL is not valid: {0}")]
    Address(&'static str),
    /// The broker refused an operation or cannot be reached.
    #[error("the broker of the bus failed")]
    Broker(#[source] Box<lapin::Error>),
    /// The authorities of the broker's certificate cannot be used.
    #[error("the broker of the bus cannot be trusted")]
    Authorities(#[from] std::io::Error),
    /// The broker did not answer in time.
    #[error("the broker of the bus did not answer in time")]
    Silent,
    /// The broker did not take over a message: no queue takes it, or the queue is full.
    #[error("the broker of the bus did not accept a message for {0}")]
    NotAccepted(String),
    /// Exchanges and queues are missing.
    #[error("the broker of the bus lacks {0}; declare it first: latchkey bus declare")]
    NotDeclared(String),
    /// Somebody else is working on the dead letters.
    #[error("another operation on the dead letters of the bus is under way")]
    Locked,
}

impl From<lapin::Error> for BusError {
    fn from(error: lapin::Error) -> Self {
        Self::Broker(Box::new(error))
    }
}
