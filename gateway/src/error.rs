//! Why a request is not forwarded or gets no response of the upstream, and the one table from reasons to responses.

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use latchkey_guard::Rejection;
use latchkey_http::Problem;
use latchkey_web::see_other;

use crate::authority::AuthorityError;
use crate::page::{self, Reader};
use crate::path::PathError;
use crate::sign_in::SIGN_IN_CHALLENGE;

/// A reason. Its text goes only to the log; the client gets the code and the sentence of the table.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayError {
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error(transparent)]
    Path(#[from] PathError),
    #[error("no route declares this path")]
    UnknownRoute,
    #[error("the route does not declare this method")]
    Method { allow: HeaderValue },
    #[error("the client address has exceeded its rate limit")]
    TooMany { wait_seconds: i64 },
    #[error("the body is larger than the route allows")]
    BodyTooLarge,
    #[error("the client did not finish its body in time")]
    ClientTooSlow,
    #[error("the client disconnected before its body was complete")]
    ClientBrokeOff,
    #[error("the upstream cannot be reached: {0}")]
    Unreachable(String),
    #[error("the upstream took too long {0}")]
    TooSlow(&'static str),
    #[error("the upstream took too long to accept a connection")]
    SlowToConnect,
    #[error(transparent)]
    Token(Rejection),
    #[error("the request has no token")]
    NoToken { challenge: HeaderValue },
    #[error("the token lacks a scope that the route demands")]
    ShortScope { challenge: HeaderValue },
    #[error("nobody is signed in")]
    SignedOut { to: Option<String> },
    #[error("the caller may not use this route")]
    NotAllowed,
    #[error("the session cannot be checked: {0}")]
    SessionAway(String),
    #[error("the route needs a sign-in, and the edge has none")]
    NoSignIn,
    #[error("the request to switch protocols is not a WebSocket's")]
    InvalidUpgrade,
    #[error("there are too many WebSockets")]
    TooManyTunnels,
    #[error("a proxy's question does not name one request")]
    UnclearQuestion,
    #[error("the upstream closed the connection before its response: {0}")]
    BrokeOff(String),
    #[error("the upstream switched protocols without being asked to")]
    SwitchedProtocols,
    #[error("the form cannot be read")]
    BadForm,
    #[error("the form was not sent from a page of this site")]
    ForeignForm,
    #[error("the listener does not provide the address of the peer")]
    NoAddress,
    #[error("the URI for the upstream cannot be built: {0}")]
    Address(#[from] http::Error),
}

impl GatewayError {
    fn wire(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Authority(_) => (
                StatusCode::BAD_REQUEST,
                "invalid_target",
                "The request must name exactly one host.",
            ),
            Self::Path(_) => (
                StatusCode::BAD_REQUEST,
                "invalid_path",
                "The path is not in canonical form.",
            ),
            Self::UnknownRoute => (
                StatusCode::NOT_FOUND,
                "not_found",
                "Nothing was found at this path.",
            ),
            Self::Method { .. } => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "This path does not accept this method.",
            ),
            Self::TooMany { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_requests",
                "Too many requests came from your address. Wait a moment, then try again.",
            ),
            Self::BodyTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "The body is larger than this path accepts.",
            ),
            Self::ClientTooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                "request_timeout",
                "The body did not arrive in time.",
            ),
            Self::ClientBrokeOff => (StatusCode::BAD_REQUEST, "invalid_body", "The body is incomplete."),
            Self::BadForm => (
                StatusCode::BAD_REQUEST,
                "invalid_form",
                "The form cannot be read.",
            ),
            Self::ForeignForm => (
                StatusCode::FORBIDDEN,
                "foreign_form",
                "The form was not sent from a page of this site.",
            ),
            Self::Unreachable(_) => (
                StatusCode::BAD_GATEWAY,
                "upstream_unreachable",
                "The service cannot be reached right now.",
            ),
            Self::BrokeOff(_) | Self::SwitchedProtocols => (
                StatusCode::BAD_GATEWAY,
                "upstream_failed",
                "The service sent an invalid response.",
            ),
            Self::Token(rejection) => {
                let wire = rejection.reason.wire();
                (wire.status, wire.code, wire.title)
            }
            Self::NoToken { .. } => (
                StatusCode::UNAUTHORIZED,
                "unauthenticated",
                "An access token is required.",
            ),
            Self::ShortScope { .. } => (
                StatusCode::FORBIDDEN,
                "insufficient_scope",
                "The access token lacks the required scope.",
            ),
            Self::SignedOut { to: Some(_) } => (StatusCode::SEE_OTHER, "sign_in_required", "Sign in first."),
            Self::SignedOut { to: None } => (StatusCode::UNAUTHORIZED, "sign_in_required", "Sign in first."),
            Self::NotAllowed => (
                StatusCode::FORBIDDEN,
                "not_allowed",
                "Your account has no access here.",
            ),
            Self::SessionAway(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "session_unavailable",
                "Your sign-in cannot be checked right now.",
            ),
            Self::InvalidUpgrade => (
                StatusCode::BAD_REQUEST,
                "invalid_upgrade",
                "The request to switch protocols is not that of a WebSocket.",
            ),
            Self::TooManyTunnels => (
                StatusCode::SERVICE_UNAVAILABLE,
                "too_many_connections",
                "There are too many connections right now.",
            ),
            Self::UnclearQuestion => (
                StatusCode::FORBIDDEN,
                "unclear_question",
                "The forwarding headers do not name exactly one request.",
            ),
            Self::TooSlow(_) | Self::SlowToConnect => (
                StatusCode::GATEWAY_TIMEOUT,
                "upstream_timeout",
                "The service did not respond in time.",
            ),
            Self::NoAddress | Self::NoSignIn | Self::Address(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "An internal error occurred.",
            ),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.wire().0
    }

    /// Whether the upstream never heard of the request, so that another may.
    pub(crate) fn never_arrived(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::SlowToConnect)
    }

    /// Whether only programs get this response.
    fn is_for_programs(&self) -> bool {
        matches!(
            self,
            Self::Token(_)
                | Self::NoToken { .. }
                | Self::ShortScope { .. }
                | Self::InvalidUpgrade
                | Self::TooManyTunnels
                | Self::UnclearQuestion
        )
    }

    /// The response to the client: a page if somebody reads one, otherwise a problem document.
    pub(crate) fn answer(self, reader: Option<&Reader>) -> Response {
        let (status, code, detail) = self.wire();
        if let Self::Token(rejection) = &self {
            return rejection.response();
        }
        if let Self::SignedOut { to: Some(to) } = &self {
            return see_other(to);
        }
        let mut response = match reader.filter(|_| !self.is_for_programs()) {
            Some(reader) => page::page(status, code, reader),
            None => Problem::new(status, code, detail).into_response(),
        };
        let headers = response.headers_mut();
        if let Self::Method { allow } = &self {
            headers.insert(ALLOW, allow.clone());
        }
        if let Self::NoToken { challenge } | Self::ShortScope { challenge } = &self {
            headers.insert(WWW_AUTHENTICATE, challenge.clone());
        }
        if let Self::SignedOut { .. } = &self {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(SIGN_IN_CHALLENGE));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if let Self::SessionAway(_) | Self::TooManyTunnels = &self {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        if let Self::TooMany { wait_seconds } = self {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait_seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The problem document and the page say the same, and nothing on the page is said for nobody.
    #[test]
    fn every_reason_has_its_sentence_in_the_messages() {
        let allow = HeaderValue::from_static("GET");
        let unusable = http::Request::get("http://[").body(()).unwrap_err();
        let all = [
            GatewayError::Authority(AuthorityError::NoHost),
            GatewayError::Path(PathError::Relative),
            GatewayError::UnknownRoute,
            GatewayError::Method { allow },
            GatewayError::TooMany { wait_seconds: 1 },
            GatewayError::BodyTooLarge,
            GatewayError::ClientTooSlow,
            GatewayError::ClientBrokeOff,
            GatewayError::BadForm,
            GatewayError::ForeignForm,
            GatewayError::Unreachable(String::new()),
            GatewayError::BrokeOff(String::new()),
            GatewayError::TooSlow(""),
            GatewayError::SignedOut { to: None },
            GatewayError::NotAllowed,
            GatewayError::SessionAway(String::new()),
            GatewayError::Address(unusable),
        ];
        let words = crate::site::messages().unwrap().words(None);
        let mut said: std::collections::BTreeSet<String> =
            ["kicker", "home", "trace", "next_check", "next_wait", "next_back"]
                .map(|name| format!("edge.{name}"))
                .into();
        for error in &all {
            let (_, code, detail) = error.wire();
            assert_eq!(words.say(&format!("edge.{code}")), detail);
            said.insert(format!("edge.{code}"));
        }
        let own = latchkey_web::Messages::read(&crate::MESSAGES)
            .unwrap()
            .words(None);
        let known: std::collections::BTreeSet<String> = own.names().map(str::to_owned).collect();
        assert_eq!(known, said);
    }
}
