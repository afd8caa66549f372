//! The content of a logout token, and what it ends: OpenID Connect Back-Channel Logout 1.0 §2.4 and §2.6, except for
//! the signature.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A received token. Nothing in it is trusted before [`decide`] and the signature check.
#[derive(Debug)]
pub struct LogoutToken {
    pub header: Header,
    pub claims: Map<String, Value>,
    /// The signed part.
    pub signed: String,
    pub signature: Vec<u8>,
}

/// RFC 7515 §4.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Header {
    pub alg: String,
    pub kid: Option<String>,
    pub typ: Option<String>,
    pub crit: Option<Value>,
}

/// The expected issuer and audience, and the current time.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
}

/// What a valid token ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logout {
    pub ends: LoggedOut,
    /// The unique id of the token, which acts once.
    pub jti: String,
    /// Until when the token could be replayed, in Unix milliseconds.
    pub until_ms: i64,
}

/// The sign-ins that end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoggedOut {
    /// Those of one session at the issuer.
    Session(String),
    /// All sign-ins of a user.
    Person(String),
}

/// Why a logout request has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("the request is not a form with one logout_token")]
    Request,
    #[error("the logout token is not a valid signed JWT")]
    Malformed,
    #[error("the alg of the logout token is not one that the issuer announces for ID tokens")]
    Algorithm,
    #[error("the crit header of the logout token names an unknown extension")]
    Critical,
    #[error("the typ of the logout token is that of another kind of token")]
    Type,
    #[error("the logout token comes from another issuer")]
    Issuer,
    #[error("the logout token is for another client")]
    Audience,
    #[error("the logout token has no exp, or it has expired")]
    Expired,
    #[error("the logout token has no iat, or it is in the future")]
    IssuedAt,
    #[error("the events claim of the logout token lacks the back-channel logout event")]
    Events,
    #[error("the logout token contains a nonce")]
    Nonce,
    #[error("the logout token has no jti")]
    Jti,
    #[error("the logout token has neither sid nor sub")]
    Nobody,
    #[error("the logout token is not signed by the issuer")]
    Signature,
    #[error("the logout token was used before")]
    Replayed,
}

impl LogoutToken {
    /// RFC 7515 §7.1: three parts in base64url. An encrypted token has five, but this client registers no encryption
    /// key.
    pub fn read(text: &str) -> Result<Self, Invalid> {
        let mut parts = text.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Invalid::Malformed);
        };
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Invalid::Malformed);
        Ok(Self {
            header: serde_json::from_slice(&decode(header)?).map_err(|_| Invalid::Malformed)?,
            claims: serde_json::from_slice(&decode(claims)?).map_err(|_| Invalid::Malformed)?,
            signed: format!("{header}.{claims}"),
            signature: decode(signature)?,
        })
    }
}

/// Decides about the claims of a token. The shell checks the signature and that the `jti` is new.
pub fn decide(
    header: &Header,
    claims: &Map<String, Value>,
    facts: &Facts<'_>,
    now_ms: i64,
) -> Result<Logout, Invalid> {
    // RFC 7515 §4.1.11: no extension is supported.
    if header.crit.is_some() {
        return Err(Invalid::Critical);
    }
    if !is_logout_type(header.typ.as_deref()) {
        return Err(Invalid::Type);
    }
    if claims.get("iss").and_then(Value::as_str) != Some(facts.issuer) {
        return Err(Invalid::Issuer);
    }
    if !is_for(claims.get("aud"), facts.client_id) {
        return Err(Invalid::Audience);
    }
    let until_ms = instant(claims, "exp")
        .map(|exp| exp.saturating_add(LEEWAY_MS))
        .filter(|until| *until > now_ms)
        .ok_or(Invalid::Expired)?;
    instant(claims, "iat")
        .filter(|iat| *iat <= now_ms.saturating_add(LEEWAY_MS))
        .ok_or(Invalid::IssuedAt)?;
    let event = claims.get("events").and_then(|events| events.get(EVENT));
    if !event.is_some_and(Value::is_object) {
        return Err(Invalid::Events);
    }
    // Otherwise an ID token could pass for a logout token.
    if claims.contains_key("nonce") {
        return Err(Invalid::Nonce);
    }
    let jti = text(claims, "jti", Invalid::Jti)?.ok_or(Invalid::Jti)?;
    let sub = text(claims, "sub", Invalid::Nobody)?;
    let ends = match (text(claims, "sid", Invalid::Nobody)?, sub) {
        (Some(sid), _) => LoggedOut::Session(sid),
        (None, Some(sub)) => LoggedOut::Person(sub),
        (None, None) => return Err(Invalid::Nobody),
    };
    Ok(Logout { ends, jti, until_ms })
}

