//! The commands of a refund.

use serde_json::{Value, json};

use crate::harness::*;

#[tokio::test]
async fn a_refund_takes_back_what_the_order_gave_and_frees_the_seat() {
    for_each_engine("revoke", |world| async move {
        let (seats, item) = (world.seats(1).await, world.item().await);
        let order = world.bought(ADA, &[(&seats, 1), (&item, 5)]).await;
        let refund = fresh_key();
        let revoked = world.refund("revoke", &order, &refund, &[(&seats, 1)]).await;
        assert_eq!(
            (&revoked["type"], &revoked["owner"]),
            (&json!("revoked"), &json!(ADA))
        );
        assert_eq!(
            revoked["items"],
            json!([{"item_id": seats, "quantity": 1, "total": 0}])
        );
        assert_eq!(world.stock(&seats).await, (Some(1), 0, 0));
        assert_eq!(world.owns(ADA, &item).await, 5, "the other line stays");
        let told = world.heard("inventory.owned-item.changed.v1").await;
        let last = told.last().unwrap();
        assert_eq!(
            (&last["cause"], &last["quantity"], &last["version"]),
            (&json!("revoked"), &json!(0), &json!(2))
        );
        // The seat is for sale, and the course may be bought again.
        assert_eq!(world.reserve(&fresh_key(), ADA, &seats).await["type"], "reserved");
    })
    .await;
}

#[tokio::test]
async fn a_repeated_refund_takes_nothing_more() {
    for_each_engine("revoke_twice", |world| async move {
        let item = world.item().await;
        let order = world.bought(ADA, &[(&item, 5)]).await;
        let refund = fresh_key();
        for _ in 0..3 {
            let revoked = world.refund("revoke", &order, &refund, &[(&item, 2)]).await;
            assert_eq!(
                revoked["items"],
                json!([{"item_id": item, "quantity": 2, "total": 3}])
            );
        }
        assert_eq!(world.owns(ADA, &item).await, 3);
        // Another refund gets what is left, whatever it asks for.
        let rest = world
            .refund("revoke", &order, &fresh_key(), &[(&item, i64::MAX)])
            .await;
        assert_eq!(
            rest["items"],
            json!([{"item_id": item, "quantity": 3, "total": 0}])
        );
        let nothing = world.refund("revoke", &order, &fresh_key(), &[(&item, 1)]).await;
        assert_eq!(
            nothing["items"],
            json!([{"item_id": item, "quantity": 0, "total": 0}])
        );
    })
    .await;
}

