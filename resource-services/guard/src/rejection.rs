//! Error responses: RFC 6750 §3 in the header, RFC 9457 in the body.

use std::sync::Arc;

use axum_core::body::Body;
use axum_core::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::verify::TokenError;

/// Why a request is rejected. For the log; the peer sees only the fixed sentences of [`GuardError::wire`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// No `Authorization` header at all.
    #[error("no credentials")]
    NoCredentials,
    /// More than one `Authorization` header.
    #[error("more than one Authorization header")]
    SeveralCredentials,
    /// The header is not `Bearer` followed by one token.
    #[error("the Authorization header is not a bearer token")]
    NotBearer,
    /// A token in the query string.
    #[error("the request carries a token in the query string")]
    TokenInQuery,
    /// The token is not valid.
    #[error("{0}")]
    Token(TokenError),
    /// The issuer reports that the token is no longer active.
    #[error("the issuer reports that the token is not active")]
    Inactive,
    /// The token lacks this scope.
    #[error("the token lacks the scope `{0}`")]
    ShortScope(&'static str),
    /// There is no key to verify with, or the keys are older than 24 h.
    #[error("there is no usable key to verify with")]
    NoKeys,
    /// The revocation feed is not live, and the route requires it.
    #[error("the revocation feed is not live")]
    FeedNotLive,
    /// The feed is lost, and introspection failed as well.
    #[error("the revocation feed is lost and introspection failed")]
    NoIntrospection,
    /// An extractor ran on a route without a guard.
    #[error("there is no guard in front of this route")]
    Unguarded,
}

/// The response to a [`GuardError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wire {
    /// The status.
    pub status: StatusCode,
    /// The `code` of the problem document.
    pub code: &'static str,
    /// A fixed human-readable sentence that never repeats input.
    pub title: &'static str,
    /// The kind of `WWW-Authenticate` header.
    pub challenge: Challenge,
}

/// The kinds of `WWW-Authenticate` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// None, because a new token would not help.
    Absent,
    /// Realm only. RFC 6750 §3.1: no error code when the request carried no credentials at all.
    Bare,
    /// With the code as `error`.
    Error,
    /// With the code as `error`, and the scope that is required.
    Scope(&'static str),
}

impl GuardError {
    /// The one table from reasons to responses (RFC 6750 §3.1).
    pub fn wire(&self) -> Wire {
        match self {
            Self::NoCredentials => Wire {
                status: StatusCode::UNAUTHORIZED,
                code: "unauthenticated",
                title: "An access token is required",
                challenge: Challenge::Bare,
            },
            Self::SeveralCredentials | Self::NotBearer | Self::TokenInQuery => Wire {
                status: StatusCode::BAD_REQUEST,
                code: "invalid_request",
                title: "The request must carry exactly one bearer token, in one Authorization header",
                challenge: Challenge::Error,
            },
            Self::Token(_) | Self::Inactive => Wire {
                status: StatusCode::UNAUTHORIZED,
                code: "invalid_token",
                title: "The access token is not valid here",
                challenge: Challenge::Error,
            },
            Self::ShortScope(scope) => Wire {
                status: StatusCode::FORBIDDEN,
                code: "insufficient_scope",
                title: "The access token lacks the required scope",
                challenge: Challenge::Scope(scope),
            },
            Self::NoKeys | Self::FeedNotLive | Self::NoIntrospection => Wire {
                status: StatusCode::SERVICE_UNAVAILABLE,
                code: "temporarily_unavailable",
                title: "The access token cannot be verified right now",
                challenge: Challenge::Absent,
            },
            Self::Unguarded => Wire {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                code: "server_error",
                title: "An internal error occurred",
                challenge: Challenge::Absent,
            },
        }
    }
}

/// A rejected request: the reason and the realm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Rejection {
    /// The reason.
    pub reason: GuardError,
    realm: Arc<str>,
}

impl Rejection {
    pub(crate) fn new(reason: GuardError, realm: &Arc<str>) -> Self {
        Self {
            reason,
            realm: Arc::clone(realm),
        }
    }

