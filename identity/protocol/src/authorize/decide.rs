//! The outcome of a request for now: the sign-in page, the consent page, a code or an error.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::audience::{self, Granted};
use crate::authentication::{self, Acr, Needed, RoleAcr};
use crate::authorize::{Request, Response, Server};
use crate::client::Client;
use crate::code::{self, Code};
use crate::consent::{self, Consent, Why};
use crate::error::OAuthError;
use crate::session::{Session, SignIn, State};
use crate::user::User;

/// The facts when a request arrives, and again after each step of the user.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The client, as currently registered.
    pub client: &'a Client,
    /// The session of this browser, and its user.
    pub session: Option<(&'a Session, &'a User)>,
    /// The `sid` under which this client knows that session.
    pub sid: Option<&'a str>,
    /// True if that session was created by signing in for this very request.
    pub signed_in_here: bool,
    /// The classes that roles need.
    pub roles: &'a RoleAcr,
    /// Whether policy is content without its class: this device is remembered, or the user may still put it off
    /// ([`crate::second_factor::Lacking`]).
    pub waived: bool,
    /// The highest class that the user can reach; only looked at where the request asks for one.
    pub reach: Acr,
    /// The user's consent for this client so far.
    pub consent: Option<&'a Consent>,
    /// The user's latest step.
    pub step: &'a Step,
    /// The current time.
    pub now: Timestamp,
    /// The latest instant that this installation has seen.
    pub latest: Timestamp,
}

/// The user's latest step for this request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// None yet, or a sign-in.
    #[default]
    Arrived,
    /// The user left the sign-in page. A session that existed before stays as it was.
    LoginCancelled,
    /// The user allowed what the consent page showed.
    Allowed {
        /// The user who allowed it.
        user: String,
        /// What was shown, and nothing else.
        shown: Granted,
    },
    /// The user denied it.
    Denied,
}

/// What the shell must do.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Show the sign-in page.
    NeedLogin(Login),
    /// Show the consent page with exactly this.
    NeedConsent {
        /// What the page lists, and what [`Step::Allowed`] hands back.
        shown: Granted,
        /// What the user allowed before.
        before: Option<Granted>,
        /// Why the user is asked.
        why: Why,
        /// Whether any program on the device may pretend to be the client.
        unproven: bool,
    },
    /// Write consent and code in one transaction, finish the request, and redirect with [`Response::code`].
    Issue(Box<Issue>),
    /// Finish the request and redirect with the error.
    RedirectError(Response),
}

/// What the sign-in page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user name to fill in: the client's hint.
    pub login_hint: Option<String>,
    /// True if a signed-in user must authenticate again or choose another account.
    pub again: bool,
}

/// A code to create.
#[derive(Clone, Debug, PartialEq)]
pub struct Issue {
    /// Its row, without the hash of its 256 random bits.
    pub code: Code,
    /// The new consent row, if the user was asked.
    pub remember: Option<Consent>,
    /// True if the operator's policy allowed the request without PKCE; this is audited.
    pub without_pkce: bool,
}

/// Decides what happens next. Called again with new facts after each step, it terminates: neither a sign-in for this
/// very request nor consent is asked for twice.
pub fn decide(server: Server<'_>, request: &Request, facts: Facts<'_>) -> Outcome {
    judge(server, request, facts)
        .unwrap_or_else(|error| Outcome::RedirectError(Response::error(request, server.issuer, &error)))
}

fn judge(server: Server<'_>, request: &Request, facts: Facts<'_>) -> Result<Outcome, OAuthError> {
    if matches!(facts.step, Step::LoginCancelled | Step::Denied) {
        return Err(OAuthError::AccessDenied);
    }
    let (session, person) = match signed_in(request, facts)? {
        Ok(known) => known,
        Err(login) => return Ok(Outcome::NeedLogin(login)),
    };
    // Consent counts only from the user that the page was shown to.
    let allowed = match facts.step {
        Step::Allowed { user, shown } if *user == person.id => Some(shown),
        _ => None,
    };
    let remembered = facts.consent;
    let asked = audience::narrow(&request.asked, person, server.resources);
    let asked = consent::settle_offline(facts.client, &asked, remembered, request.prompt.consent);
    let asked = asked.filter(|_, name| facts.client.metadata.scope.has(name));
    if asked.is_empty() {
        return Err(OAuthError::InvalidScope);
    }
    let granted = match allowed {
        // Roles may have changed since the page was shown: grant neither more than was shown nor more than is allowed
        // now.
        Some(shown) => asked.and(shown),
        None => {
            let redirect_uri = &request.redirect_uri;
            let why = consent::needed(
                facts.client,
                redirect_uri,
                &asked,
                remembered,
                request.prompt.consent,
            );
            match why {
                None => asked,
                Some(_) if request.prompt.none => return Err(OAuthError::ConsentRequired),
                Some(why) => {
                    let before = remembered.filter(|consent| consent.withdrawn_at.is_none());
                    return Ok(Outcome::NeedConsent {
                        shown: asked,
                        before: before.map(|consent| consent.granted.clone()),
                        why,
                        unproven: consent::is_unproven(facts.client, redirect_uri),
                    });
                }
            }
        }
    };
    if granted.is_empty() {
        return Err(OAuthError::InvalidScope);
    }
    let remember = allowed.map(|_| Consent::after(remembered, &granted));
    let code = issued(request, facts, session, granted);
    Ok(Outcome::Issue(Box::new(Issue {
        without_pkce: code.challenge.is_none(),
        code,
        remember,
    })))
}

