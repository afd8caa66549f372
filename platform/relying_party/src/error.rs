//! The errors between a client, its issuer and its database.

use crate::backchannel_logout::token::Invalid;
use crate::store::StoreError;

/// Why the issuer did not grant a request.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The issuer cannot be reached, or its response is temporarily unusable.
    #[error("the issuer cannot be reached: {0}")]
    Away(String),
    /// The grant is no longer valid.
    #[error("the issuer rejects the grant")]
    InvalidGrant,
    /// The grant is valid, and does not reach as far as the resource or scope that was asked for.
    #[error("the grant does not include what was asked for: {0}")]
    NotGranted(String),
    /// The response is not valid.
    #[error("the response of the issuer is not valid: {0}")]
    Invalid(String),
}

/// Why no access token could be obtained.
#[derive(Debug, thiserror::Error)]
pub enum NoToken {
    /// The sign-in has ended.
    #[error("the user is no longer signed in")]
    SignedOut,
    /// The sign-in is from before this client asked for as much as it asks for today: another one may be granted it.
    #[error("the sign-in did not ask for this")]
    NotAsked,
    /// The issuer is unavailable.
    #[error(transparent)]
    Oidc(OidcError),
    /// The database is unavailable.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a logout token ended nothing.
#[derive(Debug, thiserror::Error)]
pub enum LogoutError {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The issuer's keys are unavailable.
    #[error(transparent)]
    Issuer(#[from] OidcError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a sign-in or sign-out failed, as far as a page shows it. The cause is in the log.
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
    /// For a failed session or database.
    pub(crate) fn broken(error: &dyn std::error::Error) -> Self {
        let id = latchkey_http::current_request_id();
        tracing::error!(reason = latchkey_http::reasons(error), request.id = %id, "the session store failed");
        Self::Broken
    }

    /// For an error of the issuer.
    pub(crate) fn not_given(error: &OidcError) -> Self {
        let id = latchkey_http::current_request_id();
        tracing::warn!(reason = %error, request.id = %id, "a sign-in failed");
        match error {
            OidcError::Away(_) => Self::Away,
            OidcError::InvalidGrant | OidcError::NotGranted(_) | OidcError::Invalid(_) => Self::NotSignedIn,
        }
    }
}
