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
use crate::flow::{self, Answer, Bearer, Browser, Fault, Flow, Outcome, Proofs};
use crate::oidc::{OidcError, SignedIn};
use crate::people::{NoToken, People};
use crate::session::{COOKIE, KEPT, Kept, Known};
use crate::store::{Login, Whom};

/// The longest address to come back to: it travels in `state`, and addresses have an end.
const LONGEST_RETURN: usize = 512;
/// The cookie that a browser is known by while somebody signs in with it.
const BROWSER: &str = "latchkey-sign-in";
/// How long it is kept, seconds: as long as browsers keep any cookie.
const BROWSER_LIFE_S: i64 = 400 * 24 * 3_600;

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
    let seal = people.store.seal();
    let known = browser_of(&storefront, people, &headers);
    let first = known.is_none();
    let browser = known.unwrap_or_else(|| Browser::new(people.oidc.secret()));
    let flow = Flow::begin(
        seal,
        people.oidc.secret(),
        &browser,
        first,
        back,
        people.oidc.now_ms(),
    );
    let url = people
        .oidc
        .begin(flow.state(seal), &flow.proofs(seal, &browser))
        .await
        .map_err(not_now)?;
    let mut response = see_other(&url)?;
    if first {
        remember(&mut response, &storefront, people, &browser)?;
    }
    Ok(response)
}

/// Where a sign-in begins that comes back to a path of ours.
pub fn begin_at(back: &str) -> String {
    let back: String = form_urlencoded::byte_serialize(back.as_bytes()).collect();
    format!("/signin?return={back}")
}

/// What the issuer sends the browser back with.
pub async fn callback(
    State(storefront): State<Storefront>,
    session: Session,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let people = storefront.people.as_ref().ok_or(Failure::Missing)?;
    let seal = people.store.seal();
    let before = kept(&session).await?.login;
    let signed_in = match &before {
        Some(known) => people.login(&known.login).await.map_err(|error| broken(&error))?,
        None => None,
    };
    // What says a thing twice, or cannot be read, says nothing.
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).unwrap_or_default();
    let flow = form.take("state").and_then(|state| Flow::open(seal, &state));
    let browser = browser_of(&storefront, people, &headers);
    let (error, code) = (form.take("error"), form.take("code"));
    let answer = Answer {
        flow: flow.as_ref(),
        by: match (&browser, &flow) {
            (Some(browser), Some(flow)) if flow.is_of(seal, browser) => Bearer::Own(browser),
            (Some(_), _) => Bearer::Another,
            (None, _) => Bearer::Unknown,
        },
        signed_in: signed_in.is_some(),
        is_our_issuers: form.take("iss").as_deref() == Some(people.oidc.issuer()),
        error: error.as_deref(),
        code: code.as_deref(),
    };
    match flow::decide(&answer, people.oidc.now_ms()) {
        Outcome::Redeem { flow, browser, code } => {
            let proofs = flow.proofs(seal, browser);
            let current = signed_in.as_ref();
            let done = redeem(&storefront, people, &session, before, current, &proofs, code).await;
            let mut response = match done {
                Ok(()) => see_other(&flow.back)?,
                // Whoever is signed in still is.
                Err(_) if signed_in.is_some() => see_other(&flow.back)?,
                Err(failure) => failure.on_the_way_to(&flow.back),
            };
            remember(&mut response, &storefront, people, &browser.after(flow))?;
            Ok(response)
        }
        Outcome::LeadOn(back) => see_other(back),
        Outcome::BeginAnew(back) => see_other(&begin_at(back)),
        Outcome::Refuse(fault, back) => {
            let id = latchkey_http::current_request_id();
            tracing::info!(reason = %fault, request.id = %id, "an answer to a sign-in is refused");
            let failure = match fault {
                Fault::IssuerAway => Failure::Away,
                Fault::UnknownState
                | Fault::ForeignIssuer
                | Fault::Expired
                | Fault::UnknownBrowser
                | Fault::AnotherBrowser
                | Fault::Denied
                | Fault::IssuerRefuses
                | Fault::NoCode
                | Fault::Spent => Failure::NotSignedIn,
            };
            Ok(match back {
                Some(back) => failure.on_the_way_to(back),
                None => failure.into_response(),
            })
        }
    }
}

/// Sends the code to the issuer and takes in whom it names. `before` is who the session says is signed in, `current` the
/// same if they still are.
async fn redeem(
    storefront: &Storefront,
    people: &People,
    session: &Session,
    before: Option<Known>,
    current: Option<&Login>,
    proofs: &Proofs,
    code: &str,
) -> Result<(), Failure> {
    let signed_in = people.oidc.finish(proofs, code).await.map_err(not_now)?;
    if current.is_some_and(|current| current.sub == signed_in.sub) {
        // Another tab was faster. Its session stays, and with it what other tabs have open.
        people.oidc.revoke(&signed_in.refresh_token).await;
        return Ok(());
    }
    let known = arrive(storefront, people, signed_in).await?;
    // Another id than the one that anybody may have planted, and nothing of whoever was here before.
    session.cycle_id().await.map_err(|error| broken(&error))?;
    keep(session, &Kept { login: Some(known) }).await?;
    if let Some(before) = before {
        people.end(&before.login).await;
    }
    Ok(())
}

async fn arrive(storefront: &Storefront, people: &People, signed_in: SignedIn) -> Result<Known, Failure> {
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

/// The browser that asks, if it has our cookie. A cookie that is there twice was planted, and is none.
fn browser_of(storefront: &Storefront, people: &People, headers: &HeaderMap) -> Option<Browser> {
    let name = storefront.origins.cookie(BROWSER);
    let mut found = cookies(headers).filter(|(known, _)| *known == name);
    match (found.next(), found.next()) {
        (Some((_, cookie)), None) => Browser::open(people.store.seal(), cookie),
        _ => None,
    }
}

fn remember(
    response: &mut Response,
    storefront: &Storefront,
    people: &People,
    browser: &Browser,
) -> Result<(), Failure> {
    let name = storefront.origins.cookie(BROWSER);
    let value = browser.close(people.store.seal());
    set_cookie(response, storefront, &name, &value, BROWSER_LIFE_S)
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
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
