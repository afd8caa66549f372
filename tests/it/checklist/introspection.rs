//! IN: who may ask about a token, what they learn, and how a token ends.

use latchkey_protocol::ClientId;
use latchkey_protocol::revocation::Revocation;
use serde_json::json;

use crate::harness::{
    Answer, CATALOG, Machine, Matrix, ORDERS, ORDERS_ALIAS, TestIssuer, TestServer, World, call, claims,
    comparable, http, lines, run_sql, secret_of, until,
};

const INACTIVE: &str = r#"{"active":false}"#;

/// IN-01.
#[tokio::test]
async fn only_an_authenticated_and_permitted_caller_is_answered() {
    let world = World::new().await;
    let token = world.machine("m-basic").token().await;
    let mut matrix = Matrix::new("IN-01 caller");
    let ask = async |form: &[(&str, &str)], basic: Option<(&str, &str)>| {
        let mut all = vec![("token", token.as_str())];
        all.extend(form);
        let mut request = http().post(format!("{}/introspect", world.url()));
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
        .post(format!("{}/introspect", world.url()))
        .bearer_auth(&token)
        .form(&[("token", &token)]);
    matrix.cell("the token itself", Answer::of(bearer).await.status, 401);
    matrix.end();
    let missing = world
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
    let world = World::new().await;
    let machine = world.machine("m-basic");
    let mut tokens = Vec::new();
    for resource in [CATALOG, ORDERS, ORDERS_ALIAS] {
        let answer = machine.ask(&[("resource", resource)]).await.json();
        tokens.push((resource, answer["access_token"].as_str().unwrap().to_owned()));
    }
    let mut matrix = Matrix::new("IN-02 caller × audience × format");
    let unknown = comparable(&world.machine("rs-all").introspect("no token at all").await);
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
                        .post(format!("{}/introspect", world.url()))
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
    let seen = world.machine("rs-catalog").introspect(&tokens[0].1).await.json();
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
    let world = World::new().await;
    let issuer = TestIssuer::start().await;
    let now = world.now().seconds();
    let machine = world.machine("m-basic");
    let identity = world.identity();
    let end = async |revocation: Revocation| {
        world.end(revocation).await.unwrap();
    };

    let expired = machine.token().await;
    world.server.clock.advance(299_000);
    assert!(world.is_active(&expired).await, "a second before its end");
    world.server.clock.advance(1_000);
    let revoked = machine.token().await;
    machine.revoke(&revoked).await;
    let of_disabled = world.machine("m-post");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "m-post"),
        ("client_secret", &of_disabled.secret),
    ];
    let answer = Answer::of(http().post(format!("{}/token", world.url())).form(&form)).await;
    let of_disabled = answer.json()["access_token"].as_str().unwrap().to_owned();
    let post = ClientId::parse("m-post").unwrap();
    identity
        .clients()
        .set_enabled(&post, false, "test")
        .await
        .unwrap();
    let of_client = world.machine("m-wide").token().await;
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
        world.mint(json!({"sub": "m-basic", "client_id": "m-basic", "iat": now + 900, "exp": now + 1_200}));
    let bound = world.mint(json!({"sub": "m-basic", "client_id": "m-basic", "iss": "http://localhost:1"}));
    let strange = world.mint(json!({"sub": "m-basic", "client_id": "m basic"}));
    let [head, body, tail] = live.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts")
    };

    let caller = world.machine("rs-catalog");
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
            issuer.token(now, json!({"iss": world.server.issuer()})),
        ),
        ("of another issuer's name, signed by us", bound),
        ("with a client that cannot be", strange),
        ("of the future", ahead),
        (
            "of no client",
            world.mint(json!({"sub": "gone", "client_id": "gone"})),
        ),
        ("of no person", world.mint(json!({}))),
        ("a token of the feed", world.sign("revocations+jwt", json!({}))),
        ("an ID token", world.sign("JWT", json!({}))),
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
    let world = World::new().await;
    let machine = world.machine("m-basic");
    let (catalog, orders) = (world.machine("rs-catalog"), world.machine("rs-orders"));
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

    world.server.clock.advance(299_999);
    matrix.cell(
        "the last second",
        catalog.introspect(&other).await.json()["active"].as_bool(),
        Some(true),
    );
    world.server.clock.advance(1);
    matrix.cell(
        "expired",
        catalog.introspect(&other).await.text,
        INACTIVE.to_owned(),
    );

    let token = machine.token().await;
    warm(&token).await;
    let narrowed = "[[clients]]\nclient_id = \"rs-catalog\"\nmay_introspect = [\"urn:test:orders\"]\n";
    let narrowed = latchkey_identity::Seed::parse(narrowed).unwrap();
    world.identity().seed(narrowed, "test").await.unwrap();
    matrix.cell(
        "a caller that may not any more",
        catalog.introspect(&token).await.text,
        INACTIVE.to_owned(),
    );
    matrix.cell("a caller that may", world.is_active(&token).await, true);

    let kid = crate::harness::header(&token)["kid"].as_str().unwrap().to_owned();
    world.identity().keys().revoke(&kid, "test").await.unwrap();
    matrix.cell("its key revoked", world.is_active(&token).await, false);
    let token = machine.token().await;
    assert!(world.is_active(&token).await, "by the next key");
    world
        .identity()
        .clients()
        .remove(&ClientId::parse("m-basic").unwrap(), "test")
        .await
        .unwrap();
    matrix.cell("its client removed", world.is_active(&token).await, false);
    matrix.end();
}

