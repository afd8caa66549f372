//! The verdict on a token. Pure: no await, no clock, no randomness, no log.
//!
//! There are three steps, so that a cached signature can skip the second and never the third: format and header
//! ([`Jws::parse`]) → signature ([`Jws::prove`]) → claims ([`claims_hold`]).

use crate::claims::Claims;
use crate::json::{MemberError, Members, base64url};
use crate::keyset::{Algorithm, KeySet, LONGEST_KID, PublicKey};

/// What a token must satisfy besides a valid signature.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The one accepted issuer, compared byte by byte.
    pub issuer: String,
    /// The names of this resource.
    pub audiences: Audiences,
    /// Allowed signature algorithms (RFC 8725 §3.1).
    pub algorithms: Vec<Algorithm>,
    /// The accepted clock difference, in seconds; clamped to 0 to 60.
    pub leeway_s: i64,
    /// The longest accepted lifetime (`exp` − `iat`), in seconds.
    pub max_life_s: i64,
}

impl Policy {
    /// The defaults: every [`Algorithm`], 10 s of leeway, 15 minutes of lifetime.
    pub fn new(issuer: impl Into<String>, audiences: Audiences) -> Self {
        Self {
            issuer: issuer.into(),
            audiences,
            algorithms: Algorithm::ALL.to_vec(),
            leeway_s: 10,
            max_life_s: 900,
        }
    }
}

/// Which audiences are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audiences {
    /// `aud` must contain one of these, byte by byte (RFC 9068 §4).
    AnyOf(Vec<String>),
    /// Only for the issuer's own introspection, where the token is examined and not presented. A sender-constrained
    /// token therefore passes too.
    Unchecked,
}

/// Why a token is rejected. The reason goes to the log, never to the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token or its header is longer than allowed.
    #[error("the token is too long")]
    TooLong,
    /// Not three parts.
    #[error("the token does not have three parts")]
    NotThreeParts,
    /// Not strict base64url.
    #[error("the token is not strict base64url")]
    NotBase64Url,
    /// Header or payload is not a JSON object.
    #[error("header or payload is not a JSON object")]
    NotJson,
    /// A member appears twice.
    #[error("a member appears twice")]
    RepeatedMember,
    /// A member is absent.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A member has a wrong type or range.
    #[error("`{0}` has a wrong type or range")]
    Mistyped(&'static str),
    /// The algorithm is not allowed.
    #[error("the algorithm is not allowed")]
    AlgorithmNotAllowed,
    /// The `typ` is not the expected one.
    #[error("the token has the wrong type")]
    WrongType,
    /// The header has `crit`.
    #[error("the header has critical extensions")]
    Critical,
    /// The header names encryption or compression.
    #[error("the token is encrypted or compressed")]
    Encrypted,
    /// The key is not in the set.
    #[error("the key is unknown")]
    UnknownKey,
    /// The key is for another algorithm than the header names.
    #[error("the key is for another algorithm")]
    KeyMismatch,
    /// The signature was not made by this key.
    #[error("the signature is wrong")]
    BadSignature,
    /// The token comes from another issuer.
    #[error("the issuer is not the configured one")]
    WrongIssuer,
    /// The token is meant for another audience.
    #[error("the token is not meant for this resource")]
    WrongAudience,
    /// The token is past `exp`.
    #[error("the token has expired")]
    Expired,
    /// The token is before `nbf`.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` is in the future.
    #[error("the token was issued in the future")]
    IssuedInFuture,
    /// `exp` − `iat` exceeds the policy.
    #[error("the lifetime of the token is too long")]
    LivesTooLong,
    /// The token is bound to a key, but presented as a bearer token.
    #[error("the token is sender-constrained")]
    SenderConstrained,
    /// The token's `jti` was revoked.
    #[error("the token was revoked")]
    TokenRevoked,
    /// Its family was revoked.
    #[error("the token's family was revoked")]
    FamilyRevoked,
    /// Its subject was revoked after it was issued.
    #[error("the token's subject was revoked")]
    SubjectRevoked,
    /// Its client was revoked after it was issued.
    #[error("the token's client was revoked")]
    ClientRevoked,
    /// The key that signed it was revoked.
    #[error("the token's key was revoked")]
    KeyRevoked,
}

impl From<MemberError> for TokenError {
    fn from(error: MemberError) -> Self {
        match error {
            MemberError::NotAnObject => Self::NotJson,
            MemberError::Repeated => Self::RepeatedMember,
            MemberError::Missing(name) => Self::Missing(name),
            MemberError::Mistyped(name) => Self::Mistyped(name),
        }
    }
}

