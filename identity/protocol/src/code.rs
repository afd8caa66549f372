//! The authorization code: what a redemption gives, and what a replay ends (design §4, Authorization code).

use crate::Timestamp;
use crate::access_token::{self, Issue, Source};
use crate::audience::{self, Audience, GrantContext, Granted};
use crate::client::{Client, ClientId};
use crate::consent::OFFLINE_ACCESS;
use crate::error::{GrantRefusal, OAuthError};
use crate::family_limits;
use crate::grant_validity::GrantValidity;
use crate::id_token;
use crate::pkce::{self, Challenge};
use crate::refresh::{Family, Limits};
use crate::refresh_token::{Handle, KeyId, Name, Salt};
use crate::resource::Resource;
use crate::session::SignIn;

/// How long a code may wait, in milliseconds (TK-04).
pub const LIFE_MS: i64 = 60_000;

/// A code's row, but for the hash that finds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// To whom it was given.
    pub client: ClientId,
    /// The client's profile then.
    pub client_profile: Option<String>,
    /// Whose it is.
    pub user: String,
    /// The session that it began in.
    pub session: String,
    /// How the client knows that session.
    pub sid: Option<String>,
    /// Where the browser took it, as the request wrote it.
    pub redirect_uri: String,
    /// What it grants: each pair was asked for by the request, and is allowed.
    pub granted: Granted,
    /// The PKCE challenge.
    pub challenge: Option<Challenge>,
    /// `nonce` of the request.
    pub nonce: Option<String>,
    /// The thumbprint of the key that it is bound to (`dpop_jkt`, RFC 9449 §10).
    pub confirmation: Option<String>,
    /// How the person signed in.
    pub sign_in: SignIn,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is over.
    pub expires_at: Timestamp,
    /// How it was spent. The row stays as long as the family.
    pub spent: Option<Spent>,
    /// When the browser that it was given to took it a second time: then the client may have it twice without a thief.
    pub repeated_at: Option<Timestamp>,
}

/// The one redemption of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// When the winner's transaction was committed, or the latest instant at which that may have been.
    pub committed_at: Timestamp,
    /// The family's id.
    pub family: String,
    /// What its access tokens name.
    pub fam: String,
}

/// What the shell knows when a code comes. The client is proved.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The row of the code's hash.
    pub code: Option<&'a Code>,
    /// The proved client.
    pub client: &'a Client,
    /// `redirect_uri`, as it was sent.
    pub redirect_uri: Option<&'a str>,
    /// `code_verifier`, as it was sent.
    pub verifier: Option<&'a str>,
    /// The thumbprint of the key that the request proved.
    pub proof: Option<&'a str>,
    /// When the request came in.
    pub received_at: Timestamp,
    /// The person, their consent, their session.
    pub validity: GrantValidity<'a>,
    /// The issuer.
    pub issuer: &'a str,
    /// Every resource.
    pub resources: &'a [Resource],
    /// `resource`, each time it was sent.
    pub asked_resource: &'a [String],
    /// How long families live.
    pub limits: Limits,
    /// The birth of the person's family at this client that limits the next ([`family_limits::next_birth`]).
    pub limiting_birth: Option<Timestamp>,
    /// The MAC key that signs new generations.
    pub mac_key_id: KeyId,
    /// Randomness for what is born.
    pub random: &'a Random<'a>,
    /// Now.
    pub now: Timestamp,
    /// The latest instant that this installation has seen.
    pub latest: Timestamp,
}

/// The caller's randomness for one redemption.
#[derive(Clone, Copy, Debug)]
pub struct Random<'a> {
    /// The family's id in the store.
    pub family: &'a str,
    /// What refresh tokens find it by.
    pub handle: Handle,
    /// What access tokens name it by; never the handle.
    pub fam: &'a str,
    /// Its part of every tag.
    pub salt: Salt,
    /// The access token's `jti`.
    pub jti: &'a str,
}

/// What the shell must do.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Spend the code and write the family in one transaction, then answer.
    Redeem(Box<Redeem>),
    /// End that family ([`CodeReuse`](crate::revocation_policy::RevocationCause::CodeReuse)), publish, audit, tell the
    /// person. Then `invalid_grant`.
    ReplayKills {
        /// The family's id.
        family: String,
        /// What its access tokens name.
        fam: String,
    },
    /// Answer with the error; nothing is written, and the code is as it was.
    Refused(OAuthError),
}

/// `UPDATE codes SET spent_at, family_id WHERE code_hash AND spent_at IS NULL` must touch one row, and the family is
/// inserted beside it. No row: load again and decide again.
#[derive(Clone, Debug, PartialEq)]
pub struct Redeem {
    /// The new row: every redemption makes one, with or without a refresh token.
    pub family: Family,
    /// The access token to sign.
    pub access: Issue<Audience>,
    /// The ID token to sign after it, [beside](id_token::Claims::beside) it.
    pub id_token: Option<id_token::Claims>,
    /// The refresh token to make, for a client that is registered for refreshing.
    pub refresh: Option<Name>,
}

/// Decides. Everything that binds the code comes before its state: a replay ends something only when it is otherwise
/// valid (TK-03), and what is wrong changes nothing.
pub fn decide(facts: &Facts<'_>) -> Decision {
    judge(facts).unwrap_or_else(Decision::Refused)
}

