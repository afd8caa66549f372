//! What goes wrong with a provider.

use latchkey_http::outgoing::OutgoingError;
use latchkey_protocol::upstream::id_token::Unproved;
use latchkey_protocol::upstream::logout::NoLogout;

use crate::IdentityError;

/// Why a provider has not said who somebody is. The sentence goes to the log, and holds nothing that came from outside.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("the provider cannot be reached")]
    Outgoing(#[from] OutgoingError),
    #[error("the provider answered with status {0}")]
    Status(u16),
    #[error("the provider's {0} cannot be read")]
    Unreadable(&'static str),
    #[error("the provider describes itself as another issuer")]
    OtherIssuer,
    #[error("the state belongs to another provider")]
    OtherProvider,
    #[error("the response is of another issuer")]
    MixUp,
    #[error("the provider answered with the error {0}")]
    Answered(&'static str),
    #[error("the signature of the token does not count: {0}")]
    Signature(&'static str),
    #[error("the token does not count")]
    Unproved(#[from] Unproved),
    #[error("the secret for the provider cannot be made")]
    Secret,
}

impl UpstreamError {
    /// The value in metrics and in the audit.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Outgoing(_) => "unreachable",
            Self::Status(_) => "status",
            Self::Unreadable(_) => "unreadable",
            Self::OtherIssuer => "other_issuer",
            Self::OtherProvider => "other_provider",
            Self::MixUp => "mix_up",
            Self::Answered(_) => "provider_error",
            Self::Signature(_) => "signature",
            Self::Unproved(_) => "token",
            Self::Secret => "secret",
        }
    }
}

/// Why a logout token ends nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogoutError {
    #[error("the request is not a form with one logout_token")]
    Request,
    #[error("the signature of the logout token does not count")]
    Upstream(#[from] UpstreamError),
    #[error("the logout token does not count")]
    Token(#[from] NoLogout),
    #[error("the logout token was used before")]
    Replayed,
    #[error("the sessions could not be ended")]
    Inside(#[from] IdentityError),
}

impl LogoutError {
    /// Whether the provider may try the same again later.
    pub fn is_ours(&self) -> bool {
        match self {
            Self::Request | Self::Token(_) | Self::Replayed => false,
            Self::Inside(_) => true,
            Self::Upstream(error) => match error {
                UpstreamError::Outgoing(_) | UpstreamError::Status(_) | UpstreamError::Unreadable(_) => true,
                UpstreamError::OtherIssuer
                | UpstreamError::OtherProvider
                | UpstreamError::MixUp
                | UpstreamError::Answered(_)
                | UpstreamError::Signature(_)
                | UpstreamError::Unproved(_)
                | UpstreamError::Secret => false,
            },
        }
    }
}