/// Whether this is an access token (RFC 9068 §4) of the configured issuer and audience, valid at `now_s`.
///
/// ```
/// use latchkey_guard::{Audiences, KeySet, Policy, TokenError, verify};
///
/// let policy = Policy::new("https://id.example", Audiences::AnyOf(vec!["urn:example:notes".into()]));
/// assert_eq!(verify("not a token", &KeySet::default(), &policy, 1_800_000_000), Err(TokenError::NotThreeParts));
/// ```
pub fn verify(token: &str, keys: &KeySet, policy: &Policy, now_s: i64) -> Result<Claims, TokenError> {
    let jws = Jws::parse(token, &ACCESS_TOKEN, &policy.algorithms)?;
    let key = keys.find(&jws.kid).ok_or(TokenError::UnknownKey)?;
    let payload = jws.prove(key)?;
    let claims = Claims::parse(&payload)?;
    claims_hold(&claims, policy, now_s)?;
    Ok(claims)
}

/// The expected kind of signed message, and its maximum size.
pub(crate) struct Expected {
    /// `typ` without the `application/` that RFC 7515 §4.1.9 allows to omit.
    pub typ: &'static str,
    pub longest: usize,
}

/// RFC 9068 §2.1. ID tokens, logout tokens and client assertions have another `typ` or none.
pub(crate) const ACCESS_TOKEN: Expected = Expected {
    typ: "at+jwt",
    longest: 8 * 1024,
};

/// A compact JWS in the right format, with nothing verified yet.
#[derive(Debug)]
pub(crate) struct Jws<'a> {
    pub kid: String,
    algorithm: Algorithm,
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Jws<'a> {
    /// Lengths and dots are checked before anything is decoded or allocated.
    pub fn parse(text: &'a str, expected: &Expected, allowed: &[Algorithm]) -> Result<Self, TokenError> {
        if text.len() > expected.longest {
            return Err(TokenError::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(TokenError::NotThreeParts)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenError::NotThreeParts)?;
        // A JWE has five parts (RFC 7516 §3.1); no code here could decrypt one.
        if payload.contains('.') || header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Err(TokenError::NotThreeParts);
        }
        if header.len() > LONGEST_HEADER {
            return Err(TokenError::TooLong);
        }
        let mut header = Members::parse(&base64url(header).ok_or(TokenError::NotBase64Url)?)?;
        // RFC 7515 §4.1.11: unknown extensions must be rejected, and no extension is known here.
        if header.has("crit") {
            return Err(TokenError::Critical);
        }
        if header.has("enc") || header.has("zip") {
            return Err(TokenError::Encrypted);
        }
        let algorithm = Algorithm::named(&header.text("alg")?)
            .filter(|algorithm| allowed.contains(algorithm))
            .ok_or(TokenError::AlgorithmNotAllowed)?;
        if !is_type(&header.text("typ")?, expected.typ) {
            return Err(TokenError::WrongType);
        }
        // RFC 8725 §3.10: `kid` is only a name to look up; `jwk`, `jku`, `x5u` and `x5c` are not even read.
        let kid = header.text("kid")?;
        if kid.len() > LONGEST_KID {
            return Err(TokenError::TooLong);
        }
        Ok(Self {
            kid,
            algorithm,
            signed,
            payload,
            signature,
        })
    }

    /// The payload, which is not accessible before `key`, the one that [`Self::kid`] names, has proved to have signed it.
    pub fn prove(&self, key: &PublicKey) -> Result<Vec<u8>, TokenError> {
        // RFC 8725 §3.1: a key is used with one algorithm only, so the header cannot choose how it is interpreted.
        if key.algorithm != self.algorithm {
            return Err(TokenError::KeyMismatch);
        }
        base64url(self.signature).ok_or(TokenError::NotBase64Url)?;
        let message = self.signed.as_bytes();
        match jsonwebtoken::crypto::verify(self.signature, message, &key.key, self.algorithm.backend()) {
            Ok(true) => {}
            Ok(false) | Err(_) => return Err(TokenError::BadSignature),
        }
        base64url(self.payload).ok_or(TokenError::NotBase64Url)
    }
}

/// Issuer, audience, binding and times. Checked at every request, whether the signature is cached or not.
pub(crate) fn claims_hold(claims: &Claims, policy: &Policy, now_s: i64) -> Result<(), TokenError> {
    if claims.iss != policy.issuer {
        return Err(TokenError::WrongIssuer);
    }
    if let Audiences::AnyOf(ours) = &policy.audiences {
        if !claims.aud.iter().any(|named| ours.contains(named)) {
            return Err(TokenError::WrongAudience);
        }
        // RFC 9449 §7.1 and RFC 8705 §3: a bound token is worthless without proof of its key.
        if claims.cnf.is_some() {
            return Err(TokenError::SenderConstrained);
        }
    }
    in_force(claims, policy, now_s)
}

