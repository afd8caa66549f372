//! To the issuer and back: how a sign-in begins, how the issuer's response is handled, and how it ends.

use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use latchkey_http::Form;
use latchkey_web::{FORM_TOKEN, Switched, cookie, is_form_token, safe_return, see_other};
use tower_sessions::Session;

use crate::client::path;
use crate::error::{OidcError, SignInError};
use crate::flow::{self, Answer, Browser, Flow, FlowError, Outcome, Proofs, ResponseBrowser};
use crate::logins::Logins;
use crate::oidc::SignedIn;
use crate::session::{SessionData, SessionUser};
use crate::store::{Login, SessionRef, Token};

/// The result of a response of the issuer.
#[derive(Debug)]
pub struct Callback {
    /// Where the browser goes; or why the sign-in failed.
    pub to: Result<String, SignInError>,
    /// The path to which another sign-in should return.
    pub back: Option<String>,
    /// Part of any response, including error pages: a code that was sent is spent.
    pub cookie: Option<HeaderValue>,
}

/// The address that starts a sign-in and returns to a path of ours.
pub fn begin_at(back: &str) -> String {
    begin_below("", back)
}

/// The same for a client with a [`base`](crate::Client::base).
fn begin_below(base: &str, back: &str) -> String {
    let back: String = form_urlencoded::byte_serialize(back.as_bytes()).collect();
    format!("{base}{}?return={back}", path::SIGN_IN)
}

