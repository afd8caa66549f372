//! The refresh family: what a presented refresh token yields. Rule numbers are those of docs/tokens.md, Refresh tokens.
//!
//! The token is parsed and the client authenticated before. The checks run in the order of the code below: row → tag →
//! client → binding → revoked, limits, user, consent → generation → scope and resource → rotate. Every failure before
//! the generation is the same `invalid_grant` and ends nothing: neither a stranger nor a thief without the bound key
//! may end a family. Generations are a counter; no clock decides which token is older.

mod family;
mod policy;

pub use family::Family;
pub use policy::{Limits, Policy};

use crate::Timestamp;
use crate::access_token::{self, Issue, Source};
use crate::audience::{self, Audience, GrantContext, Granted, UserTarget};
use crate::client::{Client, OverlapStreak};
use crate::error::{GrantError, OAuthError};
use crate::grant_validity::GrantValidity;
use crate::id_token;
use crate::refresh_token::{Checked, KeyId, Name, Tag};
use crate::resource::Resource;
use crate::revocation_policy::RevocationCause;
use crate::user::User;

/// How many generations in a row with a retry are a streak.
pub const STREAK: i64 = 3;

/// The facts when a refresh token is presented.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The token, with its tag checked.
    pub token: &'a Checked,
    /// The family with its handle.
    pub family: Option<&'a Family>,
    /// The authenticated client.
    pub client: &'a Client,
    /// The thumbprint of the key that the request proved.
    pub proof: Option<&'a str>,
    /// The person, their consent, their session.
    pub validity: GrantValidity<'a>,
    /// The issuer.
    pub issuer: &'a str,
    /// Every resource.
    pub resources: &'a [Resource],
    /// Each `resource`, as sent.
    pub asked_resource: &'a [String],
    /// `scope`, as sent.
    pub asked_scope: Option<&'a str>,
    /// The time limits of families.
    pub limits: Limits,
    /// The MAC key that signs new generations.
    pub mac_key_id: KeyId,
    /// The random `jti` of the access token.
    pub jti: &'a str,
    /// The current time.
    pub now: Timestamp,
    /// The latest instant that this installation has seen: a clock that was set back revives nothing.
    pub latest: Timestamp,
}

/// What the shell must do. Each write is one compare-and-set, in one transaction with everything that belongs to it. If
/// it changes no row, the shell loads and decides again, at most twice, and then responds with 503, never with
/// `invalid_grant`.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Rule 2: write the next generation, then respond with it.
    Rotate(Rotate),
    /// Rule 3: respond with the current token, derived again.
    Reissue(Reissue),
    /// Rule 4: the same outside of the overlap, once; logged and shown to the user.
    ReissueOnce(Reissue),
    /// Rule 7: record the use, and respond with the presented token.
    UsedWithoutRotation(Use),
    /// Rule 5: end that family, publish, audit `refresh_reuse`, alert user and administrators. Then `invalid_grant`.
    Replay(End),
    /// Rule 5: end the family with an alarm of its own that never counts as theft. Then `invalid_grant`.
    StoreRewound(End),
    /// Rule 6 with `overlap_streak = end`: end the family, alert user and administrators. Then `invalid_grant`.
    StreakEnded(End),
    /// Respond with the error; nothing is written.
    Error(OAuthError),
}

/// The token response.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The access token to sign.
    pub access: Issue<Audience>,
    /// The ID token to sign after it, [beside](id_token::Claims::beside) it.
    pub id_token: Option<id_token::Claims>,
    /// The refresh token to derive with the family's salt.
    pub refresh: Name,
}

/// `UPDATE families SET generation, mac_key_id, previous_mac_key_id, rotated_at, last_used_at, idle_expires_at,
/// late_answer_at = NULL WHERE id AND generation = expected AND revoked_at IS NULL`
#[derive(Clone, Debug, PartialEq)]
pub struct Rotate {
    /// The family's id.
    pub family: String,
    /// The generation that the row must still have.
    pub expected_generation: i64,
    /// The next one.
    pub generation: i64,
    /// The key of its tag.
    pub mac_key_id: KeyId,
    /// The key of the previous generation's tag.
    pub previous_mac_key_id: KeyId,
    /// Both `rotated_at` and `last_used_at`: equal times mean that the new generation is unused.
    pub rotated_at: Timestamp,
    /// The sliding limit.
    pub idle_expires_at: Option<Timestamp>,
    /// The response after the commit.
    pub answer: Answer,
}