/// Claims are at most in the year 9999 (see `json.rs`), so no sum here can overflow.
fn in_force(claims: &Claims, policy: &Policy, now_s: i64) -> Result<(), TokenError> {
    let leeway_s = policy.leeway_s.clamp(0, 60);
    let latest = now_s.saturating_add(leeway_s);
    if claims.iat > latest {
        return Err(TokenError::IssuedInFuture);
    }
    if claims.nbf.is_some_and(|nbf| nbf > latest) {
        return Err(TokenError::NotYetValid);
    }
    if !(0..=policy.max_life_s).contains(&(claims.exp - claims.iat)) {
        return Err(TokenError::LivesTooLong);
    }
    // RFC 7519 §4.1.4: "on or after" exp is too late.
    if now_s >= claims.exp + leeway_s {
        return Err(TokenError::Expired);
    }
    Ok(())
}

/// RFC 7515 §4.1.9: media types compare without case, and `application/` may be left out.
fn is_type(found: &str, expected: &str) -> bool {
    let bare = match found.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
        _ => found,
    };
    bare.eq_ignore_ascii_case(expected)
}

const PREFIX: &str = "application/";
const LONGEST_HEADER: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::Scopes;

    fn claims() -> Claims {
        Claims {
            iss: "https://id.example".into(),
            sub: "alice".into(),
            aud: vec!["urn:example:notes".into()],
            client_id: "web".into(),
            iat: 1000,
            exp: 1300,
            nbf: None,
            jti: "j1".into(),
            scope: Scopes::default(),
            roles: Vec::new(),
            fam: None,
            sid: None,
            auth_time: None,
            acr: None,
            amr: Vec::new(),
            cnf: None,
            act: None,
            may_act: None,
            authorization_details: None,
        }
    }

    fn policy() -> Policy {
        Policy::new(
            "https://id.example",
            Audiences::AnyOf(vec!["urn:example:notes".into()]),
        )
    }

    #[test]
    fn a_token_is_in_force_from_iat_to_exp_give_or_take_the_leeway() {
        for (now_s, verdict) in [
            (989, Err(TokenError::IssuedInFuture)),
            (990, Ok(())),
            (1309, Ok(())),
            (1310, Err(TokenError::Expired)),
            (i64::MAX, Err(TokenError::Expired)),
            (i64::MIN, Err(TokenError::IssuedInFuture)),
        ] {
            assert_eq!(claims_hold(&claims(), &policy(), now_s), verdict, "{now_s}");
        }
    }

    #[test]
    fn nbf_has_a_leeway_of_ten_seconds_and_not_of_sixty_one() {
        let later = |nbf| Claims {
            nbf: Some(nbf),
            ..claims()
        };
        assert_eq!(claims_hold(&later(1010), &policy(), 1000), Ok(()));
        let lax = Policy {
            leeway_s: i64::MAX,
            ..policy()
        };
        assert_eq!(claims_hold(&later(1060), &lax, 1000), Ok(()));
        assert_eq!(
            claims_hold(&later(1061), &lax, 1000),
            Err(TokenError::NotYetValid)
        );
        let negative = Policy {
            leeway_s: -5,
            ..policy()
        };
        assert_eq!(claims_hold(&claims(), &negative, 1000), Ok(()));
    }

    #[test]
    fn a_life_above_the_policy_is_refused_and_so_is_one_below_zero() {
        let until = |exp| Claims { exp, ..claims() };
        assert_eq!(claims_hold(&until(1900), &policy(), 1000), Ok(()));
        assert_eq!(
            claims_hold(&until(1901), &policy(), 1000),
            Err(TokenError::LivesTooLong)
        );
        assert_eq!(
            claims_hold(&until(999), &policy(), 1000),
            Err(TokenError::LivesTooLong)
        );
    }

    #[test]
    fn a_bound_token_is_no_bearer_token_but_the_issuer_may_look_at_it() {
        let bound = Claims {
            cnf: Some(serde_json::json!({"jkt": "x"})),
            ..claims()
        };
        assert_eq!(
            claims_hold(&bound, &policy(), 1000),
            Err(TokenError::SenderConstrained)
        );
        let issuer = Policy {
            audiences: Audiences::Unchecked,
            ..policy()
        };
        assert_eq!(claims_hold(&bound, &issuer, 1000), Ok(()));
    }

    #[test]
    fn a_guard_without_audiences_accepts_nothing() {
        let nobody = Policy {
            audiences: Audiences::AnyOf(Vec::new()),
            ..policy()
        };
        assert_eq!(
            claims_hold(&claims(), &nobody, 1000),
            Err(TokenError::WrongAudience)
        );
    }

    #[test]
    fn types_compare_as_media_types() {
        for good in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            assert!(is_type(good, "at+jwt"), "{good}");
        }
        for bad in [
            "",
            "jwt",
            "JWT",
            "at+jwt ",
            "text/at+jwt",
            "application/",
            "application/application/at+jwt",
        ] {
            assert!(!is_type(bad, "at+jwt"), "{bad}");
        }
    }
}
