//! `/signin`, `/callback` and `/signout`: to the issuer and back.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use latchkey_http::Form;
use latchkey_web::safe_return;
use tower_sessions::Session;

use crate::Storefront;
use crate::error::Failure;
use crate::oidc::OidcError;
use crate::people::{NoToken, People};
use crate::session::{Flow, KEPT, Kept, Known};
use crate::store::Whom;

/// Sign-ins that one browser may have under way; the oldest gives way.
const MOST_FLOWS: usize = 8;
/// How long a sign-in may take, milliseconds.
const FLOW_LIFE_MS: i64 = 15 * 60_000;

/// Begins a sign-in that comes back to `return`.
pub async fn begin(
    State(storefront): State<Storefront>,
    session: Session,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let people = storefront.people.as_ref().ok_or(Failure::Missing)?;
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| Failure::Bad)?;
    let back = form.take("return");
    let back = back.as_deref().and_then(safe_return).unwrap_or("/");
    let mut kept = kept(&session).await?;
    if signed_in(people, &kept).await?.is_some() {
        return see_other(back);
    }
    let (flow, url) = people.oidc.begin(back).await.map_err(not_now)?;
    let now = people.oidc.now_ms();
    kept.login = None;
    kept.flows.retain(|flow| now - flow.began_at < FLOW_LIFE_MS);
    if kept.flows.len() >= MOST_FLOWS {
        kept.flows.remove(0);
    }
    kept.flows.push(flow);
    keep(&session, &kept).await?;
    see_other(&url)
}

/// What the issuer sends the browser back with.
pub async fn callback(
    State(storefront): State<Storefront>,
    session: Session,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let people = storefront.people.as_ref().ok_or(Failure::Missing)?;
    let mut form =
        Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| Failure::NotSignedIn)?;
    let state = form.take("state").ok_or(Failure::NotSignedIn)?;
    let mut kept = kept(&session).await?;
    let at = kept.flows.iter().position(|flow| flow.state == state);
    let flow = kept.flows.remove(at.ok_or(Failure::NotSignedIn)?);
    // Spent, whatever becomes of it.
    keep(&session, &kept).await?;
    // RFC 9207: the answer is our issuer's, or nobody's.
    if form.take("iss").as_deref() != Some(people.oidc.issuer()) {
        return Err(Failure::NotSignedIn);
    }
    if people.oidc.now_ms() - flow.began_at >= FLOW_LIFE_MS {
        return Err(Failure::NotSignedIn);
    }
    if let Some(error) = form.take("error") {
        tracing::info!(error, "the issuer did not sign anybody in");
        return match error.as_str() {
            // They said no: back to where they were.
            "access_denied" => see_other(&flow.back),
            "temporarily_unavailable" | "server_error" => Err(Failure::Away),
            _ => Err(Failure::NotSignedIn),
        };
    }
    let code = form.take("code").ok_or(Failure::NotSignedIn)?;
    let known = arrive(people, &flow, &code).await?;
    // Another id than the one that anybody may have planted, and nothing of whoever was here before.
    session.cycle_id().await.map_err(|error| broken(&error))?;
    let flows = kept.flows;
    keep(
        &session,
        &Kept {
            flows,
            login: Some(known),
        },
    )
    .await?;
    see_other(&flow.back)
}

async fn arrive(people: &People, flow: &Flow, code: &str) -> Result<Known, Failure> {
    let signed_in = people.oidc.finish(flow, code).await.map_err(not_now)?;
    let name = people
        .oidc
        .name(&signed_in.access_token, &signed_in.sub)
        .await
        .map_err(not_now)?;
    let login = people.arrive(signed_in).await.map_err(|error| match error {
        NoToken::SignedOut => Failure::NotSignedIn,
        error => broken(&error),
    })?;
    Ok(Known {
        teaches: login.scope.split(' ').any(|name| name == "catalog.write"),
        login: login.id,
        name,
        form_token: people.oidc.secret(),
    })
}

/// Ends the sign-in here and, at the issuer, the session with every application of it.
pub async fn sign_out(
    State(storefront): State<Storefront>,
    session: Session,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Response, Failure> {
    let people = storefront.people.as_ref().ok_or(Failure::Missing)?;
    let kept = kept(&session).await?;
    let body = body.map_err(|_| Failure::Bad)?;
    let mut form = Form::parse(&body, &[]).map_err(|_| Failure::Bad)?;
    let Some(known) = kept.login else {
        return see_other("/");
    };
    if !storefront.origins.admits(&headers) || form.take("token").as_deref() != Some(&known.form_token) {
        return Err(Failure::Foreign);
    }
    let login = people.login(&known.login).await.map_err(|error| broken(&error))?;
    people
        .store
        .end_logins(Whom::Login(known.login))
        .await
        .map_err(|error| broken(&error))?;
    session.flush().await.map_err(|error| broken(&error))?;
    let mut response = match login {
        Some(login) => see_other(&people.oidc.sign_out(&login.id_token))?,
        None => see_other("/")?,
    };
    let clear = HeaderValue::from_static("\"cache\", \"storage\"");
    response.headers_mut().insert("clear-site-data", clear);
    Ok(response)
}

/// What the browser's session holds.
pub async fn kept(session: &Session) -> Result<Kept, Failure> {
    let kept = session.get::<Kept>(KEPT).await.map_err(|error| broken(&error))?;
    Ok(kept.unwrap_or_default())
}

async fn keep(session: &Session, kept: &Kept) -> Result<(), Failure> {
    session.insert(KEPT, kept).await.map_err(|error| broken(&error))
}

/// Who is signed in, if the row that says so is still there.
pub async fn signed_in(people: &People, kept: &Kept) -> Result<Option<Known>, Failure> {
    let Some(known) = &kept.login else { return Ok(None) };
    let login = people.login(&known.login).await.map_err(|error| broken(&error))?;
    Ok(login.map(|_| known.clone()))
}

fn not_now(error: OidcError) -> Failure {
    let id = latchkey_http::current_request_id();
    tracing::warn!(reason = %error, request.id = %id, "a sign-in did not come to its end");
    match error {
        OidcError::Away(_) => Failure::Away,
        OidcError::InvalidGrant | OidcError::Refused(_) => Failure::NotSignedIn,
    }
}

fn broken(error: &dyn std::error::Error) -> Failure {
    let id = latchkey_http::current_request_id();
    tracing::error!(reason = latchkey_http::reasons(error), request.id = %id, "the shop's sessions failed");
    Failure::Broken
}

pub fn see_other(to: &str) -> Result<Response, Failure> {
    let to = HeaderValue::from_str(to).map_err(|_| Failure::Broken)?;
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, to);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
