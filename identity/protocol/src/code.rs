//! The authorization code: what a redemption yields, and what a replay ends (docs/tokens.md, Authorization codes).

use crate::Timestamp;
use crate::access_token::{self, Issue, Source};
use crate::audience::{self, Audience, GrantContext, Granted};
use crate::client::{Client, ClientId};
use crate::consent::OFFLINE_ACCESS;
use crate::error::{GrantError, OAuthError};
use crate::family_limits;
use crate::grant_validity::GrantValidity;
use crate::id_token;
use crate::pkce::{self, Challenge};
use crate::refresh::{Family, Limits};
use crate::refresh_token::{Handle, KeyId, Name, Salt};
use crate::resource::Resource;
use crate::session::SignIn;
use crate::userinfo;

/// How long a code is valid, in milliseconds.
pub const LIFE_MS: i64 = 60_000;

/// A code's row, without the hash that it is found by.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// The client that it was issued to.
    pub client: ClientId,
    /// The client's profile at that time.
    pub client_profile: Option<String>,
    /// The user who signed in.
    pub user: String,
    /// The session that it was issued in.
    pub session: String,
    /// The `sid` of that session at the client.
    pub sid: Option<String>,
    /// The redirect URI, as the request wrote it.
    pub redirect_uri: String,
    /// What it grants: each pair was requested and is allowed.
    pub granted: Granted,
    /// The PKCE challenge.
    pub challenge: Option<Challenge>,
    /// `nonce` of the request.
    pub nonce: Option<String>,
    /// The claims of the user that the request asks for in the ID token.
    pub claims: Vec<String>,
    /// The thumbprint of the key that it is bound to (`dpop_jkt`, RFC 9449 §10).
    pub confirmation: Option<String>,
    /// How the user signed in.
    pub sign_in: SignIn,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// How it was redeemed. The row stays as long as the family.
    pub spent: Option<Spent>,
    /// When its browser received it a second time: the client may then present it twice without any theft.
    pub repeated_at: Option<Timestamp>,
}

/// The one redemption of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// When the redeeming transaction was committed, or the latest instant at which that may have happened.
    pub committed_at: Timestamp,
    /// The family's id.
    pub family: String,
    /// The `fam` of its access tokens.
    pub fam: String,
}

/// The facts when a code is presented. The client is authenticated.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The row of the code's hash.
    pub code: Option<&'a Code>,
    /// The authenticated client.
    pub client: &'a Client,
    /// `redirect_uri`, as sent.
    pub redirect_uri: Option<&'a str>,
    /// `code_verifier`, as sent.
    pub verifier: Option<&'a str>,
    /// The thumbprint of the key that the request proved.
    pub proof: Option<&'a str>,
    /// When the request was received.
    pub received_at: Timestamp,
    /// The person, their consent, their session.
    pub validity: GrantValidity<'a>,
    /// The issuer.
    pub issuer: &'a str,
    /// Every resource.
    pub resources: &'a [Resource],
    /// Each `resource`, as sent.
    pub asked_resource: &'a [String],
    /// The time limits of families.
    pub limits: Limits,
    /// The creation time that limits the user's next family at this client ([`family_limits::next_birth`]).
    pub limiting_birth: Option<Timestamp>,
    /// The MAC key that signs new generations.
    pub mac_key_id: KeyId,
    /// Random values for the new family.
    pub random: &'a Random<'a>,
    /// The current time.
    pub now: Timestamp,
    /// The latest instant that this installation has seen.
    pub latest: Timestamp,
}

/// Random values of one redemption, supplied by the caller.
#[derive(Clone, Copy, Debug)]
pub struct Random<'a> {
    /// The family's id in the store.
    pub family: &'a str,
    /// The handle that refresh tokens carry.
    pub handle: Handle,
    /// The name that access tokens carry; never the handle.
    pub fam: &'a str,
    /// The salt of every tag.
    pub salt: Salt,
    /// The access token's `jti`.
    pub jti: &'a str,
}

/// What the shell must do.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Redeem the code and insert the family in one transaction, then respond.
    Redeem(Box<Redeem>),
    /// End that family ([`CodeReuse`](crate::revocation_policy::RevocationCause::CodeReuse)), publish, audit, tell the
    /// person. Then `invalid_grant`.
    ReplayKills {
        /// The family's id.
        family: String,
        /// The `fam` of its access tokens.
        fam: String,
    },
    /// Respond with the error; nothing is written, and the code stays as it was.
    Error(OAuthError),
}

