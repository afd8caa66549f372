//! The saga with its rows, its log and its outbox.

use latchkey_bus::HandlerError;
use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn an_order_that_all_answer_well_completes() {
    for_each_engine("good", |world| async move {
        let bo = buyer("bo");
        let id = world.ordered(&bo).await;
        world.answer_all().await;
        let order = world.read(&bo, &id).await.json();
        assert_eq!(
            (&order["state"], &order["reason"]),
            (&json!("completed"), &json!(null))
        );
        assert_eq!(order["paid"]["card"]["amount"], 3_500);
        assert_eq!(
            world.told(0).await,
            [
                "order.submitted",
                "command.inventory-reserve",
                "order.state-changed",
                "command.payment-authorize",
                "order.state-changed",
                "command.payment-capture",
                "order.state-changed",
                "order.paid",
                "command.inventory-confirm",
                "order.state-changed",
                "order.completed",
            ]
        );
        let events = world.events().await;
        let paid = events
            .iter()
            .find(|event| event.r#type == "order.order.paid.v1")
            .unwrap();
        assert_eq!(paid.data["billing_address"]["name"], "Bo");
        let done = events.last().unwrap();
        assert_eq!(
            (done.sequence.as_str(), done.subject.as_str()),
            ("5", id.as_str())
        );
        assert!(done.data.get("billing_address").is_none());
        assert_eq!(world.count("SELECT COUNT(*) AS n FROM order_timers").await, 0);
        let saga = world.saga(&id).await;
        let causes: Vec<&str> = saga["log"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| step["cause"].as_str().unwrap())
            .collect();
        assert_eq!(
            causes,
            [
                "buyer.submit",
                "inventory.reserved",
                "payment.authorized",
                "payment.captured",
                "inventory.granted",
            ]
        );
    })
    .await;
}

/// Row 20 of the failure matrix, with everything repeated and in the wrong order.
#[tokio::test]
async fn answers_that_come_twice_or_late_change_nothing() {
    for_each_engine("twice", |world| async move {
        let id = world.ordered(&buyer("bo")).await;
        let reserved = world.good(&id, "inventory-reserve").await;
        world.hear(reserved.clone()).await.unwrap();
        let authorized = world.good(&id, "payment-authorize").await;
        world.hear(authorized.clone()).await.unwrap();
        world.answer_all().await;
        let (rows, saga) = (world.rows().await, world.saga(&id).await);
        for late in [reserved, authorized, world.good(&id, "payment-capture").await] {
            world.hear(late.clone()).await.unwrap();
            world.hear(late).await.unwrap();
        }
        assert_eq!(world.rows().await, rows);
        assert_eq!(world.saga(&id).await, saga);
    })
    .await;
}

/// Row 4: what is held is given back, and only then the order failed.
#[tokio::test]
async fn a_declined_order_gives_back_what_it_held() {
    for_each_engine("declined", |world| async move {
        let bo = buyer("bo");
        let id = world.ordered(&bo).await;
        world.answer(&id, "inventory-reserve").await;
        let declined = json!({"reason": "card_declined", "user_may_retry": true});
        world
            .answer_with(&id, "payment-authorize", "payment.intent.declined.v1", declined)
            .await;
        assert_eq!(world.state(&id).await, "compensating");
        world.answer(&id, "inventory-release").await;
        let order = world.read(&bo, &id).await.json();
        assert_eq!(
            (&order["state"], &order["reason"]),
            (&json!("failed"), &json!("card_declined"))
        );
        let events = world.events().await;
        let failed = events.last().unwrap();
        assert_eq!(failed.r#type, "order.order.failed.v1");
        assert_eq!(failed.data["compensated"], json!(["seats"]));
        assert_eq!(world.count("SELECT COUNT(*) AS n FROM order_timers").await, 0);
    })
    .await;
}

/// Row 13.
#[tokio::test]
async fn a_buyer_cancels_before_the_money_is_taken() {
    for_each_engine("cancel", |world| async move {
        let bo = buyer("bo");
        let id = world.ordered(&bo).await;
        world.answer(&id, "inventory-reserve").await;
        let cancel = |key: &str| {
            let ask = world
                .post(format!("/order/v1/orders/{id}/cancel"))
                .by(&bo)
                .key(key);
            ask.json(&json!({})).send()
        };
        let cancelled = cancel(&fresh_key()).await;
        assert_eq!(
            (cancelled.status, cancelled.json()["state"].as_str()),
            (202, Some("compensating"))
        );
        assert_eq!(
            cancel(&fresh_key()).await.status,
            202,
            "it is being cancelled already"
        );
        world.answer_all().await;
        let order = world.read(&bo, &id).await.json();
        assert_eq!(
            (&order["state"], &order["reason"]),
            (&json!("cancelled"), &json!("cancelled_by_buyer"))
        );
        assert_eq!(
            world.events().await.last().unwrap().r#type,
            "order.order.cancelled.v1"
        );
        let log = world.saga(&id).await["log"].clone();
        let by = log
            .as_array()
            .unwrap()
            .iter()
            .find(|step| step["cause"] == "buyer.cancel");
        assert_eq!(
            by.unwrap()["actor"],
            json!(null),
            "the log does not keep who the buyer is"
        );
    })
    .await;
}

/// Row 13: from the pivot on there is no way back.
#[tokio::test]
async fn an_order_whose_money_is_being_taken_cannot_be_cancelled() {
    for_each_engine("pivot", |world| async move {
        let bo = buyer("bo");
        let id = world.ordered(&bo).await;
        world.answer(&id, "inventory-reserve").await;
        world.answer(&id, "payment-authorize").await;
        let refused = || {
            let ask = world
                .post(format!("/order/v1/orders/{id}/cancel"))
                .by(&bo)
                .key(&fresh_key());
            ask.json(&json!({})).send()
        };
        assert_eq!(refused().await.verdict(), (409, "too_late_to_cancel"));
        world.answer_all().await;
        assert_eq!(world.state(&id).await, "completed");
        assert_eq!(refused().await.verdict(), (409, "too_late_to_cancel"));
    })
    .await;
}

#[tokio::test]
async fn answers_that_nobody_can_use_are_parked() {
    for_each_engine("parked", |world| async move {
        let nobody = json!({"order_id": fresh_key(), "command_id": fresh_key(), "lines": []});
        let unknown = event("inventory.reservation.reserved.v1", "x", nobody);
        let refused = world.hear(unknown).await;
        assert!(matches!(refused, Err(HandlerError::Dead(_))), "{refused:?}");
        let unreadable = event("payment.intent.captured.v1", "x", json!({"order_id": 7}));
        let refused = world.hear(unreadable).await;
        assert!(matches!(refused, Err(HandlerError::Dead(_))), "{refused:?}");
    })
    .await;
}
