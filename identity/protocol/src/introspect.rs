//! Introspection (RFC 7662): what a caller may learn about a token.

use serde::Serialize;

use crate::Timestamp;
use crate::client::Client;
use crate::grant_validity::GrantValidity;
use crate::refresh::Family;
use crate::refresh_token::{Checked, Tag};
use crate::resource::{Resource, same};

/// A verified access token, reduced to what this decision needs. Signature, type and expiry are already checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// Its audiences.
    pub aud: &'a [String],
    /// When it was issued, Unix seconds.
    pub iat: i64,
    /// True if `sub` is the client itself.
    pub is_machine: bool,
}

/// Whether the token is active for this caller. `false` is answered with exactly `{"active":false}`.
///
/// Only a caller whose `may_introspect` meets the audience learns anything.
pub fn is_active(
    caller: &Client,
    resources: &[Resource],
    token: &Token<'_>,
    validity: GrantValidity<'_>,
) -> bool {
    let meant = token
        .aud
        .iter()
        .any(|audience| may_ask(caller, resources, audience));
    meant && validity.holds_for_token(token.iat, token.is_machine)
}

/// Whether the caller may learn about tokens for this audience. An alias counts as its resource.
pub fn may_ask(caller: &Client, resources: &[Resource], audience: &str) -> bool {
    caller.metadata.may_introspect.iter().any(|name| {
        name == "*"
            || same(name, audience)
            || resources
                .iter()
                .any(|resource| resource.identifier == audience && resource.answers_to(name))
    })
}

/// The response for an active token (RFC 7662 §2.2).
#[derive(Clone, Debug, Serialize)]
pub struct Active<'a> {
    /// `true`
    pub active: bool,
    /// Its scope.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub scope: &'a str,
    /// The client that requested it.
    pub client_id: &'a str,
    /// `Bearer`
    pub token_type: &'static str,
    /// When it expires, Unix seconds.
    pub exp: i64,
    /// When it was issued, Unix seconds.
    pub iat: i64,
    /// The user or machine.
    pub sub: &'a str,
    /// The audience: a string if there is one, an array if there are more (RFC 7519 §4.1.3).
    #[serde(serialize_with = "one_or_many")]
    pub aud: &'a [String],
    /// The issuer.
    pub iss: &'a str,
    /// Its unique id.
    pub jti: &'a str,
    /// Who acts for the user (RFC 8693 §4.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<&'a serde_json::Value>,
}

fn one_or_many<S: serde::Serializer>(aud: &&[String], serializer: S) -> Result<S::Ok, S::Error> {
    match aud {
        [one] => serializer.serialize_str(one),
        many => serializer.collect_seq(many.iter()),
    }
}

/// Whether a refresh token is active: only for its own client, and only the newest of its family.
pub fn is_active_refresh(
    caller: &Client,
    token: &Checked,
    family: Option<&Family>,
    validity: GrantValidity<'_>,
    latest: Timestamp,
) -> bool {
    let genuine = token.tag() == Tag::Genuine;
    family.is_some_and(|family| {
        genuine
            && family.client == *caller.id()
            && family.generation == token.name().generation
            && family.revoked_at.is_none()
            && !family.is_over(latest)
            && validity.grant(family.offline_at.is_some()).is_ok()
    })
}

/// The response for an active refresh token.
#[derive(Clone, Debug, Serialize)]
pub struct ActiveRefresh<'a> {
    /// `true`
    pub active: bool,
    /// What was granted.
    pub scope: String,
    /// The client that it was issued to.
    pub client_id: &'a str,
    /// The user.
    pub sub: &'a str,
    /// The issuer.
    pub iss: &'a str,
    /// When it expires if unused, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
}

