//! What a token of a machine is good for.

use serde_json::json;

use crate::harness::{Answer, Matrix, World, call, claims, http};

/// TK-08.
#[tokio::test]
async fn a_machine_gets_no_refresh_token_no_id_token_and_no_route_for_users() {
    let world = World::new().await;
    let machine = world.machine("m-wide");
    let answer = machine
        .ask(&[("scope", "catalog.write catalog.review catalog.admin")])
        .await;
    let body = answer.json();
    let members: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["access_token", "expires_in", "scope", "token_type"]);
    let token = body["access_token"].as_str().unwrap();
    let claims = claims(token);
    assert_eq!(
        (claims["sub"].as_str(), claims["client_id"].as_str()),
        (Some("m-wide"), Some("m-wide"))
    );
    for absent in ["roles", "sid", "fam", "auth_time", "acr", "amr", "nonce"] {
        assert!(claims.get(absent).is_none(), "{absent}");
    }

    let base = format!("{}/catalog/v1", world.server.running().urls.services["catalog"]);
    let mut matrix = Matrix::new("TK-08 machine × route for people");
    for row in latchkey_catalog::SPEC.facts() {
        let latchkey_kit::Policy::Person { .. } = row.policy else {
            continue;
        };
        let path = row.path.replace("{id}", "01a1ebbc-0000-7000-8000-00000000000a");
        let url = format!("{}{path}", world.server.running().urls.services["catalog"]);
        let key = "01a1ebbc-0000-7000-8000-00000000000b";
        let request = http()
            .request(row.method.clone(), url)
            .bearer_auth(token)
            .header("idempotency-key", key);
        let answer = Answer::of(request.json(&json!({"title": "x"}))).await;
        let got = (answer.status, answer.code());
        matrix.cell(
            format!("{} {path}", row.method),
            got,
            (403, "person_required".to_owned()),
        );
    }
    matrix.end();
    assert_eq!(call(token, &format!("{base}/whoami")).await.status, 200);
}
