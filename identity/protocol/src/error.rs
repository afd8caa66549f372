//! Every error of the OAuth endpoints, and the one table that maps reasons to responses.

use crate::Timestamp;
use crate::client::AuthMethod;

/// Why a request is rejected. The reason goes to the log; the peer gets the code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OAuthError {
    /// The request cannot be parsed.
    #[error("the request is malformed: {0}")]
    Malformed(&'static str),
    /// Two authentication methods in one request.
    #[error("the request uses more than one client authentication method")]
    TwoAuthentications,
    /// No credentials where they are required.
    #[error("the request has no client authentication")]
    NoAuthentication,
    /// The `Authorization` header cannot be decoded exactly.
    #[error("the Basic credentials are malformed")]
    MalformedBasic,
    /// No client has this id.
    #[error("unknown client")]
    UnknownClient,
    /// The client used a method that its registration does not accept.
    #[error("the registered method is {}", .0.name())]
    WrongAuthMethod(AuthMethod),
    /// The secret is wrong.
    #[error("the client secret is wrong")]
    WrongSecret,
    /// Too many wrong secrets from this address.
    #[error("too many wrong secrets for this client from this address")]
    Throttled,
    /// An administrator disabled the client.
    #[error("the client is disabled")]
    ClientDisabled,
    /// A public client at an endpoint for confidential clients.
    #[error("the endpoint requires a confidential client")]
    PublicClient,
    /// The `grant_type` is not supported.
    #[error("the grant type is not supported")]
    UnsupportedGrant,
    /// The client is not registered for the grant.
    #[error("the client is not registered for this grant type")]
    GrantNotAllowed,
    /// The client may not introspect tokens of any audience.
    #[error("the client may not introspect tokens")]
    MayNotIntrospect,
    /// `resource` names no resource, or none that this client may request.
    #[error("the resource is unknown or not allowed for this client")]
    InvalidTarget,
    /// No resource follows from the request.
    #[error("the request names no resource, and none follows from it")]
    NoTarget,
    /// The scope cannot be parsed or exceeds what the client may have.
    #[error("the scope is not allowed for this client at this resource")]
    InvalidScope,
    /// Scopes of two resources in one request.
    #[error("the scopes belong to more than one resource")]
    MixedScope,
    /// The user has more roles than a token carries.
    #[error("the user has more roles than a token carries")]
    TooManyRoles,
    /// The user is in more groups than a token carries.
    #[error("the user is in more groups than a token carries")]
    TooManyGroups,
    /// A code or refresh token that is not valid. Every reason gets the same response, byte for byte.
    #[error(transparent)]
    InvalidGrant(#[from] GrantError),
    /// A subject token that cannot be exchanged. Every reason gets the same response, byte for byte.
    #[error(transparent)]
    SubjectToken(#[from] SubjectTokenError),
    /// The user has had too many new families at this client recently ([`crate::family_limits`]); the next one is
    /// possible from the given time on. The code stays unspent.
    #[error("this client redeemed too many codes of this user within a minute")]
    TooManyRedemptions(Timestamp),
    /// `response_type` is not `code`.
    #[error("the response type is not supported")]
    UnsupportedResponseType,
    /// `request` (OpenID Connect Core §6.1) is not supported.
    #[error("request objects are not supported")]
    RequestNotSupported,
    /// `request_uri` (OpenID Connect Core §6.2) is not supported, and never fetched.
    #[error("request_uri is not supported")]
    RequestUriNotSupported,
    /// The user denied the request, or lacks a right for it.
    #[error("the user denied the request")]
    AccessDenied,
    /// No user is signed in, or another one, or not recently enough.
    #[error("the user must sign in")]
    LoginRequired,
    /// The user has not allowed this yet.
    #[error("the user must give consent")]
    ConsentRequired,
    /// The user must do something else.
    #[error("the user must interact with the authorization server")]
    InteractionRequired,
    /// The client insists on an authentication context class that the user did not reach (OpenID Connect Core Error Code
    /// unmet_authentication_requirements 1.0).
    #[error("the user cannot authenticate as the client requires")]
    UnmetAuthenticationRequirements,
    /// A bearer token that is not, or no longer, valid here (RFC 6750 §3.1).
    #[error("the access token is not accepted here")]
    InvalidToken,
    /// A valid bearer token without the required scope (RFC 6750 §3.1).
    #[error("the access token lacks the required scope")]
    InsufficientScope,
    /// The store is unavailable; nothing was decided.
    #[error("the store is unavailable")]
    Unavailable,
    /// A defect of the server.
    #[error("an internal error occurred")]
    Internal,
}

/// The error response on the wire (RFC 6749 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// HTTP status.
    pub status: u16,
    /// `error`
    pub code: &'static str,
    /// `error_description`: one fixed sentence that never repeats input.
    pub description: &'static str,
}

impl Wire {
    /// The same error for a request without an `Authorization` header, at an endpoint that need not challenge
    /// (`Endpoint::always_challenges`).
    pub fn without_challenge(self) -> Self {
        Self {
            status: if self.status == 401 { 400 } else { self.status },
            ..self
        }
    }
}

impl OAuthError {
    /// The one table from reasons to the codes of RFC 6749 §5.2 and RFC 8707 §2. Unknown clients and wrong secrets
    /// share one row on purpose, so that a response does not tell them apart.
    pub fn wire(&self) -> Wire {
        let (status, code, description) = match self {
            Self::Malformed(what) => (400, "invalid_request", *what),
            Self::TwoAuthentications => (
                400,
                "invalid_request",
                "The request uses more than one client authentication method.",
            ),
            Self::NoAuthentication
            | Self::MalformedBasic
            | Self::UnknownClient
            | Self::WrongAuthMethod(_)
            | Self::WrongSecret
            | Self::ClientDisabled => (401, "invalid_client", "Client authentication failed."),
            Self::Throttled => (
                429,
                "invalid_client",
                "Too many failed attempts. Try again later.",
            ),
            // A client that gets this far has authenticated or has no secret, so it may learn what its registration
            // lacks.
            Self::PublicClient => (
                400,
                "unauthorized_client",
                "This request requires a confidential client.",
            ),
            Self::GrantNotAllowed => (
                400,
                "unauthorized_client",
                "The client is not registered for this grant type.",
            ),
            Self::MayNotIntrospect => (
                403,
                "unauthorized_client",
                "The client may not introspect tokens: its registration has no may_introspect.",
            ),
            Self::UnsupportedGrant => (400, "unsupported_grant_type", "The grant type is not supported."),
            Self::InvalidTarget => (400, "invalid_target", "The resource is unknown or not allowed."),
            Self::NoTarget => (
                400,
                "invalid_target",
                "The request must name the resource that the token is for.",
            ),
            Self::InvalidScope => (400, "invalid_scope", "The scope is unknown or not allowed."),
            Self::MixedScope => (
                400,
                "invalid_scope",
                "The scopes belong to more than one resource.",
            ),
            // No code of RFC 6749 is about this. What is cut would be believed to be all.
            Self::TooManyRoles => (
                400,
                "invalid_target",
                "The user has more roles than a token can carry.",
            ),
            Self::TooManyGroups => (
                400,
                "invalid_scope",
                "The user is in more groups than a token can carry.",
            ),
            Self::InvalidGrant(_) => (
                400,
                "invalid_grant",
                "The grant is invalid, expired, revoked or was issued to another client.",
            ),
            // RFC 8693 §2.2.2
            Self::SubjectToken(_) => (400, "invalid_request", "The subject token is not accepted."),
            // RFC 6749 §5.2 has no code for this. This one, from its §4.1.2.1, says that the same request may succeed
            // later.
            Self::TooManyRedemptions(_) => (
                429,
                "temporarily_unavailable",
                "This user signed in too often within a minute. Try again later.",
            ),
            Self::UnsupportedResponseType => (
                400,
                "unsupported_response_type",
                "The only supported response_type is code.",
            ),
            Self::RequestNotSupported => (400, "request_not_supported", "Request objects are not supported."),
            Self::RequestUriNotSupported => {
                (400, "request_uri_not_supported", "request_uri is not supported.")
            }
            Self::AccessDenied => (400, "access_denied", "The request was denied."),
            Self::LoginRequired => (400, "login_required", "The user must sign in."),
            Self::ConsentRequired => (400, "consent_required", "The user must give consent."),
            Self::InteractionRequired => (
                400,
                "interaction_required",
                "The user must interact with the authorization server.",
            ),
            Self::UnmetAuthenticationRequirements => (
                400,
                "unmet_authentication_requirements",
                "The user cannot authenticate as the request requires.",
            ),
            Self::InvalidToken => (401, "invalid_token", "The access token is not accepted."),
            Self::InsufficientScope => (
                403,
                "insufficient_scope",
                "The access token lacks the required scope.",
            ),
            Self::Unavailable => (
                503,
                "temporarily_unavailable",
                "The service is temporarily unavailable. Try again soon.",
            ),
            Self::Internal => (500, "server_error", "An internal error occurred."),
        };
        Wire {
            status,
            code,
            description,
        }
    }
}

/// Why a code or refresh token is not valid: for the log, the audit and the user's own page, never for the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// No family has the handle.
    #[error("no family has this handle")]
    UnknownHandle,
    /// The token names a MAC key that is unknown here.
    #[error("the MAC key is unknown")]
    UnknownMacKey,
    /// The tag was not made for this token, this issuer and this epoch of the store.
    #[error("the authentication tag does not verify")]
    FalseTag,
    /// The tag is genuine, but its key is not the one of this generation.
    #[error("the token names another MAC key than its generation was made with")]
    OtherMacKey,
    /// No code has this hash.
    #[error("the code is unknown")]
    UnknownCode,
    /// The code has expired.
    #[error("the code has expired")]
    CodeExpired,
    /// A request that raced this one redeemed the code.
    #[error("a concurrent request redeemed the code")]
    CodeRaced,
    /// The code was redeemed before, and was issued to its browser twice.
    #[error("the code was redeemed before, and had been issued to its browser twice")]
    CodeRepeated,
    /// The code was redeemed before: its family ends.
    #[error("the code was redeemed before")]
    CodeReplayed,
    /// `redirect_uri` differs from the authorization request.
    #[error("the redirect_uri differs from that of the authorization request")]
    RedirectUri,
    /// The code has a challenge, but the request no verifier.
    #[error("the code verifier is missing")]
    VerifierMissing,
    /// The verifier does not match the challenge.
    #[error("the code verifier is wrong")]
    VerifierWrong,
    /// The request has a verifier, but the code no challenge: somebody removed it (RFC 9700 §4.8.2).
    #[error("a code verifier was sent for a code without a challenge")]
    ChallengeMissing,
    /// The grant belongs to another client.
    #[error("the grant belongs to another client")]
    OtherClient,
    /// The grant is bound to a key that the request does not prove.
    #[error("the request does not prove possession of the bound key")]
    Binding,
    /// The family was revoked.
    #[error("the family was revoked")]
    Revoked,
    /// The family was unused for too long.
    #[error("the family was unused for too long")]
    Idle,
    /// The family has reached its absolute end.
    #[error("the family has reached its absolute expiry")]
    Expired,
    /// The user is deleted or unknown.
    #[error("the user is deleted or unknown")]
    UserGone,
    /// The user is disabled.
    #[error("the user is disabled")]
    UserDisabled,
    /// An administrator locked the user.
    #[error("the user is locked")]
    UserLocked,
    /// The user withdrew the consent.
    #[error("the consent was withdrawn")]
    ConsentWithdrawn,
    /// The session was ended by somebody.
    #[error("the session was ended")]
    SessionEnded,
    /// Nothing of the request is left after consent and roles.
    #[error("no scope is left after consent and roles")]
    NothingLeft,
    /// An old generation was presented: the family ends.
    #[error("an old generation was presented")]
    Replayed,
    /// A generation was presented that the store has not reached: the store went backwards.
    #[error("the token is newer than the store")]
    StoreRewound,
    /// Too many generations in a row had a retry, and the client registered that the family then ends.
    #[error("too many generations in a row had a retry")]
    OverlapStreak,
}

