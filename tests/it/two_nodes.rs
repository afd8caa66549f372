//! Two identity processes on one PostgreSQL behave as one.

use latchkey::config::Role;

use crate::harness::{Machine, TestServer, call, postgres, until};

#[tokio::test]
async fn two_identity_nodes_on_one_postgresql_behave_as_one() {
    let (identity, bus, catalog) = (
        postgres("nodes_identity").await,
        postgres("nodes_bus").await,
        postgres("nodes_catalog").await,
    );
    let shared_keys = tempfile::tempdir().unwrap();
    let server = async |roles: Vec<Role>, issuer: Option<String>| {
        let (identity, bus, catalog) = (identity.clone(), bus.clone(), catalog.clone());
        let keys = shared_keys.path().join("keys");
        TestServer::with(move |config| {
            config[Role::Identity].database = identity;
            config.bus = bus;
            config[Role::Service("catalog")].database = catalog;
            config.keys = keys;
            config.roles = roles;
            config.issuer = issuer;
        })
        .await
    };
    let one = server(Role::all(), None).await;
    let issuer = one.issuer().to_owned();
    let two = server(
        vec![Role::Identity, Role::Gateway, Role::Service("catalog")],
        Some(issuer.clone()),
    )
    .await;
    let at_one = one.machine("demo-machine");
    let second = two.running().urls.services["identity"].clone();
    // The second server's demo made new secrets for the same clients: they are one registry.
    let secret = two.machine("demo-machine").secret;
    let at_two = Machine {
        issuer: second.clone(),
        secret: secret.clone(),
        ..at_one.clone()
    };
    let at_one = Machine { secret, ..at_one };
    let introspect_secret = two.machine("demo-resource-server").secret;
    let resource_server = |issuer: &str| Machine {
        issuer: issuer.to_owned(),
        client_id: "demo-resource-server".into(),
        secret: introspect_secret.clone(),
    };
    until("the first node knows the new secret", async || {
        at_one.ask(&[]).await.status == 200
    })
    .await;

    let token = at_one.token().await;
    for node in [&issuer, &second] {
        assert_eq!(
            resource_server(node).introspect(&token).await.json()["active"],
            true,
            "{node}"
        );
    }
    let guards = [
        format!("{}/catalog/v1/whoami", one.api()),
        format!("{}/catalog/v1/whoami", two.api()),
    ];
    for guard in &guards {
        assert_eq!(call(&token, guard).await.status, 200, "{guard}");
    }
    assert_eq!(at_two.revoke(&token).await.status, 200);
    for node in [&issuer, &second] {
        assert_eq!(
            resource_server(node).introspect(&token).await.text,
            r#"{"active":false}"#,
            "{node}"
        );
    }
    for guard in &guards {
        until("the guard heard of it", async || {
            call(&token, guard).await.status == 401
        })
        .await;
    }
    let keys = crate::harness::anonymous(&format!("{issuer}/jwks")).await.text;
    assert_eq!(
        crate::harness::anonymous(&format!("{second}/jwks")).await.text,
        keys
    );
    one.stop().await;
    two.stop().await;
}