/// Starts a sign-in that returns to `return` of the query. A signed-in user is redirected there at once.
pub async fn begin(
    logins: &Logins,
    session: &Session,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Result<Response, SignInError> {
    let query = query.unwrap_or_default().as_bytes();
    let mut form = Form::parse(query, &[]).map_err(|_| SignInError::Malformed)?;
    let back = form.take("return");
    let back = back
        .as_deref()
        .filter(|back| back.len() <= LONGEST_RETURN)
        .and_then(safe_return)
        .unwrap_or("/");
    if signed_in(logins, session).await?.1.is_some() {
        return Ok(see_other(back));
    }
    let seal = logins.store.seal();
    let known = browser_of(logins, headers);
    let first = known.is_none();
    let browser = known.unwrap_or_else(|| Browser::new(logins.oidc.secret()));
    let flow = Flow::begin(
        seal,
        logins.oidc.secret(),
        &browser,
        first,
        back,
        logins.oidc.now_ms(),
    );
    let cookie = first.then(|| remembered(logins, &browser));
    // Only a choice goes along: what the browser prefers it tells the issuer itself.
    let switched = Switched::remembered(headers, &logins.oidc.registration().origins);
    let language = switched.map(|switched| switched.language);
    let url = logins
        .oidc
        .begin(flow.state(seal), &flow.proofs(seal, &browser), language)
        .await
        .map_err(|error| SignInError::not_given(&error))?;
    let mut response = see_other(&url);
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Handles the issuer's redirect. `nameless` is the display name of a user whose name cannot be fetched.
pub async fn callback(
    logins: &Logins,
    session: &Session,
    headers: &HeaderMap,
    query: Option<&str>,
    nameless: &str,
) -> Result<Callback, SignInError> {
    let seal = logins.store.seal();
    let base = logins.oidc.registration().client.base;
    let (before, current) = signed_in(logins, session).await?;
    // Repeated or unreadable parameters count as absent.
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).unwrap_or_default();
    let flow = form.take("state").and_then(|state| Flow::open(seal, &state));
    let browser = browser_of(logins, headers);
    let (error, code) = (form.take("error"), form.take("code"));
    let answer = Answer {
        flow: flow.as_ref(),
        by: match (&browser, &flow) {
            (Some(browser), Some(flow)) if flow.is_of(seal, browser) => ResponseBrowser::Own(browser),
            (Some(_), _) => ResponseBrowser::Another,
            (None, _) => ResponseBrowser::Unknown,
        },
        signed_in: current.is_some(),
        is_our_issuers: form.take("iss").as_deref() == Some(logins.oidc.issuer()),
        error: error.as_deref(),
        code: code.as_deref(),
    };
    Ok(match flow::decide(&answer, logins.oidc.now_ms()) {
        Outcome::Redeem { flow, browser, code } => {
            let cookie = Some(remembered(logins, &browser.after(flow)));
            let proofs = flow.proofs(seal, browser);
            let used = logins
                .store
                .use_flow(flow.hash(seal), flow.remembered_until())
                .await;
            if !used.map_err(|error| SignInError::broken(&error))? {
                // The same answer is under way already, such as before a reload.
                return Ok(Callback {
                    to: Ok(if current.is_some() {
                        flow.back.clone()
                    } else {
                        begin_below(base, &flow.back)
                    }),
                    back: Some(flow.back.clone()),
                    cookie,
                });
            }
            let done = redeem(logins, session, before, current.as_ref(), &proofs, code, nameless).await;
            Callback {
                to: match done {
                    Err(error) if current.is_none() => Err(error),
                    // A signed-in user stays signed in.
                    Ok(()) | Err(_) => Ok(flow.back.clone()),
                },
                back: Some(flow.back.clone()),
                cookie,
            }
        }
        Outcome::LeadOn(back) => Callback::without_code(Ok(back.to_owned()), Some(back)),
        Outcome::BeginAnew(back) => Callback::without_code(Ok(begin_below(base, back)), Some(back)),
        Outcome::Refuse(error, back) => {
            let id = latchkey_http::current_request_id();
            let peer = latchkey_http::current_client_address().map(tracing::field::display);
            tracing::info!(reason = %error, peer, request.id = %id, "the response to a sign-in was rejected");
            Callback::without_code(Err(error.into()), back)
        }
    })
}

/// The user of the session, and their sign-in if it still exists and asked for as much as one of today would. One that
/// did not counts as none: the next replaces it.
async fn signed_in(
    logins: &Logins,
    session: &Session,
) -> Result<(Option<SessionUser>, Option<Login>), SignInError> {
    let Some(user) = logins.session_data(session).await?.login else {
        return Ok((None, None));
    };
    let login = logins.login(&user.login).await;
    let login = login.map_err(|error| SignInError::broken(&error))?;
    Ok((Some(user), login.filter(|login| !logins.asks_for_more(login))))
}

/// Ends the sign-in here and, at the issuer, the session with all applications.
pub async fn sign_out(
    logins: &Logins,
    session: &Session,
    headers: &HeaderMap,
    form: &[u8],
) -> Result<Response, SignInError> {
    let registration = logins.oidc.registration();
    let data = logins.session_data(session).await?;
    let mut form = Form::parse(form, &[]).map_err(|_| SignInError::Malformed)?;
    let Some(user) = data.login else {
        return Ok(see_other("/"));
    };
    let token = form.take(FORM_TOKEN);
    if !registration.origins.admits(headers) || !is_form_token(&user.form_token, token.as_deref()) {
        return Err(SignInError::ForeignForm);
    }
    let login = logins.login(&user.login).await;
    let login = login.map_err(|error| SignInError::broken(&error))?;
    let ended = logins.store.end_logins(SessionRef::Login(user.login)).await;
    ended.map_err(|error| SignInError::broken(&error))?;
    if let Some(login) = &login {
        // Whether the browser continues to the issuer or not, this sign-in ends there too.
        logins.oidc.revoke(&login.refresh_token).await;
    }
    let flushed = session.flush().await;
    flushed.map_err(|error| SignInError::broken(&error))?;
    let mut response = match login {
        Some(login) => see_other(&logins.oidc.sign_out(&login.id_token)),
        None => see_other("/"),
    };
    let headers = response.headers_mut();
    let clear = HeaderValue::from_static("\"cache\", \"storage\"");
    headers.insert("clear-site-data", clear);
    let gone = registration
        .origins
        .set_cookie(registration.client.session_cookie, "", Some(0));
    headers.append(header::SET_COOKIE, gone);
    Ok(response)
}

impl Callback {
    /// A response whose code, if any, was not used.
    fn without_code(to: Result<String, SignInError>, back: Option<&str>) -> Self {
        Self {
            to,
            back: back.map(str::to_owned),
            cookie: None,
        }
    }
}

impl From<FlowError> for SignInError {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::IssuerAway => Self::Away,
            FlowError::UnknownState
            | FlowError::ForeignIssuer
            | FlowError::Expired
            | FlowError::UnknownBrowser
            | FlowError::AnotherBrowser
            | FlowError::Denied
            | FlowError::IssuerRefuses
            | FlowError::NoCode
            | FlowError::Spent => Self::NotSignedIn,
        }
    }
}

