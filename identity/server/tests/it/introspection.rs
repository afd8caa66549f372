//! Introspection: who is answered, and that every invalid token looks alike.

use latchkey_protocol::ClientId;
use latchkey_protocol::revocation::Revocation;
use serde_json::json;

use crate::harness::{
    Answer, CATALOG, IssuerServer, Machine, Matrix, ORDERS, ORDERS_ALIAS, TestIssuer, claims, comparable,
    http, secret_of,
};

const INACTIVE: &str = r#"{"active":false}"#;

/// IN-01.
#[tokio::test]
async fn only_an_authenticated_and_permitted_caller_is_answered() {
    let server = IssuerServer::new().await;
    let token = server.machine("m-basic").token().await;
    let mut matrix = Matrix::new("IN-01 caller");
    let ask = async |form: &[(&str, &str)], basic: Option<(&str, &str)>| {
        let mut all = vec![("token", token.as_str())];
        all.extend(form);
        let mut request = http().post(format!("{}/introspect", server.url()));
        if let Some((id, secret)) = basic {
            request = request.basic_auth(id, Some(secret));
        }
        Answer::of(request.form(&all)).await
    };
    let (all, idle) = (secret_of("rs-all"), secret_of("idle"));
    for (who, form, basic, status, code) in [
        ("anonymous", vec![], None, 401, "invalid_client"),
        (
            "public",
            vec![("client_id", "public")],
            None,
            401,
            "invalid_client",
        ),
        (
            "an id alone",
            vec![("client_id", "rs-all")],
            None,
            401,
            "invalid_client",
        ),
        (
            "a wrong secret",
            vec![],
            Some(("rs-all", "x")),
            401,
            "invalid_client",
        ),
        ("unknown", vec![], Some(("nobody", "x")), 401, "invalid_client"),
        (
            "without permission",
            vec![],
            Some(("idle", idle.as_str())),
            403,
            "unauthorized_client",
        ),
        ("permitted", vec![], Some(("rs-all", all.as_str())), 200, ""),
    ] {
        let answer = ask(&form, basic).await;
        matrix.cell(who, (answer.status, answer.code()), (status, code.to_owned()));
        matrix.cell(
            format!("{who}: says something"),
            answer.text.contains("\"client_id\""),
            status == 200,
        );
        let challenged = answer.header("www-authenticate").starts_with("Basic ");
        matrix.cell(format!("{who}: is challenged"), challenged, status == 401);
    }
    let bearer = http()
        .post(format!("{}/introspect", server.url()))
        .bearer_auth(&token)
        .form(&[("token", &token)]);
    matrix.cell("the token itself", Answer::of(bearer).await.status, 401);
    matrix.end();
    let missing = server
        .machine("rs-all")
        .post("/introspect", &[("token_type_hint", "access_token")])
        .await;
    assert_eq!(
        (missing.status, missing.code().as_str()),
        (400, "invalid_request")
    );
}

/// CVE-2026-37979, CVE-2026-18208, IN-02.
#[tokio::test]
async fn a_caller_sees_only_tokens_meant_for_it() {
    let server = IssuerServer::new().await;
    let machine = server.machine("m-basic");
    let mut tokens = Vec::new();
    for resource in [CATALOG, ORDERS, ORDERS_ALIAS] {
        let answer = machine.ask(&[("resource", resource)]).await.json();
        tokens.push((resource, answer["access_token"].as_str().unwrap().to_owned()));
    }
    let mut matrix = Matrix::new("IN-02 caller × audience × format");
    let unknown = comparable(&server.machine("rs-all").introspect("no token at all").await);
    assert_eq!(unknown.2, INACTIVE);
    for (caller, sees) in [
        ("rs-catalog", &[CATALOG][..]),
        ("rs-orders", &[ORDERS, ORDERS_ALIAS]),
        ("rs-all", &[CATALOG, ORDERS, ORDERS_ALIAS]),
        ("rs-nothing", &[]),
    ] {
        for (resource, token) in &tokens {
            for accept in [
                "application/json",
                "application/token-introspection+jwt",
                "application/jwt",
                "*/*",
                "text/html",
                "",
            ] {
                for hint in [None, Some("access_token"), Some("refresh_token"), Some("x")] {
                    let mut form = vec![("token", token.as_str())];
                    form.extend(hint.map(|hint| ("token_type_hint", hint)));
                    let request = http()
                        .post(format!("{}/introspect", server.url()))
                        .header("accept", accept);
                    let request = request.basic_auth(caller, Some(secret_of(caller)));
                    let answer = Answer::of(request.form(&form)).await;
                    let label = format!("{caller} × {resource} × {accept:?} × {hint:?}");
                    match sees.contains(resource) {
                        true => matrix.cell(label, answer.json()["active"].as_bool(), Some(true)),
                        false => matrix.cell(label, comparable(&answer), unknown.clone()),
                    }
                }
            }
        }
    }
    matrix.end();
    let seen = server.machine("rs-catalog").introspect(&tokens[0].1).await.json();
    let claims = claims(&tokens[0].1);
    for member in ["iss", "sub", "aud", "client_id", "exp", "iat", "jti", "scope"] {
        assert_eq!(seen[member], claims[member], "{member}");
    }
    assert_eq!(
        (seen["token_type"].as_str(), seen.as_object().unwrap().len()),
        (Some("Bearer"), 10)
    );
}

