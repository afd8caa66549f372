//! The headers that must not pass in either direction: a client's claims about itself, and hop-by-hop headers.
//!
//! The headers of the response are cleaned here too. The gateway's own headers replace the removed ones afterwards
//! (`forwarded_headers`), so that nothing a client sends can remove them again.

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LOCATION, COOKIE, HeaderMap, HeaderName, HeaderValue, LOCATION,
    SERVER, SET_COOKIE,
};

use crate::kind::Kind;

/// Removes the headers that a client may not send, and marks its credentials so that `Debug` hides them.
pub(crate) fn request(headers: &mut HeaderMap, kind: Kind) {
    let mut doomed: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_hop(name.as_str()) || is_claim(name.as_str()) || is_foreign(name, kind))
        .cloned()
        .collect();
    named_by_connection(headers, &mut doomed);
    for name in doomed {
        headers.remove(name);
    }
    for credential in ["authorization", "dpop"] {
        if let Some(value) = headers.get_mut(credential) {
            value.set_sensitive(true);
        }
    }
}

/// Removes the upstream's internal headers from a response, and converts its paths to the client's.
pub(crate) fn answer(headers: &mut HeaderMap, strip: &str, rewrite: &str, kind: Kind) {
    let mut doomed: Vec<HeaderName> = headers
        .iter()
        .filter(|(name, value)| is_hop(name.as_str()) || is_private(name, kind) || !is_printable(value))
        .map(|(name, _)| name.clone())
        .collect();
    named_by_connection(headers, &mut doomed);
    for name in doomed {
        headers.remove(name);
    }
    for name in [LOCATION, CONTENT_LOCATION] {
        if let Some(value) = headers.get_mut(name) {
            inward(value, strip, rewrite);
        }
    }
}

/// What a route of the operator can neither set nor remove: framing, credentials, and claims about a caller.
pub(crate) fn is_reserved(name: &HeaderName) -> bool {
    let text = name.as_str();
    is_hop(text)
        || is_claim(text)
        || text.starts_with("sec-")
        || matches!(
            text,
            "host"
                | "content-length"
                | "content-encoding"
                | "cookie"
                | "authorization"
                | "dpop"
                | "traceparent"
                | "tracestate"
        )
}

/// RFC 9110 §7.6.1: a field named by `Connection` is for the next hop. But a client must not use it to remove its own
/// credentials after a check, the framing, or the host (GHSA-w9mr-28mw-j8hg); the gateway's own headers are set after
/// this.
fn named_by_connection(headers: &HeaderMap, doomed: &mut Vec<HeaderName>) {
    for value in headers.get_all(CONNECTION) {
        let names = value
            .as_bytes()
            .split(|byte| *byte == b',')
            .map(<[u8]>::trim_ascii);
        let names = names.filter_map(|name| HeaderName::from_bytes(name).ok());
        doomed.extend(
            names.filter(|name| !matches!(name.as_str(), "authorization" | "content-length" | "host")),
        );
    }
}

/// RFC 9110 §7.6.1: meant for the next connection only. `Expect` is included because this server has already answered
/// it when the body is read (§10.1.1); `Upgrade` because no route allows one.
fn is_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
            | "expect"
    ) || name.starts_with("proxy-")
}

/// Headers from which some server or framework derives the identity of the caller, the origin of the request, or its
/// method and path. Only the gateway may set them, so none of them passes.
pub(crate) fn is_claim(name: &str) -> bool {
    if let Some(name) = name.strip_prefix("x-") {
        return X_CLAIMS.iter().any(|claim| name.starts_with(claim)) || !is_plain(name);
    }
    matches!(
        name,
        "forwarded"
            | "via"
            | "cookie2"
            | "client-ip"
            | "client-cert"
            | "client-cert-chain"
            | "true-client-ip"
            | "early-data"
            | "front-end-https"
            | "front-end-scheme"
    ) || OTHER_CLAIMS.iter().any(|claim| name.starts_with(claim))
        || !is_plain(name)
}