fn judge(facts: &Facts<'_>) -> Result<Decision, OAuthError> {
    let code = bound(facts)?;
    if let Some(spent) = &code.spent {
        // A request that came in before the winner's commit raced it: the client, not a thief, sent both.
        if facts.received_at <= spent.committed_at {
            return Err(GrantRefusal::CodeRaced.into());
        }
        // We gave it twice ourselves, so that it comes twice says nothing.
        if code.repeated_at.is_some() {
            return Err(GrantRefusal::CodeRepeated.into());
        }
        return Ok(Decision::ReplayKills {
            family: spent.family.clone(),
            fam: spent.fam.clone(),
        });
    }
    if facts.latest.max(facts.now) >= code.expires_at {
        return Err(GrantRefusal::CodeExpired.into());
    }
    redeem(facts, code).map(|redeem| Decision::Redeem(Box::new(redeem)))
}

/// Whether the browser that finished a request is given its code once more, for a button that was pressed twice: while
/// nobody has redeemed it, to the person whose it is. Whoever gives it notes [`Code::repeated_at`] first, where the row is
/// still unspent.
pub fn may_repeat(code: &Code, person: Option<&str>, session_ended: bool, latest: Timestamp) -> bool {
    code.spent.is_none() && latest < code.expires_at && !session_ended && person == Some(code.user.as_str())
}

/// The code, when client, redirect_uri, verifier and key are all its own.
fn bound<'a>(facts: &Facts<'a>) -> Result<&'a Code, GrantRefusal> {
    let code = facts.code.ok_or(GrantRefusal::UnknownCode)?;
    if code.client != *facts.client.id() {
        return Err(GrantRefusal::OtherClient);
    }
    if facts.redirect_uri != Some(code.redirect_uri.as_str()) {
        return Err(GrantRefusal::RedirectUri);
    }
    pkce::verify(code.challenge.as_ref(), facts.verifier)?;
    if code.confirmation.is_some() && code.confirmation.as_deref() != facts.proof {
        return Err(GrantRefusal::Binding);
    }
    Ok(code)
}

fn redeem(facts: &Facts<'_>, code: &Code) -> Result<Redeem, OAuthError> {
    // The session must not have been ended since, whatever was asked: an offline family has yet to be born.
    let (person, allowed) = facts.validity.grant(false)?;
    if person.id != code.user {
        return Err(GrantRefusal::PersonGone.into());
    }
    let context = GrantContext {
        issuer: facts.issuer,
        resources: facts.resources,
        client: facts.client,
        person,
        allowed,
    };
    let target = audience::for_person(context, &code.granted, facts.asked_resource, None)?;
    if let Some(next) = family_limits::next_birth(facts.limiting_birth, facts.now) {
        return Err(OAuthError::TooManyRedemptions(next));
    }
    let family = born(facts, code);
    let source = Source {
        issuer: facts.issuer,
        client: facts.client,
        person,
        fam: &family.fam,
        sid: family.sid.as_deref(),
        sign_in: &code.sign_in,
        ends_at: family.expires_at,
        jti: facts.random.jti,
    };
    let access = access_token::for_person(source, &target, facts.now).ok_or(GrantRefusal::Expired)?;
    let id_token = target.id_token.then(|| {
        let (sid, nonce) = (code.sid.as_deref(), code.nonce.as_deref());
        id_token::claims(
            facts.issuer,
            facts.client,
            &person.id,
            sid,
            &code.sign_in,
            nonce,
            facts.now,
        )
    });
    let refresh = family.mac_key_id.map(|mac_key_id| Name {
        mac_key_id,
        handle: family.handle,
        generation: family.generation,
    });
    Ok(Redeem {
        family,
        access,
        id_token,
        refresh,
    })
}

fn born(facts: &Facts<'_>, code: &Code) -> Family {
    let refreshes = facts.client.has_grant("refresh_token");
    // From the latest instant that we saw: with a clock set back, a family would be over at its birth.
    let latest = facts.latest.max(facts.now);
    let (idle, absolute) = if refreshes {
        facts.limits.begin(latest)
    } else {
        // Without a refresh token the family is its one access token.
        (
            None,
            Some(Timestamp(latest.0.saturating_add(access_token::LIFE_S * 1_000))),
        )
    };
    let offline = refreshes && code.granted.has(None, OFFLINE_ACCESS);
    Family {
        id: facts.random.family.to_owned(),
        handle: facts.random.handle,
        fam: facts.random.fam.to_owned(),
        salt: facts.random.salt,
        client: code.client.clone(),
        user: code.user.clone(),
        session: Some(code.session.clone()),
        sid: code.sid.clone(),
        granted: code.granted.clone(),
        sign_in: code.sign_in.clone(),
        // RFC 9449 §5: a confidential client's refresh token is bound by its authentication, and its keys may change.
        confirmation: facts
            .proof
            .filter(|_| !facts.client.is_confidential())
            .map(str::to_owned),
        generation: 1,
        mac_key_id: refreshes.then_some(facts.mac_key_id),
        previous_mac_key_id: None,
        rotated_at: None,
        last_used_at: None,
        overlap_hits: 0,
        overlap_streak: 0,
        hit_generation: None,
        late_answer_at: None,
        offline_at: offline.then_some(facts.now),
        idle_expires_at: idle,
        expires_at: absolute,
        revoked_at: None,
    }
}

#[cfg(test)]
mod tests;
