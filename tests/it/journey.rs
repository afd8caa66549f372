//! A machine gets a token and calls a guarded service, is introspected, is revoked, and is refused everywhere.

use serde_json::json;

use crate::harness::{Answer, TestIssuer, TestServer, anonymous, call, http, until};

#[tokio::test]
async fn a_machine_calls_the_catalog_until_its_token_is_revoked() {
    let server = TestServer::new().await;
    let machine = server.machine("demo-machine");
    let resource_server = server.machine("demo-resource-server");
    let whoami = format!("{}/catalog/v1/whoami", server.api());

    let answer = machine.ask(&[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    assert_eq!(
        (body["token_type"].as_str(), body["expires_in"].as_i64()),
        (Some("Bearer"), Some(300))
    );
    assert_eq!(body["scope"], "catalog.read");
    assert!(body.get("refresh_token").is_none() && body.get("id_token").is_none());
    let token = body["access_token"].as_str().unwrap();

    let seen = call(token, &whoami).await;
    assert_eq!(seen.status, 200, "{seen:?}");
    assert_eq!(seen.json()["sub"], "demo-machine");

    let active = resource_server.introspect(token).await.json();
    assert_eq!(
        (active["active"].as_bool(), active["client_id"].as_str()),
        (Some(true), Some("demo-machine"))
    );

    let revoked = machine.revoke(token).await;
    assert_eq!(
        (
            revoked.status,
            revoked.text.as_str(),
            revoked.header("content-type")
        ),
        (200, "", "")
    );
    assert_eq!(
        resource_server.introspect(token).await.text,
        r#"{"active":false}"#
    );
    until("the guard refuses the revoked token", async || {
        call(token, &whoami).await.status == 401
    })
    .await;
    let refused = call(token, &whoami).await;
    assert!(
        refused
            .header("www-authenticate")
            .contains("error=\"invalid_token\""),
        "{refused:?}"
    );

    let other = machine.token().await;
    assert_eq!(
        call(&other, &whoami).await.status,
        200,
        "only that jti was revoked"
    );
    server.stop().await;
}

#[tokio::test]
async fn wrong_audience_scope_signature_and_expiry_get_the_right_answers() {
    let issuer = TestIssuer::start().await;
    let url = issuer.url.clone();
    let server = TestServer::with(|config| {
        config.demo = false;
        config.roles = vec![
            latchkey::config::Role::Service("catalog"),
            latchkey::config::Role::Gateway,
        ];
        config.issuer = Some(url.clone());
        config[latchkey::config::Role::Identity].url = Some(url);
    })
    .await;
    let now = crate::harness::BEGINNING / 1_000;
    let courses = format!("{}/catalog/v1/courses", server.api());
    let whoami = format!("{}/catalog/v1/whoami", server.api());
    let create = async |token: &str| {
        let request = http().post(&courses).bearer_auth(token);
        let key = "01a1ebbc-0000-7000-8000-00000000000a";
        Answer::of(
            request
                .header("idempotency-key", key)
                .json(&json!({"title": "A course"})),
        )
        .await
    };

    let fine = issuer.token(now, json!({"scope": "catalog.write", "roles": ["instructor"]}));
    assert_eq!(create(&fine).await.status, 201);
    assert_eq!(anonymous(&whoami).await.status, 401);
    let foreign = issuer.token(now, json!({"aud": "urn:latchkey:order"}));
    assert_eq!(call(&foreign, &whoami).await.code(), "invalid_token");
    let narrow = issuer.token(now, json!({"scope": "catalog.read", "roles": ["instructor"]}));
    let refused = create(&narrow).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "insufficient_scope")
    );
    assert!(
        refused
            .header("www-authenticate")
            .contains("scope=\"catalog.write\""),
        "{refused:?}"
    );
    let roleless = issuer.token(now, json!({"scope": "catalog.write"}));
    assert_eq!(create(&roleless).await.status, 403);
    let mut forged = fine.clone();
    let last = if forged.ends_with('A') { "Q" } else { "A" };
    forged.replace_range(forged.len() - 1.., last);
    assert_eq!(call(&forged, &whoami).await.status, 401);

    let short = issuer.token(now, json!({}));
    assert_eq!(call(&short, &whoami).await.status, 200);
    server.clock.advance(311_000);
    assert_eq!(call(&short, &whoami).await.code(), "invalid_token");
    server.stop().await;
}

#[tokio::test]
async fn jwks_and_discovery_are_served_with_an_entity_tag_and_304() {
    let server = TestServer::new().await;
    for path in [
        "/jwks",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
    ] {
        let url = format!("{}{path}", server.issuer());
        let first = anonymous(&url).await;
        assert_eq!(first.status, 200);
        let again = Answer::of(http().get(&url).header("if-none-match", first.header("etag"))).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{path}");
    }
    server.stop().await;
}
