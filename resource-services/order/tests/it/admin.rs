//! What administrators see and do.

use latchkey_order::timers::fire_due;
use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn an_administrator_finds_orders_by_state_and_by_alert() {
    for_each_engine("admin_list", |world| async move {
        let done = world.completed(&buyer("bo")).await;
        world.clock.advance(10);
        let stuck = world.ordered(&buyer("eve")).await;
        for step in ["inventory-reserve", "payment-authorize", "payment-capture"] {
            world.answer(&stuck, step).await;
        }
        world.clock.advance(120_000);
        fire_due(&world.context).await.unwrap();
        let found = async |query: &str| {
            let list = world
                .get(format!("/order/v1/admin/orders{query}"))
                .by(&admin())
                .send()
                .await;
            assert_eq!(list.status, 200, "{}", list.text);
            list.items()
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(found("").await, [stuck.clone(), done.clone()]);
        assert_eq!(found("?state=completed").await, [done]);
        assert_eq!(found("?alerted=true").await, std::slice::from_ref(&stuck));
        assert!(found("?state=failed").await.is_empty());
        let list = world
            .get("/order/v1/admin/orders?alerted=true")
            .by(&admin())
            .send()
            .await;
        assert_eq!(list.items()[0]["buyer_id"], "eve");
        for bad in [
            "?state=lost",
            "?state=paid&alerted=true",
            "?alerted=yes",
            "?limit=0",
        ] {
            let refused = world
                .get(format!("/order/v1/admin/orders{bad}"))
                .by(&admin())
                .send()
                .await;
            assert_eq!(refused.status, 400, "{bad}");
        }
    })
    .await;
}

/// Row 22 of the failure matrix.
#[tokio::test]
async fn an_administrator_retries_and_closes_an_alert() {
    for_each_engine("retry", |world| async move {
        let bo = buyer("bo");
        let id = world.ordered(&bo).await;
        for step in ["inventory-reserve", "payment-authorize", "payment-capture"] {
            world.answer(&id, step).await;
        }
        let post = |step: &str, body: serde_json::Value| {
            world
                .post(format!("/order/v1/orders/{id}/saga/{step}"))
                .by(&admin())
                .json(&body)
                .send()
        };
        let note = json!({"note": "Inventory was down"});
        assert_eq!(
            post("resolve", note.clone()).await.verdict(),
            (409, "nothing_to_resolve")
        );
        world.clock.advance(120_000);
        fire_due(&world.context).await.unwrap();
        let before = world.steps(&id).await.len();
        let retried = post("retry", json!({})).await;
        assert_eq!(
            (retried.status, retried.json()["state"].as_str()),
            (200, Some("paid"))
        );
        let steps = world.steps(&id).await;
        assert_eq!(steps[before..], ["inventory-confirm"]);
        let resolved = post("resolve", note).await.json();
        assert_eq!(
            (&resolved["alerted_at"], &resolved["state"]),
            (&json!(null), &json!("paid"))
        );
        let last = resolved["log"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(
            (&last["cause"], &last["actor"]),
            (&json!("admin.resolve"), &json!("root"))
        );
        assert_eq!(last["data"]["note"], "Inventory was down");
        world.answer_all().await;
        assert_eq!(
            post("retry", json!({})).await.verdict(),
            (409, "nothing_to_retry")
        );
        let nobody = world
            .post(format!("/order/v1/orders/{}/saga/retry", fresh_key()))
            .by(&admin());
        assert_eq!(nobody.send().await.verdict(), (404, "not_found"));
    })
    .await;
}
