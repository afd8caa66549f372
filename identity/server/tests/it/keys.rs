//! Signing keys of an issuer.

use serde_json::Value;

use crate::harness::{IssuerServer, anonymous, header};

/// As when the command line, or another node, revokes it: this node hears of it, and nobody else makes the next one.
/// JW-17.
#[tokio::test]
async fn a_key_revoked_elsewhere_leaves_only_when_the_next_is_published() {
    let server = IssuerServer::new().await;
    let (store, now) = (server.identity().store().clone(), server.now());
    let mut kid = header(&server.machine("m-basic").token().await)["kid"].clone();
    for _ in 0..5 {
        let (store, old) = (store.clone(), kid.as_str().expect("a kid").to_owned());
        let revoked = server.db().write(move |tx| async move {
            store.touch_registry(&tx).await?;
            store.revoke_key(&tx, &old, now).await
        });
        assert!(revoked.await.expect("it is written"));
        let next = loop {
            let jwks = anonymous(&format!("{}/jwks", server.url())).await.json();
            let keys = jwks["keys"].as_array().expect("a list");
            let es256 = |key: &&Value| key["alg"] == "ES256";
            let kids: Vec<&Value> = keys.iter().filter(es256).map(|key| &key["kid"]).collect();
            if !kids.contains(&&kid) {
                break kids.first().copied().cloned();
            }
        };
        kid = next.expect("a guard that looks now finds the next key");
    }
}
