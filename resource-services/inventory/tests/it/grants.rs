//! Gifts by administrators.

use serde_json::{Value, json};

use crate::harness::*;

fn gift(user: &str, item: &str, quantity: i64) -> Value {
    json!({"user": user, "item_id": item, "quantity": quantity, "reason": "Won at the fair"})
}

#[tokio::test]
async fn a_gift_is_owned_told_and_recorded_once() {
    for_each_engine("gift", |world| async move {
        let (course, item) = (world.course().await, world.item().await);
        let give = |key: &str, body: Value| {
            let ask = world.post("/inventory/v1/grants").by(&admin()).key(key);
            ask.json(&body).send()
        };
        let key = fresh_key();
        let given = give(&key, gift(BOB, &course, 1)).await;
        assert_eq!(given.status, 201, "{}", given.text);
        assert_eq!(
            (&given.json()["source"], &given.json()["quantity"]),
            (&json!("grant"), &json!(1))
        );
        assert_eq!(give(&key, gift(BOB, &course, 1)).await.text, given.text);
        assert_eq!(
            give(&fresh_key(), gift(BOB, &course, 1)).await.verdict(),
            (409, "already_owned")
        );
        for _ in 0..2 {
            give(&fresh_key(), gift(BOB, &item, 30)).await;
        }
        assert_eq!(
            (world.owns(BOB, &course).await, world.owns(BOB, &item).await),
            (1, 60)
        );
        let told = world.heard("inventory.owned-item.changed.v1").await;
        assert!(told.iter().all(|told| told["cause"] == "grant"));
        let recorded = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM movements \
                        WHERE cause = 'granted' AND reason = 'Won at the fair' AND actor = 'root'";
        assert_eq!(world.count(recorded).await, 3);
        let library = world.get("/inventory/v1/library").by(&bob()).send().await;
        assert_eq!(library.items().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_gift_takes_a_seat_and_waits_for_no_order() {
    for_each_engine("gift_seats", |world| async move {
        let seats = world.seats(1).await;
        let give = |user: &str, item: &str| {
            let ask = world.post("/inventory/v1/grants").by(&admin()).key(&fresh_key());
            ask.json(&gift(user, item, 1)).send()
        };
        let order = fresh_key();
        world.reserve(&order, ADA, &seats).await;
        assert_eq!(give(ADA, &seats).await.verdict(), (409, "already_pending"));
        assert_eq!(give(BOB, &seats).await.verdict(), (409, "sold_out"));
        world.release(&order).await;
        assert_eq!(give(BOB, &seats).await.status, 201);
        assert_eq!(world.stock(&seats).await, (Some(1), 1, 0));
        // What is no longer sold may still be given.
        let archived = Course {
            status: "archived",
            ..Course::new()
        };
        world.hear(&archived).await;
        assert_eq!(give(BOB, &archived.id).await.status, 201);
        assert_eq!(give(BOB, &fresh_key()).await.fields(), ["item_id"]);
    })
    .await;
}
