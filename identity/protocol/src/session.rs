//! The sign-in session: whether it is live, whether it satisfies a request, and what a client may know about it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::Timestamp;
use crate::acr::Acr;
use crate::client::ClientId;

/// How and when a user authenticated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// The time of the authentication.
    pub auth_time: Timestamp,
    /// The authentication context class.
    pub acr: Option<String>,
    /// The authentication methods.
    pub amr: Vec<String>,
}

impl SignIn {
    /// An authentication by password.
    pub fn password(auth_time: Timestamp) -> Self {
        Self {
            auth_time,
            acr: Some(Acr::Password.name().to_owned()),
            amr: vec!["pwd".to_owned()],
        }
    }

    /// The class that it reached; `None` for one that this version does not know.
    pub fn level(&self) -> Option<Acr> {
        self.acr.as_deref().and_then(Acr::parse)
    }
}

/// The row of a sign-in session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id in the store.
    pub id: String,
    /// The user.
    pub user: String,
    /// How the user signed in.
    pub sign_in: SignIn,
    /// When it expires if unused.
    pub idle_expires_at: Timestamp,
    /// When it expires in any case.
    pub expires_at: Timestamp,
    /// When somebody ended it.
    pub ended_at: Option<Timestamp>,
    /// Whether the user asked to stay signed in.
    pub kept: bool,
    /// Until when the user put off the second step that policy asks for.
    pub later_until: Option<Timestamp>,
}

/// The time limits of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Without use, in milliseconds.
    pub idle_ms: i64,
    /// In total, in milliseconds.
    pub absolute_ms: i64,
}

impl Default for Limits {
    /// One hour without use, a day in total.
    fn default() -> Self {
        Self {
            idle_ms: 3_600_000,
            absolute_ms: 24 * 3_600_000,
        }
    }
}

impl Limits {
    /// Thirty days, used or not: for whoever asked to stay signed in.
    pub const KEPT: Self = Self {
        idle_ms: 30 * 24 * 3_600_000,
        absolute_ms: 30 * 24 * 3_600_000,
    };

    /// The limits of a session, which is kept or not.
    pub fn of(self, kept: bool) -> Self {
        if kept { Self::KEPT } else { self }
    }
}

/// The state of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The user is signed in.
    Live,
    /// It has expired: the user signs in again, and families stay alive.
    Over,
    /// Somebody ended it.
    Ended,
}

impl Limits {
    /// The dates of a session that starts now: idle end and absolute end. `now` is the latest instant that this
    /// installation has seen; otherwise a clock that was set back would end the session at once.
    pub fn begin(self, now: Timestamp) -> (Timestamp, Timestamp) {
        let absolute = Timestamp(now.0.saturating_add(self.absolute_ms));
        (self.idle_end(absolute, now), absolute)
    }

    /// The idle end after a use now: never beyond the absolute end.
    pub fn idle_end(self, absolute: Timestamp, now: Timestamp) -> Timestamp {
        Timestamp(now.0.saturating_add(self.idle_ms)).min(absolute)
    }
}

impl Session {
    /// `latest` is the latest instant that this installation has seen: a clock that was set back revives nothing.
    pub fn state(&self, latest: Timestamp) -> State {
        if self.ended_at.is_some() {
            State::Ended
        } else if latest >= self.idle_expires_at || latest >= self.expires_at {
            State::Over
        } else {
            State::Live
        }
    }

    /// Whether the sign-in is older than `max_age` seconds (OpenID Connect Core §3.1.2.1). With zero it always is.
    pub fn is_older_than(&self, max_age: u64, now: Timestamp) -> bool {
        let age_ms = now
            .0
            .saturating_sub(self.sign_in.auth_time.0)
            .max(0)
            .unsigned_abs();
        max_age == 0 || age_ms > max_age.saturating_mul(1_000)
    }
}

/// The `sid` under which one client knows a session: clients cannot correlate theirs.
pub fn sid(key: &[u8; 32], session: &str, client: &ClientId) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length (RFC 2104 §2)");
    mac.update(b"latchkey/sid/1\0");
    // Session ids have no NUL, so the separator is unambiguous.
    mac.update(session.as_bytes());
    mac.update(b"\0");
    mac.update(client.as_str().as_bytes());
    URL_SAFE_NO_PAD.encode(&mac.finalize().into_bytes()[..16])
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn session() -> Session {
        Session {
            id: "session-1".into(),
            user: crate::user::tests::carol().id,
            sign_in: SignIn::password(Timestamp(100_000)),
            idle_expires_at: Timestamp(3_700_000),
            expires_at: Timestamp(86_500_000),
            ended_at: None,
            kept: false,
            later_until: None,
        }
    }

    /// LO-05.
    #[test]
    fn a_session_ends_by_idleness_by_age_and_by_an_end() {
        let limits = Limits::default();
        assert_eq!(
            limits.begin(Timestamp(0)),
            (Timestamp(3_600_000), Timestamp(86_400_000))
        );
        assert_eq!(
            limits.idle_end(Timestamp(86_400_000), Timestamp(86_399_000)),
            Timestamp(86_400_000)
        );
        let whole = session();
        let used = Session {
            idle_expires_at: Timestamp(i64::MAX),
            ..session()
        };
        let ended = Session {
            ended_at: Some(Timestamp(1)),
            ..session()
        };
        let table = [
            (&whole, 100_000, State::Live),
            (&whole, 3_699_999, State::Live),
            (&whole, 3_700_000, State::Over),
            (&used, 86_499_999, State::Live),
            (&used, 86_500_000, State::Over),
            (&ended, 100_000, State::Ended),
            (&ended, i64::MAX, State::Ended),
        ];
        for (session, at, expected) in table {
            assert_eq!(session.state(Timestamp(at)), expected, "{at}");
        }
    }

    /// AZ-16.
    #[test]
    fn max_age_counts_from_the_sign_in_and_zero_means_always() {
        let table = [
            (0, 100_000, true),
            (0, 99_000, true),
            (1, 101_000, false),
            (1, 101_001, true),
            (10_000, 9_000_000, false),
            (u64::MAX, i64::MAX, false),
            // A clock that was set back: not older.
            (1, 50_000, false),
        ];
        for (max_age, now, expected) in table {
            assert_eq!(
                session().is_older_than(max_age, Timestamp(now)),
                expected,
                "{max_age} {now}"
            );
        }
    }

    #[test]
    fn each_client_knows_a_session_by_another_name() {
        let of = |key: u8, session: &str, client: &str| {
            sid(&[key; 32], session, &ClientId::parse(client).unwrap())
        };
        let one = of(1, "s", "a");
        assert_eq!(one, of(1, "s", "a"));
        for other in [
            of(1, "s", "b"),
            of(1, "t", "a"),
            of(2, "s", "a"),
            of(1, "sa", "a"),
        ] {
            assert_ne!(one, other);
        }
        assert_eq!(one.len(), 22);
    }
}
