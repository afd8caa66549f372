//! What a service gets for the token of its caller (RFC 8693; docs/tokens.md, Token exchange): a token for one service
//! that it calls, for the same user, with the service itself as the actor.
//!
//! Only delegation is possible: the new token always says who acts. It names the family of the token that it was
//! exchanged for and lives no longer than that one, so that what ends the one ends the other.

use serde_json::Value;

use crate::Timestamp;
use crate::access_token::{Actor, Claims, Issue, valid_from};
use crate::audience::may;
use crate::client::{Client, ExchangeRule};
use crate::error::{OAuthError, SubjectTokenError};
use crate::grant_validity::GrantValidity;
use crate::resource::Resource;
use crate::scope::Scope;

/// The longest lifetime of an exchanged token, in seconds: it is for the calls of one request.
pub const LIFE_S: i64 = 60;

/// How many clients may act one for another.
pub const MOST_ACTORS: usize = 4;

/// A subject token whose signature, type and expiry are already checked.
#[derive(Clone, Copy, Debug)]
pub struct SubjectToken<'a> {
    /// The user.
    pub sub: &'a str,
    /// The client that it was issued to.
    pub client_id: &'a str,
    /// Its audiences.
    pub aud: &'a [String],
    /// When it was issued, Unix seconds.
    pub iat: i64,
    /// When it expires, Unix seconds.
    pub exp: i64,
    /// Its family.
    pub fam: Option<&'a str>,
    /// When the user signed in, Unix seconds.
    pub auth_time: Option<i64>,
    /// The authentication context class of the sign-in.
    pub acr: Option<&'a str>,
    /// The authentication methods of the sign-in.
    pub amr: &'a [String],
    /// The key that it is bound to (RFC 7800).
    pub cnf: Option<&'a Value>,
    /// Who acts already.
    pub act: Option<&'a Value>,
    /// Who alone may act (RFC 8693 §4.4).
    pub may_act: Option<&'a Value>,
}

/// What decides about an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The issuer.
    pub issuer: &'a str,
    /// The client that asks, which becomes the actor.
    pub client: &'a Client,
    /// Every registered resource.
    pub resources: &'a [Resource],
    /// The `resource` or `audience` of the request.
    pub target: &'a str,
    /// The `scope` of the request.
    pub scope: Option<&'a str>,
    /// The subject token; none if it is no live access token of this issuer.
    pub subject: Option<SubjectToken<'a>>,
    /// What the subject token stands on.
    pub validity: GrantValidity<'a>,
    /// The user's session, under the `sid` that the client that asks knows.
    pub sid: Option<&'a str>,
    /// The random `jti` of the new token, supplied by the caller.
    pub jti: &'a str,
    /// The time of the exchange.
    pub now: Timestamp,
}

/// Decides about an exchange: the target, then the subject token, then the scope.
pub fn decide(facts: Facts<'_>) -> Result<Issue, OAuthError> {
    let Facts { client, now, .. } = facts;
    let target = facts
        .resources
        .iter()
        .find(|resource| resource.answers_to(facts.target))
        .ok_or(OAuthError::InvalidTarget)?;
    let mut rules = client.metadata.token_exchange.iter();
    if !rules.any(|rule| target.answers_to(&rule.resource)) {
        return Err(OAuthError::InvalidTarget);
    }
    let subject = facts.subject.ok_or(SubjectTokenError::Unknown)?;
    let act = actor(&facts, subject)?;
    let mapped = mapped(&facts, subject.aud, target)?;
    let person = facts.validity.person.ok_or(SubjectTokenError::Ended)?;

    let asked = match facts.scope {
        Some(text) => mapped.and(&Scope::parse(text).ok_or(OAuthError::InvalidScope)?),
        None => mapped,
    };
    let scope = asked.filter(|name| target.declares(name) && may(person, target, name));
    if scope.is_empty() {
        return Err(OAuthError::InvalidScope);
    }

    let iat = now.seconds().max(valid_from(client, Some(person)));
    let exp = subject.exp.min(now.seconds() + LIFE_S);
    if exp <= iat {
        return Err(SubjectTokenError::Unknown.into());
    }
    Ok(Issue {
        claims: Claims {
            iss: facts.issuer.to_owned(),
            sub: subject.sub.to_owned(),
            aud: target.identifier.clone(),
            client_id: client.id().as_str().to_owned(),
            iat,
            exp,
            jti: facts.jti.to_owned(),
            scope,
            fam: subject.fam.map(str::to_owned),
            sid: facts.sid.map(str::to_owned),
            roles: match target.wants_roles {
                true => person.roles.clone(),
                false => Vec::new(),
            },
            groups: Vec::new(),
            auth_time: subject.auth_time,
            acr: subject.acr.map(str::to_owned),
            amr: subject.amr.to_vec(),
            act: Some(act),
        },
        alg: client.access_token_alg(),
        expires_in: exp - now.seconds(),
    })
}

/// Who acts with the new token, if this subject token may be exchanged by this client at all.
fn actor(facts: &Facts<'_>, subject: SubjectToken<'_>) -> Result<Actor, OAuthError> {
    let id = facts.client.id().as_str();
    // The key is the caller's, and the client cannot have it: exchanged, the token would be unbound.
    if subject.cnf.is_some() {
        return Err(SubjectTokenError::Bound.into());
    }
    // Guards tell a machine by `sub` and `client_id` being the same. The client of the new token is another one, so the
    // machine would look like a user.
    if subject.sub == subject.client_id {
        return Err(SubjectTokenError::Machine.into());
    }
    if !facts.validity.holds_for_token(subject.iat, false) {
        return Err(SubjectTokenError::Ended.into());
    }
    let names_client = |may_act: &Value| {
        let iss = may_act.get("iss");
        may_act.get("sub").is_some_and(|sub| sub == id) && iss.is_none_or(|iss| iss == facts.issuer)
    };
    if subject.may_act.is_some_and(|may_act| !names_client(may_act)) {
        return Err(SubjectTokenError::MayNotAct.into());
    }
    let before: Option<Actor> = match subject.act {
        None => None,
        Some(act) => Some(serde_json::from_value(act.clone()).map_err(|_| SubjectTokenError::TooDeep)?),
    };
    let actor = Actor {
        sub: id.to_owned(),
        act: before.map(Box::new),
    };
    if actor.depth() > MOST_ACTORS {
        return Err(SubjectTokenError::TooDeep.into());
    }
    Ok(actor)
}

/// What the registration lets this client ask for at the target, with a token of these audiences.
fn mapped(facts: &Facts<'_>, aud: &[String], target: &Resource) -> Result<Scope, OAuthError> {
    let received = |rule: &ExchangeRule| {
        let mut resources = facts.resources.iter();
        let own = resources.find(|resource| resource.answers_to(&rule.subject_resource));
        own.is_some_and(|own| aud.contains(&own.identifier))
    };
    let mut own = facts
        .client
        .metadata
        .token_exchange
        .iter()
        .filter(|rule| received(rule))
        .peekable();
    if own.peek().is_none() {
        return Err(SubjectTokenError::OtherAudience.into());
    }
    own.filter(|rule| target.answers_to(&rule.resource))
        .map(|rule| rule.scope.clone())
        .reduce(|one, other| one.or(&other))
        .ok_or(OAuthError::InvalidTarget)
}

#[cfg(test)]
mod tests;