/// CVE-2020-15223, IN-05.
#[tokio::test]
async fn revocation_ends_only_own_tokens_with_the_same_response() {
    let world = World::new().await;
    let machine = world.machine("m-basic");
    let token = machine.token().await;
    let expired = machine.token().await;
    let reference = comparable(&machine.revoke("unknown").await);
    assert_eq!((reference.0, reference.2.as_str()), (200, ""));
    let names: Vec<&str> = reference.1.iter().map(|(name, _)| name.as_str()).collect();
    assert!(!names.contains(&"content-type"), "{names:?}");

    let mut matrix = Matrix::new("IN-05 who hands in × what becomes of it");
    for other in ["m-wide", "rs-all", "rs-catalog", "idle"] {
        let answer = world.machine(other).revoke(&token).await;
        matrix.cell(
            format!("{other} hands in another's"),
            comparable(&answer),
            reference.clone(),
        );
        matrix.cell(
            format!("{other} ends nothing"),
            world.is_active(&token).await,
            true,
        );
    }
    let public = http()
        .post(format!("{}/revoke", world.url()))
        .form(&[("client_id", "public"), ("token", &token)]);
    matrix.cell(
        "a public client hands in another's",
        comparable(&Answer::of(public).await),
        reference.clone(),
    );
    matrix.cell(
        "a public client ends nothing",
        world.is_active(&token).await,
        true,
    );
    let stranger = http()
        .post(format!("{}/revoke", world.url()))
        .form(&[("token", &token)]);
    matrix.cell("a stranger is refused", Answer::of(stranger).await.status, 400);
    matrix.cell("a stranger ends nothing", world.is_active(&token).await, true);

    let claims = claims(&token);
    for (what, text) in [
        ("its jti", claims["jti"].as_str().unwrap().to_owned()),
        ("its client", "m-basic".to_owned()),
        ("a prefix", token[..token.len() - 1].to_owned()),
        ("the token and a space", format!("{token} ")),
    ] {
        matrix.cell(
            format!("{what} is handed in"),
            comparable(&machine.revoke(&text).await),
            reference.clone(),
        );
        matrix.cell(
            format!("{what} ends nothing"),
            world.is_active(&token).await,
            true,
        );
    }
    for hint in ["refresh_token", "access_token", "x"] {
        let fresh = machine.token().await;
        let answer = machine
            .post("/revoke", &[("token", &fresh), ("token_type_hint", hint)])
            .await;
        matrix.cell(format!("hint {hint}"), comparable(&answer), reference.clone());
        matrix.cell(
            format!("hint {hint} does not mislead"),
            world.is_active(&fresh).await,
            false,
        );
    }
    matrix.cell(
        "its own",
        comparable(&machine.revoke(&token).await),
        reference.clone(),
    );
    matrix.cell("its own has ended", world.is_active(&token).await, false);
    matrix.cell(
        "a second time",
        comparable(&machine.revoke(&token).await),
        reference.clone(),
    );
    let entries = lines(world.db(), "SELECT kind || subject AS line FROM revocations")
        .await
        .len();
    matrix.cell("one entry each", entries, 4);
    world.server.clock.advance(300_000);
    matrix.cell(
        "expired",
        comparable(&machine.revoke(&expired).await),
        reference.clone(),
    );
    matrix.end();
    let missing = machine.post("/revoke", &[]).await;
    assert_eq!(
        (missing.status, missing.code().as_str()),
        (400, "invalid_request")
    );
}