/// Sends the code to the issuer and signs the user in. `before` is the user of the session, `current` the same if the
/// sign-in still exists.
async fn redeem(
    logins: &Logins,
    session: &Session,
    before: Option<SessionUser>,
    current: Option<&Login>,
    proofs: &Proofs,
    code: &str,
    nameless: &str,
) -> Result<(), SignInError> {
    let signed_in = logins.oidc.finish(proofs, code).await;
    let signed_in = signed_in.map_err(|error| SignInError::not_given(&error))?;
    if current.is_some_and(|current| current.sub == signed_in.sub) {
        // Another tab was faster. Its session stays, and with it whatever other tabs have open.
        logins.oidc.revoke(&signed_in.refresh_token).await;
        return Ok(());
    }
    let login = Some(complete_sign_in(logins, signed_in, nameless).await?);
    // A new session id, since anybody may have planted the old one, and nothing of a previous user.
    let cycled = session.cycle_id().await;
    cycled.map_err(|error| SignInError::broken(&error))?;
    let name = logins.oidc.registration().client.name;
    let kept = session.insert(name, SessionData { login }).await;
    kept.map_err(|error| SignInError::broken(&error))?;
    if let Some(before) = before {
        logins.end(&before.login).await;
    }
    Ok(())
}

/// Fetches the user's name and stores the sign-in, with the first token for the client's resource, which shows what the
/// user may do there.
async fn complete_sign_in(
    logins: &Logins,
    signed_in: SignedIn,
    nameless: &str,
) -> Result<SessionUser, SignInError> {
    let name = logins.oidc.name(&signed_in.access_token, &signed_in.sub).await;
    // The code is spent and the user authenticated: a name that cannot be fetched is no reason to reject the sign-in.
    let name = match name {
        Ok(name) => name,
        Err(OidcError::Away(reason)) => {
            tracing::warn!(reason, "the name of a user cannot be fetched right now");
            nameless.to_owned()
        }
        Err(error) => return Err(SignInError::not_given(&error)),
    };
    let mut login = Login {
        id: logins.oidc.secret(),
        sub: signed_in.sub,
        sid: signed_in.sid,
        refresh_token: signed_in.refresh_token,
        id_token: signed_in.id_token,
        scope: String::new(),
        asked: logins.oidc.registration().asked(),
        version: 1,
    };
    let audience = logins.oidc.registration().client.audience;
    let first = first_token(logins, &mut login, audience).await?;
    let first = first.as_ref().map(|token| (audience, token));
    let added = logins.store.add_login(&login, first).await;
    added.map_err(|error| SignInError::broken(&error))?;
    Ok(SessionUser {
        login: login.id,
        name,
        form_token: logins.oidc.secret(),
    })
}

/// The token that comes with a sign-in, and the scope and refresh token that the issuer gives with it.
async fn first_token(
    logins: &Logins,
    login: &mut Login,
    audience: &str,
) -> Result<Option<Token>, SignInError> {
    match logins.oidc.refresh(&login.refresh_token, audience).await {
        Ok(refreshed) => {
            if let Some(next) = refreshed.refresh_token {
                login.refresh_token = next;
            }
            login.scope = refreshed.scope.unwrap_or_default();
            Ok(Some(Token {
                text: refreshed.access_token,
                expires_at: logins.store.now() + refreshed.expires_in_s * 1_000,
            }))
        }
        Err(OidcError::InvalidGrant) => Err(SignInError::NotSignedIn),
        // The user is signed in without it all the same; pages that need it try again.
        Err(error) => {
            tracing::warn!(reason = %error, audience, "no access token could be obtained yet");
            Ok(None)
        }
    }
}

/// The browser of the request, if it has our cookie.
fn browser_of(logins: &Logins, headers: &HeaderMap) -> Option<Browser> {
    let registration = logins.oidc.registration();
    let name = registration.origins.cookie(registration.client.sign_in_cookie);
    Browser::open(logins.store.seal(), cookie(headers, &name)?)
}

/// The cookie that identifies the browser from now on.
fn remembered(logins: &Logins, browser: &Browser) -> HeaderValue {
    let registration = logins.oidc.registration();
    let value = browser.close(logins.store.seal());
    registration
        .origins
        .set_cookie(registration.client.sign_in_cookie, &value, Some(BROWSER_LIFE_S))
}

/// The maximum length of the return path: it is part of `state`, and addresses have a limited length.
const LONGEST_RETURN: usize = 512;
/// How long the cookie of a browser is kept, in seconds: the longest that browsers allow.
const BROWSER_LIFE_S: u32 = 400 * 24 * 3_600;
