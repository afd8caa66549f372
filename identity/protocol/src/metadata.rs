//! The discovery document (RFC 8414, OpenID Connect Discovery): only what is supported.

use serde_json::{Value, json};

use crate::authentication::Acr;
use crate::client::{Alg, Grant};
use crate::resource::Resource;
use crate::scope::OPENID;
use crate::userinfo;

/// Paths relative to the issuer.
pub mod path {
    /// RFC 6749 §3.1
    pub const AUTHORIZE: &str = "/authorize";
    /// OpenID Connect Core §5.3
    pub const USERINFO: &str = "/userinfo";
    /// OpenID Connect RP-Initiated Logout §2.1
    pub const END_SESSION: &str = "/logout";
    /// RFC 7517
    pub const JWKS: &str = "/jwks";
    /// RFC 6749 §3.2
    pub const TOKEN: &str = "/token";
    /// RFC 7662
    pub const INTROSPECT: &str = "/introspect";
    /// RFC 7009
    pub const REVOKE: &str = "/revoke";
    /// The revocation feed (docs/feed.md).
    pub const REVOCATIONS: &str = "/revocations";
    /// OpenID Connect Discovery §4
    pub const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
    /// W3C Passkey Endpoints
    pub const PASSKEY_ENDPOINTS: &str = "/.well-known/passkey-endpoints";
    /// WebAuthn Level 3 §5.11.1
    pub const RELATED_ORIGINS: &str = "/.well-known/webauthn";
    /// RFC 8414 §3
    pub const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
    /// W3C, A Well-Known URL for Changing Passwords
    pub const CHANGE_PASSWORD: &str = "/.well-known/change-password";
}

/// What the operator offers.
#[derive(Clone, Debug, Default)]
pub struct Offers {
    /// Whether anybody may create an account.
    pub registers: bool,
    /// Whether a mailed code is a first step.
    pub mail_code: bool,
    /// Whether another provider's word is one.
    pub upstream: bool,
    /// The address of the privacy policy (OpenID Connect Discovery §3).
    pub policy: Option<String>,
    /// The address of the terms.
    pub terms: Option<String>,
}

/// The discovery document. Every address is derived from the configured issuer.
pub fn document(issuer: &str, resources: &[Resource], offers: &Offers) -> Value {
    let at = |path: &str| format!("{issuer}{path}");
    let methods = ["client_secret_basic", "client_secret_post"];
    let with_public = ["client_secret_basic", "client_secret_post", "none"];
    let mut scopes: Vec<&str> = resources
        .iter()
        .flat_map(|resource| &resource.scopes)
        .map(|scope| scope.name.as_str())
        .collect();
    scopes.extend(OPENID);
    scopes.sort_unstable();
    scopes.dedup();
    let mut prompts = vec!["none", "login", "consent", "select_account"];
    prompts.extend(offers.registers.then_some("create"));
    let by_mail = offers.mail_code.then_some(Acr::Email);
    let elsewhere = offers.upstream.then_some(Acr::Upstream);
    let others = by_mail.into_iter().chain(elsewhere);
    let classes: Vec<&str> = others.chain(Acr::GIVEN).map(Acr::name).collect();
    let mut document = json!({
        "issuer": issuer,
        "jwks_uri": at(path::JWKS),
        "authorization_endpoint": at(path::AUTHORIZE),
        "token_endpoint": at(path::TOKEN),
        "token_endpoint_auth_methods_supported": with_public,
        "userinfo_endpoint": at(path::USERINFO),
        "end_session_endpoint": at(path::END_SESSION),
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "introspection_endpoint": at(path::INTROSPECT),
        "introspection_endpoint_auth_methods_supported": methods,
        "revocation_endpoint": at(path::REVOKE),
        "revocation_endpoint_auth_methods_supported": with_public,
        "revocation_feed_endpoint": at(path::REVOCATIONS),
        "grant_types_supported": Grant::ALL.map(Grant::name),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "prompt_values_supported": prompts,
        "display_values_supported": ["page"],
        "acr_values_supported": classes,
        "claims_supported": claims_supported(),
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": true,
        "request_parameter_supported": false,
        // If absent, the default would be true (OpenID Connect Discovery §3).
        "request_uri_parameter_supported": false,
        "ui_locales_supported": UI_LOCALES,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": Alg::ALL.map(Alg::name),
        "scopes_supported": scopes,
        "protected_resources": resources.iter().map(|resource| resource.identifier.as_str()).collect::<Vec<_>>(),
    });
    for (name, address) in [("op_policy_uri", &offers.policy), ("op_tos_uri", &offers.terms)] {
        if let Some(address) = address {
            document[name] = json!(address);
        }
    }
    document
}

/// The languages of the pages; those without `ui_locales` are the first.
pub const UI_LOCALES: [&str; 3] = ["en", "tr", "fr"];

/// The claims that an ID token or userinfo may contain.
fn claims_supported() -> Vec<&'static str> {
    let mut names = vec![
        "sub",
        "iss",
        "aud",
        "azp",
        "exp",
        "iat",
        "auth_time",
        "nonce",
        "at_hash",
        "sid",
        "acr",
        "amr",
    ];
    names.extend(userinfo::names());
    names
}

/// The path of an issuer; empty if it has none.
pub fn issuer_path(issuer: &str) -> &str {
    let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    rest.find('/').map_or("", |at| &rest[at..])
}

