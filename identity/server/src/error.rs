//! The internal errors of the issuer, and what a peer learns about them.

use latchkey_bus::BusError;
use latchkey_db::DbError;
use latchkey_identity_store::StoreError;
use latchkey_protocol::OAuthError;
use latchkey_web::MessageError;

use crate::signer::SignerError;

/// An internal error of the identity provider.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The store.
    #[error("the identity store failed")]
    Store(#[from] StoreError),
    /// The signer.
    #[error("the signer failed")]
    Signer(#[from] SignerError),
    /// The outbox.
    #[error("an event could not be written")]
    Bus(#[from] BusError),
    /// The message files.
    #[error("the message files cannot be parsed")]
    Messages(#[from] MessageError),
    /// The basis of a decision has changed in the meantime; nothing was written.
    #[error("a concurrent request changed the same rows")]
    Conflict,
    /// The node's copy of clients and keys may be outdated.
    #[error("the database has not answered for {0} ms")]
    StaleRegistry(u64),
    /// The configuration contradicts itself or what is stored.
    #[error("{0}")]
    Settings(String),
    /// Data that we wrote ourselves cannot be parsed.
    #[error("{0} cannot be read")]
    Unexpected(&'static str),
}

impl From<DbError> for IdentityError {
    fn from(error: DbError) -> Self {
        Self::Store(error.into())
    }
}

impl From<IdentityError> for OAuthError {
    /// The reason is logged here, once; the peer learns only whether a retry makes sense.
    fn from(error: IdentityError) -> Self {
        let transient = match &error {
            IdentityError::Store(error) => error.is_transient(),
            IdentityError::Bus(BusError::Db(error)) => error.is_transient(),
            // Between a key's revocation and the creation of the next one.
            IdentityError::Signer(SignerError::NoKey(_) | SignerError::NoMacKey) => true,
            IdentityError::Conflict | IdentityError::StaleRegistry(_) => true,
            IdentityError::Signer(_)
            | IdentityError::Bus(_)
            | IdentityError::Messages(_)
            | IdentityError::Settings(_)
            | IdentityError::Unexpected(_) => false,
        };
        let (reason, id) = (
            latchkey_http::reasons(&error),
            latchkey_http::current_request_id(),
        );
        match error {
            IdentityError::Conflict => {
                tracing::warn!(reason, request.id = %id, "the request was given up after several attempts");
            }
            _ => tracing::error!(reason, request.id = %id, "a request failed with an internal error"),
        }
        if transient {
            Self::Unavailable
        } else {
            Self::Internal
        }
    }
}
