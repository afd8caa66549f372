//! Userinfo (OpenID Connect Core §5.3): who may ask, and which claims go with which scope (§5.4).

use serde_json::{Map, Value};

use crate::error::OAuthError;
use crate::grant_validity::GrantValidity;
use crate::groups;
use crate::scope::{GROUPS, Scope};
use crate::user::User;

/// A verified access token, reduced to what userinfo needs. Signature, type and expiry are already checked.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    /// Its audiences.
    pub aud: &'a [String],
    /// Its scope.
    pub scope: &'a Scope,
    /// When it was issued, Unix seconds.
    pub iat: i64,
    /// True if `sub` is the client itself.
    pub is_machine: bool,
}

/// The claims that each scope grants (OpenID Connect Core §5.4), and `updated_at` with the profile.
const PROFILE: [&str; 14] = [
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "updated_at",
];
const EMAIL: [&str; 2] = ["email", "email_verified"];
const ADDRESS: [&str; 1] = ["address"];
const PHONE: [&str; 2] = ["phone_number", "phone_number_verified"];

/// The entire response, or the error. Only an active user's token for the issuer, with `openid`, yields claims.
pub fn answer(
    issuer: &str,
    token: Token<'_>,
    validity: GrantValidity<'_>,
) -> Result<Map<String, Value>, OAuthError> {
    let lives = validity.holds_for_token(token.iat, token.is_machine);
    let meant = token.aud.iter().any(|audience| audience == issuer);
    match validity.person {
        Some(person) if lives && meant && !token.is_machine => {
            if !token.scope.has("openid") {
                return Err(OAuthError::InsufficientScope);
            }
            if token.scope.has(GROUPS) && !groups::fit(&person.groups) {
                return Err(OAuthError::TooManyGroups);
            }
            Ok(claims(person, token.scope))
        }
        _ => Err(OAuthError::InvalidToken),
    }
}

/// `sub`, and the claims of the profile that the scopes grant. Unknown claims are omitted, never null.
pub fn claims(person: &User, scope: &Scope) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("sub".to_owned(), Value::from(person.id.as_str()));
    let opened: [(&str, &[&str]); 4] = [
        ("profile", &PROFILE),
        ("email", &EMAIL),
        ("address", &ADDRESS),
        ("phone", &PHONE),
    ];
    for (_, names) in opened.iter().filter(|(name, _)| scope.has(name)) {
        for name in *names {
            if let Some(value) = value(person, name) {
                out.insert((*name).to_owned(), value);
            }
        }
    }
    if scope.has(GROUPS) {
        out.insert(GROUPS.to_owned(), Value::from(person.groups.clone()));
    }
    out
}

/// Those of these claims that the scopes grant.
pub fn named(person: &User, scope: &Scope, names: &[String]) -> Map<String, Value> {
    let granted = claims(person, scope).into_iter();
    granted
        .filter(|(name, _)| of_the_user().any(|known| known == name) && names.contains(name))
        .collect()
}

/// The claims of a user that a request may name.
pub fn of_the_user() -> impl Iterator<Item = &'static str> {
    PROFILE.into_iter().chain(EMAIL).chain(ADDRESS).chain(PHONE)
}

/// Every claim that a scope grants.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROFILE
        .into_iter()
        .chain(EMAIL)
        .chain(ADDRESS)
        .chain(PHONE)
        .chain([GROUPS])
}

