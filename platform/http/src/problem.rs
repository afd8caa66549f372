//! Errors of the resource services: RFC 9457 problem details with a stable code.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::{Code, codes, current_request_id, reasons};

/// An error response. The cause of an internal error is logged and never sent.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The status of the response.
    pub status: StatusCode,
    /// A stable name that a program can act on.
    pub code: &'static str,
    /// A human-readable sentence.
    pub detail: String,
    /// The invalid fields, and what is wrong with each.
    pub errors: Vec<FieldError>,
    /// Extension members of this code (RFC 9457 §3.2).
    pub members: serde_json::Map<String, serde_json::Value>,
}

/// An invalid field of a request, and what is wrong with it. It never repeats input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's name, dotted for nested ones.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl FieldError {
    /// An error in this field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    trace_id: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(flatten)]
    members: &'a serde_json::Map<String, serde_json::Value>,
}

impl Problem {
    /// A problem with this status, code and sentence.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            members: serde_json::Map::new(),
        }
    }

    /// Adds an error in a field.
    pub fn with_error(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.errors.push(FieldError::new(field, message));
        self
    }

    /// Adds a member that this code has besides the common ones.
    pub fn with_member(mut self, name: &'static str, value: serde_json::Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// 404: missing, or owned by somebody else, which looks the same.
    pub fn not_found() -> Self {
        codes::NOT_FOUND.into()
    }

    /// 403 with a code of the service.
    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 422: understood, but rejected because of its content.
    pub fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 409: the resource is in the wrong state.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 412: the resource has changed since the caller read it.
    pub fn stale() -> Self {
        codes::STALE.into()
    }

    /// 503: the same request may succeed soon.
    pub fn unavailable() -> Self {
        codes::UNAVAILABLE.into()
    }

    /// 500. The cause is logged with the id of the request; the response contains only the id.
    pub fn internal(reason: &dyn std::error::Error) -> Self {
        tracing::error!(reason = reasons(reason), request.id = %current_request_id(), "a request failed with an internal error");
        codes::INTERNAL.into()
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code.status, code.name, code.detail)
    }
}

impl From<latchkey_db::DbError> for Problem {
    fn from(error: latchkey_db::DbError) -> Self {
        if error.is_transient() {
            tracing::warn!(reason = %error, request.id = %current_request_id(), "the database is unavailable");
            return Self::unavailable();
        }
        Self::internal(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            r#type: format!("urn:latchkey:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            trace_id: current_request_id().to_string(),
            errors: &self.errors,
            members: &self.members,
        };
        let text = serde_json::to_string(&body).unwrap_or_default();
        let mut response = (self.status, text).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
