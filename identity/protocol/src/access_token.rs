//! Access tokens (RFC 9068): their claims.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::audience::{Audience, Target, UserTarget};
use crate::client::{Alg, Client};
use crate::scope::Scope;
use crate::session::SignIn;
use crate::user::User;

/// The lifetime of an access token, in seconds.
pub const LIFE_S: i64 = 300;

/// The `typ` of the header (RFC 9068 §2.1).
pub const TYP: &str = "at+jwt";

/// The claims of an access token (RFC 9068 §2.2), in the order in which they are serialized.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claims<A = String> {
    /// The issuer.
    pub iss: String,
    /// The user's id, or the client id of a machine.
    pub sub: String,
    /// The one resource that the token is for, or an [`Audience`].
    pub aud: A,
    /// The client that requested the token.
    pub client_id: String,
    /// When it was issued, Unix seconds.
    pub iat: i64,
    /// When it expires, Unix seconds.
    pub exp: i64,
    /// The unique id of the token, for revocation.
    pub jti: String,
    /// The granted scope.
    #[serde(skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// The family that it was issued from; absent for machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fam: Option<String>,
    /// The user's session, under the `sid` that this client knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The user's roles, for resources that request them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The user's groups, for resources that request them and clients that may.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// When the user signed in, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// The authentication context class of the sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// The authentication methods of the sign-in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The client that acts for the user, where the token was exchanged for another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
}

/// A client that acts for the subject of a token (RFC 8693 §4.1), and the one that it acts for in turn. Only the
/// outermost authorizes anything; the others tell the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The id of the client.
    pub sub: String,
    /// The client that acted before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Actor>>,
}

impl Actor {
    /// How many clients act, one for another.
    pub fn depth(&self) -> usize {
        1 + self.act.as_deref().map_or(0, Self::depth)
    }
}

/// An access token to sign, and what the response says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue<A = String> {
    /// The claims to sign.
    pub claims: Claims<A>,
    /// The signature algorithm.
    pub alg: Alg,
    /// `expires_in` of the response, in seconds.
    pub expires_in: i64,
}

/// A machine's token: its `sub` is its client id, and it comes without a refresh token (RFC 6749 §4.4.3).
///
/// `jti` is random and supplied by the caller.
pub fn for_machine(issuer: &str, client: &Client, target: Target, jti: String, now: Timestamp) -> Issue {
    let iat = now.seconds().max(valid_from(client, None));
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
            groups: Vec::new(),
            auth_time: None,
            acr: None,
            amr: Vec::new(),
            act: None,
        },
        alg: client.access_token_alg(),
        expires_in: LIFE_S,
    }
}

/// The first second whose access tokens count, of a client for this person or in its own name: those of before have ended.
/// Whoever issues one stamps it no earlier.
pub fn valid_from(client: &Client, person: Option<&User>) -> i64 {
    let also = match person {
        Some(person) => person.tokens_before,
        None => client.machine_tokens_before,
    };
    let before: Option<Timestamp> = client.tokens_before.max(also);
    before.map_or(i64::MIN, |before| before.seconds() + 1)
}

/// The claims of a user's token besides its target.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The issuer.
    pub issuer: &'a str,
    /// The client that requests the token.
    pub client: &'a Client,
    /// The user that the token speaks for.
    pub person: &'a User,
    /// The family that the token is issued from.
    pub fam: &'a str,
    /// The session, under the `sid` that this client knows.
    pub sid: Option<&'a str>,
    /// How the user signed in.
    pub sign_in: &'a SignIn,
    /// When the family expires; the token does not outlive it.
    pub ends_at: Option<Timestamp>,
    /// The random `jti`, supplied by the caller.
    pub jti: &'a str,
}

/// A user's token, or `None` if less than a whole second of the family's lifetime is left; the caller then reports that
/// the family has expired.
pub fn for_person(source: Source<'_>, target: &UserTarget, now: Timestamp) -> Option<Issue<Audience>> {
    let Source {
        client,
        person,
        sign_in,
        ..
    } = source;
    let iat = now.seconds().max(valid_from(client, Some(person)));
    let end = source.ends_at.map_or(i64::MAX, Timestamp::seconds);
    let exp = (iat + LIFE_S).min(end);
    (exp > iat).then(|| Issue {
        claims: Claims {
            iss: source.issuer.to_owned(),
            sub: person.id.clone(),
            aud: target.audience.clone(),
            client_id: client.id().as_str().to_owned(),
            iat,
            exp,
            jti: source.jti.to_owned(),
            scope: target.scope.clone(),
            fam: Some(source.fam.to_owned()),
            sid: source.sid.map(str::to_owned),
            roles: target.roles.clone(),
            groups: target.resource_groups.clone(),
            auth_time: Some(sign_in.auth_time.seconds()),
            acr: sign_in.acr.clone(),
            amr: sign_in.amr.clone(),
            act: None,
        },
        alg: client.access_token_alg(),
        expires_in: exp - now.seconds(),
    })
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

    #[test]
    fn a_persons_token_ends_with_its_family_and_comes_after_every_revocation() {
        let mut person = crate::user::tests::carol();
        let sign_in = SignIn::password(Timestamp(900_000));
        let client = machine();
        let target = UserTarget {
            audience: Audience::Both("urn:latchkey:catalog".into(), "http://id.test".into()),
            scope: Scope::parse("catalog.read openid").unwrap(),
            roles: vec!["instructor".into()],
            groups: Vec::new(),
            resource_groups: Vec::new(),
            id_token: true,
        };
        let issue = |person: &User, ends_at| {
            let source = Source {
                issuer: "http://id.test",
                client: &client,
                person,
                fam: "f1",
                sid: Some("s1"),
                sign_in: &sign_in,
                ends_at,
                jti: "j1",
            };
            for_person(source, &target, Timestamp(1_000_999))
        };
        let whole = issue(&person, None).unwrap();
        assert_eq!(
            serde_json::to_string(&whole.claims).unwrap(),
            format!(
                r#"{{"iss":"http://id.test","sub":"{}","aud":["urn:latchkey:catalog","http://id.test"],"client_id":"machine","iat":1000,"exp":1300,"jti":"j1","scope":"catalog.read openid","fam":"f1","sid":"s1","roles":["instructor"],"auth_time":900,"acr":"urn:latchkey:acr:password","amr":["pwd"]}}"#,
                person.id
            )
        );
        let short = issue(&person, Some(Timestamp(1_010_999))).unwrap();
        assert_eq!((short.claims.exp, short.expires_in), (1_010, 10));
        assert_eq!(issue(&person, Some(Timestamp(1_000_999))), None);
        person.tokens_before = Some(Timestamp(1_000_100));
        assert_eq!(issue(&person, None).unwrap().claims.iat, 1_001);
    }
}
