//! How large the body of a request may be: small, but for the one form that carries a file.

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use http_body_util::Limited;
use latchkey_http::Problem;

use crate::oauth_error::error_response_at;

/// The form of a picture may be this long, so that one which is too large is read to its end and answered by a page: a
/// browser that is cut off while it sends shows an error of its own.
pub const LONGEST_BODY: usize = 12 * 1024 * 1024;
/// Everything else.
const LONGEST_FORM: usize = 64 * 1024;

/// The path of the form with a picture.
pub(crate) const PICTURE_FORM: &str = "/account/profile/picture";

/// Passes a request on with a body that ends at its limit, and answers one that says beforehand that it is longer.
pub(crate) async fn bounded(request: Request, next: Next) -> Response {
    if request.uri().path() == PICTURE_FORM {
        return next.run(request).await;
    }
    if request.body().size_hint().lower() > LONGEST_FORM as u64 {
        let problem = Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "The body is too large.",
        );
        let mut response = error_response_at(request.uri().path(), problem);
        // The rest is not read, so the connection cannot be used again.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
        return response;
    }
    next.run(request.map(|body| Body::new(Limited::new(body, LONGEST_FORM))))
        .await
}