/// `UPDATE codes SET spent_at, family_id WHERE code_hash AND spent_at IS NULL` must change one row, and the family is
/// inserted with it. If it changes none, load and decide again.
#[derive(Clone, Debug, PartialEq)]
pub struct Redeem {
    /// The new family: every redemption creates one, with or without a refresh token.
    pub family: Family,
    /// The access token to sign.
    pub access: Issue<Audience>,
    /// The ID token to sign after it, [beside](id_token::Claims::beside) it.
    pub id_token: Option<id_token::Claims>,
    /// The refresh token to make, for a client with the refresh_token grant.
    pub refresh: Option<Name>,
}

/// Decides what a redemption yields. Everything that the code is bound to is checked before its state: a replay ends
/// something only if it is valid otherwise, and an invalid request changes nothing.
pub fn decide(facts: &Facts<'_>) -> Decision {
    judge(facts).unwrap_or_else(Decision::Error)
}

fn judge(facts: &Facts<'_>) -> Result<Decision, OAuthError> {
    let code = bound(facts)?;
    if let Some(spent) = &code.spent {
        // A request received before the first redemption was committed raced it: the client sent both, not a thief.
        if facts.received_at <= spent.committed_at {
            return Err(GrantError::CodeRaced.into());
        }
        // We issued it twice ourselves, so presenting it twice proves nothing.
        if code.repeated_at.is_some() {
            return Err(GrantError::CodeRepeated.into());
        }
        return Ok(Decision::ReplayKills {
            family: spent.family.clone(),
            fam: spent.fam.clone(),
        });
    }
    if facts.latest.max(facts.now) >= code.expires_at {
        return Err(GrantError::CodeExpired.into());
    }
    redeem(facts, code).map(|redeem| Decision::Redeem(Box::new(redeem)))
}

/// Whether the browser that finished a request receives its code once more, for a button that was pressed twice: only
/// while the code is not redeemed, and only for the same user. The caller sets [`Code::repeated_at`] first, on the
/// unspent row.
pub fn may_repeat(code: &Code, person: Option<&str>, session_ended: bool, latest: Timestamp) -> bool {
    code.spent.is_none() && latest < code.expires_at && !session_ended && person == Some(code.user.as_str())
}

/// The code, if client, redirect_uri, verifier and key all match.
fn bound<'a>(facts: &Facts<'a>) -> Result<&'a Code, GrantError> {
    let code = facts.code.ok_or(GrantError::UnknownCode)?;
    if code.client != *facts.client.id() {
        return Err(GrantError::OtherClient);
    }
    if facts.redirect_uri != Some(code.redirect_uri.as_str()) {
        return Err(GrantError::RedirectUri);
    }
    pkce::verify(code.challenge.as_ref(), facts.verifier)?;
    if code.confirmation.is_some() && code.confirmation.as_deref() != facts.proof {
        return Err(GrantError::Binding);
    }
    Ok(code)
}

fn redeem(facts: &Facts<'_>, code: &Code) -> Result<Redeem, OAuthError> {
    // The session must not have been ended since, whatever was asked: an offline family has yet to be born.
    let (person, allowed) = facts.validity.grant(false)?;
    if person.id != code.user {
        return Err(GrantError::UserGone.into());
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
    let family = new_family(facts, code);
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
    let access = access_token::for_person(source, &target, facts.now).ok_or(GrantError::Expired)?;
    let id_token = target.id_token.then(|| {
        let opened = code.granted.openid().and(allowed.openid());
        let opened = opened.and(&facts.client.metadata.scope);
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
        .naming(&target.groups)
        .telling(userinfo::named(person, &opened, &code.claims))
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

fn new_family(facts: &Facts<'_>, code: &Code) -> Family {
    let refreshes = facts.client.has_grant("refresh_token");
    // Counted from the latest instant seen: with a clock that was set back, the family would expire at once.
    let latest = facts.latest.max(facts.now);
    let (idle, absolute) = if refreshes {
        facts.limits.begin(latest)
    } else {
        // Without a refresh token, the family consists of its one access token.
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
