//! Every way in which a request can be refused, and the one table from reasons to the wire.

/// Why a request was refused. The reason goes to the log; the peer gets the code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OAuthError {
    /// The request cannot be read.
    #[error("the request is malformed: {0}")]
    Malformed(&'static str),
    /// Two ways of proving oneself in one request.
    #[error("more than one client authentication")]
    TwoAuthentications,
    /// No credentials at all where they are needed.
    #[error("no client authentication")]
    NoAuthentication,
    /// `Authorization` cannot be decoded exactly.
    #[error("the Basic credentials are malformed")]
    MalformedBasic,
    /// No such client.
    #[error("the client is unknown")]
    UnknownClient,
    /// The client used another method than it is registered for.
    #[error("the client is registered for another authentication method")]
    WrongAuthMethod,
    /// The secret is wrong.
    #[error("the client secret is wrong")]
    WrongSecret,
    /// Too many wrong secrets from this address.
    #[error("too many wrong secrets for this client from this address")]
    Throttled,
    /// An administrator disabled the client.
    #[error("the client is disabled")]
    ClientDisabled,
    /// A public client where only a confidential one may come.
    #[error("a public client may not do this")]
    PublicClient,
    /// `grant_type` names nothing that is built.
    #[error("the grant type is not supported")]
    UnsupportedGrant,
    /// The client is not registered for the grant.
    #[error("the client is not registered for this grant")]
    GrantNotAllowed,
    /// The client may not introspect anything.
    #[error("the client may not introspect")]
    MayNotIntrospect,
    /// `resource` names nothing, or nothing that this client may ask for.
    #[error("the resource is unknown or not the client's")]
    InvalidTarget,
    /// No resource follows from the request.
    #[error("the request does not say which resource it is for")]
    NoTarget,
    /// The scope cannot be read or is more than the client may have.
    #[error("the scope is not granted to this client at this resource")]
    InvalidScope,
    /// Scopes of two resources in one request.
    #[error("the scopes belong to more than one resource")]
    MixedScope,
    /// The store cannot answer now; nothing was decided.
    #[error("the store is not available")]
    Unavailable,
    /// A defect of ours.
    #[error("an internal error")]
    Internal,
}

/// The shape of a refusal on the wire (RFC 6749 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// HTTP status.
    pub status: u16,
    /// `error`
    pub code: &'static str,
    /// `error_description`: one fixed sentence that repeats nothing of the request.
    pub description: &'static str,
}

impl OAuthError {
    /// The one table from reasons to RFC 6749 §5.2 and RFC 8707 §2 codes. What would tell an unknown client from a
    /// wrong secret is one row on purpose.
    pub fn wire(&self) -> Wire {
        let (status, code, description) = match self {
            Self::Malformed(what) => (400, "invalid_request", *what),
            Self::TwoAuthentications => (
                400,
                "invalid_request",
                "More than one client authentication was sent.",
            ),
            Self::NoAuthentication
            | Self::MalformedBasic
            | Self::UnknownClient
            | Self::WrongAuthMethod
            | Self::WrongSecret
            | Self::ClientDisabled => (401, "invalid_client", "Client authentication failed."),
            Self::Throttled => (
                429,
                "invalid_client",
                "Too many failed attempts. Try again later.",
            ),
            Self::PublicClient | Self::GrantNotAllowed => (
                400,
                "unauthorized_client",
                "The client is not allowed to do this.",
            ),
            Self::MayNotIntrospect => (
                403,
                "unauthorized_client",
                "The client is not allowed to do this.",
            ),
            Self::UnsupportedGrant => (400, "unsupported_grant_type", "The grant type is not supported."),
            Self::InvalidTarget => (400, "invalid_target", "The resource is unknown or not allowed."),
            Self::NoTarget => (400, "invalid_target", "Name the resource that the token is for."),
            Self::InvalidScope => (400, "invalid_scope", "The scope is unknown or not allowed."),
            Self::MixedScope => (
                400,
                "invalid_scope",
                "The scopes belong to more than one resource.",
            ),
            Self::Unavailable => (503, "temporarily_unavailable", "Try again soon."),
            Self::Internal => (500, "server_error", "Something failed inside."),
        };
        Wire {
            status,
            code,
            description,
        }
    }
}
