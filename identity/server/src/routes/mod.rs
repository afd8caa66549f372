//! The routes, one file per endpoint.

pub(crate) mod account;
pub(crate) mod account_applications;
pub(crate) mod account_delete;
pub(crate) mod account_email;
pub(crate) mod account_export;
pub(crate) mod account_history;
pub(crate) mod account_notices;
pub(crate) mod account_password;
pub(crate) mod account_providers;
pub(crate) mod account_second;
pub(crate) mod account_sessions;
pub(crate) mod account_why;
pub(crate) mod authorize;
pub(crate) mod brand;
pub(crate) mod confirm;
pub(crate) mod consent;
pub(crate) mod discovery;
pub(crate) mod factors;
pub(crate) mod introspect;
pub(crate) mod jwks;
pub(crate) mod language;
pub(crate) mod login;
pub(crate) mod login_code;
pub(crate) mod logout;
pub(crate) mod outbox;
pub(crate) mod passkeys;
pub(crate) mod profile;
pub(crate) mod recover;
pub(crate) mod recover_new;
pub(crate) mod register;
pub(crate) mod register_finish;
pub(crate) mod required_deletion;
pub(crate) mod required_factor;
pub(crate) mod required_terms;
pub(crate) mod revocations;
pub(crate) mod revoke;
pub(crate) mod second;
pub(crate) mod theme;
pub(crate) mod token;
pub(crate) mod upstream;
pub(crate) mod upstream_arrivals;
pub(crate) mod upstream_logout;
pub(crate) mod userinfo;

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use latchkey_protocol::error::PageError;

use crate::browser::Browser;
use crate::pages::{ErrorPage, see_other};
use crate::registry::{Document, Registry};

/// A public document with its entity tag, or 304.
fn document(document: &Document, max_age: &'static str, headers: &HeaderMap) -> Response {
    let fresh = latchkey_http::none_match(headers, &document.etag);
    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        document.bytes.clone().into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ETAG, document.etag.clone());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(max_age));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// The preflight of a public document: any page may read it, with any headers, because credentials make no difference.
pub(crate) async fn public_preflight() -> Response {
    let answers = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, HEAD"),
        ),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("*"),
        ),
        (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400")),
    ];
    (StatusCode::NO_CONTENT, answers).into_response()
}

/// The preflight of a call from a page of another origin (Fetch, CORS-preflight request).
pub(crate) async fn preflight(State(registry): State<Arc<Registry>>, headers: HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let answers = response.headers_mut();
    answers.insert(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = headers.get(header::ORIGIN)
        && registry.knows_origin(origin)
    {
        answers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let methods = HeaderValue::from_static("GET, POST");
        answers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        let names = HeaderValue::from_static("authorization, content-type");
        answers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
        answers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    response
}

/// Lets a page of another origin read a response, if it is `allowed` to.
fn allow_origin(
    response: &mut Response,
    origin: Option<&HeaderValue>,
    allowed: impl FnOnce(&HeaderValue) -> bool,
) {
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = origin else { return };
    if allowed(origin) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let exposed = HeaderValue::from_static("WWW-Authenticate, Retry-After");
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// A route that acts on GET and has these methods alone: no HEAD beside it, because a HEAD must not act. `Allow` lists what
/// there is (RFC 9110 §15.5.6).
pub(crate) fn acting<S: Clone + Send + Sync + 'static>(
    methods: MethodRouter<S>,
    allow: &'static str,
) -> MethodRouter<S> {
    let refuse = move || async move {
        let allow = [(header::ALLOW, HeaderValue::from_static(allow))];
        (StatusCode::METHOD_NOT_ALLOWED, allow).into_response()
    };
    methods.head(refuse).fallback(refuse)
}

/// The issuer's own address redirects to the account page.
pub(crate) fn to_account() -> Response {
    see_other("/account")
}

/// Where password managers lead (W3C, A Well-Known URL for Changing Passwords).
pub(crate) fn to_password() -> Response {
    see_other("/account/password")
}

/// An address without a page.
pub(crate) async fn no_page(browser: Browser) -> Response {
    ErrorPage::from(PageError::NotFound).page(&browser)
}

/// JSON that must not be cached (RFC 6749 §5.1).
fn private_json(body: String) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