/// The session that satisfies the request; or the page to show instead (inner error), or the error response (outer
/// error).
type SignedIn<'a> = Result<(&'a Session, &'a User), Login>;

fn signed_in<'a>(request: &Request, facts: Facts<'a>) -> Result<SignedIn<'a>, OAuthError> {
    let live = facts.session.filter(|(session, person)| {
        session.state(facts.latest.max(facts.now)) == State::Live
            && session.user == person.id
            && person.may_act().is_ok()
    });
    let page = |again| {
        let login_hint = request.login_hint.clone();
        // prompt=none never shows a page.
        if request.prompt.none {
            Err(OAuthError::LoginRequired)
        } else {
            Ok(Err(Login { login_hint, again }))
        }
    };
    let Some((session, person)) = live else {
        return page(false);
    };
    let wished = request.prompt.login || request.prompt.select_account || request.prompt.create;
    let too_old = request
        .max_age
        .is_some_and(|max_age| session.is_older_than(max_age, facts.now));
    if !facts.signed_in_here && (wished || too_old) {
        return page(true);
    }
    // Only what is missing is asked, and nobody is signed out for it.
    let reached = session.sign_in.level();
    let policy = authentication::policy(Some(facts.client), person, facts.roles);
    let policy = policy.filter(|_| !facts.waived);
    let needed = Needed::of(&request.acr, policy);
    if reached < needed.policy {
        return page(true);
    }
    if reached < needed.essential {
        // Whoever has just signed in for this request has shown all that they have, and no page helps whoever has
        // nothing to show there.
        let out_of_reach = needed.essential > Some(facts.reach);
        if facts.signed_in_here || request.prompt.none || out_of_reach {
            return Err(OAuthError::UnmetAuthenticationRequirements);
        }
        return page(true);
    }
    let wish = needed.wished.map(|wish| wish.min(facts.reach));
    if reached < wish && !facts.signed_in_here && !request.prompt.none {
        return page(true);
    }
    // OpenID Connect Core §3.1.2.1: never answer for another user than the hinted one.
    if request.hinted_sub.as_ref().is_some_and(|sub| *sub != person.id) {
        return Err(OAuthError::LoginRequired);
    }
    Ok(Ok((session, person)))
}

/// The sign-in with the class that an essential claim is answered by.
fn named(request: &Request, sign_in: &SignIn) -> SignIn {
    let acr = sign_in
        .level()
        .map(|reached| request.acr.named(reached).name().to_owned());
    SignIn {
        acr: acr.or_else(|| sign_in.acr.clone()),
        ..sign_in.clone()
    }
}

fn issued(request: &Request, facts: Facts<'_>, session: &Session, granted: Granted) -> Code {
    Code {
        client: request.client.clone(),
        client_profile: facts.client.metadata.profile.clone(),
        user: session.user.clone(),
        session: session.id.clone(),
        sid: facts.sid.map(str::to_owned),
        redirect_uri: request.redirect_uri.as_str().to_owned(),
        granted,
        challenge: request.challenge.clone(),
        nonce: request.nonce.clone(),
        claims: request.claims.clone(),
        confirmation: None,
        sign_in: named(request, &session.sign_in),
        created_at: facts.now,
        // Counted from the latest instant seen: with a clock that was set back, the code would expire at once.
        expires_at: Timestamp(facts.latest.max(facts.now).0.saturating_add(code::LIFE_MS)),
        spent: None,
        repeated_at: None,
    }
}
