//! The back end of a channel, as its URL selects it.

use crate::BusError;

/// A kind of back end.
pub(crate) enum Backend {
    /// A SQL database.
    Sql,
    /// A RabbitMQ broker.
    Rabbit,
}

impl Backend {
    /// The back end for the scheme of a URL.
    pub fn of(url: &str) -> Result<Self, BusError> {
        match url.split(':').next() {
            Some("sqlite" | "postgres" | "postgresql") => Ok(Self::Sql),
            Some("amqp" | "amqps") => Ok(Self::Rabbit),
            _ => Err(BusError::Scheme("sqlite:, postgres:, amqp: or amqps:")),
        }
    }
}