/// The entire response for any other token, byte for byte.
pub const INACTIVE: &str = r#"{"active":false}"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::client::tests::machine;
    use crate::resource::fixture;
    use crate::user::tests::carol;

    fn caller(may: &[&str]) -> Client {
        let mut caller = machine();
        caller.metadata.may_introspect = may.iter().map(|m| (*m).to_owned()).collect();
        caller
    }

    fn active(caller: &Client, aud: &str, validity: GrantValidity<'_>) -> bool {
        let aud = [aud.to_owned()];
        let token = Token {
            aud: &aud,
            iat: 1_000,
            is_machine: true,
        };
        is_active(caller, &fixture(), &token, validity)
    }

    #[test]
    fn one_audience_is_a_string_and_two_are_an_array() {
        let aud = ["urn:x".to_owned(), "https://id.test".to_owned()];
        let told = |aud| {
            let active = Active {
                active: true,
                scope: "",
                client_id: "c",
                token_type: "Bearer",
                exp: 1,
                iat: 0,
                sub: "s",
                aud,
                iss: "https://id.test",
                jti: "j",
                act: None,
            };
            serde_json::to_value(&active).unwrap()["aud"].clone()
        };
        assert_eq!(told(&aud[..1]), serde_json::json!("urn:x"));
        assert_eq!(told(&aud), serde_json::json!(aud));
    }

    /// CVE-2026-37979, IN-02.
    #[test]
    fn a_caller_learns_only_of_tokens_for_its_audience() {
        let client = machine();
        let validity = GrantValidity {
            client: Some(&client),
            ..GrantValidity::default()
        };
        let catalog = "urn:latchkey:catalog";
        assert!(active(&caller(&[catalog]), catalog, validity));
        assert!(active(&caller(&["*"]), catalog, validity));
        for may in [
            &["urn:latchkey:order"][..],
            &[],
            &["urn:latchkey:catalog2"],
            &["urn:latchkey"],
            &["URN:LATCHKEY:CATALOG"],
        ] {
            assert!(!active(&caller(may), catalog, validity), "{may:?}");
        }
    }

    #[test]
    fn a_caller_may_ask_about_an_origin_in_either_spelling() {
        for (may, audience) in [
            ("https://api.test", "https://api.test/"),
            ("https://api.test/", "https://api.test"),
        ] {
            assert!(may_ask(&caller(&[may]), &[], audience), "{may}");
        }
        assert!(!may_ask(
            &caller(&["https://api.test"]),
            &[],
            "https://api.test/v1"
        ));
    }

    #[test]
    fn a_token_is_inactive_when_anything_that_it_stands_on_has_ended() {
        let catalog = "urn:latchkey:catalog";
        let caller = caller(&[catalog]);
        let client = machine();
        let good = GrantValidity {
            client: Some(&client),
            ..GrantValidity::default()
        };
        assert!(active(&caller, catalog, good));
        let mut disabled = machine();
        disabled.disabled_at = Some(Timestamp(1));
        let mut before = machine();
        before.tokens_before = Some(Timestamp(1_000_000));
        let mut machine_before = machine();
        machine_before.machine_tokens_before = Some(Timestamp(1_000_000));
        for (what, validity) in [
            (
                "machine before time",
                GrantValidity {
                    client: Some(&machine_before),
                    ..good
                },
            ),
            (
                "token",
                GrantValidity {
                    token_revoked: true,
                    ..good
                },
            ),
            (
                "family",
                GrantValidity {
                    family_ended: true,
                    ..good
                },
            ),
            ("no client", GrantValidity { client: None, ..good }),
            (
                "disabled client",
                GrantValidity {
                    client: Some(&disabled),
                    ..good
                },
            ),
            (
                "client before time",
                GrantValidity {
                    client: Some(&before),
                    ..good
                },
            ),
        ] {
            assert!(!active(&caller, catalog, validity), "{what}");
        }
        let aud = [catalog.to_owned()];
        let person = Token {
            aud: &aud,
            iat: 1_000,
            is_machine: false,
        };
        assert!(!is_active(&caller, &fixture(), &person, good), "of nobody");
        let carol = carol();
        let beside_a_machine = GrantValidity {
            client: Some(&machine_before),
            person: Some(&carol),
            ..good
        };
        assert!(is_active(&caller, &fixture(), &person, beside_a_machine));
    }
}
