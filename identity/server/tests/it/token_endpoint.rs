//! The endpoints that take forms: method, media type, size, encoding and origin of a request.

use latchkey_protocol::client::Grant;
use reqwest::Method;

use crate::harness::{Answer, Browser, IssuerServer, Matrix, http, on_both_engines, raw, secret_of};

const FORM: &str = "application/x-www-form-urlencoded";

/// The POST endpoints, a client that each answers with 200, and the form for it.
const ENDPOINTS: [(&str, &str, &str); 3] = [
    ("/token", "m-basic", "grant_type=client_credentials"),
    ("/introspect", "rs-all", "token=x"),
    ("/revoke", "m-basic", "token=x"),
];

async fn post(
    server: &IssuerServer,
    (path, client, _): (&str, &str, &str),
    media: &[&str],
    body: Vec<u8>,
) -> Answer {
    let mut request = http()
        .post(format!("{}{path}", server.url()))
        .basic_auth(client, Some(secret_of(client)))
        .body(body);
    for media in media {
        request = request.header("content-type", *media);
    }
    Answer::of(request).await
}

fn no_store(answer: &Answer) -> bool {
    answer.header("cache-control") == "no-store"
}

/// TK-11.
#[tokio::test]
async fn only_post_is_answered_and_allow_says_so() {
    let server = IssuerServer::new().await;
    let mut matrix = Matrix::new("TK-11 endpoint × method");
    for endpoint in ENDPOINTS {
        let (path, client, form) = endpoint;
        for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "QUERY", "post"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let request = http()
                .request(method.clone(), format!("{}{path}", server.url()))
                .basic_auth(client, Some(secret_of(client)))
                .header("content-type", FORM)
                .body(form);
            let answer = Answer::of(request).await;
            let got = (
                answer.status,
                answer.header("allow").to_owned(),
                answer.text.contains("token"),
            );
            // What a page of another origin may call has a preflight beside it.
            let allow = if path == "/introspect" {
                "POST"
            } else {
                "POST,OPTIONS"
            };
            matrix.cell(format!("{method} {path}"), got, (405, allow.to_owned(), false));
        }
        matrix.cell(
            format!("POST {path}"),
            post(&server, endpoint, &[FORM], form.into()).await.status,
            200,
        );
    }
    for path in [
        "/jwks",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/revocations",
    ] {
        let answer = Answer::of(http().post(format!("{}{path}", server.url())).form(&[("a", "b")])).await;
        matrix.cell(format!("POST {path}"), answer.status, 405);
    }
    matrix.end();
}

/// TK-11.
#[tokio::test]
async fn only_a_form_is_read_and_only_from_the_body() {
    let server = IssuerServer::new().await;
    let mut matrix = Matrix::new("TK-11 endpoint × body");
    for endpoint in ENDPOINTS {
        let (path, client, form) = endpoint;
        let json = br#"{"grant_type":"client_credentials","token":"x"}"#;
        let part = "--b\r\ncontent-disposition: form-data; name=\"token\"\r\n\r\nx\r\n--b--\r\n";
        let refused: Vec<(&str, Vec<&str>, Vec<u8>)> = vec![
            ("JSON", vec!["application/json"], json.to_vec()),
            (
                "JSON with a charset",
                vec!["application/json; charset=utf-8"],
                json.to_vec(),
            ),
            ("a form called JSON", vec!["application/json"], form.into()),
            ("no media type", vec![], form.into()),
            ("an empty media type", vec![""], form.into()),
            ("plain text", vec!["text/plain"], form.into()),
            ("multipart", vec!["multipart/form-data; boundary=b"], part.into()),
            (
                "a longer name",
                vec!["application/x-www-form-urlencoded2"],
                form.into(),
            ),
            (
                "a list",
                vec!["application/x-www-form-urlencoded, application/json"],
                form.into(),
            ),
            ("two media types", vec![FORM, "application/json"], form.into()),
            ("two equal media types", vec![FORM, FORM], form.into()),
        ];
        for (what, media, body) in refused {
            let answer = post(&server, endpoint, &media, body).await;
            let got = (answer.status, answer.code(), no_store(&answer));
            matrix.cell(
                format!("{path} {what}"),
                got,
                (400, "invalid_request".to_owned(), true),
            );
        }
        for (what, media) in [
            ("UTF-8", "application/x-www-form-urlencoded; charset=UTF-8"),
            (
                "utf-8 without a space",
                "application/x-www-form-urlencoded;charset=utf-8",
            ),
            (
                "a quoted charset",
                "application/x-www-form-urlencoded; charset=\"utf-8\"",
            ),
            ("another letter case", "Application/X-WWW-Form-URLencoded"),
        ] {
            let answer = post(&server, endpoint, &[media], form.into()).await;
            matrix.cell(
                format!("{path} {what}"),
                (answer.status, no_store(&answer)),
                (200, true),
            );
        }
        for (what, query, body) in [
            ("everything in the query", format!("?{form}"), ""),
            ("everything twice", format!("?{form}"), form),
            (
                "a secret in the query",
                format!("?client_id={client}&client_secret={}", secret_of(client)),
                form,
            ),
            ("anything in the query", "?x=1".to_owned(), form),
            ("an empty query", "?".to_owned(), form),
        ] {
            let request = http().post(format!("{}{path}{query}", server.url()));
            let request = request
                .basic_auth(client, Some(secret_of(client)))
                .header("content-type", FORM);
            let answer = Answer::of(request.body(body)).await;
            let got = (answer.status, answer.code(), no_store(&answer));
            matrix.cell(
                format!("{path} {what}"),
                got,
                (400, "invalid_request".to_owned(), true),
            );
        }
        let empty = post(&server, endpoint, &[FORM], Vec::new()).await;
        matrix.cell(
            format!("{path} an empty body"),
            (empty.status, empty.code()),
            (400, "invalid_request".to_owned()),
        );
    }
    matrix.end();
}

