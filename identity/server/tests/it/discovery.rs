//! The discovery document and the other public ones: what they advertise works, and nothing else exists.

use std::collections::BTreeSet;

use latchkey_identity::Seed;
use latchkey_protocol::client::Grant;
use serde_json::{Value, json};

use crate::harness::{Answer, IssuerServer, Matrix, anonymous, claims, http, raw, secret_of};

pub const DOCUMENTS: [&str; 3] = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/jwks",
];

/// CVE-2025-64101, CL-04.
#[tokio::test]
async fn every_address_comes_from_the_configuration() {
    let server = IssuerServer::new().await;
    let authority = server.url().strip_prefix("http://").unwrap().to_owned();
    let mut matrix = Matrix::new("CL-04 document × header");
    let headers = [
        "X-Forwarded-Host: evil.test",
        "X-Forwarded-Host: evil.test\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 443",
        "X-Forwarded-Server: evil.test",
        "X-Forwarded-Prefix: /evil",
        "X-Forwarded-For: 10.0.0.1",
        "X-Original-Host: evil.test",
        "X-Original-URL: /evil",
        "X-Rewrite-URL: /evil",
        "X-Host: evil.test",
        "X-HTTP-Host-Override: evil.test",
        "Forwarded: for=10.0.0.1;host=evil.test;proto=https",
        "Forwarded: host=\"evil.test\"",
        "Origin: https://evil.test",
        "Referer: https://evil.test/",
        "Via: 1.1 evil.test",
        "Front-End-Https: on",
        "Accept: text/html",
        "Accept-Language: evil",
    ];
    let get = async |target: &str, host: &str, more: &str| {
        let request = format!("GET {target} HTTP/1.1\r\n{host}{more}Connection: close\r\n\r\n");
        raw(server.url(), request.as_bytes()).await
    };
    let host = format!("Host: {authority}\r\n");
    for document in DOCUMENTS {
        let plain = get(document, &host, "").await;
        assert_eq!(plain.status, 200, "{plain:?}");
        assert!(!plain.text.contains("evil"));
        for header in headers {
            let answer = get(document, &host, &format!("{header}\r\n")).await;
            matrix.cell(
                format!("{document} × {header:?}"),
                (answer.status, answer.text.clone()),
                (200, plain.text.clone()),
            );
            matrix.cell(
                format!("{document} × {header:?}: tag"),
                answer.header("etag"),
                plain.header("etag"),
            );
            matrix.hold(
                format!("{document} × {header:?}: evil"),
                !format!("{:?}", answer.headers).contains("evil"),
                &answer,
            );
        }
        let port = authority.rsplit_once(':').unwrap().1;
        for (what, host) in [
            ("another name", "Host: evil.test\r\n".to_owned()),
            ("another name, our port", format!("Host: evil.test:{port}\r\n")),
            ("our name, no port", "Host: localhost\r\n".to_owned()),
            ("our name, another port", "Host: localhost:1\r\n".to_owned()),
            ("our name as a prefix", format!("Host: {authority}.evil.test\r\n")),
            ("our name as a user", format!("Host: {authority}@evil.test\r\n")),
            ("a short form of the address", format!("Host: 127.1:{port}\r\n")),
            ("a number", format!("Host: 2130706433:{port}\r\n")),
            ("nothing", "Host: \r\n".to_owned()),
            ("none", String::new()),
            ("two", format!("Host: {authority}\r\nHost: evil.test\r\n")),
            (
                "two, the other first",
                format!("Host: evil.test\r\nHost: {authority}\r\n"),
            ),
            ("a list", format!("Host: {authority}, evil.test\r\n")),
        ] {
            let answer = get(document, &host, "").await;
            matrix.hold(
                format!("{document} × host: {what}"),
                [400, 421].contains(&answer.status),
                &answer,
            );
            matrix.hold(
                format!("{document} × host: {what}, nothing told"),
                !answer.text.contains("token_endpoint"),
                &answer,
            );
        }
        let absolute = get(&format!("http://evil.test{document}"), &host, "").await;
        matrix.cell(
            format!("{document} × an absolute target elsewhere"),
            absolute.status,
            400,
        );
        let absolute = get(
            &format!("http://{authority}{document}"),
            "Host: evil.test\r\n",
            "",
        )
        .await;
        matrix.cell(
            format!("{document} × an absolute target, another host"),
            absolute.status,
            400,
        );
    }
    // Tokens say the configured issuer, whatever the request said.
    let request = http()
        .post(format!("{}/token", server.url()))
        .header("x-forwarded-host", "evil.test")
        .header("forwarded", "host=evil.test;proto=https")
        .basic_auth("m-basic", Some(secret_of("m-basic")));
    let answer = Answer::of(request.form(&[("grant_type", "client_credentials")]))
        .await
        .json();
    let claims = claims(answer["access_token"].as_str().unwrap());
    matrix.cell(
        "the issuer of a token",
        claims["iss"].as_str().unwrap_or_default(),
        server.issuer(),
    );
    matrix.end();
}