    /// There is no guard on this route, and therefore no realm.
    pub(crate) fn unguarded() -> Self {
        Self {
            reason: GuardError::Unguarded,
            realm: Arc::from(""),
        }
    }

    /// The response, with any body type that a text converts into.
    pub fn response<B: From<String>>(&self) -> http::Response<B> {
        let wire = self.reason.wire();
        let problem = serde_json::json!({
            "type": "about:blank",
            "title": wire.title,
            "status": wire.status.as_u16(),
            "code": wire.code,
        });
        let mut response = http::Response::new(B::from(problem.to_string()));
        *response.status_mut() = wire.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        // RFC 6750 §5.3 is about responses with tokens; an error response is just as personal.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge(&wire) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if wire.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }

    fn challenge(&self, wire: &Wire) -> Option<HeaderValue> {
        let (realm, code, title) = (&self.realm, wire.code, wire.title);
        let text = match wire.challenge {
            Challenge::Absent => return None,
            Challenge::Bare => format!("Bearer realm=\"{realm}\""),
            Challenge::Error => {
                format!("Bearer realm=\"{realm}\", error=\"{code}\", error_description=\"{title}\"")
            }
            Challenge::Scope(scope) => format!(
                "Bearer realm=\"{realm}\", error=\"{code}\", error_description=\"{title}\", scope=\"{scope}\""
            ),
        };
        // Realm and scope were validated before, so the text is always a valid header value.
        Some(HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("Bearer")))
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.response::<Body>()
    }
}

/// RFC 9110 §5.6.4: what a quoted string may contain without escapes; other characters are removed.
pub(crate) fn realm(text: &str) -> Arc<str> {
    text.chars()
        .filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\'))
        .collect::<String>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(reason: GuardError) -> (u16, Option<String>, String) {
        let response = Rejection::new(reason, &realm("no\"tes\r\n")).response::<String>();
        let header = response.headers().get(header::WWW_AUTHENTICATE);
        let challenge = header.map(|value| value.to_str().expect("text").to_owned());
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        (response.status().as_u16(), challenge, response.into_body())
    }

    /// RS-02.
    #[test]
    fn no_credentials_get_a_bare_challenge() {
        let (status, challenge, body) = answer(GuardError::NoCredentials);
        assert_eq!(
            (status, challenge.as_deref()),
            (401, Some("Bearer realm=\"notes\""))
        );
        assert_eq!(
            body,
            r#"{"code":"unauthenticated","status":401,"title":"An access token is required","type":"about:blank"}"#
        );
    }

    /// RS-02.
    #[test]
    fn each_bad_token_gets_the_same_answer() {
        let expired = answer(GuardError::Token(TokenError::Expired));
        assert_eq!(expired, answer(GuardError::Token(TokenError::BadSignature)));
        assert_eq!(expired, answer(GuardError::Inactive));
        assert_eq!(
            (expired.0, expired.1.as_deref()),
            (
                401,
                Some(
                    "Bearer realm=\"notes\", error=\"invalid_token\", error_description=\"The access token is not valid here\""
                )
            )
        );
    }

    /// RS-02.
    #[test]
    fn a_short_scope_names_the_scope_that_would_do() {
        let (status, challenge, _) = answer(GuardError::ShortScope("notes.write"));
        assert_eq!(status, 403);
        let challenge = challenge.expect("a challenge");
        assert!(
            challenge.contains("error=\"insufficient_scope\"")
                && challenge.ends_with("scope=\"notes.write\"")
        );
    }

    #[test]
    fn what_cannot_be_checked_is_503_and_says_when_to_come_again() {
        let response = Rejection::new(GuardError::NoKeys, &realm("notes")).response::<String>();
        assert_eq!(
            (
                response.status().as_u16(),
                &response.headers()[header::RETRY_AFTER]
            ),
            (503, &HeaderValue::from_static("5"))
        );
        assert!(!response.headers().contains_key(header::WWW_AUTHENTICATE));
    }
}
