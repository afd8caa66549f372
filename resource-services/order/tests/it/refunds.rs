//! Money back.

use latchkey_order::consumers;
use latchkey_order::timers::fire_due;
use serde_json::{Value, json};

use crate::harness::*;

fn ask(world: &World, who: &str, id: &str, body: &Value) -> Ask {
    let ask = world.post(format!("/order/v1/orders/{id}/refunds")).by(who);
    ask.key(&fresh_key()).json(body)
}

async fn lines(world: &World, who: &str, id: &str) -> Vec<String> {
    let order = world.read(who, id).await.json();
    let lines = order["lines"].as_array().unwrap().iter();
    lines
        .map(|line| line["line_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_recent_purchase_goes_back_at_once() {
    for_each_engine("refund", |world| async move {
        let bo = buyer("bo");
        let id = world.completed(&bo).await;
        let before = world.events().await.len();
        let key = fresh_key();
        let body = json!({"reason": "Not for me", "to": "card"});
        let post = || {
            let ask = world
                .post(format!("/order/v1/orders/{id}/refunds"))
                .by(&bo)
                .key(&key);
            ask.json(&body).send()
        };
        let made = post().await;
        assert_eq!(
            (made.status, made.json()["state"].as_str()),
            (202, Some("approved"))
        );
        assert_eq!(post().await.id(), made.id(), "once");
        world.answer(&id, "inventory-revoke").await;
        let command = world.command(&id, "payment-refund").await;
        assert_eq!(command.data["amount"]["amount"], 3_500);
        assert_eq!(
            (&command.data["to"], &command.data["refund_id"]),
            (&json!("card"), &json!(made.id()))
        );
        world.answer(&id, "payment-refund").await;
        let order = world.read(&bo, &id).await.json();
        assert_eq!(
            (&order["state"], &order["refunded"]["amount"]),
            (&json!("refunded"), &json!(3_500))
        );
        assert_eq!(
            (&order["lines"][0]["refunded"], &order["refundable"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(
            world.told(before).await,
            [
                "order.state-changed",
                "command.inventory-revoke",
                "command.payment-refund",
                "order.state-changed",
                "order.refunded",
            ]
        );
        let list = world
            .get(format!("/order/v1/orders/{id}/refunds"))
            .by(&bo)
            .send()
            .await;
        assert_eq!(list.items()[0]["state"], "refunded");
        assert_eq!(
            ask(&world, &bo, &id, &body).send().await.verdict(),
            (409, "not_refundable")
        );
    })
    .await;
}

#[tokio::test]
async fn lines_go_back_one_by_one() {
    for_each_engine("partial", |world| async move {
        let bo = buyer("bo");
        let id = world.completed_with(&bo, &[(1, 1), (2, 1)], 5_000).await;
        let lines = lines(&world, &bo, &id).await;
        let one = json!({"lines": [lines[1]], "reason": "x", "to": "wallet"});
        assert_eq!(
            ask(&world, &bo, &id, &one).send().await.json()["amount"]["amount"],
            1_500
        );
        let busy = ask(&world, &bo, &id, &one).send().await;
        assert_eq!(busy.verdict(), (409, "not_refundable"), "it is under way");
        world.answer_all().await;
        let order = world.read(&bo, &id).await.json();
        assert_eq!(
            (&order["state"], &order["refunded"]["amount"]),
            (&json!("partially_refunded"), &json!(1_500))
        );
        assert_eq!(
            ask(&world, &bo, &id, &one).send().await.fields(),
            ["lines"],
            "once"
        );
        let rest = json!({"reason": "x", "to": "wallet"});
        assert_eq!(
            ask(&world, &bo, &id, &rest).send().await.json()["amount"]["amount"],
            3_500
        );
        world.answer_all().await;
        assert_eq!(world.state(&id).await, "refunded");
    })
    .await;
}

/// Row 25 of the failure matrix.
#[tokio::test]
async fn a_refund_that_fails_for_good_leaves_the_order_completed() {
    for_each_engine("refund_failed", |world| async move {
        let bo = buyer("bo");
        let id = world.completed(&bo).await;
        let made = ask(&world, &bo, &id, &json!({"reason": "x", "to": "card"}))
            .send()
            .await;
        world.answer(&id, "inventory-revoke").await;
        let failed = |r#final: bool| json!({"refund_id": made.id(), "reason": "closed", "final": r#final});
        world
            .answer_with(&id, "payment-refund", "payment.refund.failed.v1", failed(false))
            .await;
        world.clock.advance(5_000);
        fire_due(&world.context).await.unwrap();
        let attempts = world.commands(&id).await;
        let attempts: Vec<_> = attempts
            .iter()
            .filter(|one| one.r#type.contains("payment-refund"))
            .collect();
        assert_eq!(attempts.len(), 2);
        assert_ne!(attempts[0].data["command_id"], attempts[1].data["command_id"]);
        world
            .answer_with(&id, "payment-refund", "payment.refund.failed.v1", failed(true))
            .await;
        world.answer(&id, "inventory-regrant").await;
        let order = world.read(&bo, &id).await.json();
        assert_eq!(
            (&order["state"], &order["reason"]),
            (&json!("completed"), &json!("refund_failed"))
        );
        assert_eq!(order["refunded"]["amount"], 0);
        let list = world
            .get(format!("/order/v1/orders/{id}/refunds"))
            .by(&bo)
            .send()
            .await;
        assert_eq!(list.items()[0]["state"], "failed");
        assert!(world.saga(&id).await["alerted_at"].is_string());
        let wallet = ask(&world, &bo, &id, &json!({"reason": "x", "to": "wallet"}))
            .send()
            .await;
        assert_eq!(wallet.status, 202, "the wallet takes it");
        world.answer_all().await;
        assert_eq!(world.state(&id).await, "refunded");
    })
    .await;
}

/// Row 24: used-up items are for an administrator, who may reject or approve.
#[tokio::test]
async fn an_administrator_decides_about_used_up_items() {
    for_each_engine("review", |world| async move {
        let bo = buyer("bo");
        let id = world.completed_with(&bo, &[(3, 2)], 4_000).await;
        let used = json!({
            "owner": "bo", "item_id": course_id(3), "kind": "item", "quantity": 1, "version": 4, "cause": "consumed"
        });
        let told = event("inventory.owned-item.changed.v1", "bo", used);
        world.deliver(&consumers::ITEMS, told).await.unwrap();
        let body = json!({"reason": "x", "to": "wallet"});
        let made = ask(&world, &bo, &id, &body).send().await.json();
        assert_eq!((&made["state"], &made["review"]), (&json!("requested"), &json!("consumed")));
        assert_eq!(world.state(&id).await, "completed", "nothing happens before the decision");
        assert_eq!(ask(&world, &bo, &id, &body).send().await.verdict(), (409, "refund_open"));
        let waiting = world.get("/order/v1/admin/refunds").by(&admin()).send().await;
        assert_eq!(waiting.items()[0]["id"], made["id"]);
        let decide = |id: Value, how: &str| {
            let path = format!("/order/v1/refunds/{}/{how}", id.as_str().unwrap());
            world.post(path).by(&admin()).json(&json!({"note": "Half of it was used"})).send()
        };
        let rejected = decide(made["id"].clone(), "reject").await;
        assert_eq!((rejected.status, rejected.json()["state"].as_str()), (200, Some("rejected")));
        assert_eq!(decide(made["id"].clone(), "approve").await.verdict(), (409, "decided"));
        let again = ask(&world, &bo, &id, &body).send().await.json();
        assert_eq!(decide(again["id"].clone(), "approve").await.json()["state"], "approved");
        world.answer_all().await;
        assert_eq!(world.state(&id).await, "refunded");
        let list = world.get(format!("/order/v1/orders/{id}/refunds")).by(&bo).send().await;
        assert_eq!(list.items()[0]["note"], "Half of it was used");
    })
    .await;
}

/// A replay tells of it again, long after the purchase.
#[tokio::test]
async fn items_that_were_used_up_before_the_purchase_need_no_decision() {
    for_each_engine("used_before", |world| async move {
        let bo = buyer("bo");
        let id = world.completed_with(&bo, &[(3, 2)], 4_000).await;
        let used = json!({
            "owner": "bo", "item_id": course_id(3), "kind": "item", "quantity": 1, "version": 4, "cause": "consumed"
        });
        let mut told = event("inventory.owned-item.changed.v1", "bo", used);
        told.time = "2026-11-20T11:59:59.999Z".to_owned();
        world.deliver(&consumers::ITEMS, told).await.unwrap();
        let made = ask(&world, &bo, &id, &json!({"reason": "x", "to": "wallet"})).send().await.json();
        assert_eq!((&made["state"], &made["review"]), (&json!("approved"), &json!(null)));
    })
    .await;
}

/// Row 24: a course of ten lessons, of which more than three are done.
#[tokio::test]
async fn an_administrator_decides_about_a_course_that_was_learned() {
    for_each_engine("learned", |world| async move {
        let bo = buyer("bo");
        let id = world.completed(&bo).await;
        let learned = async |lessons: i64, version: i64| {
            let data =
                json!({"owner": "bo", "item_id": course_id(1), "lessons_done": lessons, "version": version});
            let told = event("inventory.progress.changed.v1", "bo", data);
            world.deliver(&consumers::ITEMS, told).await.unwrap();
        };
        learned(4, 5).await;
        // What is older says nothing.
        learned(3, 4).await;
        let body = json!({"reason": "x", "to": "wallet"});
        let made = ask(&world, &bo, &id, &body).send().await.json();
        assert_eq!(
            (&made["state"], &made["review"]),
            (&json!("requested"), &json!("progress"))
        );
        assert_eq!(
            world.state(&id).await,
            "completed",
            "nothing happens before the decision"
        );
    })
    .await;
}

#[tokio::test]
async fn a_course_that_was_only_looked_into_goes_back_at_once() {
    for_each_engine("looked_into", |world| async move {
        let bo = buyer("bo");
        let id = world.completed(&bo).await;
        for (owner, lessons) in [("bo", 3), ("cleo", 10)] {
            let data =
                json!({"owner": owner, "item_id": course_id(1), "lessons_done": lessons, "version": 5});
            let told = event("inventory.progress.changed.v1", owner, data);
            world.deliver(&consumers::ITEMS, told).await.unwrap();
        }
        let made = ask(&world, &bo, &id, &json!({"reason": "x", "to": "wallet"}))
            .send()
            .await
            .json();
        assert_eq!(
            (&made["state"], &made["review"]),
            (&json!("approved"), &json!(null))
        );
    })
    .await;
}

#[tokio::test]
async fn only_what_a_card_paid_goes_back_to_it() {
    for_each_engine("card", |world| async move {
        let bo = buyer("bo");
        let id = world.ordered(&bo).await;
        world.answer(&id, "inventory-reserve").await;
        world.answer(&id, "payment-authorize").await;
        let split = json!({
            "payment_id": "payment", "wallet_amount": {"amount": 3_000, "currency": "EUR"},
            "card_amount": {"amount": 500, "currency": "EUR"}, "fee": {"amount": 0, "currency": "EUR"},
            "captured_at": "2026-11-20T12:00:00.000Z"
        });
        world
            .answer_with(&id, "payment-capture", "payment.intent.captured.v1", split)
            .await;
        world.answer(&id, "inventory-confirm").await;
        let to = |to: &str| json!({"reason": "x", "to": to});
        assert_eq!(
            ask(&world, &bo, &id, &to("card")).send().await.verdict(),
            (409, "more_than_card")
        );
        assert_eq!(ask(&world, &bo, &id, &to("wallet")).send().await.status, 202);
    })
    .await;
}