/// CGI, WSGI and PHP treat `-`, `_` and sometimes `.` as the same character, so `X_User` would become `X-User` again
/// behind the gateway (CVE-2025-64484).
fn is_plain(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The credentials of the other kind of caller: an API that accepted a cookie could be called by any page, and a page
/// needs no token.
fn is_foreign(name: &HeaderName, kind: Kind) -> bool {
    match kind {
        Kind::Api => *name == COOKIE,
        Kind::Pages => *name == AUTHORIZATION,
        Kind::Own => false,
    }
}

/// APIs are called with tokens; a cookie from one would be sent with every page of the edge.
fn is_private(name: &HeaderName, kind: Kind) -> bool {
    let cookie = *name == SET_COOKIE && kind == Kind::Api;
    *name == SERVER || cookie || name == "x-powered-by" || name == "x-request-id"
}

fn is_printable(value: &HeaderValue) -> bool {
    value
        .as_bytes()
        .iter()
        .all(|byte| *byte == b'\t' || !byte.is_ascii_control())
}

/// An upstream's `/catalog/v1/courses/1` is `/api/catalog/v1/courses/1` for the client.
fn inward(value: &mut HeaderValue, strip: &str, rewrite: &str) {
    let path = value.as_bytes();
    if (strip.is_empty() && rewrite.is_empty()) || !path.starts_with(b"/") || path.starts_with(b"//") {
        return;
    }
    let below = path.strip_prefix(rewrite.as_bytes());
    let Some(below) = below.filter(|below| {
        below
            .first()
            .is_none_or(|byte| matches!(byte, b'/' | b'?' | b'#'))
    }) else {
        return;
    };
    // Nothing left is the root of the client's part, and two slashes would name another host.
    let (root, below): (&[u8], &[u8]) = match (strip.is_empty() && !below.starts_with(b"/"), below) {
        (true, below) => (b"/", below),
        (false, below) if below.starts_with(b"//") => return,
        (false, below) => (b"", below),
    };
    if let Ok(whole) = HeaderValue::from_bytes(&[strip.as_bytes(), root, below].concat()) {
        *value = whole;
    }
}

/// Prefixes of names after `x-`.
const X_CLAIMS: &[&str] = &[
    "act-as",
    "amzn-",
    "appengine-",
    "arr-",
    "auth",
    "client",
    "cluster-client",
    "consumer-",
    "custom-ip",
    "email",
    "envoy-",
    "forwarded",
    "goog-",
    "groups",
    "host",
    "http-host",
    "http-method",
    "identity",
    "impersonate",
    "internal",
    "jwt-",
    "method-override",
    "ms-client",
    "ms-token",
    "originating-",
    "original",
    "pomerium-",
    "proxy",
    "real-ip",
    "remote",
    "request-",
    "rewrite",
    "roles",
    "scheme",
    "scopes",
    "ssl",
    "subject",
    "tenant",
    "tls",
    "token-",
    "url-scheme",
    "user",
    "vouch-",
    "webauth-",
];

/// Prefixes of names without `x-`.
const OTHER_CLAIMS: &[&str] = &["cf-", "cloudfront-", "fastly-", "remote-", "ssl-", "tailscale-"];

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(lines: &[(&str, &str)]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        request(&mut headers, Kind::Api);
        names(&headers).map(str::to_owned).collect()
    }

    /// Sorted: a map with removed names keeps no order.
    fn names(headers: &HeaderMap) -> impl Iterator<Item = &str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// GW-01.
    #[test]
    fn client_supplied_identity_headers_are_removed_and_the_rest_stays() {
        let kept = cleaned(&[
            ("accept", "*/*"),
            ("authorization", "Bearer a"),
            ("dpop", "a.b.c"),
            ("if-match", "\"3\""),
            ("idempotency-key", "k"),
            ("x-requested-with", "fetch"),
            ("x-csrf-token", "t"),
            ("X-User-Id", "1"),
            ("x-user-id", "2"),
            ("Forwarded", "for=1"),
            ("Cookie", "a=b"),
            ("remote-user", "root"),
        ]);
        assert_eq!(
            kept,
            [
                "accept",
                "authorization",
                "dpop",
                "idempotency-key",
                "if-match",
                "x-csrf-token",
                "x-requested-with"
            ]
        );
    }

    /// CVE-2025-64484, GW-03.
    #[test]
    fn a_name_that_another_server_would_fold_is_removed() {
        assert_eq!(
            cleaned(&[
                ("X_User_Id", "1"),
                ("accept_x", "1"),
                ("x.user.id", "1"),
                ("a!b", "1")
            ]),
            [""; 0]
        );
    }

    /// GW-04.
    #[test]
    fn connection_takes_away_what_it_names_but_neither_proof_nor_framing() {
        let kept = cleaned(&[
            (
                "connection",
                "close, Authorization, , x-own ,Content-Length,\u{e9}, host",
            ),
            ("connection", "x-other"),
            ("authorization", "Bearer a"),
            ("content-length", "3"),
            ("host", "shop.test"),
            ("x-own", "1"),
            ("x-other", "1"),
            ("accept", "*/*"),
        ]);
        assert_eq!(kept, ["accept", "authorization", "content-length", "host"]);
    }

    #[test]
    fn credentials_do_not_show_in_debug_output() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("Bearer secret"));
        headers.insert("dpop", HeaderValue::from_static("secret.proof"));
        request(&mut headers, Kind::Api);
        assert!(!format!("{headers:?}").contains("secret"));
    }

    #[test]
    fn an_answer_loses_what_is_the_upstreams_own_business() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("server", "upstream/1"),
            ("set-cookie", "a=b"),
            ("set-cookie", "c=d"),
            ("connection", "close, x-inner"),
            ("x-inner", "1"),
            ("keep-alive", "timeout=5"),
            ("x-request-id", "theirs"),
            ("content-type", "text/plain"),
            ("etag", "\"1\""),
            ("location", "/catalog/v1/courses/1"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        answer(&mut headers, "/api", "", Kind::Api);
        assert!(names(&headers).eq(["content-type", "etag", "location"]));
        assert_eq!(headers["location"], "/api/catalog/v1/courses/1");
    }

    #[test]
    fn only_a_path_of_the_upstreams_own_is_turned_into_the_clients() {
        for (said, strip, rewrite, heard) in [
            ("/x", "/api", "", "/api/x"),
            ("/x", "", "", "/x"),
            ("//evil.test/x", "/api", "", "//evil.test/x"),
            ("https://idp.test/x", "/api", "", "https://idp.test/x"),
            ("x", "/api", "", "x"),
            ("/v1/x?y", "/notes", "/v1", "/notes/x?y"),
            ("/v1", "", "/v1", "/"),
            ("/v1?y", "", "/v1", "/?y"),
            ("/v10/x", "/notes", "/v1", "/v10/x"),
            ("/other", "/notes", "/v1", "/other"),
            ("/v1//evil.test", "", "/v1", "/v1//evil.test"),
        ] {
            let mut value = HeaderValue::from_static(said);
            inward(&mut value, strip, rewrite);
            assert_eq!(value, heard);
        }
    }

    /// GW-16.
    #[test]
    fn a_value_with_control_characters_is_not_printable() {
        assert!(is_printable(&HeaderValue::from_static("plain\ttext")));
        assert!(is_printable(&HeaderValue::from_bytes(b"caf\xc3\xa9").unwrap()));
    }

    #[test]
    fn pages_keep_their_cookies_and_never_see_a_token_and_apis_the_reverse() {
        for (kind, kept, gone) in [
            (Kind::Api, "authorization", "cookie"),
            (Kind::Pages, "cookie", "authorization"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("authorization", HeaderValue::from_static("Bearer x"));
            headers.insert("cookie", HeaderValue::from_static("a=b"));
            request(&mut headers, kind);
            assert!(
                headers.contains_key(kept) && !headers.contains_key(gone),
                "{kind:?}"
            );
            let mut headers = HeaderMap::new();
            headers.insert("set-cookie", HeaderValue::from_static("a=b"));
            answer(&mut headers, "", "", kind);
            assert_eq!(
                headers.contains_key("set-cookie"),
                kind == Kind::Pages,
                "{kind:?}"
            );
        }
    }
}
