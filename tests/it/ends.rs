//! What has ended stays ended, and what has not ended does not: each of these was once otherwise.

use latchkey_identity::{ClientSecret, NewClient};
use latchkey_protocol::ClientId;
use latchkey_protocol::Timestamp;
use latchkey_protocol::client::Alg;
use serde_json::json;

use crate::harness::{Answer, BEGINNING, House, anonymous, call, http, until};

fn machine() -> ClientId {
    ClientId::parse("demo-machine").expect("a client id")
}

#[tokio::test]
async fn a_client_that_is_removed_and_registered_again_does_not_bring_its_old_tokens_back() {
    let house = House::new().await;
    let identity = house.running().identity.clone().unwrap();
    let (old, server) = (
        house.machine("demo-machine"),
        house.machine("demo-resource-server"),
    );
    let token = old.token().await;
    let registered = identity.clients().show(&machine()).await.unwrap().metadata;
    identity.clients().remove(&machine(), "test").await.unwrap();
    assert_eq!(server.introspect(&token).await.text, r#"{"active":false}"#);
    let again = NewClient {
        metadata: registered,
        secret: Some(ClientSecret::Generated(old.secret.clone())),
    };
    identity.clients().put(again, "test").await.unwrap();
    assert_eq!(server.introspect(&token).await.text, r#"{"active":false}"#);
    house.stop().await;
}

#[tokio::test]
async fn a_token_that_is_stamped_after_a_revocation_is_active_and_can_be_revoked() {
    let house = House::new().await;
    let identity = house.running().identity.clone().unwrap();
    let (client, server) = (
        house.machine("demo-machine"),
        house.machine("demo-resource-server"),
    );
    let before = client.token().await;
    identity
        .clients()
        .revoke_tokens(&machine(), "test")
        .await
        .unwrap();
    let after = client.token().await;
    assert_eq!(server.introspect(&before).await.text, r#"{"active":false}"#);
    assert_eq!(server.introspect(&after).await.json()["active"], true);
    assert_eq!(client.revoke(&after).await.status, 200);
    assert_eq!(server.introspect(&after).await.text, r#"{"active":false}"#);
    house.stop().await;
}

#[tokio::test]
async fn a_token_that_another_node_issued_just_after_a_client_was_disabled_is_refused_too() {
    let house = House::new().await;
    let identity = house.running().identity.clone().unwrap();
    identity
        .clients()
        .set_enabled(&machine(), false, "test")
        .await
        .unwrap();
    // As a node signs it that has not heard of it yet and whose clock is a little ahead.
    let now = BEGINNING / 1_000 + 4;
    let claims = json!({
        "iss": identity.issuer(), "sub": "demo-machine", "client_id": "demo-machine", "aud": "urn:latchkey:catalog",
        "iat": now, "exp": now + 300, "jti": "late",
    });
    let late = identity
        .signer()
        .sign(Alg::ES256, "at+jwt", &claims, Timestamp(BEGINNING))
        .unwrap();
    let whoami = format!("{}/catalog/v1/whoami", house.api());
    until("the guard refuses it", async || {
        call(&late, &whoami).await.status == 401
    })
    .await;
    identity
        .clients()
        .set_enabled(&machine(), true, "test")
        .await
        .unwrap();
    let fresh = house.machine("demo-machine").token().await;
    assert_eq!(
        call(&fresh, &whoami).await.status,
        200,
        "an enabled client gets tokens that count"
    );
    house.stop().await;
}

#[tokio::test]
async fn op_07_a_node_that_has_lost_its_database_issues_nothing() {
    let house = House::new().await;
    let identity = house.running().identity.clone().unwrap();
    let machine = house.machine("demo-machine");
    assert_eq!(machine.ask(&[]).await.status, 200);
    identity.store().db().close().await;
    house.leaves("what waited in the database that is closed");
    until("it answers 503", async || machine.ask(&[]).await.status == 503).await;
    let refused = machine.ask(&[]).await;
    assert_eq!(
        (refused.code().as_str(), refused.header("retry-after")),
        ("temporarily_unavailable", "1")
    );
    assert_eq!(anonymous(&format!("{}/readyz", house.issuer())).await.status, 503);
    assert_eq!(
        anonymous(&format!("{}/jwks", house.issuer())).await.status,
        200,
        "keys are still known"
    );
    house.stop().await;
}

#[tokio::test]
async fn a_feed_does_not_outlive_the_right_to_it() {
    let house = House::new().await;
    let identity = house.running().identity.clone().unwrap();
    let server = house.machine("demo-resource-server");
    let request = http().get(format!("{}/revocations", house.issuer()));
    let mut feed = request
        .basic_auth(&server.client_id, Some(&server.secret))
        .send()
        .await
        .unwrap();
    assert_eq!(feed.status(), 200);
    assert!(feed.chunk().await.unwrap().is_some(), "a snapshot");
    let id = ClientId::parse("demo-resource-server").unwrap();
    identity.clients().set_enabled(&id, false, "test").await.unwrap();
    while feed.chunk().await.unwrap().is_some() {}
    let refused = Answer::of(
        http()
            .get(format!("{}/revocations", house.issuer()))
            .basic_auth(&server.client_id, Some(&server.secret)),
    );
    assert_eq!(refused.await.status, 401);
    house.stop().await;
}

#[tokio::test]
async fn a_person_who_is_disabled_loses_sessions_families_and_tokens_at_once() {
    let house = House::new().await;
    let identity = house.running().identity.clone().unwrap();
    let server = house.machine("demo-resource-server");
    let alice = identity.users().show("alice").await.unwrap();
    let now = BEGINNING / 1_000;
    let claims = json!({
        "iss": identity.issuer(), "sub": alice.id, "client_id": "demo-machine", "aud": "urn:latchkey:catalog",
        "iat": now, "exp": now + 300, "jti": "alice-1",
    });
    let token = identity
        .signer()
        .sign(Alg::ES256, "at+jwt", &claims, Timestamp(BEGINNING))
        .unwrap();
    let whoami = format!("{}/catalog/v1/whoami", house.api());
    assert_eq!(call(&token, &whoami).await.status, 200);
    assert_eq!(server.introspect(&token).await.json()["active"], true);
    let disabled = identity
        .users()
        .set_enabled("alice@example.test", false, "test")
        .await
        .unwrap();
    assert_eq!(disabled.status, "disabled");
    assert_eq!(server.introspect(&token).await.text, r#"{"active":false}"#);
    until("the guard refuses her token", async || {
        call(&token, &whoami).await.status == 401
    })
    .await;
    identity.users().set_enabled("alice", true, "test").await.unwrap();
    assert_eq!(
        server.introspect(&token).await.text,
        r#"{"active":false}"#,
        "what ended does not come back"
    );
    identity.users().delete("alice", "test").await.unwrap();
    assert!(identity.users().show("alice").await.is_err());
    house.stop().await;
}
