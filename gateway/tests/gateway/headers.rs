//! A client's claims about itself never arrive; the gateway's own headers always do.

use latchkey_http::{Limits, TrustedProxies};

use crate::harness::{NOW, Upstream, ask, behind, built, edge, gateway, options, raw, route};

/// Headers from which some product derives identity, origin, method or path.
const NAMES: &[&str] = &[
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-access-token",
    "x-forwarded-client-cert",
    "x-forwarded-preferred-username",
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-originating-ip",
    "client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "x-user",
    "x-user-id",
    "x-user-roles",
    "x-username",
    "x-auth-request-user",
    "x-auth-request-email",
    "x-auth-username",
    "x-authentik-username",
    "x-authenticated-user",
    "x-remote-user",
    "x-remote-addr",
    "remote-user",
    "remote-groups",
    "x-webauth-user",
    "x-client-cert",
    "client-cert",
    "ssl-client-cert",
    "ssl-client-verify",
    "x-ssl-client-s-dn",
    "x-tls-client-cert",
    "x-original-url",
    "x-original-uri",
    "x-original-host",
    "x-original-method",
    "x-rewrite-url",
    "x-http-method-override",
    "x-method-override",
    "x-envoy-external-address",
    "x-goog-iap-jwt-assertion",
    "x-amzn-oidc-identity",
    "x-ms-client-principal",
    "x-request-id",
    "x-request-identity",
    "x-request-deadline",
    "cookie",
];

/// The same header in the spellings that other servers treat as one.
fn spellings(name: &str) -> Vec<String> {
    let title: String = name
        .split('-')
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect::<Vec<_>>()
        .join("-");
    vec![
        format!("{name}: canary"),
        format!("{}: canary", name.to_uppercase()),
        format!("{title}: canary"),
        format!("{}: canary", title.replace('-', "_")),
        format!("{}: canary", name.replacen('-', "_", 1)),
        format!("{}: canary", name.replace('-', ".")),
        format!("{name}: canary\r\n{title}: canary"),
        format!("{name}:\t canary \t"),
        format!("{name}: canary\r\nconnection: {name}"),
        format!("connection: keep-alive, {title}\r\n{name}: canary"),
        format!("{name} : canary"),
        format!("{name}: canary,canary"),
    ]
}

/// The headers that the upstream sees for a bare GET, and no other.
const SET: &[&str] = &[
    "host",
    "traceparent",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-deadline",
    "x-request-id",
];

/// CVE-2024-47070, CVE-2026-40575, CVE-2023-27487, CVE-2024-45806, CVE-2026-33495, GW-01.
#[tokio::test]
async fn no_claim_of_a_client_reaches_the_upstream_in_any_spelling() {
    let (edge, upstream) = edge().await;
    let (mut cells, mut arrived) = (0, 0);
    for name in NAMES {
        for line in spellings(name) {
            cells += 1;
            ask(edge, "GET", "/api/echo/x", &[&line]).await;
            for seen in upstream.take() {
                arrived += 1;
                let mut names: Vec<_> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
                names.sort_unstable();
                // Some of the dotted and underscored spellings of one word are the word itself.
                assert_eq!(names, SET, "{line:?}: {seen:?}");
                assert!(!format!("{seen:?}").contains("canary"), "{line:?}: {seen:?}");
            }
        }
    }
    println!(
        "GW-01: {} names, {cells} cells, {arrived} of them forwarded",
        NAMES.len()
    );
    assert!(NAMES.len() >= 40 && arrived > cells / 2);
}

