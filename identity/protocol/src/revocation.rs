//! What a revocation ends, and for how long guards must remember it (RFC 7009; docs/tokens.md, Revocation).

use crate::Timestamp;
use crate::client::{Client, ClientId};
use crate::refresh::Family;
use crate::refresh_token::{Checked, Tag};
use crate::revocation_policy::SubjectKind;

/// The longest lifetime of any access token, in seconds: guards reject more.
pub const MAX_TOKEN_LIFE_S: i64 = 900;
/// The tolerance that a guard may have, and the clock difference allowed between hosts, in seconds.
pub const LEEWAY_S: i64 = 60;
/// See [`LEEWAY_S`].
pub const SKEW_S: i64 = 60;

/// How far back guards must read: nothing revoked earlier can affect a token that may still be accepted. Kinds with a
/// time also end tokens that are stamped a second ahead.
pub const WINDOW_MS: i64 = acceptable_until(1 + MAX_TOKEN_LIFE_S) * 1_000;

/// From this second on, by the issuer's clock, no guard accepts a token with this `exp`, not even the most lenient one
/// or one whose clock is behind. Until then the token can be revoked, and its revocation must be remembered.
pub const fn acceptable_until(exp: i64) -> i64 {
    exp.saturating_add(LEEWAY_S + SKEW_S)
}

/// How many single tokens of one user at one client guards must remember before the user's families there end instead.
pub const PERSON_COLLAPSE_AT: i64 = 1_000;
/// How many single tokens of a machine guards must remember before all of its older tokens end at once.
pub const COLLAPSE_AT: i64 = 10_000;

/// Something that is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// One access token.
    Token {
        /// Its `jti`.
        jti: String,
        /// The client that it was issued to.
        client_id: String,
        /// The user; `None` for a machine's own token.
        sub: Option<String>,
        /// Its audience.
        aud: String,
        /// Its `exp`, Unix seconds.
        exp: i64,
    },
    /// Everything that descends from one authorization.
    Family {
        /// The `fam` of its access tokens.
        fam: String,
        /// The session, under the client's `sid`.
        sid: Option<String>,
        /// The client that it was issued to.
        client_id: String,
    },
    /// A user's session with all its online families.
    Session {
        /// The session's id in the store.
        session: String,
    },
    /// All tokens of a user issued so far.
    Subject {
        /// The user's `sub`.
        sub: String,
    },
    /// All tokens of a client issued so far, its own and those of its users.
    Client {
        /// The client's id.
        client_id: String,
    },
    /// All tokens that a client obtained on its own behalf so far. Guards receive it as a subject: the `sub` of a
    /// machine is its client id, and never that of a user.
    Machine {
        /// The client's id.
        client_id: String,
    },
    /// A signing key that is no longer trusted.
    Key {
        /// The key's id.
        kid: String,
    },
}

impl Revocation {
    /// The name of the kind, in the store and in event types.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Token { .. } => "token",
            Self::Family { .. } => "family",
            Self::Session { .. } => "session",
            Self::Subject { .. } => "subject",
            Self::Client { .. } => "client",
            Self::Machine { .. } => "machine",
            Self::Key { .. } => "key",
        }
    }

    /// The id of what is revoked.
    pub fn key(&self) -> &str {
        match self {
            Self::Token { jti, .. } => jti,
            Self::Family { fam, .. } => fam,
            Self::Session { session } => session,
            Self::Subject { sub } => sub,
            Self::Client { client_id } | Self::Machine { client_id } => client_id,
            Self::Key { kid } => kid,
        }
    }

    /// Until when guards must remember it, Unix seconds: until nothing that it affects can be accepted.
    pub fn until(&self, now: Timestamp) -> i64 {
        match self {
            Self::Token { exp, .. } => acceptable_until(*exp),
            Self::Family { .. }
            | Self::Session { .. }
            | Self::Subject { .. }
            | Self::Client { .. }
            | Self::Machine { .. }
            | Self::Key { .. } => until_issued_by(now),
        }
    }
}

/// Until when guards must remember the end of tokens that were issued until now.
fn until_issued_by(now: Timestamp) -> i64 {
    // Kinds with a time also end tokens that are stamped a second ahead.
    acceptable_until(now.seconds() + 1 + MAX_TOKEN_LIFE_S)
}