/// `logout+jwt` is the recommended type (§2.4); issuers before that use a plain JWT or none. Every other kind of token
/// states its type (RFC 8725 §3.11). RFC 7515 §4.1.9: `application/` may be omitted.
fn is_logout_type(typ: Option<&str>) -> bool {
    let Some(typ) = typ else { return true };
    let typ = typ.to_ascii_lowercase();
    let short = typ.strip_prefix("application/").unwrap_or(&typ);
    ["logout+jwt", "jwt"].contains(&short)
}

/// OpenID Connect Core §3.1.3.7: for this client, and for no other audience.
fn is_for(aud: Option<&Value>, client_id: &str) -> bool {
    match aud {
        Some(Value::String(one)) => one == client_id,
        Some(Value::Array(all)) => !all.is_empty() && all.iter().all(|one| one.as_str() == Some(client_id)),
        _ => false,
    }
}

/// A NumericDate (RFC 7519 §2) in Unix milliseconds; it may have a fraction.
fn instant(claims: &Map<String, Value>, name: &str) -> Option<i64> {
    let seconds = claims.get(name)?;
    match seconds.as_i64() {
        Some(seconds) => Some(seconds.saturating_mul(1_000)),
        None => seconds.as_f64().map(|seconds| (seconds * 1_000.0) as i64),
    }
}

/// An optional text, which must have a reasonable length if present.
fn text(claims: &Map<String, Value>, name: &str, otherwise: Invalid) -> Result<Option<String>, Invalid> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if (1..=LONGEST).contains(&text.len()) => Ok(Some(text.clone())),
        Some(_) => Err(otherwise),
    }
}