/// Why a token cannot be exchanged: for the log, never for the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectTokenError {
    /// It is no access token of this issuer, or has expired.
    #[error("the subject token is no live access token of this issuer")]
    Unknown,
    /// It was issued for resources that this client does not serve.
    #[error("the subject token was issued for a resource that is not the client's")]
    OtherAudience,
    /// It is bound to a key that this client cannot have.
    #[error("the subject token is bound to a key")]
    Bound,
    /// A machine's own token: in an exchanged one it would look like a user's.
    #[error("the subject token speaks for no user")]
    Machine,
    /// It was revoked, or something that it stands on has ended.
    #[error("the subject token was revoked, or its user, client or family has ended")]
    Ended,
    /// `may_act` names another client.
    #[error("the subject token names another client that may act")]
    MayNotAct,
    /// Too many clients act one for another, or nobody can say who does.
    #[error("the subject token was exchanged too often")]
    TooDeep,
}

/// An error that is shown to the user on a page of ours, because there is no address to redirect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageError {
    /// The request cannot be parsed, or repeats a parameter.
    Malformed,
    /// `client_id` names no client, or a disabled one.
    UnknownClient,
    /// `redirect_uri` is not one of the client's.
    RedirectUri,
    /// `post_logout_redirect_uri` is not one of the client's.
    LogoutUri,
    /// `id_token_hint` and `client_id` do not match.
    IdTokenHint,
    /// The request expired, was already answered, or never existed.
    Expired,
    /// The request was started in another browser.
    OtherBrowser,
    /// The form was not sent from a page of ours.
    ForeignForm,
    /// Too many sign-ins were started or failed.
    TooMany,
    /// Too many concurrent sign-ins.
    Busy,
    /// Another provider did not confirm who somebody is.
    ProviderFailed,
    /// Another provider is not used for this.
    ProviderOff,
    /// No page has this address.
    NotFound,
    /// The service is unavailable.
    Unavailable,
    /// A defect of the server.
    Internal,
}

