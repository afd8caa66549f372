//! `/signin`, `/callback` and `/signout`: to the issuer and back.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use latchkey_contracts::resource::catalog;
use latchkey_http::Form;
use latchkey_web::safe_return;
use tower_sessions::Session;

use crate::Storefront;
use crate::error::Failure;
use crate::oidc::OidcError;
use crate::people::{NoToken, People};
use crate::session::{COOKIE, Flow, KEPT, Kept, Known};
use crate::store::Whom;

/// Sign-ins that one browser may have under way; more, and the others are given up.
const MOST_FLOWS: usize = 6;
/// How long a sign-in may take, seconds.
const FLOW_LIFE_S: i64 = 15 * 60;
/// The longest address to come back to: cookies of all sign-ins under way must fit into a request.
const LONGEST_RETURN: usize = 512;
/// The beginning of the names of cookies with sign-ins under way.
const FLOW: &str = "latchkey-flow";

/// Begins a sign-in that comes back to `return`.
pub async fn begin(
    State(storefront): State<Storefront>,
    session: Session,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let people = storefront.people.as_ref().ok_or(Failure::Missing)?;
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| Failure::Bad)?;
    let back = form.take("return");
    let back = back
        .as_deref()
        .filter(|back| back.len() <= LONGEST_RETURN)
        .and_then(safe_return)
        .unwrap_or("/");
    if signed_in(people, &kept(&session).await?).await?.is_some() {
        return see_other(back);
    }
    let (flow, url) = people.oidc.begin(back).await.map_err(not_now)?;
    let name = flow_cookie(&storefront, &flow.state);
    let text = serde_json::to_string(&flow).map_err(|error| broken(&error))?;
    let sealed = people.store.seal().close(&name, &text);
    let mut response = see_other(&url)?;
    let others = flow_cookies(&storefront, &headers);
    let given_up = if others.len() >= MOST_FLOWS {
        others
    } else {
        Vec::new()
    };
    for name in given_up {
        set_cookie(&mut response, &storefront, &name, "", 0)?;
    }
    set_cookie(&mut response, &storefront, &name, &sealed, FLOW_LIFE_S)?;
    Ok(response)
}

/// What the issuer sends the browser back with.
pub async fn callback(
    State(storefront): State<Storefront>,
    session: Session,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let people = storefront.people.as_ref().ok_or(Failure::Missing)?;
    let mut form =
        Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| Failure::NotSignedIn)?;
    let state = form.take("state").ok_or(Failure::NotSignedIn)?;
    let name = flow_cookie(&storefront, &state);
    let sealed = cookie(&headers, &name);
    let flow = sealed.and_then(|sealed| people.store.seal().open(&name, &sealed).ok());
    let flow: Flow = flow
        .and_then(|text| serde_json::from_str(&text).ok())
        .filter(|flow: &Flow| flow.state == state)
        .ok_or(Failure::NotSignedIn)?;
    let done = finish(&storefront, people, &session, form, &flow).await;
    // Spent, whatever became of it.
    let mut response = done.unwrap_or_else(IntoResponse::into_response);
    set_cookie(&mut response, &storefront, &name, "", 0)?;
    Ok(response)
}

async fn finish(
    storefront: &Storefront,
    people: &People,
    session: &Session,
    mut form: Form,
    flow: &Flow,
) -> Result<Response, Failure> {
    // RFC 9207: the answer is our issuer's, or nobody's.
    if form.take("iss").as_deref() != Some(people.oidc.issuer()) {
        return Err(Failure::NotSignedIn);
    }
    if people.oidc.now_ms() - flow.began_at >= FLOW_LIFE_S * 1_000 {
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
    let known = arrive(storefront, people, flow, &code).await?;
    let before = kept(session).await?.login;
    // Another id than the one that anybody may have planted, and nothing of whoever was here before.
    session.cycle_id().await.map_err(|error| broken(&error))?;
    keep(session, &Kept { login: Some(known) }).await?;
    if let Some(before) = before {
        people.end(&before.login).await;
    }
    see_other(&flow.back)
}

async fn arrive(storefront: &Storefront, people: &People, flow: &Flow, code: &str) -> Result<Known, Failure> {
    let signed_in = people.oidc.finish(flow, code).await.map_err(not_now)?;
    let name = people.oidc.name(&signed_in.access_token, &signed_in.sub).await;
    // The code is spent, and the person is who they are: a name that cannot be had now is no reason to send them away.
    let name = match name {
        Ok(name) => name,
        Err(OidcError::Away(reason)) => {
            tracing::warn!(reason, "a person's name is not known yet");
            storefront.messages.words(None).say("nav.account").to_owned()
        }
        Err(error) => return Err(not_now(error)),
    };
    let login = people.arrive(signed_in).await.map_err(|error| match error {
        NoToken::SignedOut => Failure::NotSignedIn,
        error => broken(&error),
    })?;
    Ok(Known {
        teaches: login.scope.split(' ').any(|name| name == catalog::WRITE.name),
        login: login.id,
        name,
        form_token: people.oidc.secret(),
    })
}

/// The cookie of a sign-in under way.
fn flow_cookie(storefront: &Storefront, state: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let short: String = state.bytes().filter(plain).take(12).map(char::from).collect();
    format!("{}.{short}", storefront.origins.cookie(FLOW))
}

fn flow_cookies(storefront: &Storefront, headers: &HeaderMap) -> Vec<String> {
    let prefix = format!("{}.", storefront.origins.cookie(FLOW));
    let all = cookies(headers).map(|(name, _)| name.to_owned());
    all.filter(|name| name.starts_with(&prefix)).collect()
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let found = cookies(headers).find(|(known, _)| *known == name);
    found.map(|(_, value)| value.to_owned())
}

fn set_cookie(
    response: &mut Response,
    storefront: &Storefront,
    name: &str,
    value: &str,
    max_age_s: i64,
) -> Result<(), Failure> {
    let attributes = storefront.origins.cookie_attributes();
    let text = format!("{name}={value}; Max-Age={max_age_s}; {attributes}");
    let value = HeaderValue::from_str(&text).map_err(|_| Failure::Broken)?;
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(())
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
    if let Some(login) = &login {
        // Whether the browser goes on to the issuer or not, this sign-in is over there too.
        people.oidc.revoke(&login.refresh_token).await;
    }
    session.flush().await.map_err(|error| broken(&error))?;
    let mut response = match login {
        Some(login) => see_other(&people.oidc.sign_out(&login.id_token))?,
        None => see_other("/")?,
    };
    let clear = HeaderValue::from_static("\"cache\", \"storage\"");
    response.headers_mut().insert("clear-site-data", clear);
    // With the attributes that it was set with: a browser ignores any other removal of a __Host- cookie.
    let name = storefront.origins.cookie(COOKIE);
    set_cookie(&mut response, &storefront, &name, "", 0)?;
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