/// What is wrong with a request of each grant, as far as the form says it, and a client that may use the grant.
fn malformed_requests(grant: Grant) -> (&'static str, &'static [&'static str]) {
    match grant {
        Grant::AuthorizationCode => ("demo-web", &["", "code="]),
        Grant::RefreshToken => (
            "demo-web",
            &["", "refresh_token=", "refresh_token=x", "refresh_token=%00"],
        ),
        Grant::ClientCredentials => ("m-basic", &["scope=%00", "resource=x"]),
        Grant::TokenExchange => (
            "m-basic",
            &["", "subject_token=x", "subject_token=x&subject_token_type=y"],
        ),
    }
}

/// TK-11. RFC 6749 §5.2: a stranger learns nothing of what is wrong with a request, whatever the grant.
#[tokio::test]
async fn the_client_is_authenticated_before_a_malformed_request_is_answered() {
    let server = IssuerServer::new().await;
    let mut matrix = Matrix::new("TK-11 grant × malformed request × client");
    for grant in Grant::ALL {
        let (client, requests) = malformed_requests(grant);
        let secret = match client {
            "demo-web" => server.app(client, "").secret.expect("a secret"),
            planted => secret_of(planted),
        };
        for request in requests {
            let form = format!("grant_type={}&{request}", form_encoded(grant.name()));
            let ask = async |id: &str, secret: &str| {
                let sent = http().post(format!("{}/token", server.url()));
                let sent = sent.basic_auth(id, Some(secret)).header("content-type", FORM);
                let answer = Answer::of(sent.body(form.clone())).await;
                (answer.status, answer.code())
            };
            for (who, id, presented) in [
                ("a wrong secret", client, "wrong"),
                ("an unknown client", "nobody", secret.as_str()),
                ("no secret", client, ""),
            ] {
                let refused = (401, "invalid_client".to_owned());
                matrix.cell(
                    format!("{grant:?} {request:?} {who}"),
                    ask(id, presented).await,
                    refused,
                );
            }
            let (status, code) = ask(client, &secret).await;
            let told = (status, code != "invalid_client");
            matrix.cell(format!("{grant:?} {request:?} the client"), told, (400, true));
        }
    }
    matrix.end();
    server.stop().await;
}

fn form_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// TK-11.
#[tokio::test]
async fn a_form_is_bounded() {
    let server = IssuerServer::new().await;
    let mut matrix = Matrix::new("TK-11 endpoint × size");
    for endpoint in ENDPOINTS {
        let (path, client, form) = endpoint;
        let parameters = |count: usize| {
            let more: Vec<String> = (1..count).map(|n| format!("p{n}=1")).collect();
            format!("{form}&{}", more.join("&")).into_bytes()
        };
        let filled = |size: usize| {
            let mut body = format!("{form}&filler=").into_bytes();
            body.resize(size, b'x');
            body
        };
        let status = async |body| post(&server, endpoint, &[FORM], body).await.status;
        matrix.cell(format!("{path} 64 parameters"), status(parameters(64)).await, 200);
        matrix.cell(format!("{path} 65 parameters"), status(parameters(65)).await, 400);
        matrix.cell(
            format!("{path} 10,000 parameters"),
            status(parameters(8_000)).await,
            400,
        );
        matrix.cell(format!("{path} 64 KiB"), status(filled(64 * 1024)).await, 200);
        matrix.cell(format!("{path} 65 KiB"), status(filled(65 * 1024)).await, 413);
        matrix.cell(format!("{path} 1 MiB"), status(filled(1024 * 1024)).await, 413);
        // Without a length the end is found while reading.
        let chunks = futures::stream::iter((0..65).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 1024])));
        let request = http()
            .post(format!("{}{path}", server.url()))
            .basic_auth(client, Some(secret_of(client)))
            .header("content-type", FORM)
            .body(reqwest::Body::wrap_stream(chunks));
        let answer = Answer::of(request).await;
        matrix.cell(format!("{path} 65 KiB in chunks"), answer.status, 400);
    }
    matrix.end();
}

