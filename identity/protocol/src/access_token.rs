//! Access tokens by RFC 9068: what they say.

use serde::Serialize;

use crate::Timestamp;
use crate::audience::Target;
use crate::client::{Alg, Client};
use crate::scope::Scope;

/// How long an access token lives, in seconds.
pub const LIFE_S: i64 = 300;

/// The `typ` of the header (RFC 9068 §2.1).
pub const TYP: &str = "at+jwt";

/// The claims of an access token (RFC 9068 §2.2), in the order in which they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// The person, or the machine's client id.
    pub sub: String,
    /// The one resource that it is for.
    pub aud: String,
    /// Who asked for it.
    pub client_id: String,
    /// When it was issued, Unix seconds.
    pub iat: i64,
    /// When it ends, Unix seconds.
    pub exp: i64,
    /// Its own name, for revocation.
    pub jti: String,
    /// What it may do.
    #[serde(skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// The family that it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fam: Option<String>,
    /// The person's session, as this client knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The person's roles, for resources that want them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// When the person signed in, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// How surely.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// By what means.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
}

/// What the shell must sign and answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The claims to sign.
    pub claims: Claims,
    /// With a key of this algorithm.
    pub alg: Alg,
    /// `expires_in` of the answer, seconds.
    pub expires_in: i64,
}

/// A machine's token: its `sub` is its client id, and it comes without a refresh token (RFC 6749 §4.4.3).
///
/// `jti` is the caller's randomness.
pub fn for_machine(issuer: &str, client: &Client, target: Target, jti: String, now: Timestamp) -> Issue {
    // A guard refuses what was issued up to `tokens_before`, so what comes after must be stamped after.
    let earliest = client
        .tokens_before
        .map_or(i64::MIN, |before| before.seconds() + 1);
    let iat = now.seconds().max(earliest);
    let id = client.id().as_str().to_owned();
    Issue {
        claims: Claims {
            iss: issuer.to_owned(),
            sub: id.clone(),
            aud: target.audience,
            client_id: id,
            iat,
            exp: iat + LIFE_S,
            jti,
            scope: target.scope,
            fam: None,
            sid: None,
            roles: Vec::new(),
            auth_time: None,
            acr: None,
            amr: Vec::new(),
        },
        alg: client.access_token_alg(),
        expires_in: LIFE_S,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::machine;

    fn target() -> Target {
        Target {
            audience: "urn:latchkey:catalog".into(),
            scope: Scope::parse("catalog.read").unwrap(),
            wants_roles: true,
        }
    }

    #[test]
    fn a_machines_token_says_what_rfc_9068_asks() {
        let issue = for_machine(
            "http://id.test",
            &machine(),
            target(),
            "j1".into(),
            Timestamp(1_000_999),
        );
        assert_eq!(
            serde_json::to_string(&issue.claims).unwrap(),
            r#"{"iss":"http://id.test","sub":"machine","aud":"urn:latchkey:catalog","client_id":"machine","iat":1000,"exp":1300,"jti":"j1","scope":"catalog.read"}"#
        );
    }

    #[test]
    fn a_token_after_a_revocation_of_the_client_is_stamped_after_it() {
        let mut client = machine();
        client.tokens_before = Some(Timestamp(1_000_500));
        let issue = for_machine(
            "http://id.test",
            &client,
            target(),
            "j".into(),
            Timestamp(1_000_700),
        );
        assert_eq!((issue.claims.iat, issue.claims.exp), (1_001, 1_301));
        let later = for_machine(
            "http://id.test",
            &client,
            target(),
            "j".into(),
            Timestamp(5_000_000),
        );
        assert_eq!(later.claims.iat, 5_000);
    }
}