fn texts(value: &Value) -> Vec<String> {
    let all = value.as_array().expect("an array").iter();
    all.map(|value| value.as_str().expect("text").to_owned())
        .collect()
}

/// Pages of every origin may read what is public, also with a header that makes their browser ask first.
#[tokio::test]
async fn a_page_of_any_origin_may_read_the_public_documents() {
    let server = IssuerServer::new().await;
    let mut matrix = Matrix::new("document × preflight");
    for document in DOCUMENTS {
        for (method, headers) in [
            ("GET", ""),
            ("HEAD", ""),
            ("GET", "if-none-match"),
            ("GET", "mcp-protocol-version"),
        ] {
            let url = format!("{}{document}", server.url());
            let mut request = http()
                .request(reqwest::Method::OPTIONS, &url)
                .header("origin", "https://anybody.test")
                .header("access-control-request-method", method);
            if !headers.is_empty() {
                request = request.header("access-control-request-headers", headers);
            }
            let answer = Answer::of(request).await;
            let said = |name: &str| answer.header(&format!("access-control-{name}")).to_owned();
            matrix.cell(
                format!("{document} × {method} {headers}"),
                (
                    answer.status,
                    said("allow-origin"),
                    said("allow-methods"),
                    said("allow-headers"),
                ),
                (204, "*".to_owned(), "GET, HEAD".to_owned(), "*".to_owned()),
            );
            matrix.hold(
                format!("{document} × {method} {headers}: kept, without credentials or a body"),
                said("max-age").parse::<u32>().is_ok_and(|age| age > 0)
                    && said("allow-credentials").is_empty()
                    && answer.text.is_empty(),
                &answer,
            );
            let read = Answer::of(http().get(&url).header("origin", "https://anybody.test")).await;
            matrix.cell(
                format!("{document} × the document itself"),
                (read.status, read.header("access-control-allow-origin").to_owned()),
                (200, "*".to_owned()),
            );
        }
    }
    // What answers for somebody says nothing to pages that nobody registered.
    for path in ["/token", "/userinfo", "/revoke"] {
        let request = http()
            .request(reqwest::Method::OPTIONS, format!("{}{path}", server.url()))
            .header("origin", "https://anybody.test")
            .header("access-control-request-method", "POST");
        let answer = Answer::of(request).await;
        matrix.hold(
            format!("{path} is not public"),
            !answer.headers.contains_key("access-control-allow-origin"),
            &answer,
        );
    }
    matrix.end();
    server.stop().await;
}