/// IN-03.
#[tokio::test]
async fn introspection_of_any_invalid_token_has_the_same_response() {
    let server = IssuerServer::new().await;
    let issuer = TestIssuer::start().await;
    let now = server.now().seconds();
    let machine = server.machine("m-basic");
    let identity = server.identity();
    let end = async |revocation: Revocation| {
        server.end(revocation).await.unwrap();
    };

    let expired = machine.token().await;
    server.clock.advance(299_000);
    assert!(server.is_active(&expired).await, "a second before its end");
    server.clock.advance(1_000);
    let revoked = machine.token().await;
    machine.revoke(&revoked).await;
    let of_disabled = server.machine("m-post");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "m-post"),
        ("client_secret", &of_disabled.secret),
    ];
    let answer = Answer::of(http().post(format!("{}/token", server.url())).form(&form)).await;
    let of_disabled = answer.json()["access_token"].as_str().unwrap().to_owned();
    let post = ClientId::parse("m-post").unwrap();
    identity
        .clients()
        .set_enabled(&post, false, "test")
        .await
        .unwrap();
    let of_client = server.machine("m-wide").token().await;
    end(Revocation::Client {
        client_id: "m-wide".into(),
    })
    .await;
    let foreign = machine.ask(&[("resource", ORDERS)]).await.json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let live = machine.token().await;
    let ahead =
        server.mint(json!({"sub": "m-basic", "client_id": "m-basic", "iat": now + 900, "exp": now + 1_200}));
    let bound = server.mint(json!({"sub": "m-basic", "client_id": "m-basic", "iss": "http://localhost:1"}));
    let strange = server.mint(json!({"sub": "m-basic", "client_id": "m basic"}));
    let [head, body, tail] = live.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts")
    };

    let caller = server.machine("rs-catalog");
    let reference = comparable(&caller.introspect("unknown").await);
    assert_eq!((reference.0, reference.2.as_str()), (200, INACTIVE));
    let mut matrix = Matrix::new("IN-03 cause");
    for (cause, token) in [
        ("expired", expired.clone()),
        ("revoked", revoked),
        ("of a disabled client", of_disabled),
        ("of a client whose tokens were ended", of_client),
        ("for a foreign audience", foreign),
        ("of another issuer", issuer.token(now, json!({}))),
        (
            "of this issuer's name, signed by another",
            issuer.token(now, json!({"iss": server.issuer()})),
        ),
        ("of another issuer's name, signed by us", bound),
        ("with a client that cannot be", strange),
        ("of the future", ahead),
        (
            "of no client",
            server.mint(json!({"sub": "gone", "client_id": "gone"})),
        ),
        ("of no person", server.mint(json!({}))),
        ("a token of the feed", server.sign("revocations+jwt", json!({}))),
        ("an ID token", server.sign("JWT", json!({}))),
        ("one part", head.to_owned()),
        ("two parts", format!("{head}.{body}")),
        ("four parts", format!("{live}.")),
        ("five parts", format!("{live}.a.b")),
        ("no signature", format!("{head}.{body}.")),
        ("no body", format!("{head}..{tail}")),
        ("dots", "..".to_owned()),
        ("8 KiB and one byte", "a".repeat(8 * 1024 + 1)),
        ("60 KiB", format!("{live}{}", "a".repeat(60 * 1024 - live.len()))),
        ("NUL", "\0".to_owned()),
        ("beyond ASCII", "töken\u{202e}".to_owned()),
        ("SQL", "' OR 1=1 --".to_owned()),
    ] {
        matrix.cell(
            cause,
            comparable(&caller.introspect(&token).await),
            reference.clone(),
        );
    }
    assert!(
        caller.introspect(&live).await.json()["active"] == true,
        "and one of them lives"
    );
    let kid = crate::harness::header(&live)["kid"].as_str().unwrap().to_owned();
    identity.keys().revoke(&kid, "test").await.unwrap();
    matrix.cell(
        "by a revoked key",
        comparable(&caller.introspect(&live).await),
        reference.clone(),
    );
    matrix.end();
}

