//! The headers by which the edge names a verified caller, to upstreams and to other proxies.
//!
//! A client's own headers of these names never pass (`sanitize_headers`). All of them are always set, so that a proxy
//! which copies them overwrites whatever its client sent.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use latchkey_guard::Access;

use crate::path::is_unreserved;

/// A verified caller.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub access: Access,
    /// The display name of a user who signed in at the edge.
    pub name: Option<String>,
}

impl Identity {
    pub(crate) fn set(&self, headers: &mut HeaderMap) {
        let claims = self.access.claims();
        let scopes: Vec<&str> = claims.scope.iter().collect();
        let roles: Vec<String> = claims.roles.iter().map(|role| encoded(role)).collect();
        let pairs = [
            (SUBJECT, encoded(&claims.sub)),
            (CLIENT, encoded(&claims.client_id)),
            (SCOPES, encoded(&scopes.join(" "))),
            (ROLES, roles.join(",")),
            (ACTOR, encoded(self.access.actor().unwrap_or_default())),
            (ACR, encoded(claims.acr.as_deref().unwrap_or_default())),
            (NAME, encoded(self.name.as_deref().unwrap_or_default())),
            (EXPIRES, claims.exp.to_string()),
        ];
        for (name, text) in pairs {
            let value = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
            headers.insert(name, value);
        }
    }
}

/// The text with everything percent-encoded that could be read in two ways in a header.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = is_unreserved(byte) || matches!(byte, b' ' | b':' | b'/' | b'@' | b'+' | b'=' | b'*');
        if plain {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode_upper([byte]));
        }
    }
    encoded
}

const SUBJECT: HeaderName = HeaderName::from_static("x-auth-subject");
const CLIENT: HeaderName = HeaderName::from_static("x-auth-client");
const SCOPES: HeaderName = HeaderName::from_static("x-auth-scopes");
const ROLES: HeaderName = HeaderName::from_static("x-auth-roles");
const ACTOR: HeaderName = HeaderName::from_static("x-auth-actor");
const ACR: HeaderName = HeaderName::from_static("x-auth-acr");
const NAME: HeaderName = HeaderName::from_static("x-auth-name");
const EXPIRES: HeaderName = HeaderName::from_static("x-auth-expires");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_users_cannot_break_out_of_its_header() {
        for (text, header) in [
            ("alice", "alice"),
            ("urn:latchkey:catalog", "urn:latchkey:catalog"),
            ("a\r\nx-auth-roles: admin", "a%0D%0Ax-auth-roles: admin"),
            ("Ayşe Öz", "Ay%C5%9Fe %C3%96z"),
            ("100%", "100%25"),
            ("a;b\"c,d", "a%3Bb%22c%2Cd"),
        ] {
            assert_eq!(encoded(text), header);
            assert!(HeaderValue::from_str(&encoded(text)).is_ok());
        }
    }
}