/// CL-05.
/// Every member of the document is walked: one that is new here fails until it has a check of its own.
#[tokio::test]
async fn everything_advertised_works() {
    let server = IssuerServer::new().await;
    let both: Vec<Value> = [
        anonymous(&format!("{}{}", server.issuer(), DOCUMENTS[0]))
            .await
            .json(),
        anonymous(&format!("{}{}", server.issuer(), DOCUMENTS[1]))
            .await
            .json(),
    ]
    .to_vec();
    assert_eq!(both[0], both[1]);
    let document = both[0].as_object().unwrap();
    let issuer = server.issuer().to_owned();
    let at = |name: &str| {
        document[name]
            .as_str()
            .unwrap_or_else(|| panic!("{name}"))
            .to_owned()
    };
    let mut matrix = Matrix::new("CL-05 advertised value");
    // A client of each method at each endpoint, as the document says.
    let authenticate = async |endpoint: &str, method: &str, form: &[(&str, &str)]| {
        let mut form = form.to_vec();
        let request = http().post(endpoint);
        let secret = secret_of("m-post");
        let request = match method {
            "client_secret_basic" => request.basic_auth("m-basic", Some(secret_of("m-basic"))),
            "client_secret_post" => {
                form.extend([("client_id", "m-post"), ("client_secret", &secret)]);
                request
            }
            "none" => {
                form.push(("client_id", "public"));
                request
            }
            other => panic!("{other} is advertised and has no check"),
        };
        Answer::of(request.form(&form)).await.status
    };
    // And one that may have everything that is named.
    let everything = format!(
        "[[clients]]\nclient_id = \"walker\"\nclient_secret = \"{}\"\ngrant_types = [\"client_credentials\"]\n\
         scope = \"{}\"\nresources = {}\n",
        secret_of("walker"),
        texts(&document["scopes_supported"]).join(" "),
        document["protected_resources"],
    );
    server
        .identity()
        .seed(Seed::parse(&everything).unwrap(), "test")
        .await
        .unwrap();
    let may = "[[clients]]\nclient_id = \"m-basic\"\ngrant_types = [\"client_credentials\"]\nscope = \"catalog.read\"\n\
               resources = [\"urn:latchkey:catalog\"]\nmay_introspect = [\"*\"]\n\
               [[clients]]\nclient_id = \"m-post\"\ngrant_types = [\"client_credentials\"]\nscope = \"catalog.read\"\n\
               resources = [\"urn:latchkey:catalog\"]\nmay_introspect = [\"*\"]\n\
               token_endpoint_auth_method = \"client_secret_post\"\n";
    server
        .identity()
        .seed(Seed::parse(may).unwrap(), "test")
        .await
        .unwrap();
    for (name, value) in document {
        match name.as_str() {
            "issuer" => matrix.cell(name, value.as_str().unwrap(), issuer.as_str()),
            "jwks_uri" => {
                let keys = anonymous(&at(name)).await;
                matrix.hold(
                    name,
                    keys.status == 200 && !keys.json()["keys"].as_array().unwrap().is_empty(),
                    &keys,
                );
            }
            "token_endpoint"
            | "introspection_endpoint"
            | "revocation_endpoint"
            | "authorization_endpoint"
            | "userinfo_endpoint"
            | "end_session_endpoint" => {
                matrix.hold(
                    format!("{name} is below the issuer"),
                    at(name).starts_with(&format!("{issuer}/")),
                    value,
                );
            }
            "token_endpoint_auth_methods_supported" => {
                for method in texts(value) {
                    // A public client has no grant but a code's: a code of nobody shows that it was let in.
                    let (form, expected) = match method.as_str() {
                        "none" => ([("grant_type", "authorization_code"), ("code", "nobodys")], 400),
                        _ => (
                            [("grant_type", "client_credentials"), ("scope", "catalog.read")],
                            200,
                        ),
                    };
                    let got = authenticate(&at("token_endpoint"), &method, &form).await;
                    matrix.cell(format!("{name} {method}"), got, expected);
                }
            }
            "introspection_endpoint_auth_methods_supported" => {
                for method in texts(value) {
                    let status =
                        authenticate(&at("introspection_endpoint"), &method, &[("token", "x")]).await;
                    matrix.cell(format!("{name} {method}"), status, 200);
                }
            }
            "revocation_endpoint_auth_methods_supported" => {
                for method in texts(value) {
                    let status = authenticate(&at("revocation_endpoint"), &method, &[("token", "x")]).await;
                    matrix.cell(format!("{name} {method}"), status, 200);
                }
            }
            "revocation_feed_endpoint" => {
                let request = http()
                    .get(at(name))
                    .basic_auth("rs-all", Some(secret_of("rs-all")));
                let feed = request.send().await.unwrap();
                matrix.cell(
                    name,
                    feed.headers()["content-type"].to_str().unwrap(),
                    "text/event-stream",
                );
            }
            "grant_types_supported" => {
                let built: Vec<String> = Grant::ALL.iter().map(|grant| grant.name().to_owned()).collect();
                matrix.cell(name, texts(value), built);
                for grant in texts(value) {
                    let form = [("grant_type", grant.as_str())];
                    let answer = server.machine("m-basic").post("/token", &form).await;
                    matrix.hold(
                        format!("{name} {grant}"),
                        answer.code() != "unsupported_grant_type",
                        &answer,
                    );
                }
            }
            "scopes_supported" => {
                // Those of OpenID Connect are for people: tests/it/sign_in.rs walks them.
                for scope in texts(value).into_iter().filter(|scope| scope.contains('.')) {
                    let answer = server.machine("walker").ask(&[("scope", &scope)]).await;
                    matrix.cell(
                        format!("{name} {scope}"),
                        answer.json()["scope"].as_str(),
                        Some(scope.as_str()),
                    );
                }
            }
            "protected_resources" => {
                for resource in texts(value) {
                    let answer = server
                        .machine("walker")
                        .ask(&[("resource", &resource)])
                        .await
                        .json();
                    let claims = claims(answer["access_token"].as_str().unwrap());
                    matrix.cell(
                        format!("{name} {resource}"),
                        claims["aud"].as_str(),
                        Some(resource.as_str()),
                    );
                }
            }
            "response_types_supported" => matrix.cell(name, texts(value), vec!["code".to_owned()]),
            "response_modes_supported" => {
                matrix.cell(
                    name,
                    texts(value),
                    vec!["query".to_owned(), "form_post".to_owned()],
                );
            }
            "code_challenge_methods_supported" => {
                matrix.cell(name, texts(value), vec!["S256".to_owned()]);
            }
            "id_token_signing_alg_values_supported" => {
                for alg in texts(value) {
                    let text =
                        format!("[[clients]]\nclient_id = \"x\"\nid_token_signed_response_alg = \"{alg}\"\n");
                    matrix.hold(
                        format!("{name} {alg}"),
                        Seed::parse(&text).is_ok(),
                        "it cannot be registered",
                    );
                }
            }
            "authorization_response_iss_parameter_supported" => matrix.cell(name, value, &json!(true)),
            // What a client then hears, and when: `logout_tokens.rs`.
            "backchannel_logout_supported" | "backchannel_logout_session_supported" => {
                matrix.cell(name, value, &json!(true));
            }
            "request_parameter_supported" | "request_uri_parameter_supported" => {
                matrix.cell(name, value, &json!(false));
            }
            // Shown at work in profile.rs.
            "claims_parameter_supported" => matrix.cell(name, value, &json!(true)),
            // Those that ladder.rs and passkeys.rs reach; mail_code.rs has the one that an operator turns on.
            "acr_values_supported" => {
                let given = ["urn:latchkey:acr:password", "urn:latchkey:acr:mfa", "phr"];
                matrix.cell(name, texts(value), given.map(str::to_owned).to_vec());
            }
            // Shown at work in sign_in.rs and authorize.rs.
            "prompt_values_supported"
            | "display_values_supported"
            | "claims_supported"
            | "claim_types_supported"
            | "ui_locales_supported" => {
                matrix.hold(name, !texts(value).is_empty(), value);
            }
            // Subjects are public: a user has the same sub at every client.
            "subject_types_supported" => matrix.cell(name, texts(value), vec!["public".to_owned()]),
            other => matrix.hold(other, false, "it is advertised and has no check"),
        }
    }
    matrix.end();
    server.stop().await;
}

