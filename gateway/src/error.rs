//! Why a request is not forwarded or gets no response of the upstream, and the one table from reasons to responses.

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use latchkey_http::Problem;

use crate::authority::AuthorityError;
use crate::page::{self, Reader};
use crate::path::PathError;

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
            Self::TooSlow(_) => (
                StatusCode::GATEWAY_TIMEOUT,
                "upstream_timeout",
                "The service did not respond in time.",
            ),
            Self::NoAddress | Self::Address(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "An internal error occurred.",
            ),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.wire().0
    }

    /// The response to the client: a page if somebody reads one, otherwise a problem document.
    pub(crate) fn answer(self, reader: Option<&Reader>) -> Response {
        let (status, code, detail) = self.wire();
        let mut response = match reader {
            Some(reader) => page::page(status, code, reader),
            None => Problem::new(status, code, detail).into_response(),
        };
        let headers = response.headers_mut();
        if let Self::Method { allow } = &self {
            headers.insert(ALLOW, allow.clone());
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
