//! The claims of a verified token: those of RFC 9068 and the few that Latchkey adds.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::json::{MemberError, Members};

/// The claims of a verified access token (RFC 9068 §2.2).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// The subject: a user, or the client itself (see [`Claims::is_machine`]).
    pub sub: String,
    /// The resources that the token is meant for; never empty.
    pub aud: Vec<String>,
    /// The client that it was issued to.
    pub client_id: String,
    /// When it was issued, Unix seconds.
    pub iat: i64,
    /// When it expires, Unix seconds.
    pub exp: i64,
    /// Not valid before this time, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// The unique id of the token; the revocation of a single token uses it, never the text of the token.
    pub jti: String,
    /// The granted scopes (RFC 8693 §4.2).
    pub scope: Scopes,
    /// The user's roles, for resources that request them (RFC 9068 §2.2.3.1).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The refresh token family that the token was issued from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fam: Option<String>,
    /// The session, under the `sid` that this client knows (OpenID Connect Front-Channel Logout §3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// When the user last authenticated, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// The authentication context class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// The authentication methods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The key that the token is bound to (RFC 7800); such a token is not a bearer token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Value>,
    /// The party that acts on behalf of the subject (RFC 8693 §4.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<Value>,
    /// The only party that may act on behalf of the subject (RFC 8693 §4.4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub may_act: Option<Value>,
    /// Fine-grained permissions (RFC 9396 §9.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_details: Option<Value>,
}

impl Claims {
    /// True if the client is its own subject, so that no user is involved.
    pub fn is_machine(&self) -> bool {
        self.sub == self.client_id
    }

    /// Members that this crate does not know are ignored (RFC 7519 §4); the known ones are typed.
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, MemberError> {
        let mut members = Members::parse(payload)?;
        Ok(Self {
            iss: members.text("iss")?,
            sub: members.text("sub")?,
            aud: members.audience()?,
            client_id: members.text("client_id")?,
            iat: members.instant("iat")?,
            exp: members.instant("exp")?,
            nbf: members.optional_instant("nbf")?,
            jti: members.text("jti")?,
            scope: Scopes::of(members.optional_text("scope")?)?,
            roles: members.texts("roles")?,
            fam: members.optional_text("fam")?,
            sid: members.optional_text("sid")?,
            auth_time: members.optional_instant("auth_time")?,
            acr: members.optional_text("acr")?,
            amr: members.texts("amr")?,
            cnf: members.value("cnf"),
            act: members.value("act"),
            may_act: members.value("may_act"),
            authorization_details: members.value("authorization_details"),
        })
    }
}

/// A set of scope names, in the order of the token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// RFC 6749 §3.3: names separated by single spaces. The empty text is not a scope.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::default());
        }
        text.split(' ')
            .map(|name| is_scope_name(name).then(|| name.to_owned()))
            .collect::<Option<_>>()
            .map(Self)
    }

    /// True if the set contains this name.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|held| held == name)
    }

    /// The names, in the order of the token.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// True if the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of(text: Option<String>) -> Result<Self, MemberError> {
        Self::parse(text.as_deref().unwrap_or("")).ok_or(MemberError::Mistyped("scope"))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, target: S) -> Result<S::Ok, S::Error> {
        target.collect_str(self)
    }
}

/// RFC 6749 §3.3: `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`.
#[doc(hidden)]
pub const fn is_scope_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !matches!(bytes[at], 0x21 | 0x23..=0x5b | 0x5d..=0x7e) {
            return false;
        }
        at += 1;
    }
    !bytes.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_names_are_separated_by_single_spaces() {
        for text in [" a", "a ", "a  b", "a\tb", "a\"b", "a\\b", "ä"] {
            assert_eq!(Scopes::parse(text), None, "{text:?}");
        }
        let scope = Scopes::parse("catalog.read catalog.write").expect("well formed");
        assert!(scope.contains("catalog.write") && !scope.contains("catalog") && !scope.contains(""));
    }

    #[test]
    fn a_scope_that_is_no_string_is_not_taken_for_none() {
        assert_eq!(
            Claims::parse(
                br#"{"iss":"i","sub":"s","aud":"a","client_id":"c","iat":1,"exp":2,"jti":"j","scope":["x"]}"#
            )
            .expect_err("array"),
            MemberError::Mistyped("scope")
        );
    }
}
