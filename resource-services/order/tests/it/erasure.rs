//! Row 26 of the failure matrix: buyers who are erased.

use latchkey_order::consumers;
use serde_json::json;

use crate::harness::*;

async fn erase(world: &World, user_id: &str) {
    let data = json!({"user_id": user_id, "erased_at": "2026-11-20T12:00:00.000Z", "version": 9});
    let told = event("identity.user.deleted.v1", user_id, data);
    world.deliver(&consumers::USERS, told).await.unwrap();
}

#[tokio::test]
async fn orders_of_an_erased_buyer_go_under_a_pseudonym() {
    for_each_engine("erased", |world| async move {
        let (bo, eve) = (buyer("bo"), buyer("eve"));
        let (first, second) = (world.completed(&bo).await, world.completed(&bo).await);
        let other = world.completed(&eve).await;
        for _ in 0..2 {
            erase(&world, "bo").await;
        }
        let (one, two) = (world.saga(&first).await, world.saga(&second).await);
        let pseudonym = one["buyer_id"].as_str().unwrap();
        assert!(pseudonym.starts_with("erased-"), "{pseudonym}");
        assert_eq!(two["buyer_id"], pseudonym, "the orders of one person stay together");
        assert_eq!(world.read(&bo, &first).await.status, 404);
        let seen = world.read(&admin(), &first).await.json();
        assert_eq!((&seen["billing_address"], &seen["total"]["amount"]), (&json!(null), &json!(3_500)));
        assert_eq!(world.saga(&other).await["buyer_id"], "eve");
        let list = world.get("/order/v1/orders").by(&bo).send().await;
        assert!(list.items().is_empty());
        for table in ["orders", "order_summaries", "order_details"] {
            let statement: &'static str = match table {
                "orders" => "SELECT COUNT(*) AS n FROM orders WHERE buyer_id = 'bo' OR terms LIKE '%Main Street%' AND buyer_id <> 'eve'",
                "order_summaries" => "SELECT COUNT(*) AS n FROM order_summaries WHERE buyer_id = 'bo'",
                _ => "SELECT COUNT(*) AS n FROM order_details WHERE buyer_id = 'bo' OR body LIKE '%Main Street%' AND buyer_id <> 'eve'",
            };
            assert_eq!(world.count(statement).await, 0, "{table}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_order_under_way_finishes_before_its_buyer_is_forgotten() {
    for_each_engine("erased_midway", |world| async move {
        let bo = buyer("bo");
        let id = world.ordered(&bo).await;
        world.answer(&id, "inventory-reserve").await;
        erase(&world, "bo").await;
        assert_eq!(
            world.saga(&id).await["buyer_id"],
            "bo",
            "inventory and payment need it"
        );
        world.answer_all().await;
        let saga = world.saga(&id).await;
        assert_eq!(saga["state"], "completed");
        assert!(saga["buyer_id"].as_str().unwrap().starts_with("erased-"));
        let seen = world.read(&admin(), &id).await.json();
        assert_eq!(seen["billing_address"], json!(null));
    })
    .await;
}

#[tokio::test]
async fn what_an_erased_owner_did_is_not_remembered_when_it_comes_late() {
    for_each_engine("erased_late", |world| async move {
        let kept = "SELECT (SELECT COUNT(*) FROM consumed_items) + (SELECT COUNT(*) FROM learned_courses) AS n";
        let use_up = async |version: i64| {
            let used = json!({
                "owner": "bo", "item_id": course_id(3), "kind": "item", "quantity": 1, "version": version, "cause": "consumed"
            });
            let told = event("inventory.owned-item.changed.v1", "bo", used);
            world.deliver(&consumers::ITEMS, told).await.unwrap();
            let learned = json!({"owner": "bo", "item_id": course_id(1), "lessons_done": 1, "version": version});
            let told = event("inventory.progress.changed.v1", "bo", learned);
            world.deliver(&consumers::ITEMS, told).await.unwrap();
        };
        use_up(4).await;
        assert_eq!(world.count(kept).await, 2);
        erase(&world, "bo").await;
        use_up(5).await;
        assert_eq!(world.count(kept).await, 0);
    })
    .await;
}
