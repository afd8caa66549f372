//! A parsed JWKS (RFC 7517): which key may verify what. Pure and strict: a key set with a suspicious key is rejected as
//! a whole.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use jsonwebtoken::DecodingKey;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::json::{Members, base64url};

/// A signature algorithm that this crate can verify. There is no `none` and no HMAC to allow by mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519 (also spelled `Ed25519`, RFC 9864).
    EdDSA,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PSS with SHA-256.
    PS256,
}

impl Algorithm {
    /// All algorithms: the default allow-list.
    pub const ALL: [Self; 4] = [Self::ES256, Self::EdDSA, Self::RS256, Self::PS256];

    /// Names are case-sensitive (RFC 7515 §4.1.1): `nOnE` and `es256` are not in the table either.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "ES256" => Some(Self::ES256),
            "EdDSA" | "Ed25519" => Some(Self::EdDSA),
            "RS256" => Some(Self::RS256),
            "PS256" => Some(Self::PS256),
            _ => None,
        }
    }

    pub(crate) fn backend(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::ES256 => jsonwebtoken::Algorithm::ES256,
            Self::EdDSA => jsonwebtoken::Algorithm::EdDSA,
            Self::RS256 => jsonwebtoken::Algorithm::RS256,
            Self::PS256 => jsonwebtoken::Algorithm::PS256,
        }
    }
}

/// The public keys of an issuer, by key id. Each has exactly one algorithm (RFC 8725 §3.1).
#[derive(Clone, Default)]
pub struct KeySet {
    keys: HashMap<String, PublicKey>,
}

impl KeySet {
    /// Parses a JWKS document. Keys of unknown kinds are skipped (RFC 7517 §5); anything that no careful issuer would
    /// publish makes it reject the whole set.
    pub fn parse(bytes: &[u8]) -> Result<Self, PoisonedKeys> {
        if bytes.len() > LONGEST_SET {
            return Err(PoisonedKeys::TooLong);
        }
        let mut document = Members::parse(bytes).map_err(|_| PoisonedKeys::NotAKeySet)?;
        let Some(Value::Array(jwks)) = document.value("keys") else {
            return Err(PoisonedKeys::NotAKeySet);
        };
        let mut keys = HashMap::new();
        for jwk in jwks {
            let jwk = Members::of(jwk).ok_or(PoisonedKeys::NotAKeySet)?;
            let Some((kid, key)) = public_key(jwk)? else {
                continue;
            };
            match keys.entry(kid) {
                Entry::Occupied(_) => return Err(PoisonedKeys::RepeatedKid),
                Entry::Vacant(place) => place.insert(key),
            };
        }
        if keys.is_empty() {
            Err(PoisonedKeys::Empty)
        } else {
            Ok(Self { keys })
        }
    }

    /// The number of usable keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// True if there is no usable key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// True if there is a key with this id.
    pub fn contains(&self, kid: &str) -> bool {
        self.keys.contains_key(kid)
    }

    pub(crate) fn kids(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    pub(crate) fn find(&self, kid: &str) -> Option<&PublicKey> {
        self.keys.get(kid)
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.keys.iter().map(|(kid, key)| (kid, key.algorithm)))
            .finish()
    }
}

#[derive(Clone)]
pub(crate) struct PublicKey {
    pub algorithm: Algorithm,
    pub key: DecodingKey,
    /// A digest of algorithm and key material: a result obtained with another key of the same kid does not count.
    pub fingerprint: [u8; 32],
}

/// Why a fetched key set was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PoisonedKeys {
    /// Larger than 256 KiB.
    #[error("the key set is longer than 256 KiB")]
    TooLong,
    /// Not a JWKS document.
    #[error("not a JWKS document")]
    NotAKeySet,
    /// No usable key.
    #[error("the key set holds no usable key")]
    Empty,
    /// A key contains private members.
    #[error("the key set holds a private key")]
    Private,
    /// A key is symmetric.
    #[error("the key set holds a symmetric key")]
    Symmetric,
    /// Two keys share an id.
    #[error("two keys have the same kid")]
    RepeatedKid,
    /// A key has no id.
    #[error("a key has no kid, or one longer than 256 bytes")]
    NoKid,
    /// An RSA key is outside of 2048 to 8192 bits, or has an unsafe exponent.
    #[error("an RSA key is too weak or too large")]
    WeakKey,
    /// A coordinate has a wrong length or encoding.
    #[error("a key is malformed")]
    Malformed,
}

