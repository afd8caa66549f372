//! Buyers who are gone.

use serde_json::{Value, json};

use crate::harness::*;

async fn erase(world: &World, user: &str) {
    let data = json!({"user_id": user, "erased_at": "2026-11-20T12:00:00Z", "version": 4});
    world.hear("identity.user.deleted.v1", user, data).await.unwrap();
}

async fn invoices(world: &World, who: &str) -> Vec<Value> {
    let list = world.get("/billing/v1/invoices").by(who).send().await.json();
    list["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_documents_of_an_erased_buyer_are_kept_but_not_under_their_account() {
    for_each_engine("erased", |world| async move {
        let (order, other) = (Order::new(), Order::of(BOB));
        world.paid(&order).await;
        world.paid(&other).await;
        let id = invoices(&world, &ada()).await[0]["id"].clone();
        erase(&world, ADA).await;
        erase(&world, ADA).await;
        assert_eq!(invoices(&world, &ada()).await, [] as [Value; 0]);
        assert_eq!(invoices(&world, &bob()).await.len(), 1);
        let path = format!("/billing/v1/invoices/{}", id.as_str().unwrap());
        assert_eq!(world.get(&path).by(&ada()).send().await.status, 404);
        assert_eq!(world.admins(&path).await["number"], "INV-2026-000001");
        let pseudonyms =
            "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM invoice_buyers WHERE buyer_id LIKE 'erased-%'";
        assert_eq!(world.count(pseudonyms).await, 1);
    })
    .await;
}

#[tokio::test]
async fn an_order_that_is_paid_after_its_buyer_is_gone_goes_under_the_pseudonym() {
    for_each_engine("erased_before", |world| async move {
        let first = Order::new();
        world.paid(&first).await;
        erase(&world, ADA).await;
        let late = Order::new();
        world.paid(&late).await;
        world.refunded(&late, &fresh_key(), &[0], 4_900, "card").await;
        assert_eq!(invoices(&world, &ada()).await, [] as [Value; 0]);
        let names = "SELECT CAST(COUNT(DISTINCT buyer_id) AS BIGINT) AS n FROM invoice_buyers";
        assert_eq!(world.count(names).await, 1);
        for event in world.events().await.iter().skip(1) {
            let buyer = event.data["buyer_id"].as_str().unwrap();
            assert!(buyer.starts_with("erased-"), "{buyer}");
        }
    })
    .await;
}
