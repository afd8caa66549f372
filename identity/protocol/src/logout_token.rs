//! Logout tokens: their claims (OpenID Connect Back-Channel Logout §2.4), and the consequence of a client's response.

use serde::Serialize;

use crate::Timestamp;
use crate::client::ClientId;

/// The `typ` of a logout token.
pub const TYP: &str = "logout+jwt";
/// The lifetime of a logout token, in seconds.
pub const LIFE_S: i64 = 120;

/// The claims of a logout token. It has no `nonce`, so that it cannot pass for an ID token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// The client.
    pub aud: String,
    /// When it was issued, Unix seconds.
    pub iat: i64,
    /// When it expires, Unix seconds.
    pub exp: i64,
    /// Its unique id: it acts once.
    pub jti: String,
    /// The user.
    pub sub: String,
    /// The ended session, under the `sid` of the client's ID tokens. Always present: without it, a delayed token would
    /// end sessions that started in the meantime.
    pub sid: String,
    /// Marks it as a logout token.
    pub events: Events,
}

/// The logout event: one member, whose value is an empty object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Events {
    #[serde(rename = "http://schemas.openid.net/event/backchannel-logout")]
    logout: Empty,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Empty {}

/// The claims that tell a client that a session has ended.
pub fn claims(issuer: &str, client: &ClientId, sub: &str, sid: &str, jti: String, now: Timestamp) -> Claims {
    Claims {
        iss: issuer.to_owned(),
        aud: client.to_string(),
        iat: now.seconds(),
        exp: now.seconds() + LIFE_S,
        jti,
        sub: sub.to_owned(),
        sid: sid.to_owned(),
        events: Events { logout: Empty {} },
    }
}

/// The outcome of an attempt to deliver a logout token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The client has ended the session.
    Delivered,
    /// The client rejects the token: another one would not help.
    Rejected,
    /// A temporary failure; try again then, with a new token.
    Retry(Timestamp),
    /// The attempts have lasted long enough.
    GivenUp,
}

/// Decides after this attempt, counted from 1. `status` is that of the client's response (§2.8), if there was one.
pub fn outcome(status: Option<u16>, tries: i64, begun_at: Timestamp, now: Timestamp) -> Outcome {
    match status {
        Some(200 | 204) => Outcome::Delivered,
        Some(400) => Outcome::Rejected,
        // Redirects are not followed.
        Some(_) | None => {
            let tried = usize::try_from(tries.saturating_sub(1)).unwrap_or(0);
            let pause_ms = PAUSES_MS[tried.min(PAUSES_MS.len() - 1)];
            let at = Timestamp(now.0.saturating_add(pause_ms));
            if at.0.saturating_sub(begun_at.0) > PATIENCE_MS {
                return Outcome::GivenUp;
            }
            Outcome::Retry(at)
        }
    }
}

/// The pauses between attempts, in milliseconds; the last one repeats.
const PAUSES_MS: [i64; 6] = [1_000, 5_000, 30_000, 120_000, 600_000, 3_600_000];
/// How long delivery is attempted, in milliseconds: a day.
const PATIENCE_MS: i64 = 24 * 3_600_000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_logout_token_names_one_session_and_one_event() {
        let client = ClientId::parse("shop").unwrap();
        let claims = claims(
            "https://id.test",
            &client,
            "p-1",
            "s-1",
            "j-1".into(),
            Timestamp(5_000),
        );
        let expected = json!({
            "iss": "https://id.test", "aud": "shop", "iat": 5, "exp": 125, "jti": "j-1", "sub": "p-1", "sid": "s-1",
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        });
        assert_eq!(serde_json::to_value(claims).unwrap(), expected);
    }

    #[test]
    fn an_answer_ends_the_tries_only_if_it_says_something() {
        let after = |status: Option<u16>| outcome(status, 1, Timestamp(0), Timestamp(10));
        assert_eq!(after(Some(200)), Outcome::Delivered);
        assert_eq!(after(Some(204)), Outcome::Delivered);
        assert_eq!(after(Some(400)), Outcome::Rejected);
        for again in [
            None,
            Some(201),
            Some(302),
            Some(401),
            Some(404),
            Some(429),
            Some(500),
            Some(503),
        ] {
            assert_eq!(after(again), Outcome::Retry(Timestamp(1_010)), "{again:?}");
        }
    }

    #[test]
    fn the_tries_of_a_day_grow_apart_and_end() {
        let (begun_at, mut now, mut pauses) = (Timestamp(7), Timestamp(7), Vec::new());
        let last = loop {
            let tries = i64::try_from(pauses.len()).unwrap() + 1;
            match outcome(None, tries, begun_at, now) {
                Outcome::Retry(at) => {
                    pauses.push(at.0 - now.0);
                    now = at;
                }
                other => break other,
            }
        };
        assert_eq!(last, Outcome::GivenUp);
        assert_eq!(
            pauses[..7],
            [1_000, 5_000, 30_000, 120_000, 600_000, 3_600_000, 3_600_000]
        );
        assert!((25..35).contains(&pauses.len()), "{}", pauses.len());
        assert!(now.0 - begun_at.0 <= PATIENCE_MS);
    }
}
