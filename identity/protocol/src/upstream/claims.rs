//! What is read from what a provider says: a fixed list, each in its limits, after the rules of its kind.

use serde_json::{Map, Value};
use url::Url;

use super::id_token::{Subject, Unproved};
use super::text::{exact, text};
use super::{Claim, Kind, Provider, UpstreamIdentity};
use crate::Timestamp;

/// The longest address of a picture, in bytes.
const LONGEST_PICTURE: usize = 2_048;
/// The longest address (RFC 5321 §4.5.3.1.3), in bytes.
const LONGEST_EMAIL: usize = 254;
/// How many roles are read at most.
const ROLES: usize = 1_000;

/// What the userinfo endpoint adds to an ID token. It speaks of the same subject or of nobody (OpenID Connect Core §5.3.2),
/// and what is signed stays. Whether an address is verified is said of the address beside it, and of no other.
pub fn with_userinfo(provider: &Provider, token: Value, userinfo: &Value) -> Result<Value, Unproved> {
    let same = userinfo.get("sub").is_some() && userinfo.get("sub") == token.get("sub");
    let (true, Value::Object(mut claims), Some(more)) = (same, token, userinfo.as_object()) else {
        return Err(Unproved::Subject);
    };
    let (address, verified) = (
        called(provider, Claim::Email),
        called(provider, Claim::EmailVerified),
    );
    let stated = more.get(address);
    let apart = match claims.get(address) {
        Some(signed) => stated != Some(signed),
        None => {
            if stated.is_some() {
                claims.remove(verified);
            }
            false
        }
    };
    for (name, value) in more {
        let is_of_another = apart && name == verified;
        if !is_of_another && !SIGNED_ALONE.contains(&name.as_str()) {
            claims.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    Ok(Value::Object(claims))
}

/// Claims about the sign-in itself, which only the ID token makes.
const SIGNED_ALONE: [&str; 5] = ["acr", "amr", "auth_time", "sid", "xms_edov"];

/// Somebody, by the claims of an OpenID provider.
pub fn identity(provider: &Provider, claims: &Value, subject: Subject) -> UpstreamIdentity {
    let value = |claim: Claim| claims.get(called(provider, claim));
    let email = email(value(Claim::Email));
    let verified = email
        .as_deref()
        .is_some_and(|email| vouches(provider, claims, value(Claim::EmailVerified), email));
    let acr = claims.get("acr").and_then(Value::as_str);
    UpstreamIdentity {
        provider: provider.id.clone(),
        issuer: subject.issuer,
        subject: subject.subject,
        email_verified: verified,
        email,
        username: text(value(Claim::Username)),
        name: text(value(Claim::Name)),
        given_name: text(value(Claim::GivenName)),
        family_name: text(value(Claim::FamilyName)),
        locale: text(value(Claim::Locale)),
        picture: picture(value(Claim::Picture)),
        roles: roles(provider, value(Claim::Roles)),
        acr: provider
            .acr
            .filter(|_| acr.is_some_and(|acr| provider.acr_values.iter().any(|known| known == acr))),
        auth_time: claims
            .get("auth_time")
            .and_then(Value::as_i64)
            .and_then(|seconds| seconds.checked_mul(1_000))
            .map(Timestamp),
        sid: exact(claims.get("sid")),
    }
}

/// Somebody at GitHub: by the number of the account, since names are given away again.
pub fn github(provider: &Provider, user: &Value, emails: &Value) -> Result<UpstreamIdentity, Unproved> {
    let id = user.get("id").and_then(Value::as_u64).filter(|id| *id > 0);
    let subject = Subject {
        issuer: provider.issuer.clone(),
        subject: id.ok_or(Unproved::Subject)?.to_string(),
    };
    let is = |entry: &Value, what: &str| entry.get(what).and_then(Value::as_bool) == Some(true);
    let mut listed = emails.as_array().into_iter().flatten();
    let primary = listed.find(|entry| is(entry, "primary") && is(entry, "verified"));
    let mut claims = Map::new();
    let mut take = |name: &str, value: Option<&Value>| {
        if let Some(value) = value {
            claims.insert(name.to_owned(), value.clone());
        }
    };
    take("preferred_username", user.get("login"));
    take("name", user.get("name"));
    take("picture", user.get("avatar_url"));
    take("email", primary.and_then(|entry| entry.get("email")));
    take("email_verified", primary.and_then(|entry| entry.get("verified")));
    Ok(identity(provider, &Value::Object(claims), subject))
}

/// The names that Apple posts with the first sign-in: given and family name. Nothing has signed them, so they fill in a
/// form and no more.
pub fn apple_names(user: &str) -> (Option<String>, Option<String>) {
    let Ok(user) = serde_json::from_str::<Value>(user) else {
        return (None, None);
    };
    let of = |name: &str| text(user.pointer(name));
    (of("/name/firstName"), of("/name/lastName"))
}

/// The name of a claim at a provider.
fn called(provider: &Provider, claim: Claim) -> &str {
    let other = provider.claim_map.0.get(&claim);
    other.map_or(standard(claim), String::as_str)
}

/// The name of a claim at a provider that has no other for it.
const fn standard(claim: Claim) -> &'static str {
    match claim {
        Claim::Username => "preferred_username",
        Claim::Email
        | Claim::EmailVerified
        | Claim::Name
        | Claim::GivenName
        | Claim::FamilyName
        | Claim::Locale
        | Claim::Picture
        | Claim::Roles => claim.name(),
    }
}

/// Whether the provider has proved that the address is the user's.
fn vouches(provider: &Provider, claims: &Value, verified: Option<&Value>, email: &str) -> bool {
    let yes = verified.and_then(Value::as_bool) == Some(true);
    match provider.kind {
        Kind::Oidc | Kind::GitLab | Kind::GitHub => yes,
        // Of any other address Google knows only that it was once confirmed.
        Kind::Google => {
            let domain = domain(email);
            let of_tenant = claims.get("hd").and_then(Value::as_str);
            yes && (domain == "gmail.com" || of_tenant.is_some_and(|hd| hd.eq_ignore_ascii_case(&domain)))
        }
        // An administrator of a tenant writes any address; this claim says that its domain is the tenant's.
        Kind::Microsoft => match claims.get("xms_edov") {
            Some(Value::Bool(owned)) => *owned,
            Some(Value::String(owned)) => owned == "1" || owned.eq_ignore_ascii_case("true"),
            Some(Value::Number(owned)) => owned.as_i64() == Some(1),
            Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => false,
        },
        // Booleans as text.
        Kind::Apple => yes || verified.and_then(Value::as_str) == Some("true"),
    }
}

fn domain(email: &str) -> String {
    let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
    domain.to_ascii_lowercase()
}

fn email(value: Option<&Value>) -> Option<String> {
    let email = text(value).filter(|email| email.len() <= LONGEST_EMAIL)?;
    let (local, domain) = email.rsplit_once('@')?;
    let fine = !local.is_empty() && !domain.is_empty() && !email.chars().any(char::is_whitespace);
    fine.then_some(email)
}

fn picture(value: Option<&Value>) -> Option<String> {
    let address = value?.as_str()?;
    let url = Url::parse(address)
        .ok()
        .filter(|_| address.len() <= LONGEST_PICTURE)?;
    (url.scheme() == "https" && url.host().is_some()).then(|| url.to_string())
}

/// Our roles by the table of the provider: what is not in it gives nothing.
fn roles(provider: &Provider, value: Option<&Value>) -> Vec<String> {
    let named: Vec<&str> = match value {
        Some(Value::Array(all)) => all.iter().take(ROLES).filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one],
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
    };
    let mut roles: Vec<String> = named
        .into_iter()
        .filter_map(|name| provider.roles.get(name))
        .flatten()
        .cloned()
        .collect();
    roles.sort();
    roles.dedup();
    roles
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::super::ClaimMap;
    use super::super::tests::provider;
    use super::*;
    use crate::acr::Acr;

    fn read(provider: &Provider, claims: &Value) -> UpstreamIdentity {
        let subject = Subject {
            issuer: provider.issuer.clone(),
            subject: "s1".to_owned(),
        };
        identity(provider, claims, subject)
    }

    #[test]
    fn an_address_counts_as_verified_by_the_rules_of_its_kind() {
        for (kind, claims, verified) in [
            (Kind::Oidc, json!({ "email_verified": true }), true),
            (Kind::Oidc, json!({ "email_verified": "true" }), false),
            (Kind::Oidc, json!({}), false),
            (Kind::GitLab, json!({ "email_verified": true }), true),
            (Kind::Google, json!({ "email_verified": true }), false),
            (
                Kind::Google,
                json!({ "email_verified": true, "hd": "Example.com" }),
                true,
            ),
            (
                Kind::Google,
                json!({ "email_verified": true, "hd": "example.org" }),
                false,
            ),
            (
                Kind::Google,
                json!({ "email_verified": true, "email": "a@GMAIL.com" }),
                true,
            ),
            (
                Kind::Google,
                json!({ "email_verified": false, "email": "a@gmail.com" }),
                false,
            ),
            (
                Kind::Google,
                json!({ "email_verified": true, "email": "a@evil.gmail.com" }),
                false,
            ),
            (Kind::Microsoft, json!({ "email_verified": true }), false),
            (Kind::Microsoft, json!({ "xms_edov": true }), true),
            (Kind::Microsoft, json!({ "xms_edov": "1" }), true),
            (Kind::Microsoft, json!({ "xms_edov": 1 }), true),
            (Kind::Microsoft, json!({ "xms_edov": "0" }), false),
            (Kind::Apple, json!({ "email_verified": "true" }), true),
            (Kind::Apple, json!({ "email_verified": true }), true),
            (Kind::Apple, json!({ "email_verified": "false" }), false),
        ] {
            let mut all = json!({ "email": "a@example.com" });
            let members = all.as_object_mut().unwrap();
            members.extend(claims.as_object().unwrap().clone());
            assert_eq!(
                read(&provider(kind), &all).email_verified,
                verified,
                "{kind:?} {all}"
            );
        }
    }

    #[test]
    fn what_is_overlong_or_odd_is_left_out() {
        let op = provider(Kind::Oidc);
        let odd = json!({
            "email": "no address", "email_verified": true, "name": "x".repeat(256), "given_name": "",
            "family_name": "a\u{7}b", "picture": "http://op.test/p.png", "locale": 7, "preferred_username": ["a"],
            "auth_time": i64::MAX, "sid": "",
        });
        let read = read(&op, &odd);
        let texts = [
            read.email,
            read.username,
            read.name,
            read.given_name,
            read.family_name,
            read.locale,
            read.picture,
            read.sid,
        ];
        assert!(texts.iter().all(Option::is_none), "{texts:?}");
        assert_eq!((read.email_verified, read.auth_time), (false, None));
    }

    #[test]
    fn claims_and_roles_are_read_by_the_operators_tables() {
        let op = Provider {
            claim_map: ClaimMap(BTreeMap::from([
                (Claim::Username, "nickname".to_owned()),
                (Claim::Roles, "groups".to_owned()),
            ])),
            roles: BTreeMap::from([
                (
                    "staff".to_owned(),
                    vec!["instructor".to_owned(), "author".to_owned()],
                ),
                ("teachers".to_owned(), vec!["instructor".to_owned()]),
            ]),
            acr: Some(Acr::Mfa),
            acr_values: vec!["phr".to_owned()],
            ..provider(Kind::Oidc)
        };
        let claims = json!({
            "nickname": " ada ", "preferred_username": "other", "groups": ["teachers", "staff", "admin", 7],
            "acr": "phr", "auth_time": 5,
        });
        let known = read(&op, &claims);
        assert_eq!(known.username.as_deref(), Some("ada"));
        assert_eq!(known.roles, ["author", "instructor"]);
        assert_eq!(
            (known.acr, known.auth_time),
            (Some(Acr::Mfa), Some(Timestamp(5_000)))
        );
        let none = read(
            &op,
            &json!({ "groups": "admin", "acr": "phrh", "roles": ["staff"] }),
        );
        assert_eq!((none.roles.len(), none.acr), (0, None));
    }

    #[test]
    fn userinfo_adds_to_the_same_subject_and_replaces_nothing() {
        let op = provider(Kind::Oidc);
        let token = json!({ "sub": "s1", "email": "a@op.test" });
        let more = json!({ "sub": "s1", "email": "b@op.test", "name": "Ada", "acr": "phr" });
        let both = with_userinfo(&op, token.clone(), &more).unwrap();
        assert_eq!(both, json!({ "sub": "s1", "email": "a@op.test", "name": "Ada" }));
        for other in [
            json!({ "sub": "s2" }),
            json!({}),
            json!([]),
            json!({ "sub": null }),
        ] {
            assert_eq!(
                with_userinfo(&op, token.clone(), &other),
                Err(Unproved::Subject),
                "{other}"
            );
        }
        assert_eq!(with_userinfo(&op, json!({}), &json!({})), Err(Unproved::Subject));
    }

    #[test]
    fn an_address_is_verified_by_whoever_names_it() {
        let usual = provider(Kind::Oidc);
        let mapped = Provider {
            claim_map: ClaimMap(BTreeMap::from([
                (Claim::Email, "mail".to_owned()),
                (Claim::EmailVerified, "mail_ok".to_owned()),
            ])),
            ..provider(Kind::Oidc)
        };
        for (op, address, verified) in [(&usual, "email", "email_verified"), (&mapped, "mail", "mail_ok")] {
            for (signed, said, expected) in [
                (
                    json!({ address: "a@op.test" }),
                    json!({ address: "a@op.test", verified: true }),
                    true,
                ),
                (
                    json!({ address: "a@op.test" }),
                    json!({ address: "b@op.test", verified: true }),
                    false,
                ),
                (json!({ address: "a@op.test" }), json!({ verified: true }), false),
                (
                    json!({ address: "a@op.test", verified: true }),
                    json!({ address: "b@op.test" }),
                    true,
                ),
                (json!({}), json!({ address: "b@op.test", verified: true }), true),
                (json!({ verified: true }), json!({ address: "b@op.test" }), false),
                (
                    json!({ address: "a@op.test", verified: false }),
                    json!({ address: "a@op.test", verified: true }),
                    false,
                ),
            ] {
                let mut both = [signed.clone(), said.clone()];
                for claims in &mut both {
                    claims["sub"] = json!("s1");
                }
                let [token, userinfo] = both;
                let all = with_userinfo(op, token, &userinfo).unwrap();
                assert_eq!(read(op, &all).email_verified, expected, "{signed} {said}");
            }
        }
    }

    #[test]
    fn a_github_user_is_a_number_with_a_primary_verified_address() {
        let hub = provider(Kind::GitHub);
        let user = json!({ "id": 42, "login": "ada", "email": "public@op.test", "name": null });
        let entry = |email: &str, primary: bool, verified: bool| json!({ "email": email, "primary": primary, "verified": verified, "visibility": null });
        for (emails, expected) in [
            (
                json!([entry("b@op.test", false, true), entry("a@op.test", true, true)]),
                Some("a@op.test"),
            ),
            (json!([entry("a@op.test", true, false)]), None),
            (json!([entry("a@op.test", false, true)]), None),
            (json!([]), None),
            (json!({ "message": "Not Found" }), None),
        ] {
            let known = github(&hub, &user, &emails).unwrap();
            assert_eq!(
                (known.subject.as_str(), known.username.as_deref()),
                ("42", Some("ada"))
            );
            assert_eq!(known.email.as_deref(), expected, "{emails}");
            assert_eq!(known.email_verified, expected.is_some(), "{emails}");
        }
        for bad in [
            json!({ "login": "ada" }),
            json!({ "id": "42" }),
            json!({ "id": 0 }),
            json!({ "id": -1 }),
        ] {
            assert_eq!(github(&hub, &bad, &json!([])), Err(Unproved::Subject), "{bad}");
        }
    }

    #[test]
    fn apples_names_are_read_where_there_are_any() {
        let named = apple_names(r#"{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"x@y.test"}"#);
        assert_eq!(named, (Some("Ada".to_owned()), Some("Lovelace".to_owned())));
        for odd in ["", "{}", "[]", r#"{"name":"Ada"}"#, r#"{"name":{"firstName":7}}"#] {
            assert_eq!(apple_names(odd), (None, None), "{odd}");
        }
    }
}