/// What the listener refuses before anybody has looked at the form is said as these endpoints say everything.
/// TK-11, TK-18.
#[tokio::test]
async fn errors_of_the_listener_have_the_format_of_the_endpoint() {
    let server = IssuerServer::new().await;
    let authority = server.url().trim_start_matches("http://").to_owned();
    let mut matrix = Matrix::new("TK-11 endpoint × refusal at the door");
    for (path, _, _) in ENDPOINTS {
        let long = format!("{path}?{}", "x".repeat(9 * 1024));
        for (what, target, more, status) in [
            (
                "a body that says it is 1 MiB",
                path,
                format!("Host: {authority}\r\nContent-Length: 1048576\r\n"),
                413,
            ),
            ("a target of 9 KiB", &long, format!("Host: {authority}\r\n"), 414),
            ("another name", path, "Host: evil.test\r\n".to_owned(), 421),
            ("no name", path, String::new(), 400),
        ] {
            let request = format!("POST {target} HTTP/1.1\r\n{more}Connection: close\r\n\r\n");
            let answer = raw(server.url(), request.as_bytes()).await;
            let got = (
                answer.status,
                answer.code(),
                answer.json()["error_description"].is_string(),
                answer.header("content-type").to_owned(),
                answer.header("x-content-type-options").to_owned(),
                no_store(&answer),
            );
            let form = (
                status,
                "invalid_request".to_owned(),
                true,
                "application/json".to_owned(),
                "nosniff".to_owned(),
                true,
            );
            matrix.cell(format!("{path} {what}"), got, form);
        }
    }
    matrix.end();
}