impl PageError {
    /// Every error, in the order of docs/pages.md.
    pub const ALL: [PageError; 15] = [
        Self::Malformed,
        Self::UnknownClient,
        Self::RedirectUri,
        Self::LogoutUri,
        Self::IdTokenHint,
        Self::Expired,
        Self::OtherBrowser,
        Self::ForeignForm,
        Self::TooMany,
        Self::Busy,
        Self::ProviderFailed,
        Self::ProviderOff,
        Self::NotFound,
        Self::Unavailable,
        Self::Internal,
    ];

    /// HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed
            | Self::UnknownClient
            | Self::RedirectUri
            | Self::LogoutUri
            | Self::IdTokenHint
            | Self::Expired => 400,
            Self::OtherBrowser | Self::ForeignForm | Self::ProviderOff => 403,
            Self::NotFound => 404,
            Self::TooMany => 429,
            Self::Internal => 500,
            Self::ProviderFailed => 502,
            Self::Busy | Self::Unavailable => 503,
        }
    }

    /// The `data-code` of the page, and the key of its sentence.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownClient => "unknown_client",
            Self::RedirectUri => "redirect_uri",
            Self::LogoutUri => "logout_uri",
            Self::IdTokenHint => "id_token_hint",
            Self::Expired => "expired",
            Self::OtherBrowser => "other_browser",
            Self::ForeignForm => "foreign_form",
            Self::TooMany => "too_many",
            Self::Busy => "busy",
            Self::ProviderFailed => "provider_failed",
            Self::ProviderOff => "provider_off",
            Self::NotFound => "not_found",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TK-18.
    #[test]
    fn every_reason_of_invalid_grant_is_one_answer_byte_for_byte() {
        use GrantError::*;
        let all = [
            UnknownHandle,
            UnknownMacKey,
            FalseTag,
            OtherMacKey,
            UnknownCode,
            CodeExpired,
            CodeRaced,
            CodeRepeated,
            CodeReplayed,
            RedirectUri,
            VerifierMissing,
            VerifierWrong,
            ChallengeMissing,
            OtherClient,
            Binding,
            Revoked,
            Idle,
            Expired,
            UserGone,
            UserDisabled,
            UserLocked,
            ConsentWithdrawn,
            SessionEnded,
            NothingLeft,
            Replayed,
            StoreRewound,
            OverlapStreak,
        ];
        let first = OAuthError::InvalidGrant(all[0]).wire();
        assert_eq!((first.status, first.code), (400, "invalid_grant"));
        for reason in all {
            assert_eq!(OAuthError::from(reason).wire(), first, "{reason:?}");
        }
    }

    #[test]
    fn every_reason_against_a_subject_token_is_one_answer() {
        use SubjectTokenError::*;
        let all = [Unknown, OtherAudience, Bound, Machine, Ended, MayNotAct, TooDeep];
        let first = OAuthError::SubjectToken(all[0]).wire();
        assert_eq!((first.status, first.code), (400, "invalid_request"));
        for reason in all {
            assert_eq!(OAuthError::from(reason).wire(), first, "{reason:?}");
        }
    }

    #[test]
    fn every_page_has_its_own_code_and_sentence() {
        for (at, page) in PageError::ALL.into_iter().enumerate() {
            for other in &PageError::ALL[at + 1..] {
                assert_ne!(page.code(), other.code());
            }
        }
    }
}
