//! What a request gets now: the sign-in page, the consent page, a code, or a refusal.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::audience::{self, Granted};
use crate::authorize::{Request, Response, Server};
use crate::client::Client;
use crate::code::{self, Code};
use crate::consent::{self, Consent, Why};
use crate::error::OAuthError;
use crate::person::Person;
use crate::session::{Session, State};

/// What the shell knows when a request comes, and each time the person has done something for it.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The client, as it is registered now.
    pub client: &'a Client,
    /// The session of this browser, and whose it is.
    pub session: Option<(&'a Session, &'a Person)>,
    /// How this client knows that session.
    pub sid: Option<&'a str>,
    /// True when that session began by signing in for this very request.
    pub signed_in_here: bool,
    /// What that person allowed this client before.
    pub consent: Option<&'a Consent>,
    /// What the person has just done.
    pub step: &'a Step,
    /// Now.
    pub now: Timestamp,
    /// The latest instant that this installation has seen.
    pub latest: Timestamp,
}

/// What the person has just done for this request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Nothing yet, or they signed in.
    #[default]
    Arrived,
    /// They left the sign-in page. A session that there was before stays as it was.
    LoginCancelled,
    /// They allowed what the consent page showed.
    Allowed {
        /// Who did.
        user: String,
        /// What was shown, and nothing else.
        shown: Granted,
    },
    /// They denied it.
    Denied,
}

/// What the shell must do.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Show the sign-in page.
    NeedLogin(Login),
    /// Show the consent page with exactly this.
    NeedConsent {
        /// What to list, and to hand back with [`Step::Allowed`].
        shown: Granted,
        /// What was allowed before.
        before: Option<Granted>,
        /// Why the person is asked.
        why: Why,
    },
    /// Write consent and code in one transaction, finish the request, and redirect with [`Response::code`].
    Issue(Box<Issue>),
    /// Finish the request and redirect with the error.
    RedirectError(Response),
}

/// What the sign-in page needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// What to fill in: the hint of the client.
    pub login_hint: Option<String>,
    /// True when somebody is signed in who must prove it again, or choose another.
    pub again: bool,
}

/// A code to make.
#[derive(Clone, Debug, PartialEq)]
pub struct Issue {
    /// Its row, but for the hash of its 256 random bits.
    pub code: Code,
    /// The consent row after this, when the person was asked.
    pub remember: Option<Consent>,
    /// True when the operator's policy let it go without PKCE: audit it.
    pub without_pkce: bool,
}

/// Decides. Asked again with new facts after each step, it comes to an end: a sign-in for this very request is never
/// asked for twice, and neither is consent.
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
    // What a page showed to one person was not allowed by another.
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
        // Roles may have changed since the page was shown: neither more than shown nor more than is right now.
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

/// The session that is good enough for the request; inside, the page to show instead; outside, the error.
type SignedIn<'a> = Result<(&'a Session, &'a Person), Login>;

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
    let wished = request.prompt.login || request.prompt.select_account;
    let too_old = request
        .max_age
        .is_some_and(|max_age| session.is_older_than(max_age, facts.now));
    if !facts.signed_in_here && (wished || too_old) {
        return page(true);
    }
    // OpenID Connect Core §3.1.2.1: another person than the hinted one is never answered for.
    if request.hinted_sub.as_ref().is_some_and(|sub| *sub != person.id) {
        return Err(OAuthError::LoginRequired);
    }
    Ok(Ok((session, person)))
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
        confirmation: None,
        sign_in: session.sign_in.clone(),
        created_at: facts.now,
        // From the latest instant that we saw: with a clock set back, a code would be over at its birth.
        expires_at: Timestamp(facts.latest.max(facts.now).0.saturating_add(code::LIFE_MS)),
        spent: None,
        repeated_at: None,
    }
}