/// What a revocation is about ([`Row`](crate::revocation_policy::Row) says what ends of it).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Something of whose end one entry tells guards.
    Entry(Revocation),
    /// What a person has at one client. Guards are told of each family by itself.
    UserAtClient {
        /// Who.
        user: String,
        /// At which client.
        client: ClientId,
    },
}

impl From<Revocation> for Subject {
    fn from(revocation: Revocation) -> Self {
        Self::Entry(revocation)
    }
}

impl Subject {
    /// Its kind.
    pub fn kind(&self) -> SubjectKind {
        match self {
            Self::Entry(Revocation::Token { .. }) => SubjectKind::Token,
            Self::Entry(Revocation::Family { .. }) => SubjectKind::Family,
            Self::Entry(Revocation::Session { .. }) => SubjectKind::Session,
            Self::Entry(Revocation::Subject { .. }) => SubjectKind::User,
            Self::Entry(Revocation::Client { .. }) => SubjectKind::Client,
            Self::Entry(Revocation::Machine { .. }) => SubjectKind::Machine,
            Self::Entry(Revocation::Key { .. }) => SubjectKind::Key,
            Self::UserAtClient { .. } => SubjectKind::UserAtClient,
        }
    }

    /// Until when guards must remember its end, Unix seconds.
    pub fn until(&self, now: Timestamp) -> i64 {
        match self {
            Self::Entry(revocation) => revocation.until(now),
            Self::UserAtClient { .. } => until_issued_by(now),
        }
    }
}

/// What to do with a token that a client sent to the revocation endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevocationDecision {
    /// Revoke this.
    End(Revocation),
    /// Respond with 200 and do nothing: the token belongs to another client, has expired or is unknown (RFC 7009 §2.2).
    Nothing,
}

/// A presented access token with a valid signature and type. It may have expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken<'a> {
    /// Its `jti`.
    pub jti: &'a str,
    /// The client that it was issued to.
    pub client_id: &'a str,
    /// The user or machine that it speaks for.
    pub sub: &'a str,
    /// Whether its family has ended, and the token with it.
    pub family_ended: bool,
    /// Its audience.
    pub aud: &'a str,
    /// Its `exp`, Unix seconds.
    pub exp: i64,
}

/// Decides about an access token: only that `jti`, only for the client that it was issued to, and only while a guard
/// may accept it. Guards need not hear about a token that ended with its family.
pub fn decide(client: &Client, token: Option<AccessToken<'_>>, now: Timestamp) -> RevocationDecision {
    match token {
        Some(token)
            if token.client_id == client.id().as_str()
                && now.seconds() < acceptable_until(token.exp)
                && !token.family_ended =>
        {
            RevocationDecision::End(Revocation::Token {
                jti: token.jti.to_owned(),
                client_id: token.client_id.to_owned(),
                sub: (token.sub != token.client_id).then(|| token.sub.to_owned()),
                aud: token.aud.to_owned(),
                exp: token.exp,
            })
        }
        _ => RevocationDecision::Nothing,
    }
}

/// Decides about a refresh token of any generation: a genuine one of this client ends its family with all access
/// tokens. This is not a replay, whichever generation is presented (RFC 7009 §2.1). An expired one has no effect once
/// none of its access tokens can be accepted.
pub fn decide_refresh(
    client: &Client,
    token: &Checked,
    family: Option<&Family>,
    latest: Timestamp,
) -> RevocationDecision {
    match family {
        Some(family)
            if token.tag() == Tag::Genuine
                && family.handle == token.name().handle
                && family.client == *client.id()
                && token.name().generation <= family.generation
                && family.revoked_at.is_none()
                && may_be_accepted(family, latest) =>
        {
            RevocationDecision::End(Revocation::Family {
                fam: family.fam.clone(),
                sid: family.sid.clone(),
                client_id: family.client.as_str().to_owned(),
            })
        }
        _ => RevocationDecision::Nothing,
    }
}

/// Whether a guard may still accept an access token of this family: none outlives its family.
fn may_be_accepted(family: &Family, latest: Timestamp) -> bool {
    [family.idle_expires_at, family.expires_at]
        .into_iter()
        .flatten()
        .all(|end| latest.seconds() < acceptable_until(end.seconds()))
}

