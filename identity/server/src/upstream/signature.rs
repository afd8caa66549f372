//! The signature of a provider's token: by a key of its own, with an algorithm that was chosen here.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey};
use latchkey_protocol::upstream::id_token::LONGEST;
use serde::Deserialize;
use serde_json::Value;

use super::error::UpstreamError;

/// A token whose signature has yet to be verified.
#[derive(Debug)]
pub(super) struct Jws<'a> {
    pub kid: Option<String>,
    alg: String,
    algorithm: Algorithm,
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
}

/// A token whose signature was verified.
#[derive(Debug)]
pub(super) struct Verified {
    pub claims: Value,
    /// The issuer that the key is restricted to, as Microsoft states it.
    pub key_issuer: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

impl<'a> Jws<'a> {
    /// Reads a token that is signed with one of these algorithms.
    pub fn parse(token: &'a str, accepted: &[&str]) -> Result<Self, UpstreamError> {
        let refused = UpstreamError::Signature;
        if token.len() > LONGEST {
            return Err(refused("the token is too long"));
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(refused("the token does not have three parts"));
        };
        let decoded = URL_SAFE_NO_PAD.decode(header).ok();
        let decoded = decoded.and_then(|json| serde_json::from_slice::<Header>(&json).ok());
        let read = decoded.ok_or_else(|| refused("the header cannot be read"))?;
        if read.crit.is_some() {
            return Err(refused("the header has critical members"));
        }
        let algorithm = algorithm(&read.alg).filter(|_| accepted.contains(&read.alg.as_str()));
        Ok(Self {
            algorithm: algorithm.ok_or_else(|| refused("the algorithm is not accepted"))?,
            kid: read.kid,
            alg: read.alg,
            signed: &token[..header.len() + 1 + payload.len()],
            payload,
            signature,
        })
    }

    /// Verifies the token with the one key of the set that it can be signed with.
    pub fn verify(&self, keys: &[Value]) -> Result<Verified, UpstreamError> {
        let refused = UpstreamError::Signature;
        let mut fitting = keys.iter().filter(|key| self.fits(key));
        let (Some(key), None) = (fitting.next(), fitting.next()) else {
            return Err(refused("no key, or more than one, can have signed the token"));
        };
        let jwk: Jwk = serde_json::from_value(key.clone()).map_err(|_| refused("the key cannot be read"))?;
        let decoding = DecodingKey::from_jwk(&jwk).map_err(|_| refused("the key cannot be used"))?;
        let genuine =
            jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), &decoding, self.algorithm);
        if !genuine.unwrap_or(false) {
            return Err(refused("it does not verify"));
        }
        let payload = URL_SAFE_NO_PAD.decode(self.payload).ok();
        let claims = payload.and_then(|json| serde_json::from_slice::<Value>(&json).ok());
        let claims = claims.filter(Value::is_object);
        Ok(Verified {
            claims: claims.ok_or_else(|| refused("the claims cannot be read"))?,
            key_issuer: member(key, "issuer").map(str::to_owned),
        })
    }

    /// Whether a key is for this algorithm and has the name that the token says, if it says one (RFC 8725 §3.1).
    fn fits(&self, key: &Value) -> bool {
        let kind = match self.algorithm {
            Algorithm::ES256 => member(key, "kty") == Some("EC") && member(key, "crv") == Some("P-256"),
            Algorithm::EdDSA => member(key, "kty") == Some("OKP") && member(key, "crv") == Some("Ed25519"),
            _ => member(key, "kty") == Some("RSA"),
        };
        let for_signatures = member(key, "use").is_none_or(|purpose| purpose == "sig");
        let for_this = member(key, "alg").is_none_or(|alg| alg == self.alg);
        let named = self
            .kid
            .as_deref()
            .is_none_or(|kid| member(key, "kid") == Some(kid));
        kind && for_signatures && for_this && named
    }
}

fn member<'a>(key: &'a Value, name: &str) -> Option<&'a str> {
    key.get(name).and_then(Value::as_str)
}

fn algorithm(name: &str) -> Option<Algorithm> {
    Some(match name {
        "RS256" => Algorithm::RS256,
        "PS256" => Algorithm::PS256,
        "ES256" => Algorithm::ES256,
        "EdDSA" => Algorithm::EdDSA,
        _ => return None,
    })
}