/// `UPDATE families SET overlap_hits = overlap_hits + 1, overlap_streak, hit_generation[, late_answer_at] WHERE id AND
/// generation = expected AND revoked_at IS NULL[ AND late_answer_at IS NULL]`
#[derive(Clone, Debug, PartialEq)]
pub struct Reissue {
    /// The family's id.
    pub family: String,
    /// The generation that the row must still have, and whose token is repeated.
    pub expected_generation: i64,
    /// How many generations in a row had a retry, including this one.
    pub overlap_streak: i64,
    /// `late_answer_at`, for a lost response outside of the overlap.
    pub late_answer_at: Option<Timestamp>,
    /// True if this retry completes a streak: alert user and administrators, with an event id made of family and
    /// generation, so that two concurrent retries alert once.
    pub streak_event: bool,
    /// The response after the commit.
    pub answer: Answer,
}

/// `UPDATE families SET last_used_at, idle_expires_at WHERE id AND generation = expected AND revoked_at IS NULL`
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// The family's id.
    pub family: String,
    /// The generation that the row must still have.
    pub expected_generation: i64,
    /// Always later than `rotated_at`, whatever the clock says: this marks the current generation as used.
    pub last_used_at: Timestamp,
    /// The sliding limit.
    pub idle_expires_at: Option<Timestamp>,
    /// The response after the commit.
    pub answer: Answer,
}

/// `UPDATE families SET revoked_at, cause WHERE id AND revoked_at IS NULL`. If it changes no row, a concurrent request
/// was faster and publishes the event; the response is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The family's id.
    pub family: String,
    /// The `fam` of its access tokens.
    pub fam: String,
    /// Why.
    pub cause: RevocationCause,
    /// What the peer is told: `invalid_grant`.
    pub error: OAuthError,
}

/// Decides what the token yields, by the rules of the module.
pub fn decide(facts: &Facts<'_>) -> Decision {
    judge(facts).unwrap_or_else(Decision::Error)
}

fn judge(facts: &Facts<'_>) -> Result<Decision, OAuthError> {
    let (family, person, allowed) = valid_family(facts)?;
    let policy = Policy::of(facts.client, family, facts.limits);
    let repeated = match generation_status(facts, family, policy)? {
        GenerationStatus::Replay => {
            return Ok(Decision::Replay(end(
                family,
                RevocationCause::RefreshReuse,
                GrantError::Replayed,
            )));
        }
        GenerationStatus::Rewound => {
            return Ok(Decision::StoreRewound(end(
                family,
                RevocationCause::StoreRewound,
                GrantError::StoreRewound,
            )));
        }
        GenerationStatus::Current => None,
        GenerationStatus::Retry => Some(false),
        GenerationStatus::Late => Some(true),
    };
    let context = GrantContext {
        issuer: facts.issuer,
        resources: facts.resources,
        client: facts.client,
        person,
        allowed,
    };
    let target = audience::for_person(context, &family.granted, facts.asked_resource, facts.asked_scope)?;
    match repeated {
        Some(late) => again(facts, family, person, &target, policy, late),
        None if policy.rotates => rotate(facts, family, person, &target, policy),
        None => used(facts, family, person, &target, policy),
    }
}

/// Rule 1, up to the generation: everything that refuses without ending anything.
fn valid_family<'a>(facts: &Facts<'a>) -> Result<(&'a Family, &'a User, &'a Granted), GrantError> {
    let family = facts
        .family
        .filter(|family| family.handle == facts.token.name().handle)
        .ok_or(GrantError::UnknownHandle)?;
    match facts.token.tag() {
        Tag::Genuine => {}
        Tag::False => return Err(GrantError::FalseTag),
        Tag::UnknownKey => return Err(GrantError::UnknownMacKey),
    }
    if family.client != *facts.client.id() {
        return Err(GrantError::OtherClient);
    }
    if family.confirmation.is_some() && family.confirmation.as_deref() != facts.proof {
        return Err(GrantError::Binding);
    }
    if family.revoked_at.is_some() {
        return Err(GrantError::Revoked);
    }
    let latest = facts.latest.max(facts.now);
    if family.expires_at.is_some_and(|end| end <= latest) {
        return Err(GrantError::Expired);
    }
    if family.idle_expires_at.is_some_and(|end| end <= latest) {
        return Err(GrantError::Idle);
    }
    let (person, allowed) = facts.validity.grant(family.offline_at.is_some())?;
    // A family of a person who is not the loaded one would be a defect of the shell; it must not become a token.
    if person.id != family.user {
        return Err(GrantError::UserGone);
    }
    Ok((family, person, allowed))
}

/// How the presented generation relates to the current one.
enum GenerationStatus {
    Current,
    Retry,
    Late,
    Replay,
    Rewound,
}