/// TK-11.
#[tokio::test]
async fn a_parameter_comes_once_and_is_properly_encoded() {
    let server = IssuerServer::new().await;
    let mut matrix = Matrix::new("TK-11 endpoint × encoding");
    for endpoint in ENDPOINTS {
        let (path, _, form) = endpoint;
        let (name, value) = form.split_once('=').unwrap();
        let first = name.as_bytes()[0];
        let encoded = format!("%{first:02x}{}", &name[1..]);
        let mut broken: Vec<(String, Vec<u8>)> = vec![
            ("twice".into(), format!("{form}&{form}").into()),
            (
                "twice with another value".into(),
                format!("{form}&{name}=y").into(),
            ),
            (
                "twice by an encoded name".into(),
                format!("{form}&{encoded}={value}").into(),
            ),
            (
                "twice by an encoded name, first".into(),
                format!("{encoded}=y&{form}").into(),
            ),
            ("twice, first empty".into(), format!("{name}=&{form}").into()),
            ("twice, then empty".into(), format!("{form}&{name}").into()),
            (
                "an unknown parameter twice".into(),
                format!("{form}&u=1&u=1").into(),
            ),
            ("an empty name twice".into(), format!("{form}&=1&=2").into()),
        ];
        for parameter in [
            "scope",
            "client_id",
            "client_secret",
            "token_type_hint",
            "token",
            "grant_type",
        ] {
            broken.push((
                format!("{parameter} twice"),
                format!("{form}&{parameter}=m&{parameter}=n").into(),
            ));
        }
        for escape in [
            "%",
            "%4",
            "%zz",
            "%u0041",
            "%-1",
            "%+1",
            "%ff",
            "%c0%80",
            "%ed%a0%80",
        ] {
            broken.push((
                format!("{escape} in a value"),
                format!("{form}&x={escape}").into(),
            ));
            broken.push((format!("{escape} in a name"), format!("{form}&{escape}=x").into()));
        }
        broken.push((
            "a byte that is not UTF-8".into(),
            [form.as_bytes(), b"&x=\xff"].concat(),
        ));
        broken.push((
            "such a byte in a name".into(),
            [form.as_bytes(), b"&\xfe=x"].concat(),
        ));
        for (what, body) in broken {
            let answer = post(&server, endpoint, &[FORM], body).await;
            let got = (answer.status, answer.code(), no_store(&answer));
            matrix.cell(
                format!("{path} {what}"),
                got,
                (400, "invalid_request".to_owned(), true),
            );
        }
        // RFC 6749 §3.2 knows one separator. The rest is a value like any other, and no value.
        for (what, body) in [
            ("a semicolon", format!("{form};x=1")),
            ("NUL after the value", format!("{form}%00")),
            ("a raw NUL", format!("{form}\0")),
            ("a line break", format!("{form}%0d%0ax")),
            ("a space", format!("{form}+")),
            ("another letter case", format!("{name}={}", value.to_uppercase())),
        ] {
            let answer = post(&server, endpoint, &[FORM], body.into()).await;
            let expected = match path {
                "/token" => (400, "{\"error\":\"unsupported_grant_type\"".to_owned()),
                "/introspect" => (200, "{\"active\":false}".to_owned()),
                _ => (200, String::new()),
            };
            let seen = answer
                .text
                .split(",\"error_description\"")
                .next()
                .unwrap_or_default();
            matrix.cell(
                format!("{path} {what}"),
                (answer.status, seen.to_owned()),
                expected,
            );
        }
    }
    for (what, more, code) in [
        ("NUL in a scope", "&scope=catalog.read%00", "invalid_scope"),
        (
            "NUL in a resource",
            "&resource=urn%3Alatchkey%3Acatalog%00",
            "invalid_target",
        ),
        (
            "two resources",
            "&resource=urn%3Alatchkey%3Acatalog&resource=urn%3Atest%3Aorders",
            "invalid_target",
        ),
        (
            "one resource twice",
            "&resource=urn%3Alatchkey%3Acatalog&resource=urn%3Alatchkey%3Acatalog",
            "invalid_target",
        ),
        (
            "a resource with a fragment",
            "&resource=urn%3Alatchkey%3Acatalog%23x",
            "invalid_target",
        ),
        (
            "a resource with a slash",
            "&resource=urn%3Alatchkey%3Acatalog%2F",
            "invalid_target",
        ),
        (
            "a resource in another letter case",
            "&resource=URN%3Alatchkey%3Acatalog",
            "invalid_target",
        ),
    ] {
        let body = format!("{}{more}", ENDPOINTS[0].2);
        let answer = post(&server, ENDPOINTS[0], &[FORM], body.into()).await;
        matrix.cell(
            format!("/token {what}"),
            (answer.status, answer.code()),
            (400, code.to_owned()),
        );
    }
    matrix.end();
}

async fn a_browser_client_is_answered_at_its_own_origin_alone(server: IssuerServer) {
    let (app, browser) = (server.app("demo-browser", "openid"), Browser::new());
    let tokens = app.sign_in(&browser, server.person("alice"), &[]).await;
    let token = format!("{}/token", server.issuer());
    let mut matrix = Matrix::new("CORS origin × endpoint");
    for (origin, allowed) in [
        ("http://localhost:3000", true),
        ("https://evil.test", false),
        ("null", false),
    ] {
        let preflight = http()
            .request(reqwest::Method::OPTIONS, &token)
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        let preflight = Answer::of(preflight).await;
        matrix.cell(
            format!("{origin} preflight"),
            preflight.header("access-control-allow-origin") == origin,
            allowed,
        );
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "demo-browser"),
            ("refresh_token", tokens.refresh()),
        ];
        let answer = Answer::of(http().post(&token).header("origin", origin).form(&form)).await;
        matrix.cell(
            format!("{origin} refresh"),
            (
                answer.status,
                answer.header("access-control-allow-origin") == origin,
            ),
            (200, allowed),
        );
        let bad = Answer::of(
            http()
                .post(&token)
                .header("origin", origin)
                .form(&[("grant_type", "nothing")]),
        )
        .await;
        matrix.cell(
            format!("{origin} refusal"),
            bad.header("access-control-allow-origin") == origin,
            allowed,
        );
        matrix.hold(
            format!("{origin} no credentials"),
            !answer.headers.contains_key("access-control-allow-credentials"),
            &answer,
        );
    }
    matrix.end();
    server.stop().await;
}

on_both_engines! {
    a_browser_client_is_answered_at_its_own_origin_alone,
}
