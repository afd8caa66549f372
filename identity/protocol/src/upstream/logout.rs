//! When a logout token of a provider counts, and what it ends (OpenID Connect Back-Channel Logout 1.0 §2.4, §2.6), after its
//! signature was verified.

use serde_json::Value;

use super::Provider;
use super::text::text;
use crate::Timestamp;

/// The member of `events` that makes a token a logout token.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How far clocks may differ, in milliseconds.
const LEEWAY_MS: i64 = 60_000;

/// What a token ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logout {
    /// The issuer.
    pub issuer: String,
    /// Who signed out there; absent where the token names a session alone.
    pub subject: Option<String>,
    /// The session there; absent for all of the subject's.
    pub sid: Option<String>,
    /// The id of the token, which counts once.
    pub jti: String,
    /// Until when it would be taken.
    pub until: Timestamp,
}

/// Why a token ends nothing. The reason goes to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLogout {
    /// The issuer is not the provider's.
    #[error("the logout token is of another issuer")]
    Issuer,
    /// The audience is another client, or not ours alone.
    #[error("the logout token is for another client")]
    Audience,
    /// It has expired.
    #[error("the logout token has no exp, or it has expired")]
    Expired,
    /// It was issued in the future.
    #[error("the logout token has no iat, or it is in the future")]
    IssuedAt,
    /// It does not say that somebody has signed out.
    #[error("the logout token lacks the event")]
    Event,
    /// It may be an ID token.
    #[error("the logout token contains a nonce")]
    Nonce,
    /// It has no id.
    #[error("the logout token has no jti")]
    Jti,
    /// It names neither a session nor a subject.
    #[error("the logout token has neither sid nor sub")]
    Nobody,
}

/// What a verified token ends.
pub fn logout(claims: &Value, provider: &Provider, now: Timestamp) -> Result<Logout, NoLogout> {
    let issuer = provider.issuer_for(claims).ok_or(NoLogout::Issuer)?;
    if claims.get("iss").and_then(Value::as_str) != Some(issuer.as_str()) {
        return Err(NoLogout::Issuer);
    }
    let ours = |value: &Value| value.as_str() == Some(provider.client_id.as_str());
    let for_us = match claims.get("aud") {
        Some(Value::Array(all)) => !all.is_empty() && all.iter().all(ours),
        Some(one) => ours(one),
        None => false,
    };
    if !for_us {
        return Err(NoLogout::Audience);
    }
    let at = |name: &str| {
        let seconds = claims.get(name).and_then(Value::as_i64)?;
        Some(seconds.saturating_mul(1_000))
    };
    let until = at("exp").map(|exp| exp.saturating_add(LEEWAY_MS));
    let until = until.filter(|until| *until > now.0).ok_or(NoLogout::Expired)?;
    at("iat")
        .filter(|iat| *iat <= now.0.saturating_add(LEEWAY_MS))
        .ok_or(NoLogout::IssuedAt)?;
    let event = claims.get("events").and_then(|events| events.get(EVENT));
    if !event.is_some_and(Value::is_object) {
        return Err(NoLogout::Event);
    }
    // An ID token must never pass for a logout token.
    if claims.get("nonce").is_some() {
        return Err(NoLogout::Nonce);
    }
    let jti = text(claims.get("jti")).ok_or(NoLogout::Jti)?;
    let named = |name: &str| match claims.get(name) {
        None => Ok(None),
        // A session that cannot be read must not become all of them.
        some => text(some).map(Some).ok_or(NoLogout::Nobody),
    };
    let (sid, subject) = (named("sid")?, named("sub")?);
    if sid.is_none() && subject.is_none() {
        return Err(NoLogout::Nobody);
    }
    Ok(Logout {
        issuer,
        subject,
        sid,
        jti,
        until: Timestamp(until),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Kind;
    use super::super::tests::provider;
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn with(name: &str, value: Value) -> Value {
        let mut claims = json!({
            "iss": "https://op.test", "aud": "latchkey", "iat": 1_000_000, "exp": 1_000_120, "jti": "j",
            "sid": "s", "sub": "p", "events": { EVENT: {} },
        });
        let members = claims.as_object_mut().unwrap();
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.to_owned(), value),
        };
        claims
    }

    fn judged(claims: &Value) -> Result<Logout, NoLogout> {
        logout(claims, &provider(Kind::Oidc), NOW)
    }

    #[test]
    fn a_token_ends_a_session_or_all_of_its_subject() {
        let whole = judged(&with("x", json!(1))).unwrap();
        assert_eq!(
            (whole.sid.as_deref(), whole.subject.as_deref()),
            (Some("s"), Some("p"))
        );
        assert_eq!(judged(&with("sid", Value::Null)).unwrap().sid, None);
        assert_eq!(judged(&with("sub", Value::Null)).unwrap().subject, None);
    }

    #[test]
    fn a_logout_token_that_is_not_as_it_must_be_ends_nothing() {
        for (name, value, expected) in [
            ("iss", Value::Null, NoLogout::Issuer),
            ("iss", json!("https://evil.test"), NoLogout::Issuer),
            ("aud", Value::Null, NoLogout::Audience),
            ("aud", json!("other"), NoLogout::Audience),
            ("aud", json!(["latchkey", "other"]), NoLogout::Audience),
            ("aud", json!([]), NoLogout::Audience),
            ("exp", Value::Null, NoLogout::Expired),
            ("exp", json!(999_940), NoLogout::Expired),
            ("iat", Value::Null, NoLogout::IssuedAt),
            ("iat", json!(1_000_061), NoLogout::IssuedAt),
            ("events", Value::Null, NoLogout::Event),
            ("events", json!({}), NoLogout::Event),
            ("events", json!({ EVENT: true }), NoLogout::Event),
            ("nonce", json!("n"), NoLogout::Nonce),
            ("jti", Value::Null, NoLogout::Jti),
            ("sid", json!(""), NoLogout::Nobody),
            ("sid", json!(7), NoLogout::Nobody),
            ("sub", json!([]), NoLogout::Nobody),
        ] {
            assert_eq!(
                judged(&with(name, value.clone())),
                Err(expected),
                "{name}: {value}"
            );
        }
        let mut nobody = with("sid", Value::Null);
        nobody.as_object_mut().unwrap().remove("sub");
        assert_eq!(judged(&nobody), Err(NoLogout::Nobody));
    }

    #[test]
    fn a_logout_token_is_remembered_as_long_as_it_would_be_taken() {
        let claims = with("x", json!(1));
        let op = provider(Kind::Oidc);
        let until = judged(&claims).unwrap().until;
        assert!(logout(&claims, &op, Timestamp(until.0 - 1)).is_ok());
        assert_eq!(logout(&claims, &op, until), Err(NoLogout::Expired));
    }
}
