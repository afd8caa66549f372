//! When an ID token of a provider counts (OpenID Connect Core §3.1.3.7), after its signature was verified.

use serde_json::Value;

use super::Provider;
use super::preset::TENANT;
use super::text::exact;
use crate::Timestamp;

/// How far clocks may differ, in seconds.
const LEEWAY_S: i64 = 60;
/// How long ago a token may have been issued, in seconds: it was asked for just now.
const OLDEST_S: i64 = 600;
/// The longest token that is read, in bytes.
pub const LONGEST: usize = 16 * 1_024;

/// What is known when a token comes.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The provider that was asked.
    pub provider: &'a Provider,
    /// The nonce of the request.
    pub nonce: &'a str,
    /// Our own issuer.
    pub own_issuer: &'a str,
    /// The issuer that the key which has signed is restricted to, where the provider says so.
    pub key_issuer: Option<&'a str>,
    /// The current time.
    pub now: Timestamp,
}

/// Whom a token is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The issuer.
    pub issuer: String,
    /// The `sub`.
    pub subject: String,
}

/// Why what a provider says does not count. The reason goes to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproved {
    /// The issuer is not the provider's.
    #[error("the token is of another issuer")]
    Issuer,
    /// It names us as its issuer.
    #[error("the token names this issuer")]
    OwnIssuer,
    /// The tenant is none that may come.
    #[error("the token is of a tenant that may not sign in here")]
    Tenant,
    /// The key belongs to another issuer.
    #[error("the token was signed with the key of another issuer")]
    KeyIssuer,
    /// The audience is another client, or not ours alone.
    #[error("the token is for another client")]
    Audience,
    /// It is not the one that was asked for in this browser.
    #[error("the nonce is not that of the request")]
    Nonce,
    /// It has expired.
    #[error("the token has expired")]
    Expired,
    /// It was issued long ago, or in the future.
    #[error("the token was not issued just now")]
    IssuedAt,
    /// Somebody has to show anew who they are, and has not.
    #[error("the sign-in there was too long ago")]
    Stale,
    /// There is no usable subject, or another one than the token's.
    #[error("the subject is missing or another")]
    Subject,
}