#[tokio::test]
async fn a_refund_takes_neither_what_was_used_nor_what_came_otherwise() {
    for_each_engine("revoke_used", |world| async move {
        let item = world.item().await;
        let order = world.bought(ADA, &[(&item, 5)]).await;
        world.bought(ADA, &[(&item, 4)]).await;
        let revoked = world.refund("revoke", &order, &fresh_key(), &[(&item, 9)]).await;
        assert_eq!(
            revoked["items"],
            json!([{"item_id": item, "quantity": 5, "total": 4}])
        );

        let other = world.item().await;
        let order = world.bought(BOB, &[(&other, 5)]).await;
        let used = world
            .post(format!("/inventory/v1/library/{other}/consume"))
            .by(&bob())
            .key(&fresh_key());
        assert_eq!(used.json(&json!({"quantity": 4})).send().await.status, 200);
        let revoked = world.refund("revoke", &order, &fresh_key(), &[(&other, 5)]).await;
        assert_eq!(
            revoked["items"],
            json!([{"item_id": other, "quantity": 1, "total": 0}])
        );
        for lines in [&[(other.as_str(), -5)][..], &[("elsewhere", 1)], &[]] {
            let revoked = world.refund("revoke", &order, &fresh_key(), lines).await;
            assert_eq!(revoked["type"], "revoked");
        }
        assert_eq!(world.owns(BOB, &other).await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_was_revoked_is_given_again_with_its_progress() {
    for_each_engine("regrant", |world| async move {
        let seats = world.seats(1).await;
        let order = world.bought(ADA, &[(&seats, 1)]).await;
        let lesson = fresh_key();
        let learn = world
            .put(format!("/inventory/v1/library/{seats}/progress"))
            .by(&ada());
        let learn = learn.json(&json!({"lessons_done": [lesson]})).send().await;
        assert_eq!(learn.status, 200, "{}", learn.text);
        let refund = fresh_key();
        world.refund("revoke", &order, &refund, &[(&seats, 1)]).await;
        for _ in 0..2 {
            let granted = world.refund("regrant", &order, &refund, &[(&seats, 1)]).await;
            assert_eq!(granted["type"], "granted");
            assert_eq!(
                granted["items"],
                json!([{"item_id": seats, "quantity": 1, "total": 1}])
            );
        }
        assert_eq!(world.stock(&seats).await, (Some(1), 1, 0));
        let read = world
            .get(format!("/inventory/v1/library/{seats}"))
            .by(&ada())
            .send()
            .await;
        assert_eq!(read.json()["lessons_done"], json!([lesson]));
        assert_eq!(read.json()["learned_at"], learn.json()["learned_at"]);
        assert!(learn.json()["learned_at"].is_string(), "{}", learn.text);
        // The revocation that is sent once more is the one that was answered, not a new one.
        world.refund("revoke", &order, &refund, &[(&seats, 1)]).await;
        assert_eq!(world.owns(ADA, &seats).await, 1);
        // A new refund is one.
        world.refund("revoke", &order, &fresh_key(), &[(&seats, 1)]).await;
        assert_eq!(world.owns(ADA, &seats).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_regrant_that_comes_first_refuses_the_revocation() {
    for_each_engine("regrant_first", |world| async move {
        let course = world.course().await;
        let order = world.bought(ADA, &[(&course, 1)]).await;
        let refund = fresh_key();
        for _ in 0..2 {
            let granted = world.refund("regrant", &order, &refund, &[(&course, 1)]).await;
            assert_eq!(granted["type"], "granted");
            assert_eq!(
                granted["items"],
                json!([{"item_id": course, "quantity": 0, "total": 1}])
            );
        }
        for _ in 0..2 {
            let refused = world.refund("revoke", &order, &refund, &[(&course, 1)]).await;
            assert_eq!(refused["reason"], "cancelled");
        }
        assert_eq!(world.owns(ADA, &course).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_seat_that_somebody_else_bought_meanwhile_is_not_given_again() {
    for_each_engine("regrant_full", |world| async move {
        let seats = world.seats(1).await;
        let order = world.bought(ADA, &[(&seats, 1)]).await;
        let refund = fresh_key();
        world.refund("revoke", &order, &refund, &[(&seats, 1)]).await;
        world.bought(BOB, &[(&seats, 1)]).await;
        let refused = world.refund("regrant", &order, &refund, &[(&seats, 1)]).await;
        assert_eq!(
            (&refused["reason"], &refused["items"]),
            (&json!("sold_out"), &json!([seats]))
        );
        assert_eq!(world.owns(ADA, &seats).await, 0);
        // That is no answer for ever: with one more seat it is given.
        world.set_capacity(&seats, 2, 2).await;
        let granted = world.refund("regrant", &order, &refund, &[(&seats, 1)]).await;
        assert_eq!(granted["items"][0]["total"], 1);
        assert_eq!(world.stock(&seats).await, (Some(2), 2, 0));
    })
    .await;
}

#[tokio::test]
async fn a_refund_of_what_was_never_granted_is_refused() {
    for_each_engine("revoke_wrong", |world| async move {
        let course = world.course().await;
        let (new, held, released, refused) = (fresh_key(), fresh_key(), fresh_key(), fresh_key());
        world.reserve(&held, ADA, &course).await;
        world.reserve(&refused, ADA, &course).await;
        world.reserve(&released, BOB, &course).await;
        world.release(&released).await;
        for order in [&new, &held, &released, &refused] {
            for verb in ["revoke", "regrant"] {
                let told = world.refund(verb, order, &fresh_key(), &[(&course, 1)]).await;
                assert_eq!(
                    (&told["type"], &told["reason"]),
                    (&json!("refused"), &json!("unknown"))
                );
            }
        }
        // The hold was not touched by it.
        assert_eq!(world.confirm(&held).await["type"], "granted");
        let answers: Vec<Value> = world.answers(&held).await;
        assert_eq!(answers.len(), 4);
    })
    .await;
}