fn value(person: &User, name: &str) -> Option<Value> {
    match name {
        // The issuer's own data takes precedence over the profile.
        // Whoever came from another provider may have none.
        "email" | "email_verified" if person.email.is_empty() => None,
        "email" => Some(Value::from(person.email.as_str())),
        "email_verified" => Some(Value::from(person.email_verified_at.is_some())),
        "updated_at" => Some(Value::from(person.updated_at.seconds())),
        "preferred_username" => Some(
            person
                .claims
                .get(name)
                .cloned()
                .unwrap_or_else(|| Value::from(person.username.as_str())),
        ),
        _ => person.claims.get(name).filter(|value| !value.is_null()).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::client::tests::machine;
    use crate::user::tests::carol;

    fn ask(
        aud: &str,
        scope: &str,
        change: impl Fn(&mut GrantValidity<'_>, &mut Token<'_>, &mut User),
    ) -> Result<Vec<String>, &'static str> {
        let (aud, scope, client, mut person) =
            ([aud.to_owned()], Scope::parse(scope).unwrap(), machine(), carol());
        let mut token = Token {
            aud: &aud,
            scope: &scope,
            iat: 1_000,
            is_machine: false,
        };
        let mut validity = GrantValidity {
            client: Some(&client),
            ..GrantValidity::default()
        };
        change(&mut validity, &mut token, &mut person);
        let validity = GrantValidity {
            person: Some(&person),
            ..validity
        };
        answer("https://id.test", token, validity)
            .map(|claims| claims.keys().cloned().collect())
            .map_err(|error| error.wire().code)
    }

    /// ID-04.
    #[test]
    fn only_a_live_token_for_the_issuer_with_openid_learns_anything() {
        let ours = "https://id.test";
        assert_eq!(ask(ours, "openid", |_, _, _| {}), Ok(vec!["sub".to_owned()]));
        assert_eq!(
            ask("urn:latchkey:catalog", "openid", |_, _, _| {}),
            Err("invalid_token")
        );
        assert_eq!(ask(ours, "profile", |_, _, _| {}), Err("insufficient_scope"));
        type Change = fn(&mut GrantValidity<'_>, &mut Token<'_>, &mut User);
        let spoiled: [(&str, Change); 8] = [
            ("machine", |_, t, _| t.is_machine = true),
            ("token revoked", |v, _, _| v.token_revoked = true),
            ("family ended", |v, _, _| v.family_ended = true),
            ("no client", |v, _, _| v.client = None),
            ("disabled", |_, _, p| p.disabled_at = Some(Timestamp(1))),
            ("locked", |_, _, p| p.locked_at = Some(Timestamp(1))),
            ("deleted", |_, _, p| p.deleted_at = Some(Timestamp(1))),
            ("before", |_, _, p| p.tokens_before = Some(Timestamp(1_000_500))),
        ];
        for (what, change) in spoiled {
            assert_eq!(
                ask(ours, "openid profile", change),
                Err("invalid_token"),
                "{what}"
            );
        }
        let (aud, scope, client) = ([ours.to_owned()], Scope::parse("openid").unwrap(), machine());
        let token = Token {
            aud: &aud,
            scope: &scope,
            iat: 1_000,
            is_machine: false,
        };
        let of_nobody = GrantValidity {
            client: Some(&client),
            ..GrantValidity::default()
        };
        assert_eq!(answer(ours, token, of_nobody), Err(OAuthError::InvalidToken));
    }

    #[test]
    fn groups_are_told_by_their_scope_alone_and_never_cut() {
        assert_eq!(
            ask("https://id.test", "openid groups", |_, _, p| p.groups =
                vec!["a".into()]),
            Ok(vec!["groups".to_owned(), "sub".to_owned()])
        );
        let many = |_: &mut GrantValidity<'_>, _: &mut Token<'_>, p: &mut User| {
            p.groups = vec!["a".into(); 101];
        };
        assert_eq!(
            ask("https://id.test", "openid groups", many),
            Err("invalid_scope")
        );
        assert_eq!(ask("https://id.test", "openid", many), Ok(vec!["sub".to_owned()]));
    }

    /// ID-04.
    #[test]
    fn each_scope_opens_its_own_claims_alone() {
        let mut person = carol();
        for (name, value) in [
            ("given_name", Value::from("Carol")),
            ("phone_number", Value::from("+1")),
            ("address", serde_json::json!({ "country": "PT" })),
            // A profile cannot set these.
            ("sub", Value::from("somebody")),
            ("email", Value::from("evil@x.test")),
            ("email_verified", Value::from(true)),
        ] {
            person.claims.insert(name.into(), value);
        }
        person.email_verified_at = None;
        let of =
            |scope: &str| serde_json::to_string(&claims(&person, &Scope::parse(scope).unwrap())).unwrap();
        let sub = format!(r#""sub":"{}""#, person.id);
        assert_eq!(of("openid"), format!("{{{sub}}}"));
        assert_eq!(
            of("openid email"),
            format!(r#"{{"email":"carol@example.test","email_verified":false,{sub}}}"#)
        );
        assert_eq!(of("openid phone"), format!(r#"{{"phone_number":"+1",{sub}}}"#));
        assert_eq!(
            of("openid address"),
            format!(r#"{{"address":{{"country":"PT"}},{sub}}}"#)
        );
        assert_eq!(
            of("openid profile"),
            format!(
                r#"{{"given_name":"Carol","name":"Carol","preferred_username":"carol",{sub},"updated_at":5}}"#
            )
        );
    }
}