/// CVE-2023-36456, GW-01.
#[tokio::test]
async fn the_gateway_says_itself_what_it_removed() {
    let (edge, upstream) = edge().await;
    let answer = ask(
        edge,
        "GET",
        "/api/echo/x",
        &["X-Forwarded-For: 6.6.6.6", "X-Request-Id: theirs"],
    )
    .await;
    let seen = &upstream.seen()[0];
    assert_eq!(seen.header("host"), [upstream.address.to_string()]);
    assert_eq!(seen.header("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(seen.header("x-forwarded-proto"), ["http"]);
    assert_eq!(seen.header("x-forwarded-host"), ["localhost:8080"]);
    assert_eq!(seen.header("x-request-deadline"), [(NOW + 30_000).to_string()]);
    assert_eq!(seen.header("via"), ["1.1 latchkey"]);
    assert_eq!(seen.header("x-request-id"), [answer.header("x-request-id")]);
    assert_ne!(seen.header("x-request-id"), ["theirs"]);
}

/// GW-02.
#[tokio::test]
async fn a_spoofed_address_is_believed_only_from_a_declared_proxy() {
    let upstream = Upstream::echo().await;
    let theirs = "0123456789abcdef0123456789abcdef";
    let id = format!("X-Request-Id: {theirs}");
    let lines = [
        "X-Forwarded-For: 6.6.6.6, 198.51.100.7",
        &id,
        "X-Forwarded-Host: evil.test",
    ];
    for (proxies, address, named) in [
        (TrustedProxies::none(), "127.0.0.1", false),
        (
            TrustedProxies::behind(&["10.0.0.0/8"]).unwrap(),
            "127.0.0.1",
            false,
        ),
        (
            TrustedProxies::behind(&["127.0.0.0/8"]).unwrap(),
            "198.51.100.7",
            true,
        ),
    ] {
        let gateway = built(vec![route(upstream.origin())], options());
        let edge = behind(proxies, gateway, Limits::default()).await;
        ask(edge, "GET", "/api/echo/x", &lines).await;
        let seen = upstream.take().remove(0);
        assert_eq!(seen.header("x-forwarded-for"), [address]);
        assert_eq!(seen.header("x-request-id") == [theirs], named);
        assert_eq!(seen.header("x-forwarded-host"), ["localhost:8080"]);
    }
}

/// CVE-2025-64484, GW-03.
#[tokio::test]
async fn a_name_that_is_no_plain_token_is_dropped_or_refused() {
    let (edge, upstream) = edge().await;
    let lines: &[&[u8]] = &[
        b"X_User_Id: canary",
        b"x_user-id: canary",
        b"X-User_Id: canary",
        b"_x-user-id: canary",
        b"x-user-id_: canary",
        b"x.user.id: canary",
        b"x-user-id : canary",
        b"x-user-id\t: canary",
        b" x-user-id: canary",
        b"x-user id: canary",
        b"X-User\x00Id: canary",
        b"X-User\x0bId: canary",
        b"X-User\x7fId: canary",
        b"x-us\xc3\xa9r: canary",
        b"x-user-id\xff: canary",
        b"(x-user-id): canary",
        b"x-user-id;a: canary",
        b"x/user/id: canary",
        b": canary",
        b"x!user: canary",
        b"x~user: canary",
        b"x'user: canary",
    ];
    let mut refused = 0;
    for line in lines {
        let request = [
            b"GET /api/echo/x HTTP/1.1\r\nhost: localhost:8080\r\n",
            *line,
            b"\r\n\r\n",
        ]
        .concat();
        let answer = raw(edge, request).await;
        let seen = upstream.take();
        assert!(
            !format!("{seen:?}").contains("canary"),
            "{}: {seen:?}",
            line.escape_ascii()
        );
        assert!(
            matches!((answer.status, seen.len()), (400, 0) | (200, 1)),
            "{}: {answer:?}",
            line.escape_ascii()
        );
        refused += usize::from(answer.status == 400);
    }
    println!(
        "GW-03: {} cells, {refused} refused, {} dropped",
        lines.len(),
        lines.len() - refused
    );
}

/// GW-04.
#[tokio::test]
async fn connection_cannot_take_away_what_the_gateway_adds_nor_the_proof() {
    let (edge, upstream) = edge().await;
    let connections = [
        "close, X-Request-Id, Authorization",
        "X-Forwarded-For, x-forwarded-proto, x-forwarded-host, authorization",
        "AUTHORIZATION,traceparent,x-request-deadline,via,host",
        "keep-alive\r\nConnection: authorization, x-request-id",
    ];
    for connection in connections {
        let lines = [
            &format!("Connection: {connection}"),
            "Authorization: Bearer a",
            "X-Own: 1",
        ];
        assert_eq!(ask(edge, "GET", "/api/echo/x", &lines).await.status, 200);
        let seen = upstream.take().remove(0);
        assert_eq!(seen.header("authorization"), ["Bearer a"], "{connection}");
        for name in SET {
            assert_eq!(seen.header(name).len(), 1, "{connection}: {name}");
        }
        assert_eq!(seen.header("x-own"), ["1"]);
    }
    ask(edge, "GET", "/api/echo/x", &["Connection: x-own", "X-Own: 1"]).await;
    assert_eq!(
        upstream.take()[0].header("x-own"),
        [""; 0],
        "what else it names is for this hop only"
    );
}

#[tokio::test]
async fn hop_by_hop_headers_stay_on_their_connection() {
    let (edge, upstream) = edge().await;
    let lines = [
        "Connection: keep-alive",
        "Keep-Alive: timeout=5",
        "TE: trailers",
        "Trailer: x-checksum",
        "Proxy-Authorization: Basic eDp5",
        "Proxy-Connection: keep-alive",
        "HTTP2-Settings: AAMAAABk",
        "Expect: 100-continue",
        "Accept: text/html",
    ];
    ask(edge, "GET", "/api/echo/x", &lines).await;
    let seen = upstream.take().remove(0);
    let mut names: Vec<_> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.retain(|name| !SET.contains(name));
    assert_eq!(names, ["accept"]);
}

#[tokio::test]
async fn an_answer_brings_neither_cookies_nor_the_upstreams_own_headers() {
    let upstream = Upstream::http(|_| async {
        http::Response::builder()
            .status(201)
            .header("server", "upstream/1")
            .header("x-powered-by", "upstream")
            .header("set-cookie", "a=b")
            .header("connection", "x-inner")
            .header("x-inner", "1")
            .header("x-request-id", "theirs")
            .header("location", "/echo/x/1")
            .header("etag", "\"1\"")
            .body("made".into())
            .unwrap()
    })
    .await;
    let edge = gateway(vec![route(upstream.origin())], options()).await;
    let answer = ask(edge, "POST", "/api/echo/x", &["content-length: 0"]).await;
    for name in ["server", "x-powered-by", "set-cookie", "connection", "x-inner"] {
        assert!(!answer.headers.contains_key(name), "{name}");
    }
    assert_eq!((answer.status, answer.text.as_str()), (201, "made"));
    assert_eq!(answer.header("location"), "/api/echo/x/1");
    assert_eq!(answer.header("etag"), "\"1\"");
    assert_eq!(answer.headers.get_all("x-request-id").iter().count(), 1);
    assert_ne!(answer.header("x-request-id"), "theirs");
}

/// GW-16.
#[tokio::test]
async fn an_answer_with_a_line_break_in_a_header_never_becomes_two_headers() {
    for value in [
        "a\rx-evil: 1",
        "a\x1b[31mred",
        "a\0b",
        "a\x0bb",
        "a\r\n x-evil: folded",
    ] {
        let upstream = Upstream::tcp(move |mut stream, _| async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream
                .write_all(
                    format!("HTTP/1.1 200 OK\r\nx-said: {value}\r\ncontent-length: 2\r\n\r\nok").as_bytes(),
                )
                .await;
        })
        .await;
        let edge = gateway(vec![route(upstream.origin())], options()).await;
        let answer = ask(edge, "GET", "/api/echo/x", &[]).await;
        assert!(matches!(answer.status, 200 | 502), "{value:?}: {answer:?}");
        assert!(!answer.headers.contains_key("x-evil"), "{value:?}");
        let said = answer.header("x-said");
        assert!(!said.chars().any(char::is_control), "{value:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_trace_is_continued_with_a_new_span_or_begun_afresh() {
    let (edge, upstream) = edge().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let valid = format!("traceparent: 00-{trace}-00f067aa0ba902b7-01");
    ask(edge, "GET", "/api/echo/x", &[&valid, "tracestate: a=b"]).await;
    ask(
        edge,
        "GET",
        "/api/echo/x",
        &["traceparent: 00-zz-00f067aa0ba902b7-01", "tracestate: a=b"],
    )
    .await;
    let seen = upstream.take();
    assert!(seen[0].header("traceparent")[0].starts_with(&format!("00-{trace}-")));
    assert!(!seen[0].header("traceparent")[0].contains("00f067aa0ba902b7"));
    assert_eq!(seen[0].header("tracestate"), ["a=b"]);
    assert_eq!(seen[1].header("traceparent")[0].len(), 55);
    assert_eq!(seen[1].header("tracestate"), [""; 0]);
}
