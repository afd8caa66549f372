//! Two at once, fifty times over, on both engines.

use futures::future::join_all;
use latchkey_bus::Cause;
use latchkey_contracts::Money;
use latchkey_contracts::events::course::CourseKind;
use latchkey_order::commands;
use latchkey_order::domain::{Quote, QuoteLine, Submission};
use latchkey_order::timers::fire_due;
use serde_json::json;

use crate::harness::*;

fn money(amount: i64) -> Money {
    Money::new(amount, "EUR")
}

/// What a basket costs, as the shop's double says.
fn quote(basket_id: &str) -> Quote {
    Quote {
        basket_id: basket_id.to_owned(),
        basket_version: 1,
        lines: vec![QuoteLine {
            course_id: course_id(1),
            course_version: 5,
            kind: CourseKind::Course,
            category_id: "category".into(),
            title: "Rust from the ground up".into(),
            slug: "course-1".into(),
            instructor_id: "ada".into(),
            lessons: Some(10),
            unit_price: money(3_500),
            quantity: 1,
            discount: money(0),
            tax: money(0),
            total: money(3_500),
        }],
        subtotal: money(3_500),
        discount_total: money(0),
        tax_total: money(0),
        total: money(3_500),
        coupon_code: None,
        coupon_refused: None,
    }
}

/// Places an order without asking the others, who would be the slowest in a race.
async fn place(world: &World, buyer_id: &str, basket_id: &str) -> String {
    let submission: Submission = serde_json::from_value(World::submission(1, 3_500)).unwrap();
    let (wanted, quote) = (submission.check("EUR").unwrap(), quote(basket_id));
    let buyer_id = buyer_id.to_owned();
    let placed = world.context.write(Cause::default(), async move |t| {
        commands::submit(&t, &buyer_id, wanted, quote).await
    });
    placed.await.unwrap()
}

/// Row 3 of the failure matrix.
#[tokio::test]
async fn fifty_requests_for_one_basket_make_one_order() {
    for_each_engine("one_basket", |world| async move {
        let ids = join_all((0..50).map(|_| place(&world, "bo", "basket"))).await;
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(world.count("SELECT COUNT(*) AS n FROM orders").await, 1);
        assert_eq!(world.steps(&ids[0]).await, ["inventory-reserve"]);
    })
    .await;
}

#[tokio::test]
async fn fifty_requests_with_one_key_make_one_order() {
    for_each_engine("one_key", |world| async move {
        let (bo, key) = (buyer("bo"), fresh_key());
        world.shop.fill(&bo, basket(1, &[(1, 1)], None));
        let body = World::submission(1, 3_500);
        let asks = (0..50).map(|_| {
            let ask = world.post("/order/v1/orders").by(&bo).key(&key);
            ask.json(&body).send()
        });
        let answers = join_all(asks).await;
        let fresh = answers
            .iter()
            .filter(|answer| answer.header("idempotency-replayed").is_empty());
        assert_eq!(fresh.count(), 1);
        assert!(answers.iter().all(|answer| answer.id() == answers[0].id()));
        assert_eq!(world.count("SELECT COUNT(*) AS n FROM orders").await, 1);
    })
    .await;
}

/// Found by chaos: the order of the first request emptied the basket while the second was asking for it.
#[tokio::test]
async fn a_request_beside_its_twin_gets_the_answer_of_the_twin() {
    for_each_engine("twin", |world| async move {
        let (bo, key) = (buyer("bo"), fresh_key());
        world.shop.fill(&bo, basket(1, &[(1, 1)], None));
        let ask = world.post("/order/v1/orders").by(&bo).key(&key);
        let ask = ask.json(&World::submission(1, 3_500));
        let (twin, shop, who) = (ask.clone(), world.shop.clone(), bo.clone());
        world.shop.meanwhile(async move {
            assert_eq!(twin.send().await.status, 202);
            shop.fill(&who, basket(2, &[], None));
        });
        let late = ask.clone().send().await;
        assert_eq!(late.status, 202, "{late:?}");
        assert_eq!(late.header("idempotency-replayed"), "true");
        assert_eq!(late.id(), ask.send().await.id());
        assert_eq!(world.count("SELECT COUNT(*) AS n FROM orders").await, 1);
    })
    .await;
}