/// After a token of `client` was revoked, which `sub` had or the client itself: what ends in the place of so many single
/// tokens, when there are too many entries that live, of that person at that client or of the machine. It is always what
/// belongs to whoever caused them: the person's families there, with `offline_access` too, or the machine's older tokens.
pub fn collapse(client: &ClientId, sub: Option<&str>, live_tokens: i64) -> Option<Subject> {
    match sub {
        Some(user) => (live_tokens >= PERSON_COLLAPSE_AT).then(|| Subject::UserAtClient {
            user: user.to_owned(),
            client: client.clone(),
        }),
        None => (live_tokens > COLLAPSE_AT).then(|| {
            Subject::Entry(Revocation::Machine {
                client_id: client.as_str().to_owned(),
            })
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::machine;

    fn token(client_id: &str, exp: i64) -> Option<AccessToken<'_>> {
        Some(AccessToken {
            jti: "j1",
            client_id,
            sub: client_id,
            family_ended: false,
            aud: "urn:x",
            exp,
        })
    }

    /// CVE-2020-15223, IN-05.
    #[test]
    fn only_a_live_token_of_ones_own_is_ended() {
        let now = Timestamp(1_000_000);
        let ended = decide(&machine(), token("machine", 1_300), now);
        assert!(matches!(ended, RevocationDecision::End(Revocation::Token { ref jti, .. }) if jti == "j1"));
        assert_eq!(
            decide(&machine(), token("other", 1_300), now),
            RevocationDecision::Nothing
        );
        assert_eq!(decide(&machine(), None, now), RevocationDecision::Nothing);
    }

    #[test]
    fn a_token_can_be_revoked_as_long_as_any_guard_may_accept_it() {
        let exp = 1_300;
        let at = |seconds: i64, client_id| {
            decide(
                &machine(),
                token(client_id, exp),
                Timestamp(seconds * 1_000 + 999),
            )
        };
        let last = acceptable_until(exp) - 1;
        for seconds in [exp - 1, exp, exp + 1, exp + LEEWAY_S, last] {
            assert!(
                matches!(at(seconds, "machine"), RevocationDecision::End(_)),
                "{seconds}"
            );
            assert_eq!(at(seconds, "other"), RevocationDecision::Nothing, "{seconds}");
        }
        for seconds in [last + 1, exp + 3_600] {
            assert_eq!(at(seconds, "machine"), RevocationDecision::Nothing, "{seconds}");
        }
    }

    #[test]
    fn the_owner_of_a_token_is_a_user_a_machine_or_nobody_after_its_family() {
        let now = Timestamp(1_000_000);
        let ended_of = |sub: &str, family_ended| {
            let handed = AccessToken {
                jti: "j1",
                client_id: "machine",
                sub,
                family_ended,
                aud: "urn:x",
                exp: 1_300,
            };
            match decide(&machine(), Some(handed), now) {
                RevocationDecision::End(Revocation::Token { sub, .. }) => Some(sub),
                _ => None,
            }
        };
        assert_eq!(ended_of("machine", false), Some(None));
        assert_eq!(ended_of("u1", false), Some(Some("u1".to_owned())));
        assert_eq!(ended_of("u1", true), None);
    }

    /// IN-07.
    #[test]
    fn guards_remember_an_entry_until_nothing_it_ends_can_be_accepted() {
        let now = Timestamp(1_000_000);
        let token = Revocation::Token {
            jti: "j".into(),
            client_id: "c".into(),
            sub: None,
            aud: "a".into(),
            exp: 1_300,
        };
        assert_eq!(token.until(now), 1_300 + 120);
        let subject = Revocation::Subject { sub: "u".into() };
        assert_eq!(subject.until(now), 1_001 + 900 + 120);
        // New subscribers receive it for as long.
        assert_eq!(WINDOW_MS, (subject.until(now) - now.seconds()) * 1_000);
    }

    /// IN-07.
    #[test]
    fn more_than_ten_thousand_tokens_of_a_machine_become_one_entry() {
        let id = machine().id().clone();
        assert_eq!(collapse(&id, None, COLLAPSE_AT), None);
        assert_eq!(
            collapse(&id, None, COLLAPSE_AT + 1),
            Some(Subject::Entry(Revocation::Machine {
                client_id: "machine".into()
            }))
        );
    }

    #[test]
    fn a_thousand_tokens_of_a_person_end_their_families_at_that_client_alone() {
        let id = machine().id().clone();
        assert_eq!(collapse(&id, Some("u1"), PERSON_COLLAPSE_AT - 1), None);
        let all = Subject::UserAtClient {
            user: "u1".into(),
            client: id.clone(),
        };
        assert_eq!(collapse(&id, Some("u1"), PERSON_COLLAPSE_AT), Some(all));
    }
}
