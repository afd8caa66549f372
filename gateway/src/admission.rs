//! Whether a request may use its route: by its bearer token, or by the session of its browser.

use http::Extensions;
use http::Method;
use http::header::{HeaderMap, HeaderValue};
use latchkey_guard::{Access, GuardError};

use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::policy::{Demand, Required};
use crate::sign_in::{NoSession, SignIn, is_page_load};

/// What a request says about its caller.
pub(crate) struct Asked<'a> {
    pub method: &'a Method,
    /// Path and query, to return to after a sign-in.
    pub here: &'a str,
    pub headers: &'a HeaderMap,
    pub extensions: &'a Extensions,
    pub websocket: bool,
}

/// A caller that may use its route, and how that is found out again while its connection lasts.
pub(crate) struct Admitted {
    pub identity: Identity,
    pub proof: Proof,
}

/// What a caller proved itself by.
#[derive(Clone)]
pub(crate) enum Proof {
    Token(String),
    Session(String),
}

impl Gateway {
    /// `None` if the route demands nothing.
    pub(crate) async fn admit(
        &self,
        demand: &Demand,
        asked: &Asked<'_>,
    ) -> Result<Option<Admitted>, GatewayError> {
        match demand {
            Demand::Nothing => Ok(None),
            Demand::Token(required) => by_token(required, asked.headers).await.map(Some),
            Demand::SignIn(required) => {
                let sign_in = self.sign_in.as_ref().ok_or(GatewayError::NoSignIn)?;
                by_session(sign_in, required, asked).await.map(Some)
            }
        }
    }

    /// Whether a proof still holds: a token expires and is revoked, a user signs out.
    pub(crate) async fn still_holds(&self, demand: &Demand, proof: &Proof) -> bool {
        match (demand, proof) {
            (Demand::Token(required), Proof::Token(token)) => {
                let access = required.guard.verify_token(token).await;
                access.is_ok_and(|access| suffices(required, &access).is_ok())
            }
            (Demand::SignIn(required), Proof::Session(login)) => {
                let Some(sign_in) = &self.sign_in else {
                    return false;
                };
                match sign_in.sessions.token_of(login, &required.audience).await {
                    Ok(session) => {
                        let access = required.guard.verify_token(&session.token).await;
                        access.is_ok_and(|access| suffices(required, &access).is_ok())
                    }
                    // An unreachable issuer does not sign anybody out.
                    Err(NoSession::Away(_)) => true,
                    Err(NoSession::SignedOut | NoSession::NotAllowed | NoSession::Foreign) => false,
                }
            }
            (Demand::Nothing, _)
            | (Demand::Token(_), Proof::Session(_))
            | (Demand::SignIn(_), Proof::Token(_)) => false,
        }
    }
}

async fn by_token(required: &Required, headers: &HeaderMap) -> Result<Admitted, GatewayError> {
    let access = required.guard.check(headers).await.map_err(GatewayError::Token)?;
    let Some(access) = access else {
        return Err(GatewayError::NoToken {
            challenge: challenge(required, ""),
        });
    };
    suffices(required, &access)?;
    let token = headers
        .get(http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = token
        .and_then(|text| text.split_once(' '))
        .map(|(_, token)| token.trim().to_owned());
    Ok(Admitted {
        identity: Identity { access, name: None },
        proof: Proof::Token(token.unwrap_or_default()),
    })
}

async fn by_session(
    sign_in: &SignIn,
    required: &Required,
    asked: &Asked<'_>,
) -> Result<Admitted, GatewayError> {
    if sign_in.is_foreign(asked.method, asked.headers, asked.websocket) {
        return Err(GatewayError::ForeignForm);
    }
    let audience = &required.audience;
    // A token that was refused is fetched again once: the issuer then says whether the sign-in still holds.
    for last in [false, true] {
        let session = match sign_in.sessions.token(asked.extensions, audience).await {
            Ok(session) => session,
            Err(NoSession::SignedOut) => {
                let to = is_page_load(asked.method, asked.headers).then(|| SignIn::begin_at(asked.here));
                return Err(GatewayError::SignedOut { to });
            }
            Err(NoSession::Foreign) => return Err(GatewayError::ForeignForm),
            Err(NoSession::NotAllowed) => return Err(GatewayError::NotAllowed),
            Err(NoSession::Away(reason)) => return Err(GatewayError::SessionAway(reason)),
        };
        match required.guard.verify_token(&session.token).await {
            Ok(access) => {
                suffices(required, &access).map_err(|_| GatewayError::NotAllowed)?;
                return Ok(Admitted {
                    identity: Identity {
                        access,
                        name: Some(session.name),
                    },
                    proof: Proof::Session(session.login),
                });
            }
            Err(rejection) => match rejection.reason {
                GuardError::Token(_) | GuardError::Inactive if !last => {
                    sign_in.sessions.refused(&session.login, audience).await;
                }
                _ => return Err(GatewayError::SessionAway(rejection.to_string())),
            },
        }
    }
    Err(GatewayError::SessionAway(
        "the token of a session is refused".to_owned(),
    ))
}

/// All scopes, and one of the roles.
fn suffices(required: &Required, access: &Access) -> Result<(), GatewayError> {
    if !required.scopes.iter().all(|scope| access.has_scope(scope)) {
        return Err(GatewayError::ShortScope {
            challenge: challenge(required, INSUFFICIENT),
        });
    }
    if required.roles.is_empty() || required.roles.iter().any(|role| access.has_role(role)) {
        Ok(())
    } else {
        Err(GatewayError::NotAllowed)
    }
}

/// RFC 6750 §3: without an error code where the request had no token at all.
fn challenge(required: &Required, error: &str) -> HeaderValue {
    let scope = required.scopes.join(" ");
    let scope = match scope.is_empty() {
        true => String::new(),
        false => format!(", scope=\"{scope}\""),
    };
    let text = format!("Bearer realm=\"{}\"{error}{scope}", required.audience);
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer"))
}

const INSUFFICIENT: &str = ", error=\"insufficient_scope\"";