/// Signatures are remembered. Nothing else is: the same text is judged anew for each caller, second and end.
/// CVE-2026-33496, CVE-2021-32701, IN-04.
#[tokio::test]
async fn a_cached_token_is_checked_anew_each_time() {
    let server = IssuerServer::new().await;
    let machine = server.machine("m-basic");
    let (catalog, orders) = (server.machine("rs-catalog"), server.machine("rs-orders"));
    let mut matrix = Matrix::new("IN-04 change after a warm look");
    let warm = async |token: &str| {
        for _ in 0..3 {
            assert_eq!(catalog.introspect(token).await.json()["active"], true);
        }
    };
    let token = machine.token().await;
    warm(&token).await;
    matrix.cell(
        "another caller",
        orders.introspect(&token).await.text,
        INACTIVE.to_owned(),
    );
    matrix.cell(
        "and the first again",
        catalog.introspect(&token).await.json()["active"].as_bool(),
        Some(true),
    );

    let other = machine.token().await;
    warm(&other).await;
    assert_eq!(machine.revoke(&token).await.status, 200);
    matrix.cell(
        "revoked",
        catalog.introspect(&token).await.text,
        INACTIVE.to_owned(),
    );
    matrix.cell(
        "another of the client",
        catalog.introspect(&other).await.json()["active"].as_bool(),
        Some(true),
    );

    server.clock.advance(299_999);
    matrix.cell(
        "the last second",
        catalog.introspect(&other).await.json()["active"].as_bool(),
        Some(true),
    );
    server.clock.advance(1);
    matrix.cell(
        "expired",
        catalog.introspect(&other).await.text,
        INACTIVE.to_owned(),
    );

    let token = machine.token().await;
    warm(&token).await;
    let narrowed = "[[clients]]\nclient_id = \"rs-catalog\"\nmay_introspect = [\"urn:test:orders\"]\n";
    let narrowed = latchkey_identity::Seed::parse(narrowed).unwrap();
    server.identity().seed(narrowed, "test").await.unwrap();
    matrix.cell(
        "a caller that may not any more",
        catalog.introspect(&token).await.text,
        INACTIVE.to_owned(),
    );
    matrix.cell("a caller that may", server.is_active(&token).await, true);

    let kid = crate::harness::header(&token)["kid"].as_str().unwrap().to_owned();
    server.identity().keys().revoke(&kid, "test").await.unwrap();
    matrix.cell("its key revoked", server.is_active(&token).await, false);
    let token = machine.token().await;
    assert!(server.is_active(&token).await, "by the next key");
    server
        .identity()
        .clients()
        .remove(&ClientId::parse("m-basic").unwrap(), "test")
        .await
        .unwrap();
    matrix.cell("its client removed", server.is_active(&token).await, false);
    matrix.end();
}

/// IN-04.
/// The machine that asks is the machine that is known: no answer leaks from one caller to the next on a connection.
#[tokio::test]
async fn callers_that_share_a_connection_do_not_share_answers() {
    let server = IssuerServer::new().await;
    let token = server.machine("m-basic").token().await;
    let pooled = crate::harness::pooled();
    let ask = async |machine: &Machine| {
        let request = pooled.post(format!("{}/introspect", server.url()));
        let request = request.basic_auth(&machine.client_id, Some(&machine.secret));
        Answer::of(request.form(&[("token", &token)])).await.json()["active"] == true
    };
    let (may, may_not) = (server.machine("rs-catalog"), server.machine("rs-orders"));
    for _ in 0..50 {
        assert!(ask(&may).await);
        assert!(!ask(&may_not).await);
    }
}
