//! What we say of ourselves (RFC 8414, OpenID Connect Discovery): only what is built.

use serde_json::{Value, json};

use crate::client::Grant;
use crate::resource::Resource;

/// Paths below the issuer.
pub mod path {
    /// RFC 7517
    pub const JWKS: &str = "/jwks";
    /// RFC 6749 §3.2
    pub const TOKEN: &str = "/token";
    /// RFC 7662
    pub const INTROSPECT: &str = "/introspect";
    /// RFC 7009
    pub const REVOKE: &str = "/revoke";
    /// The feed of revocations.
    pub const REVOCATIONS: &str = "/revocations";
    /// OpenID Connect Discovery §4
    pub const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
    /// RFC 8414 §3
    pub const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
}

/// The discovery document. Every address is built from the configured issuer.
pub fn document(issuer: &str, resources: &[Resource]) -> Value {
    let at = |path: &str| format!("{issuer}{path}");
    let methods = ["client_secret_basic", "client_secret_post"];
    let mut scopes: Vec<&str> = resources
        .iter()
        .flat_map(|resource| &resource.scopes)
        .map(|scope| scope.name.as_str())
        .collect();
    scopes.sort_unstable();
    scopes.dedup();
    json!({
        "issuer": issuer,
        "jwks_uri": at(path::JWKS),
        "token_endpoint": at(path::TOKEN),
        "token_endpoint_auth_methods_supported": methods,
        "introspection_endpoint": at(path::INTROSPECT),
        "introspection_endpoint_auth_methods_supported": methods,
        "revocation_endpoint": at(path::REVOKE),
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "revocation_feed_endpoint": at(path::REVOCATIONS),
        "grant_types_supported": Grant::ALL.map(Grant::name),
        // There is no authorization endpoint yet, so there is no response type, ID token or code challenge either.
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [],
        "scopes_supported": scopes,
        "protected_resources": resources.iter().map(|resource| resource.identifier.as_str()).collect::<Vec<_>>(),
    })
}

/// An issuer is https (or http on loopback) without query or fragment (RFC 8414 §2). The error is a sentence.
pub fn check_issuer(issuer: &str) -> Result<(), String> {
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
    if url.path() != "/" {
        // RFC 8414 §3.1 would want the metadata beside the path, not below it; that is not built.
        return refuse("has a path");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if loopback => Ok(()),
        _ => refuse("must be https; http is for loopback alone"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_names_nothing_that_is_not_built() {
        let document = document("https://id.test", &crate::resource::built_in());
        assert_eq!(document["token_endpoint"], "https://id.test/token");
        assert_eq!(document["response_types_supported"], json!([]));
        for absent in [
            "authorization_endpoint",
            "userinfo_endpoint",
            "end_session_endpoint",
            "registration_endpoint",
        ] {
            assert!(document.get(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn an_issuer_is_https_or_loopback_and_has_no_slash_at_its_end() {
        for fine in ["https://id.test", "http://localhost:8081", "http://[::1]:1"] {
            assert_eq!(check_issuer(fine), Ok(()), "{fine}");
        }
        for bad in [
            "http://id.test",
            "https://id.test/",
            "https://id.test/tenant",
            "https://id.test?x",
            "https://id.test#",
            "id.test",
            "https://u@id.test",
        ] {
            assert!(check_issuer(bad).is_err(), "{bad}");
        }
    }
}
