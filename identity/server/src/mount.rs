//! An issuer with a path, such as `https://example.test/auth`. This is the one place that leads from the addresses of
//! its host to those inside, which begin at the issuer, and back; on pages, `Page::base` is what they begin with.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use latchkey_http::{Problem, note_route};
use latchkey_protocol::metadata::path;
use tower::ServiceExt;

/// The router of an issuer below its path, and of the well-known addresses of its host.
pub(crate) fn mounted(mount: &str, inside: Router) -> Router {
    if mount.is_empty() {
        return inside;
    }
    let mount: Arc<str> = mount.into();
    // The listener sees no route, for all of them lie in here.
    let inside = inside.layer(middleware::from_fn(note_route));
    Router::new().fallback(move |request: Request| {
        let (mount, inside) = (mount.clone(), inside.clone());
        async move { answer(&mount, inside, request).await }
    })
}

async fn answer(mount: &str, inside: Router, mut request: Request) -> Response {
    let within = inward(mount, request.uri().path()).map(str::to_owned);
    let Some(uri) = within.and_then(|path| at(request.uri(), &path)) else {
        return Problem::not_found().into_response();
    };
    *request.uri_mut() = uri;
    let Ok(mut response) = inside.oneshot(request).await;
    outward(mount, response.headers_mut());
    response
}

/// Where an address of the host is inside; `None` for one that is not the issuer's.
fn inward<'a>(mount: &str, asked: &'a str) -> Option<&'a str> {
    // RFC 8414 §3.1 writes the issuer's path behind the well-known one, OpenID Connect Discovery §4 before it.
    for document in [path::OPENID_CONFIGURATION, path::AUTHORIZATION_SERVER] {
        if asked.strip_prefix(document) == Some(mount) {
            return Some(document);
        }
    }
    // Those of whole hosts: browsers and password managers look for them at the root alone.
    if [
        path::CHANGE_PASSWORD,
        path::PASSKEY_ENDPOINTS,
        path::RELATED_ORIGINS,
    ]
    .contains(&asked)
    {
        return Some(asked);
    }
    match asked.strip_prefix(mount)? {
        "" => Some("/"),
        rest => rest.starts_with('/').then_some(rest),
    }
}

/// The same address at another path.
fn at(uri: &Uri, path: &str) -> Option<Uri> {
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(target).ok()?);
    Uri::from_parts(parts).ok()
}

/// What headers say of addresses inside, as browsers must read it. A redirect to somebody else has a scheme.
fn outward(mount: &str, headers: &mut HeaderMap) {
    rewrite(headers, header::LOCATION, |to| {
        to.starts_with('/').then(|| format!("{mount}{to}"))
    });
    rewrite(headers, header::CONTENT_SECURITY_POLICY, |policy| {
        let reports = format!("report-uri {mount}/");
        Some(policy.replacen("report-uri /", &reports, 1))
    });
}

fn rewrite(headers: &mut HeaderMap, name: HeaderName, change: impl FnOnce(&str) -> Option<String>) {
    let value = headers.get(&name).and_then(|value| value.to_str().ok());
    if let Some(changed) = value.and_then(change)
        && let Ok(changed) = HeaderValue::from_str(&changed)
    {
        headers.insert(name, changed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_below_the_path_is_inside_and_nothing_that_looks_like_it() {
        for (asked, inside) in [
            ("/auth", Some("/")),
            ("/auth/", Some("/")),
            ("/auth/login", Some("/login")),
            ("/auth/auth/login", Some("/auth/login")),
            (
                "/auth/.well-known/openid-configuration",
                Some(path::OPENID_CONFIGURATION),
            ),
            (
                "/.well-known/openid-configuration/auth",
                Some(path::OPENID_CONFIGURATION),
            ),
            (
                "/.well-known/oauth-authorization-server/auth",
                Some(path::AUTHORIZATION_SERVER),
            ),
            ("/.well-known/change-password", Some(path::CHANGE_PASSWORD)),
            ("/.well-known/passkey-endpoints", Some(path::PASSKEY_ENDPOINTS)),
            ("/.well-known/webauthn", Some(path::RELATED_ORIGINS)),
            ("/auth//evil.test", Some("//evil.test")),
            ("/auth/../login", Some("/../login")),
            ("/", None),
            ("/login", None),
            ("/authx", None),
            ("/authx/login", None),
            ("/AUTH/login", None),
            ("//auth/login", None),
            ("/x/../auth/login", None),
            ("/%61uth/login", None),
            ("/.well-known/openid-configuration", None),
            ("/.well-known/openid-configuration/", None),
            ("/.well-known/openid-configuration/authx", None),
            ("/.well-known/openid-configuration/auth/login", None),
            ("/.well-known/oauth-authorization-server", None),
        ] {
            assert_eq!(inward("/auth", asked), inside, "{asked}");
        }
    }

    #[test]
    fn redirects_of_ours_stay_below_the_path_and_others_are_left_alone() {
        for (said, read) in [
            ("/login?request=a", "/auth/login?request=a"),
            ("//evil.test", "/auth//evil.test"),
            ("https://app.test/cb?code=a", "https://app.test/cb?code=a"),
            ("com.example.app:/cb", "com.example.app:/cb"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::LOCATION, HeaderValue::from_static(said));
            outward("/auth", &mut headers);
            assert_eq!(headers[header::LOCATION], read);
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_SECURITY_POLICY, latchkey_web::Csp::new().value());
        outward("/auth", &mut headers);
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("report-uri /auth/csp-report;"), "{policy}");
    }
}