/// `None` for a key that cannot be used here: unknown kind, curve or algorithm, or meant for encryption.
fn public_key(mut jwk: Members) -> Result<Option<(String, PublicKey)>, PoisonedKeys> {
    if jwk.has("k") {
        return Err(PoisonedKeys::Symmetric);
    }
    if PRIVATE_MEMBERS.iter().any(|name| jwk.has(name)) {
        return Err(PoisonedKeys::Private);
    }
    let kty = jwk.text("kty").map_err(|_| PoisonedKeys::Malformed)?;
    let kind = match kty.as_str() {
        "oct" => return Err(PoisonedKeys::Symmetric),
        "EC" => Kind::Ec,
        "OKP" => Kind::Okp,
        "RSA" => Kind::Rsa,
        _ => return Ok(None),
    };
    let kid = jwk
        .text("kid")
        .ok()
        .filter(|kid| kid.len() <= LONGEST_KID)
        .ok_or(PoisonedKeys::NoKid)?;
    let Some(algorithm) = algorithm(kind, &mut jwk)? else {
        return Ok(None);
    };
    let (key, material) = material(kind, &mut jwk)?;
    let fingerprint = Sha256::new()
        .chain_update([algorithm as u8])
        .chain_update(material)
        .finalize()
        .into();
    Ok(Some((
        kid,
        PublicKey {
            algorithm,
            key,
            fingerprint,
        },
    )))
}

#[derive(Clone, Copy)]
enum Kind {
    Ec,
    Okp,
    Rsa,
}

/// `alg` if present, else the algorithm that the kind of key implies; `None` if it is not supported.
fn algorithm(kind: Kind, jwk: &mut Members) -> Result<Option<Algorithm>, PoisonedKeys> {
    let malformed = |_| PoisonedKeys::Malformed;
    let for_signatures = jwk
        .optional_text("use")
        .map_err(malformed)?
        .is_none_or(|purpose| purpose == "sig");
    let operations = jwk.texts("key_ops").map_err(malformed)?;
    let to_verify = operations.is_empty() || operations.iter().any(|operation| operation == "verify");
    let curve = jwk.optional_text("crv").map_err(malformed)?;
    let named = jwk.optional_text("alg").map_err(malformed)?;
    if !for_signatures || !to_verify {
        return Ok(None);
    }
    let possible: &[Algorithm] = match (kind, curve.as_deref()) {
        (Kind::Ec, Some("P-256")) => &[Algorithm::ES256],
        (Kind::Okp, Some("Ed25519")) => &[Algorithm::EdDSA],
        (Kind::Rsa, _) => &[Algorithm::RS256, Algorithm::PS256],
        (Kind::Ec | Kind::Okp, _) => &[],
    };
    Ok(match named {
        None => possible.first().copied(),
        Some(name) => Algorithm::named(&name).filter(|algorithm| possible.contains(algorithm)),
    })
}

fn material(kind: Kind, jwk: &mut Members) -> Result<(DecodingKey, Vec<u8>), PoisonedKeys> {
    let mut bytes = |name| {
        jwk.text(name)
            .ok()
            .and_then(|text| base64url(&text))
            .ok_or(PoisonedKeys::Malformed)
    };
    match kind {
        Kind::Ec => {
            // RFC 7518 §6.2.1.2: full length, including leading zeros. The cryptographic library rejects points off the
            // curve at each use.
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != 32 || y.len() != 32 {
                return Err(PoisonedKeys::Malformed);
            }
            let point = [&[4], x.as_slice(), y.as_slice()].concat();
            Ok((DecodingKey::from_ec_der(&point), point))
        }
        Kind::Okp => {
            let x = bytes("x")?;
            if x.len() != 32 {
                return Err(PoisonedKeys::Malformed);
            }
            Ok((DecodingKey::from_ed_der(&x), x))
        }
        Kind::Rsa => {
            let (n, e) = (bytes("n")?, bytes("e")?);
            if !strong_rsa(&n, &e) {
                return Err(PoisonedKeys::WeakKey);
            }
            let both = [&n[..], &e[..]].concat();
            Ok((DecodingKey::from_rsa_raw_components(&n, &e), both))
        }
    }
}