/// An issuer is https (or http on loopback) without query or fragment (RFC 8414 §2), perhaps with a path. The error is a
/// human-readable sentence.
pub fn check_issuer(issuer: &str) -> Result<(), String> {
    let refuse = |reason: String| format!("issuer {issuer:?} {reason}");
    let url = check_address(issuer)?;
    let path = issuer_path(issuer);
    check_path(path).map_err(refuse)?;
    // A backslash is a slash to the parser alone.
    if url.path().trim_end_matches('/') == path {
        Ok(())
    } else {
        Err(refuse("is not spelled as a URL is".to_owned()))
    }
}

/// The same of a site that has its host to itself.
pub fn check_site(issuer: &str) -> Result<(), String> {
    match check_address(issuer)?.path() {
        "/" => Ok(()),
        _ => Err(format!("issuer {issuer:?} has a path")),
    }
}

/// The longest path of an issuer: it is part of the names of cookies.
const LONGEST_PATH: usize = 100;

/// A path that has one spelling alone, whoever reads it: proxies decode escapes, merge slashes and resolve dots.
fn check_path(path: &str) -> Result<(), String> {
    let Some(segments) = path.strip_prefix('/') else {
        return Ok(());
    };
    if path.len() > LONGEST_PATH {
        return Err(format!("has a path of more than {LONGEST_PATH} characters"));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    for segment in segments.split('/') {
        if segment.is_empty() {
            return Err("has an empty segment in its path: write one slash between two names".to_owned());
        }
        if segment.starts_with('.') {
            return Err(format!(
                "has the segment {segment:?} in its path, which begins with a dot"
            ));
        }
        if !segment.bytes().all(plain) {
            return Err(format!(
                "has the segment {segment:?} in its path: letters, digits, \"-\", \"_\" and \".\" alone are the same for every proxy"
            ));
        }
    }
    Ok(())
}

fn check_address(issuer: &str) -> Result<url::Url, String> {
    let refuse = |reason: &str| Err(format!("issuer {issuer:?} {reason}"));
    let Ok(url) = url::Url::parse(issuer) else {
        return refuse("is not a URL");
    };
    let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return refuse("has a query, a fragment or a user name");
    }
    if issuer.ends_with('/') {
        return refuse("ends with a slash");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        _ => refuse("must be https; http is allowed for loopback only"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_names_nothing_that_is_not_built() {
        let document = document("https://id.test", &crate::resource::fixture(), &Offers::default());
        assert_eq!(document["token_endpoint"], "https://id.test/token");
        assert_eq!(document["response_types_supported"], json!(["code"]));
        assert_eq!(document["request_uri_parameter_supported"], false);
        for absent in [
            "registration_endpoint",
            "pushed_authorization_request_endpoint",
            "device_authorization_endpoint",
            "check_session_iframe",
            "frontchannel_logout_supported",
        ] {
            assert!(document.get(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn everything_that_a_profile_can_say_is_in_the_document() {
        let document = document("https://id.test", &crate::resource::fixture(), &Offers::default());
        let has = |list: &str, name: &str| {
            let names = document[list].as_array().unwrap();
            names.iter().any(|known| known == name)
        };
        for claim in crate::user::STANDARD {
            assert!(has("claims_supported", claim), "{claim}");
        }
        for claim in ["email", "email_verified", "updated_at"] {
            assert!(has("claims_supported", claim), "{claim}");
        }
        for scope in ["profile", "email", "address", "phone"] {
            assert!(has("scopes_supported", scope), "{scope}");
        }
    }

    #[test]
    fn an_issuer_is_https_or_loopback_and_has_no_slash_at_its_end() {
        for fine in ["https://id.test", "http://localhost:8081", "http://[::1]:1"] {
            assert_eq!(check_issuer(fine), Ok(()), "{fine}");
            assert_eq!(check_site(fine), Ok(()), "{fine}");
            assert_eq!(issuer_path(fine), "", "{fine}");
        }
        for (fine, path) in [
            ("https://id.test/auth", "/auth"),
            ("https://id.test:8443/tenants/one_2.x-Y", "/tenants/one_2.x-Y"),
        ] {
            assert_eq!(check_issuer(fine), Ok(()), "{fine}");
            assert!(check_site(fine).unwrap_err().contains("has a path"), "{fine}");
            assert_eq!(issuer_path(fine), path, "{fine}");
        }
        for (bad, told) in [
            ("https://id.test/auth/", "ends with a slash"),
            ("https://id.test//auth", "empty segment"),
            ("https://id.test/a//b", "empty segment"),
            ("https://id.test/../auth", "begins with a dot"),
            ("https://id.test/a/./b", "begins with a dot"),
            ("https://id.test/.well-known", "begins with a dot"),
            ("https://id.test/auth?x", "has a query"),
            ("https://id.test/auth#x", "has a query"),
            ("https://id.test/a%2fb", "alone are the same"),
            ("https://id.test/%2e%2e/a", "alone are the same"),
            ("https://id.test/a\\b", "alone are the same"),
            ("https://id.test\\auth", "not spelled as a URL"),
            ("https://id.test/a;b", "alone are the same"),
            ("https://id.test/a~b", "alone are the same"),
            ("https://id.test/caf\u{e9}", "alone are the same"),
        ] {
            let refused = check_issuer(bad).unwrap_err();
            assert!(refused.contains(told), "{refused}");
        }
        let long = format!("https://id.test/{}", "a".repeat(LONGEST_PATH));
        assert!(check_issuer(&long).unwrap_err().contains("more than"));
        for bad in [
            "http://id.test",
            "https://id.test/",
            "https://id.test?x",
            "https://id.test#",
            "id.test",
            "https://u@id.test",
        ] {
            assert!(check_issuer(bad).is_err(), "{bad}");
        }
    }
}