/// Rules 2 to 5.
fn generation_status(
    facts: &Facts<'_>,
    family: &Family,
    policy: Policy,
) -> Result<GenerationStatus, GrantError> {
    let Name {
        generation,
        mac_key_id,
        ..
    } = facts.token.name();
    if generation > family.generation {
        return Ok(GenerationStatus::Rewound);
    }
    let own_key = |key: Option<KeyId>| {
        // Made with a key that leaked, for a generation that we made with another key: not a token of ours.
        (key == Some(mac_key_id))
            .then_some(())
            .ok_or(GrantError::OtherMacKey)
    };
    if generation == family.generation {
        own_key(family.mac_key_id)?;
        return Ok(GenerationStatus::Current);
    }
    if generation < family.generation - 1 {
        return Ok(GenerationStatus::Replay);
    }
    own_key(family.previous_mac_key_id)?;
    if family.current_is_used() {
        Ok(GenerationStatus::Replay)
    } else if family.since_rotation_ms(facts.now) < policy.overlap_ms {
        Ok(GenerationStatus::Retry)
    } else if policy.lost_answer_once && family.late_answer_at.is_none() {
        Ok(GenerationStatus::Late)
    } else {
        Ok(GenerationStatus::Replay)
    }
}

fn rotate(
    facts: &Facts<'_>,
    family: &Family,
    person: &User,
    target: &UserTarget,
    policy: Policy,
) -> Result<Decision, OAuthError> {
    let generation = family.generation.checked_add(1).ok_or(OAuthError::Internal)?;
    let name = Name {
        mac_key_id: facts.mac_key_id,
        handle: family.handle,
        generation,
    };
    Ok(Decision::Rotate(Rotate {
        family: family.id.clone(),
        expected_generation: family.generation,
        generation,
        mac_key_id: facts.mac_key_id,
        previous_mac_key_id: facts.token.name().mac_key_id,
        rotated_at: facts.now,
        idle_expires_at: policy.idle_end(family, facts.latest.max(facts.now)),
        answer: answer(facts, family, person, target, name)?,
    }))
}

fn used(
    facts: &Facts<'_>,
    family: &Family,
    person: &User,
    target: &UserTarget,
    policy: Policy,
) -> Result<Decision, OAuthError> {
    Ok(Decision::UsedWithoutRotation(Use {
        family: family.id.clone(),
        expected_generation: family.generation,
        last_used_at: family.used_at(facts.now),
        idle_expires_at: policy.idle_end(family, facts.latest.max(facts.now)),
        answer: answer(facts, family, person, target, facts.token.name())?,
    }))
}

/// Rules 3, 4 and 6. The current token is derived again with its own key, whichever key signs now.
fn again(
    facts: &Facts<'_>,
    family: &Family,
    person: &User,
    target: &UserTarget,
    policy: Policy,
    late: bool,
) -> Result<Decision, OAuthError> {
    let (overlap_streak, grown) = family.streak_after_hit();
    let completes = grown && overlap_streak % STREAK == 0;
    if completes && policy.streak == OverlapStreak::End {
        return Ok(Decision::StreakEnded(end(
            family,
            RevocationCause::OverlapStreak,
            GrantError::OverlapStreak,
        )));
    }
    let name = Name {
        mac_key_id: family.mac_key_id.ok_or(OAuthError::Internal)?,
        handle: family.handle,
        generation: family.generation,
    };
    let same = Reissue {
        family: family.id.clone(),
        expected_generation: family.generation,
        overlap_streak,
        late_answer_at: late.then_some(facts.now),
        streak_event: completes,
        answer: answer(facts, family, person, target, name)?,
    };
    Ok(if late {
        Decision::ReissueOnce(same)
    } else {
        Decision::Reissue(same)
    })
}

fn answer(
    facts: &Facts<'_>,
    family: &Family,
    person: &User,
    target: &UserTarget,
    refresh: Name,
) -> Result<Answer, OAuthError> {
    let source = Source {
        issuer: facts.issuer,
        client: facts.client,
        person,
        fam: &family.fam,
        sid: family.sid.as_deref(),
        sign_in: &family.sign_in,
        ends_at: family.expires_at,
        jti: facts.jti,
    };
    let access = access_token::for_person(source, target, facts.now).ok_or(GrantError::Expired)?;
    let id_token = target.id_token.then(|| {
        let sid = family.sid.as_deref();
        id_token::claims(
            facts.issuer,
            facts.client,
            &person.id,
            sid,
            &family.sign_in,
            None,
            facts.now,
        )
        .naming(&target.groups)
    });
    Ok(Answer {
        access,
        id_token,
        refresh,
    })
}

fn end(family: &Family, cause: RevocationCause, reason: GrantError) -> End {
    End {
        family: family.id.clone(),
        fam: family.fam.clone(),
        cause,
        error: reason.into(),
    }
}

#[cfg(test)]
mod tests;