/// True for an odd modulus of 2048 to 8192 bits and an odd exponent of at least 65537 and at most 32 bits.
fn strong_rsa(n: &[u8], e: &[u8]) -> bool {
    let bits = match n.iter().position(|byte| *byte != 0) {
        Some(zeros) => (n.len() - zeros) * 8 - n[zeros].leading_zeros() as usize,
        None => 0,
    };
    let exponent = e.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    let odd = n.last().is_some_and(|byte| byte & 1 == 1) && exponent & 1 == 1;
    (2048..=8192).contains(&bits) && e.len() <= 4 && exponent >= 65_537 && odd
}

pub(crate) const LONGEST_SET: usize = 256 * 1024;
pub(crate) const LONGEST_KID: usize = 256;
/// RFC 7518 §6.2.2 and §6.3.2.
const PRIVATE_MEMBERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

#[cfg(test)]
mod tests {
    use super::*;

    const EC: &str = r#""kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA""#;

    fn parse(keys: &str) -> Result<KeySet, PoisonedKeys> {
        KeySet::parse(format!("{{\"keys\":[{keys}]}}").as_bytes())
    }

    /// JW-16.
    #[test]
    fn a_set_that_no_careful_issuer_would_publish_is_refused_whole() {
        use PoisonedKeys as P;
        let good = format!("{{{EC},\"kid\":\"good\"}}");
        let weak = "A".repeat(171);
        for (keys, why) in [
            (String::new(), P::Empty),
            (format!("{{{EC},\"kid\":\"a\",\"d\":\"AA\"}},{good}"), P::Private),
            (
                format!("{{\"kty\":\"oct\",\"kid\":\"a\",\"k\":\"AA\"}},{good}"),
                P::Symmetric,
            ),
            (format!("{{\"kty\":\"oct\",\"kid\":\"a\"}},{good}"), P::Symmetric),
            (format!("{good},{good}"), P::RepeatedKid),
            (format!("{{{EC}}},{good}"), P::NoKid),
            (format!("{{{EC},\"kid\":\"\"}},{good}"), P::NoKid),
            (format!("{{{EC},\"kid\":7}},{good}"), P::NoKid),
            (
                format!("{{{EC},\"kid\":\"{}\"}},{good}", "k".repeat(257)),
                P::NoKid,
            ),
            (
                format!("{{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":\"{weak}\",\"e\":\"AQAB\"}},{good}"),
                P::WeakKey,
            ),
            (format!("{{{EC},\"kid\":\"a\",\"kid\":\"b\"}}"), P::NotAKeySet),
            (format!("{good},7"), P::NotAKeySet),
            (format!("{good},{{\"kid\":\"a\"}}"), P::Malformed),
            (good.replace("AAA\"", "AA\""), P::Malformed),
            ("{\"kty\":\"new\",\"kid\":\"a\"}".to_owned(), P::Empty),
        ] {
            assert_eq!(parse(&keys).expect_err(&keys), why, "{keys}");
        }
        assert_eq!(KeySet::parse(b"<html>").expect_err("html"), P::NotAKeySet);
        assert_eq!(
            KeySet::parse(&vec![b' '; 10 << 20]).expect_err("10 MiB"),
            P::TooLong
        );
    }

    #[test]
    fn keys_that_are_not_for_us_are_skipped() {
        let set = parse(&format!(
            r#"{{{EC},"kid":"good"}},{{"kty":"new","kid":"n"}},{{{EC},"kid":"enc","use":"enc"}},{{{EC},"kid":"ops","key_ops":["deriveKey"]}},{{{EC},"kid":"alg","alg":"ES512"}},{{"kty":"OKP","crv":"X25519","kid":"x","x":"AA"}}"#
        ))
        .expect("one good key");
        assert_eq!((set.len(), set.contains("good")), (1, true));
    }

    #[test]
    fn an_rsa_exponent_must_be_odd_and_large() {
        let n = [0xff_u8; 256];
        assert!(strong_rsa(&n, &[1, 0, 1]));
        for e in [&[3_u8][..], &[1, 0, 0], &[], &[1], &[1, 0, 0, 0, 1]] {
            assert!(!strong_rsa(&n, e), "{e:?}");
        }
        assert!(!strong_rsa(&[0xff; 255], &[1, 0, 1]) && !strong_rsa(&[0; 256], &[1, 0, 1]));
    }
}