#[tokio::test]
async fn fifty_orders_get_fifty_numbers_without_a_gap() {
    for_each_engine("fifty_numbers", |world| async move {
        let placed = (0..50).map(|n| {
            let world = world.clone();
            async move { place(&world, &format!("buyer-{n}"), &format!("basket-{n}")).await }
        });
        let mut numbers = Vec::new();
        for id in join_all(placed).await {
            let order = latchkey_order::store::order(&world.context.db, &id)
                .await
                .unwrap();
            numbers.push(order.unwrap().number);
        }
        numbers.sort();
        let expected: Vec<String> = (1..=50).map(|n| format!("LK-2026-{n:06}")).collect();
        assert_eq!(numbers, expected);
    })
    .await;
}

/// Row 14: whichever is first decides. Never both: an order that is cancelled has asked for no capture.
#[tokio::test]
async fn cancel_and_authorization_race_and_one_of_them_wins() {
    for_each_engine("cancel_race", |world| async move {
        let bo = buyer("bo");
        let (mut cancelled, mut captured) = (0, 0);
        for _ in 0..25 {
            let id = world.ordered(&bo).await;
            world.answer(&id, "inventory-reserve").await;
            let authorized = world.good(&id, "payment-authorize").await;
            let cancel = world
                .post(format!("/order/v1/orders/{id}/cancel"))
                .by(&bo)
                .key(&fresh_key());
            let (heard, answer) = tokio::join!(world.hear(authorized), cancel.json(&json!({})).send());
            heard.unwrap();
            let steps = world.steps(&id).await;
            let asked = |wanted: &str| steps.iter().any(|step| step == wanted);
            match answer.verdict() {
                (202, _) => {
                    cancelled += 1;
                    assert!(asked("payment-void") && !asked("payment-capture"), "{steps:?}");
                    assert_eq!(world.state(&id).await, "compensating");
                }
                (409, "too_late_to_cancel") => {
                    captured += 1;
                    assert!(asked("payment-capture") && !asked("payment-void"), "{steps:?}");
                    assert_eq!(world.state(&id).await, "capturing");
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(cancelled + captured, 25);
    })
    .await;
}

/// Several nodes fire the same timers; each fires once.
#[tokio::test]
async fn ten_clocks_fire_each_timer_once() {
    for_each_engine("ten_clocks", |world| async move {
        let bo = buyer("bo");
        let mut ids = Vec::new();
        for _ in 0..10 {
            ids.push(world.ordered(&bo).await);
        }
        world.clock.advance(5_000);
        let fired = join_all((0..10).map(|_| fire_due(&world.context))).await;
        assert!(fired.iter().all(Result::is_ok), "{fired:?}");
        for id in ids {
            assert_eq!(world.steps(&id).await.len(), 2, "the command and one repetition");
        }
    })
    .await;
}

#[tokio::test]
async fn fifty_requests_for_a_refund_make_one() {
    for_each_engine("refund_race", |world| async move {
        let bo = buyer("bo");
        let id = world.completed(&bo).await;
        let asks = (0..50).map(|_| {
            let ask = world
                .post(format!("/order/v1/orders/{id}/refunds"))
                .by(&bo)
                .key(&fresh_key());
            ask.json(&json!({"reason": "x", "to": "wallet"})).send()
        });
        let answers = join_all(asks).await;
        let made = answers.iter().filter(|answer| answer.status == 202).count();
        let refused = answers.iter().filter(|answer| answer.status == 409).count();
        assert_eq!((made, refused), (1, 49));
        let revokes = world
            .steps(&id)
            .await
            .into_iter()
            .filter(|step| step == "inventory-revoke");
        assert_eq!(revokes.count(), 1);
    })
    .await;
}
