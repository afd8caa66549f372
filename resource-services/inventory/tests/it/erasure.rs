//! What becomes of a user's library when their account is gone.

use latchkey_inventory::consumers;
use serde_json::json;

use crate::harness::*;

async fn erase(world: &World, user: &str) {
    let data = json!({"user_id": user, "erased_at": "2026-11-20T12:00:00Z", "version": 2});
    world
        .told(&consumers::USERS, "identity.user.deleted.v1", user, data)
        .await
        .unwrap();
}

#[tokio::test]
async fn whoever_is_gone_leaves_no_library_behind() {
    for_each_engine("gone", |world| async move {
        let (course, item) = (world.course().await, world.item().await);
        world.bought(ADA, &[(&course, 1), (&item, 3)]).await;
        world.bought(BOB, &[(&course, 1)]).await;
        let before = world.heard("inventory.owned-item.changed.v1").await.len();
        for _ in 0..2 {
            erase(&world, ADA).await;
        }
        let library = world.get("/inventory/v1/library").by(&ada()).send().await;
        assert!(library.items().is_empty());
        assert_eq!(
            world
                .count("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM owned_items")
                .await,
            1
        );
        let told = world.heard("inventory.owned-item.changed.v1").await;
        assert_eq!(told.len(), before + 2, "each item once");
        for told in &told[before..] {
            assert_eq!(
                (&told["cause"], &told["quantity"], &told["version"]),
                (&json!("erased"), &json!(0), &json!(2))
            );
        }
        assert_eq!(world.owns(BOB, &course).await, 1);
    })
    .await;
}

#[tokio::test]
async fn the_order_of_whoever_is_gone_is_finished_and_gives_nothing() {
    for_each_engine("gone_midway", |world| async move {
        let (seats, open) = (world.seats(2).await, world.course().await);
        let (order, other) = (fresh_key(), fresh_key());
        world
            .order("reserve", &order, wish(ADA, &[(&seats, 1), (&open, 1)]))
            .await;
        let item = world.seats(1).await;
        world.reserve(&other, ADA, &item).await;
        erase(&world, ADA).await;
        let granted = world.confirm(&order).await;
        assert_eq!(
            (&granted["type"], &granted["owner"]),
            (&json!("granted"), &json!(ADA))
        );
        assert_eq!(granted["items"][0]["total"], 0);
        assert_eq!(world.owns(ADA, &seats).await, 0);
        assert_eq!(world.stock(&seats).await, (Some(2), 1, 0));
        assert_eq!(world.release(&other).await["type"], "released");
        // Nothing is there to be taken back or given again.
        let refund = fresh_key();
        for (verb, name) in [("revoke", "revoked"), ("regrant", "granted")] {
            let told = world.refund(verb, &order, &refund, &[(&seats, 1)]).await;
            assert_eq!(
                (&told["type"], &told["items"][0]["quantity"]),
                (&json!(name), &json!(0))
            );
        }
        assert_eq!(
            world.reserve(&fresh_key(), ADA, &open).await["reason"],
            "cancelled"
        );
        let gift = json!({"user": ADA, "item_id": open, "quantity": 1, "reason": "A present"});
        let given = world.post("/inventory/v1/grants").by(&admin()).key(&fresh_key());
        assert_eq!(given.json(&gift).send().await.fields(), ["user"]);
    })
    .await;
}

#[tokio::test]
async fn whoever_is_gone_before_they_ever_bought_buys_nothing() {
    for_each_engine("gone_first", |world| async move {
        let course = world.course().await;
        erase(&world, BOB).await;
        assert_eq!(
            world.reserve(&fresh_key(), BOB, &course).await["reason"],
            "cancelled"
        );
    })
    .await;
}
