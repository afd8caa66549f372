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
    #[error("the issuer rejects the grant")]
    InvalidGrant,
    /// What came back is not what an issuer of ours says.
    #[error("the response of the issuer is not valid: {0}")]
    Refused(String),
}

/// Why no access token could be obtained.
#[derive(Debug, thiserror::Error)]
pub enum NoToken {
    /// The sign-in is over.
    #[error("the user is no longer signed in")]
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
    #[error("the address or the form cannot be parsed")]
    Malformed,
    #[error("the form did not come from a page of this client")]
    ForeignForm,
    #[error("the sign-in failed")]
    NotSignedIn,
    #[error("the issuer cannot be reached")]
    Away,
    #[error("the session store failed")]
    Broken,
}

impl SignInError {
    /// For a session or a database that failed.
    pub(crate) fn broken(error: &dyn std::error::Error) -> Self {
        let id = latchkey_http::current_request_id();
        tracing::error!(reason = latchkey_http::reasons(error), request.id = %id, "the session store failed");
        Self::Broken
    }

    /// For what the issuer did not give.
    pub(crate) fn not_given(error: &OidcError) -> Self {
        let id = latchkey_http::current_request_id();
        tracing::warn!(reason = %error, request.id = %id, "a sign-in failed");
        match error {
            OidcError::Away(_) => Self::Away,
            OidcError::InvalidGrant | OidcError::Refused(_) => Self::NotSignedIn,
        }
    }
}
