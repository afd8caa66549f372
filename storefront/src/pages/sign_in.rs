//! `/signin`, `/callback`, `/signout` and `/backchannel-logout`: to the issuer and back.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use latchkey_relying_party::{Session, backchannel_logout, sign_in};
use latchkey_web::{PageContext, see_other};

use crate::Storefront;
use crate::guest::Guest;
use crate::page_error::PageError;

/// Starts a sign-in that returns to `return`.
pub async fn begin(
    State(storefront): State<Storefront>,
    session: Session,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let logins = storefront.logins()?;
    Ok(sign_in::begin(logins, &session, &headers, query.as_deref()).await?)
}

/// Handles the issuer's redirect.
pub async fn callback(
    State(storefront): State<Storefront>,
    session: Session,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let logins = storefront.logins()?;
    let (messages, origins) = (&storefront.messages, &storefront.origins);
    let words = PageContext::of(&headers, messages, origins, String::new()).words;
    let nameless = words.say("nav.account");
    let done = sign_in::callback(logins, &session, &headers, query.as_deref(), nameless).await?;
    let merged = match (&done.to, Guest::of(logins, &headers)) {
        (Ok(_), Some(guest)) => match logins.signed_in(&session).await {
            Ok(Some(current)) => guest.merge(&storefront, &current.user.login).await,
            Ok(None) | Err(_) => false,
        },
        (Ok(_) | Err(_), _) => false,
    };
    let mut response = match (done.to, done.back) {
        (Ok(to), _) => see_other(&to),
        (Err(error), Some(back)) => PageError::from(error).on_the_way_to(&back),
        (Err(error), None) => PageError::from(error).into_response(),
    };
    // What is in the visitor's basket is the user's from now on.
    let gone = merged.then(|| Guest::gone(logins));
    for cookie in done.cookie.into_iter().chain(gone) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Ends the sign-in here and, at the issuer, the session with all of its applications.
pub async fn sign_out(
    State(storefront): State<Storefront>,
    session: Session,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let logins = storefront.logins()?;
    let body = body.map_err(|_| PageError::Bad)?;
    Ok(sign_in::sign_out(logins, &session, &headers, &body).await?)
}

/// Receives logout tokens of the issuer.
pub async fn backchannel(
    State(storefront): State<Storefront>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let logins = storefront.logins()?;
    let body = body.ok();
    Ok(backchannel_logout::receive(logins, &headers, body.as_deref()).await)
}
