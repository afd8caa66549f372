//! Why a page cannot be shown, and the response for each reason.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use latchkey_http::{current_request_id, reasons};
use latchkey_relying_party::SignInError;

use crate::api::ApiError;
use crate::search::BadSearch;

/// Why a page cannot be shown. It is an extension of the response until `error_pages` renders it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageError {
    /// The address or the form cannot be parsed.
    Bad,
    /// A form that was not sent from a page of ours.
    Foreign,
    Missing,
    Method,
    /// A defect of the shop.
    Broken,
    /// The catalog or the issuer is unavailable.
    Away,
    /// Another service is unavailable.
    PartAway,
    /// The sign-in failed.
    NotSignedIn,
    /// The user is not allowed to do this.
    Forbidden,
    /// Only instructors write courses, and the user is none.
    NotInstructor,
    /// The user is no longer signed in: redirect to the sign-in, and back.
    SignedOut,
}

/// The address that a failed sign-in was to return to, so that the error page can offer another sign-in. It is an
/// extension beside the error.
#[derive(Clone, Debug)]
pub struct Back(pub String);

impl PageError {
    /// Status and the names of its messages.
    pub fn table(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Bad => (StatusCode::BAD_REQUEST, "error.bad_title", "error.bad_next"),
            Self::Foreign => (StatusCode::FORBIDDEN, "error.foreign_title", "error.foreign_next"),
            Self::Missing => (StatusCode::NOT_FOUND, "error.missing_title", "error.missing_next"),
            Self::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                "error.method_title",
                "error.method_next",
            ),
            Self::Broken => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "error.broken_title",
                "error.broken_next",
            ),
            Self::Away => (
                StatusCode::SERVICE_UNAVAILABLE,
                "error.away_title",
                "error.away_next",
            ),
            Self::PartAway => (
                StatusCode::SERVICE_UNAVAILABLE,
                "error.part_away_title",
                "error.part_away_next",
            ),
            Self::NotSignedIn => (
                StatusCode::BAD_REQUEST,
                "error.sign_in_title",
                "error.sign_in_next",
            ),
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                "error.forbidden_title",
                "error.forbidden_next",
            ),
            Self::NotInstructor => (
                StatusCode::FORBIDDEN,
                "error.instructor_title",
                "error.instructor_next",
            ),
            // Only if there is nowhere to return to.
            Self::SignedOut => (
                StatusCode::FORBIDDEN,
                "error.signed_out_title",
                "error.signed_out_next",
            ),
        }
    }

    /// The error of a sign-in that was to return there.
    pub fn on_the_way_to(self, back: &str) -> Response {
        let mut response = self.into_response();
        response.extensions_mut().insert(Back(back.to_owned()));
        response
    }
}

impl From<SignInError> for PageError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Malformed => Self::Bad,
            SignInError::ForeignForm => Self::Foreign,
            SignInError::NotSignedIn => Self::NotSignedIn,
            SignInError::Away => Self::Away,
            SignInError::Broken => Self::Broken,
        }
    }
}

impl From<BadSearch> for PageError {
    fn from(_: BadSearch) -> Self {
        Self::Bad
    }
}

impl From<ApiError> for PageError {
    fn from(error: ApiError) -> Self {
        let id = current_request_id();
        match &error {
            ApiError::Missing => Self::Missing,
            ApiError::Rejected => Self::Bad,
            ApiError::Away { service, .. } | ApiError::Busy { service, .. } => {
                tracing::warn!(reason = reasons(&error), request.id = %id, "a service did not respond");
                match *service {
                    "catalog" => Self::Away,
                    _ => Self::PartAway,
                }
            }
            ApiError::NoToken(_) => {
                tracing::warn!(reason = reasons(&error), request.id = %id, "no access token for the API could be obtained");
                Self::Away
            }
            ApiError::SignedOut => Self::SignedOut,
            ApiError::Forbidden => Self::Forbidden,
            // Pages with forms show these in place.
            ApiError::Stale | ApiError::Invalid(_) | ApiError::Refused(_) => Self::Bad,
            ApiError::Unexpected(_) | ApiError::Unreadable { .. } | ApiError::TooLarge => {
                tracing::error!(reason = reasons(&error), request.id = %id, "the response of the API cannot be used");
                Self::Broken
            }
        }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let (status, ..) = self.table();
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