/// CL-05.
#[tokio::test]
async fn what_is_not_advertised_does_not_exist() {
    let server = IssuerServer::new().await;
    let document = anonymous(&format!("{}{}", server.url(), DOCUMENTS[0]))
        .await
        .json();
    let names: BTreeSet<&String> = document.as_object().unwrap().keys().collect();
    let mut matrix = Matrix::new("CL-05 not advertised");
    for absent in [
        "registration_endpoint",
        "check_session_iframe",
        "device_authorization_endpoint",
        "pushed_authorization_request_endpoint",
        "backchannel_authentication_endpoint",
        "dpop_signing_alg_values_supported",
        "tls_client_certificate_bound_access_tokens",
        "mtls_endpoint_aliases",
        "token_endpoint_auth_signing_alg_values_supported",
    ] {
        matrix.hold(
            format!("member {absent}"),
            !names.contains(&absent.to_owned()),
            "it is there",
        );
    }
    for path in [
        "/me",
        "/connect/register",
        "/end_session",
        "/session",
        "/check_session",
        "/par",
        "/device",
        "/device_authorization",
        "/device/code",
        "/bc-authorize",
        "/password",
        "/reset",
        "/admin",
        "/console",
        "/metrics",
        "/debug",
        "/debug/pprof",
        "/.well-known/webfinger",
        "/.well-known/jwks.json",
        "/.env",
        "/.git/config",
        "/swagger",
        "/openapi.json",
        "/token/",
        "//token",
        "/token//",
        "/./token",
        "/x/../token",
        "/TOKEN",
        "/Token",
        "/%74oken",
        "/token%2f",
        "/token%00",
        "/token;x=1",
        "/oauth/token",
        "/oauth2/token",
        "/jwks/",
        "/jwks.json",
        "/introspect/",
        "/revoke/",
        "/revocations/",
        "/revocations/1",
    ] {
        for method in ["GET", "POST"] {
            let authority = server.url().strip_prefix("http://").unwrap();
            let form = "grant_type=client_credentials&token=x&client_id=public";
            let request = format!(
                "{method} {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\
                 content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
                form.len()
            );
            let answer = raw(server.url(), request.as_bytes()).await;
            matrix.cell(format!("{method} {path}"), answer.status, 404);
        }
    }
    for method in [
        "private_key_jwt",
        "client_secret_jwt",
        "tls_client_auth",
        "self_signed_tls_client_auth",
        "",
        "NONE",
    ] {
        let seed = format!("[[clients]]\nclient_id = \"x\"\ntoken_endpoint_auth_method = \"{method}\"\n");
        matrix.hold(
            format!("method {method:?}"),
            Seed::parse(&seed).is_err(),
            "it can be registered",
        );
    }
    for alg in ["HS256", "none", "RS384", "ES384", "ES512", "es256", "RSA1_5"] {
        let seed = format!("[[clients]]\nclient_id = \"x\"\naccess_token_signed_response_alg = \"{alg}\"\n");
        matrix.hold(
            format!("algorithm {alg}"),
            Seed::parse(&seed).is_err(),
            "it can be registered",
        );
    }
    for scope in [
        "openid",
        "profile",
        "offline_access",
        "catalog",
        "urn:latchkey:catalog",
    ] {
        let answer = server.machine("m-basic").ask(&[("scope", scope)]).await;
        matrix.cell(
            format!("scope {scope}"),
            (answer.status, answer.code()),
            (400, "invalid_scope".to_owned()),
        );
    }
    matrix.end();
}
