//! ID tokens: their claims (OpenID Connect Core §2), and their use as a hint.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256, Sha512};

use crate::Timestamp;
use crate::client::{Alg, Client, ClientId};
use crate::session::SignIn;

/// The lifetime of an ID token, in seconds: it is used once, right away.
pub const LIFE_S: i64 = 300;

/// The claims of an ID token, in the order in which they are serialized.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// The user.
    pub sub: String,
    /// The client.
    pub aud: String,
    /// The client again, as the only authorized party.
    pub azp: String,
    /// When it expires, Unix seconds.
    pub exp: i64,
    /// When it was issued, Unix seconds.
    pub iat: i64,
    /// When the user signed in, Unix seconds.
    pub auth_time: i64,
    /// `nonce` of the authorization request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The hash of the access token issued with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// The session, under the `sid` that this client knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The authentication context class of the sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// The authentication methods of the sign-in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The user's groups, for clients with the scope for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Claims of the user that the request named (OpenID Connect Core §5.5). Like `nonce`, only in the first ID token; what
    /// scopes open is at userinfo otherwise (§5.4).
    #[serde(flatten)]
    pub user: Map<String, Value>,
}

/// The claims for a sign-in. `nonce` is only in the first ID token: a refreshed one keeps iss, sub, aud, azp and
/// auth_time, and has a new iat (OpenID Connect Core §12.2).
pub fn claims(
    issuer: &str,
    client: &Client,
    sub: &str,
    sid: Option<&str>,
    sign_in: &SignIn,
    nonce: Option<&str>,
    now: Timestamp,
) -> Claims {
    let client = client.id().as_str();
    Claims {
        iss: issuer.to_owned(),
        sub: sub.to_owned(),
        aud: client.to_owned(),
        azp: client.to_owned(),
        exp: now.seconds() + LIFE_S,
        iat: now.seconds(),
        auth_time: sign_in.auth_time.seconds(),
        nonce: nonce.map(str::to_owned),
        at_hash: None,
        sid: sid.map(str::to_owned),
        acr: sign_in.acr.clone(),
        amr: sign_in.amr.clone(),
        groups: Vec::new(),
        user: Map::new(),
    }
}

impl Claims {
    /// The same claims with the names of the user's groups.
    pub fn naming(self, groups: &[String]) -> Self {
        Self {
            groups: groups.to_vec(),
            ..self
        }
    }

    /// The same claims with these of the user.
    pub fn telling(self, user: Map<String, Value>) -> Self {
        Self { user, ..self }
    }

    /// The same claims with the hash of this signed access token. `alg` signs the ID token.
    pub fn beside(self, access_token: &str, alg: Alg) -> Self {
        Self {
            at_hash: Some(at_hash(access_token, alg)),
            ..self
        }
    }
}

/// The left half of the hash that belongs to the signature algorithm (OpenID Connect Core §3.1.3.6). Ed25519 hashes
/// with SHA-512 (RFC 8032 §5.1).
pub fn at_hash(access_token: &str, alg: Alg) -> String {
    match alg {
        Alg::ES256 | Alg::RS256 | Alg::PS256 => URL_SAFE_NO_PAD.encode(&Sha256::digest(access_token)[..16]),
        Alg::EdDSA => URL_SAFE_NO_PAD.encode(&Sha512::digest(access_token)[..32]),
    }
}

/// What an `id_token_hint` turned out to be. Signature, issuer and type are checked against every key that ever signed
/// and was not revoked; expiry does not matter (OpenID Connect RP-Initiated Logout §4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hint {
    /// None was sent.
    Absent,
    /// It is not an ID token of ours.
    Broken,
    /// A valid one.
    Ours {
        /// Its `sub`.
        sub: String,
        /// The client that it was issued to.
        client: ClientId,
        /// Its `sid`.
        sid: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::machine;

    #[test]
    fn a_refreshed_id_token_says_the_same_of_the_sign_in() {
        let sign_in = SignIn::password(Timestamp(900_500));
        let first = claims(
            "https://id.test",
            &machine(),
            "u1",
            Some("s1"),
            &sign_in,
            Some("n"),
            Timestamp(1_000_999),
        );
        let first = first.beside("access", Alg::RS256);
        assert_eq!(
            serde_json::to_string(&first).unwrap(),
            r#"{"iss":"https://id.test","sub":"u1","aud":"machine","azp":"machine","exp":1300,"iat":1000,"auth_time":900,"nonce":"n","at_hash":"oFYf1knNtrqnhAVfBRuteQ","sid":"s1","acr":"urn:latchkey:acr:password","amr":["pwd"]}"#
        );
        let later = claims(
            "https://id.test",
            &machine(),
            "u1",
            Some("s1"),
            &sign_in,
            None,
            Timestamp(9_000_000),
        );
        let kept = |c: &Claims| {
            (
                c.iss.clone(),
                c.sub.clone(),
                c.aud.clone(),
                c.azp.clone(),
                c.auth_time,
                c.sid.clone(),
            )
        };
        assert_eq!(kept(&later), kept(&first));
        assert_eq!((later.iat, later.nonce), (9_000, None));
    }

    #[test]
    fn no_nonce_in_none_out() {
        let sign_in = SignIn::password(Timestamp(0));
        let text =
            serde_json::to_string(&claims("i", &machine(), "u", None, &sign_in, None, Timestamp(0))).unwrap();
        assert!(!text.contains("nonce") && !text.contains("sid") && !text.contains("at_hash"));
    }

    #[test]
    fn at_hash_is_the_left_half_of_the_signatures_hash() {
        // OpenID Connect Core appendix A.3.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        for alg in [Alg::RS256, Alg::ES256, Alg::PS256] {
            assert_eq!(at_hash(token, alg), "77QmUPtjPfzWtF2AnpK9RQ");
        }
        assert_eq!(at_hash(token, Alg::EdDSA).len(), 43);
    }
}
