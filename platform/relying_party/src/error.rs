//! What can go wrong between a client, its issuer and its database.

use crate::backchannel_logout::token::Invalid;
use crate::store::StoreError;

/// Why the issuer has given nothing.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The issuer does not answer, or not in a way that can be used now.
    #[error("the issuer cannot be reached: {0}")]
    Away(String),
    /// The grant gives nothing any more.
    #[error("the issuer does not honour the grant")]
    InvalidGrant,
    /// What came back is not what an issuer of ours says.
    #[error("the issuer's answer is not acceptable: {0}")]
    Refused(String),
}

/// Why there is no token to call with.
#[derive(Debug, thiserror::Error)]
pub enum NoToken {
    /// The sign-in is over.
    #[error("nobody is signed in any more")]
    SignedOut,
    /// The issuer does not answer now.
    #[error(transparent)]
    Oidc(OidcError),
    /// The database does not answer now.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a logout token signs nobody out.
#[derive(Debug, thiserror::Error)]
pub enum LogoutError {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The issuer's keys cannot be had now.
    #[error(transparent)]
    Issuer(#[from] OidcError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a sign-in or a sign-out did not come to its end, as far as a page says it. The reason is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    #[error("the address or the form cannot be read")]
    Malformed,
    #[error("the form did not come from a page of this client")]
    ForeignForm,
    #[error("the sign-in did not come to an end that can be used")]
    NotSignedIn,
    #[error("the issuer does not answer now")]
    Away,
    #[error("the sessions of this client failed")]
    Broken,
}

impl SignInError {
    /// For a session or a database that failed.
    pub(crate) fn broken(error: &dyn std::error::Error) -> Self {
        let id = latchkey_http::current_request_id();
        tracing::error!(reason = latchkey_http::reasons(error), request.id = %id, "the sessions of a client failed");
        Self::Broken
    }

    /// For what the issuer did not give.
    pub(crate) fn not_given(error: &OidcError) -> Self {
        let id = latchkey_http::current_request_id();
        tracing::warn!(reason = %error, request.id = %id, "a sign-in did not come to its end");
        match error {
            OidcError::Away(_) => Self::Away,
            OidcError::InvalidGrant | OidcError::Refused(_) => Self::NotSignedIn,
        }
    }
}