/// The member of `events` that marks a logout token.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// The accepted clock difference to the issuer, in milliseconds.
const LEEWAY_MS: i64 = 60_000;
/// The maximum length of `jti`, `sid` and `sub`, in bytes.
const LONGEST: usize = 512;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW_S: i64 = 1_000_000;
    const FACTS: Facts<'static> = Facts {
        issuer: "https://id.test",
        client_id: "shop",
    };

    fn claims() -> Value {
        json!({
            "iss": "https://id.test", "aud": "shop", "iat": NOW_S, "exp": NOW_S + 120, "jti": "j-1",
            "sid": "s-1", "sub": "p-1", "events": {EVENT: {}},
        })
    }

    /// The claims with this one changed, or removed if it is null.
    fn with(name: &str, value: Value) -> Value {
        let mut claims = claims();
        let object = claims.as_object_mut().unwrap();
        object.remove(name);
        if !value.is_null() {
            object.insert(name.to_owned(), value);
        }
        claims
    }

    fn decided(header: Value, claims: &Value) -> Result<LoggedOut, Invalid> {
        let header: Header = serde_json::from_value(header).unwrap();
        let claims = claims.as_object().unwrap();
        decide(&header, claims, &FACTS, NOW_S * 1_000).map(|logout| logout.ends)
    }

    #[test]
    fn a_token_ends_its_session_or_else_everything_of_its_person() {
        let header = json!({"alg": "ES256", "typ": "logout+jwt"});
        let session = Ok(LoggedOut::Session("s-1".to_owned()));
        let person = Ok(LoggedOut::Person("p-1".to_owned()));
        assert_eq!(decided(header.clone(), &claims()), session);
        assert_eq!(decided(header.clone(), &with("sub", Value::Null)), session);
        assert_eq!(decided(header.clone(), &with("sid", Value::Null)), person);
        let mut nobody = with("sid", Value::Null);
        nobody.as_object_mut().unwrap().remove("sub");
        assert_eq!(decided(header, &nobody), Err(Invalid::Nobody));
    }

    #[test]
    fn a_claim_that_is_not_as_it_must_be_ends_nobody() {
        let rows = [
            ("iss", Value::Null, Err(Invalid::Issuer)),
            ("iss", json!("https://id.test/"), Err(Invalid::Issuer)),
            ("iss", json!(["https://id.test"]), Err(Invalid::Issuer)),
            ("aud", Value::Null, Err(Invalid::Audience)),
            ("aud", json!("another"), Err(Invalid::Audience)),
            ("aud", json!([]), Err(Invalid::Audience)),
            ("aud", json!(["shop", "another"]), Err(Invalid::Audience)),
            ("aud", json!(["shop"]), Ok(())),
            ("exp", Value::Null, Err(Invalid::Expired)),
            ("exp", json!("soon"), Err(Invalid::Expired)),
            ("exp", json!(NOW_S - 60), Err(Invalid::Expired)),
            ("exp", json!(NOW_S - 59), Ok(())),
            ("exp", json!(1e300), Ok(())),
            ("exp", json!(i64::MAX), Ok(())),
            ("iat", Value::Null, Err(Invalid::IssuedAt)),
            ("iat", json!("now"), Err(Invalid::IssuedAt)),
            ("iat", json!(NOW_S + 61), Err(Invalid::IssuedAt)),
            ("iat", json!(NOW_S + 60), Ok(())),
            ("iat", json!(NOW_S as f64 - 0.5), Ok(())),
            ("events", Value::Null, Err(Invalid::Events)),
            ("events", json!({}), Err(Invalid::Events)),
            ("events", json!([EVENT]), Err(Invalid::Events)),
            ("events", json!({EVENT: true}), Err(Invalid::Events)),
            ("events", json!({EVENT: {}, "other": {}}), Ok(())),
            ("nonce", json!("n"), Err(Invalid::Nonce)),
            ("nonce", json!(""), Err(Invalid::Nonce)),
            ("jti", Value::Null, Err(Invalid::Jti)),
            ("jti", json!(""), Err(Invalid::Jti)),
            ("jti", json!(7), Err(Invalid::Jti)),
            ("jti", json!("j".repeat(513)), Err(Invalid::Jti)),
            ("sid", json!(""), Err(Invalid::Nobody)),
            ("sid", json!(["s-1"]), Err(Invalid::Nobody)),
            ("sub", json!(""), Err(Invalid::Nobody)),
        ];
        for (name, value, expected) in rows {
            let decided = decided(json!({"alg": "ES256"}), &with(name, value.clone()));
            assert_eq!(decided.map(|_| ()), expected, "{name}: {value}");
        }
        // Not even an empty nonce.
        let mut null = claims();
        null["nonce"] = Value::Null;
        assert_eq!(decided(json!({"alg": "ES256"}), &null), Err(Invalid::Nonce));
    }

    #[test]
    fn another_kind_of_token_is_no_logout_token() {
        let rows = [
            (json!({}), Ok(())),
            (json!({"typ": "logout+jwt"}), Ok(())),
            (json!({"typ": "application/logout+jwt"}), Ok(())),
            (json!({"typ": "JWT"}), Ok(())),
            (json!({"typ": "at+jwt"}), Err(Invalid::Type)),
            (json!({"typ": "secevent+jwt"}), Err(Invalid::Type)),
            (json!({"typ": ""}), Err(Invalid::Type)),
            (json!({"crit": ["b64"]}), Err(Invalid::Critical)),
            (json!({"crit": []}), Err(Invalid::Critical)),
        ];
        for (mut header, expected) in rows {
            header["alg"] = json!("ES256");
            let decided = decided(header.clone(), &claims());
            assert_eq!(decided.map(|_| ()), expected, "{header}");
        }
    }

    #[test]
    fn a_token_is_remembered_for_as_long_as_it_would_be_taken() {
        let header = Header::default();
        let claims = claims();
        let decided = |now_ms| decide(&header, claims.as_object().unwrap(), &FACTS, now_ms);
        let until_ms = decided(NOW_S * 1_000).unwrap().until_ms;
        assert!(decided(until_ms - 1).is_ok());
        assert_eq!(decided(until_ms), Err(Invalid::Expired));
    }

    #[test]
    fn what_has_not_three_parts_of_json_is_not_read() {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let good = format!("{}.{}.{}", part(r#"{"alg":"ES256"}"#), part("{}"), part("x"));
        assert!(LogoutToken::read(&good).is_ok());
        for bad in [
            String::new(),
            "a.b".to_owned(),
            format!("{good}.{}", part("x")),
            format!("{good}=="),
            format!("{}.{}.", part("{}"), part("{}")),
            format!("{}.{}.", part(r#"{"alg":"ES256"}"#), part("[]")),
            format!("{}.{}.", part(r#"{"alg":7}"#), part("{}")),
        ] {
            assert_eq!(LogoutToken::read(&bad).err(), Some(Invalid::Malformed), "{bad}");
        }
    }
}