/// IN-05.
/// After its client's tokens were ended a new token is stamped a second ahead. It can be shown and ended at once.
#[tokio::test]
async fn a_token_that_is_stamped_ahead_can_be_ended_at_once() {
    let world = World::new().await;
    let machine = world.machine("m-basic");
    let id = ClientId::parse("m-basic").unwrap();
    world
        .identity()
        .clients()
        .revoke_tokens(&id, "test")
        .await
        .unwrap();
    let token = machine.token().await;
    assert_eq!(claims(&token)["iat"].as_i64(), Some(world.now().seconds() + 1));
    assert_eq!(call(&token, &world.whoami()).await.status, 200, "guards take it");
    assert!(world.is_active(&token).await, "so does the issuer");
    assert_eq!(machine.revoke(&token).await.status, 200);
    world.server.clock.advance(1_000);
    assert!(!world.is_active(&token).await, "200 means that it has ended");
    until("the guard refuses it", async || {
        call(&token, &world.whoami()).await.status == 401
    })
    .await;
}

/// IN-07.
#[tokio::test]
async fn more_than_ten_thousand_tokens_of_a_machine_are_one_entry() {
    let world = World::new().await;
    let machine = world.machine("m-basic");
    let (last, living) = (machine.token().await, machine.token().await);
    let of_another = world.machine("m-wide").token().await;
    // A person's at the same client, which have done nothing.
    let of_person =
        world.mint(json!({"client_id": "m-basic", "sub": world.person("alice").await, "jti": "hers"}));
    let until_s = world.now().seconds() + 420;
    let planted = format!(
        "INSERT INTO revocations (kind, subject, client_id, audience, until, cause, created_at) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
         SELECT 'token', 'j' || i, 'm-basic', '{CATALOG}', {until_s}, 'test', 0 FROM n"
    );
    run_sql(world.db(), planted).await.unwrap();
    assert!(world.is_active(&living).await);
    assert_eq!(machine.revoke(&last).await.status, 200);

    let of_client = "SELECT kind || ' ' || subject AS line FROM revocations WHERE client_id = 'm-basic'";
    assert_eq!(lines(world.db(), of_client).await, ["machine m-basic"]);
    for token in [&last, &living] {
        assert!(!world.is_active(token).await);
        until("the guard refuses the older ones", async || {
            call(token, &world.whoami()).await.status == 401
        })
        .await;
    }
    for token in [&of_another, &of_person] {
        assert!(world.is_active(token).await);
        assert_eq!(call(token, &world.whoami()).await.status, 200);
    }
    let new = machine.token().await;
    assert!(world.is_active(&new).await);
    assert_eq!(call(&new, &world.whoami()).await.status, 200);
    let audit = "SELECT detail AS line FROM audit WHERE kind = 'machine.revoked' AND subject = 'm-basic'";
    assert_eq!(lines(world.db(), audit).await, [r#"{"cause":"tokens_revoked"}"#]);

    // And an entry is forgotten when nothing that it ends could be accepted any more.
    world.server.clock.advance((900 + 60 + 60 + 2) * 1_000);
    until("old entries are forgotten", async || {
        lines(world.db(), of_client).await.is_empty()
    })
    .await;
}

/// IN-07.
#[tokio::test]
async fn a_guard_that_starts_later_refuses_before_its_first_request() {
    let world = World::new().await;
    let machine = world.machine("m-basic");
    let (revoked, living) = (machine.token().await, machine.token().await);
    assert_eq!(machine.revoke(&revoked).await.status, 200);
    until("the event has left", async || {
        call(&revoked, &world.whoami()).await.status == 401
    })
    .await;
    let (data, issuer, url) = (
        world.data.clone(),
        world.server.issuer().to_owned(),
        world.url().to_owned(),
    );
    let later = TestServer::with(|config| {
        config.demo = false;
        config.roles = vec![latchkey::config::Role::Service("catalog")];
        config.bus = format!("sqlite:{}", data.join("bus.db").display());
        config.issuer = Some(issuer);
        config[latchkey::config::Role::Identity].url = Some(url);
    })
    .await;
    let whoami = format!("{}/catalog/v1/whoami", later.running().urls.services["catalog"]);
    assert_eq!(
        call(&revoked, &whoami).await.status,
        401,
        "its very first request"
    );
    assert_eq!(call(&living, &whoami).await.status, 200);
    later.stop().await;
    world.server.stop().await;
}

/// IN-04.
/// The machine that asks is the machine that is known: no answer leaks from one caller to the next on a connection.
#[tokio::test]
async fn callers_that_share_a_connection_do_not_share_answers() {
    let world = World::new().await;
    let token = world.machine("m-basic").token().await;
    let pooled = crate::harness::pooled();
    let ask = async |machine: &Machine| {
        let request = pooled.post(format!("{}/introspect", world.url()));
        let request = request.basic_auth(&machine.client_id, Some(&machine.secret));
        Answer::of(request.form(&[("token", &token)])).await.json()["active"] == true
    };
    let (may, may_not) = (world.machine("rs-catalog"), world.machine("rs-orders"));
    for _ in 0..50 {
        assert!(ask(&may).await);
        assert!(!ask(&may_not).await);
    }
}