/// Whom a verified token is about, if it counts.
pub fn subject(claims: &Value, facts: Facts<'_>) -> Result<Subject, Unproved> {
    let provider = facts.provider;
    let issuer = claims
        .get("iss")
        .and_then(Value::as_str)
        .ok_or(Unproved::Issuer)?;
    if issuer == facts.own_issuer {
        return Err(Unproved::OwnIssuer);
    }
    let expected = provider.issuer_for(claims).ok_or(Unproved::Tenant)?;
    if issuer != expected {
        return Err(Unproved::Issuer);
    }
    if let Some(of_key) = facts.key_issuer {
        let tenant = claims.get("tid").and_then(Value::as_str).unwrap_or_default();
        if of_key.replace(TENANT, tenant) != issuer {
            return Err(Unproved::KeyIssuer);
        }
    }
    // Another audience could use the token here as well, so a token for several clients is none for us.
    let ours = |value: &Value| value.as_str() == Some(provider.client_id.as_str());
    let for_us = match claims.get("aud") {
        Some(Value::Array(all)) => all.len() == 1 && all.iter().all(ours),
        Some(one) => ours(one),
        None => false,
    };
    if !for_us || claims.get("azp").is_some_and(|azp| !ours(azp)) {
        return Err(Unproved::Audience);
    }
    if claims.get("nonce").and_then(Value::as_str) != Some(facts.nonce) {
        return Err(Unproved::Nonce);
    }
    let (now, at) = (facts.now.seconds(), |name: &str| {
        claims.get(name).and_then(Value::as_i64)
    });
    if at("exp").is_none_or(|exp| exp.saturating_add(LEEWAY_S) <= now) {
        return Err(Unproved::Expired);
    }
    let issued = now - OLDEST_S..=now + LEEWAY_S;
    if at("iat").is_none_or(|iat| !issued.contains(&iat)) {
        return Err(Unproved::IssuedAt);
    }
    Ok(Subject {
        issuer: expected,
        subject: exact(claims.get("sub")).ok_or(Unproved::Subject)?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Kind;
    use super::super::tests::provider;
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn token() -> Value {
        json!({
            "iss": "https://op.test", "sub": "s1", "aud": "latchkey", "nonce": "n",
            "iat": 1_000_000, "exp": 1_000_300,
        })
    }

    fn judged(provider: &Provider, claims: &Value, key_issuer: Option<&str>) -> Result<Subject, Unproved> {
        subject(
            claims,
            Facts {
                provider,
                nonce: "n",
                own_issuer: "https://here.test",
                key_issuer,
                now: NOW,
            },
        )
    }

    /// The token with one claim changed, or removed where the value is null.
    fn with(name: &str, value: Value) -> Value {
        let mut claims = token();
        let members = claims.as_object_mut().unwrap();
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.to_owned(), value),
        };
        claims
    }

    #[test]
    fn a_token_for_this_request_names_its_subject() {
        let op = provider(Kind::Oidc);
        let subject = Subject {
            issuer: "https://op.test".to_owned(),
            subject: "s1".to_owned(),
        };
        for good in [
            token(),
            with("aud", json!(["latchkey"])),
            with("azp", json!("latchkey")),
            with("exp", json!(999_941)),
            with("iat", json!(1_000_060)),
            with("iat", json!(999_400)),
        ] {
            assert_eq!(judged(&op, &good, None), Ok(subject.clone()), "{good}");
        }
    }

    #[test]
    fn a_token_that_differs_in_one_claim_does_not_count() {
        let op = provider(Kind::Oidc);
        for (name, value, reason) in [
            ("iss", json!("https://evil.test"), Unproved::Issuer),
            ("iss", json!("https://op.test/"), Unproved::Issuer),
            ("iss", Value::Null, Unproved::Issuer),
            ("iss", json!("https://here.test"), Unproved::OwnIssuer),
            ("aud", json!("other"), Unproved::Audience),
            ("aud", json!(["latchkey", "other"]), Unproved::Audience),
            ("aud", json!([]), Unproved::Audience),
            ("aud", Value::Null, Unproved::Audience),
            ("azp", json!("other"), Unproved::Audience),
            ("nonce", json!("m"), Unproved::Nonce),
            ("nonce", Value::Null, Unproved::Nonce),
            ("exp", json!(999_940), Unproved::Expired),
            ("exp", json!("1000300"), Unproved::Expired),
            ("exp", Value::Null, Unproved::Expired),
            ("iat", json!(1_000_061), Unproved::IssuedAt),
            ("iat", json!(999_399), Unproved::IssuedAt),
            ("iat", Value::Null, Unproved::IssuedAt),
            ("sub", json!(""), Unproved::Subject),
            ("sub", json!(7), Unproved::Subject),
            ("sub", json!(" s1"), Unproved::Subject),
            ("sub", json!("x".repeat(256)), Unproved::Subject),
            ("sub", json!("a\u{0}b"), Unproved::Subject),
            ("sub", Value::Null, Unproved::Subject),
        ] {
            let claims = with(name, value);
            assert_eq!(judged(&op, &claims, None), Err(reason), "{claims}");
        }
    }

    #[test]
    fn a_token_of_another_tenant_or_its_key_does_not_count() {
        let microsoft = Provider {
            issuer: "https://op.test/{tenantid}/v2.0".to_owned(),
            tenants: vec!["t1".to_owned()],
            ..provider(Kind::Microsoft)
        };
        let of = |iss: &str, tid: Value| {
            let mut claims = with("iss", json!(format!("https://op.test/{iss}/v2.0")));
            claims["tid"] = tid;
            claims
        };
        let shared = Some("https://op.test/{tenantid}/v2.0");
        let good = of("t1", json!("t1"));
        for key in [None, shared, Some("https://op.test/t1/v2.0")] {
            assert!(judged(&microsoft, &good, key).is_ok(), "{key:?}");
        }
        for (claims, key, reason) in [
            (of("t2", json!("t2")), shared, Unproved::Tenant),
            (of("t2", json!("t1")), shared, Unproved::Issuer),
            (of("t1", json!("t2")), shared, Unproved::Tenant),
            (of("{tenantid}", json!("t1")), shared, Unproved::Issuer),
            (of("t1", Value::Null), shared, Unproved::Tenant),
            (good, Some("https://op.test/t2/v2.0"), Unproved::KeyIssuer),
        ] {
            assert_eq!(judged(&microsoft, &claims, key), Err(reason), "{claims}");
        }
    }
}
