//! Rows 19 to 21, 24 to 26 and 29: the world goes on while an order is under way, and after it.

use http::Method;
use latchkey_clock::{Clock, rfc3339};
use latchkey_db::{DbError, sql};
use serde_json::{Value, json};

use super::world::{DAY, MINUTE, PAYS, SECOND, WELCOME, by_both, by_card, key};
use super::{Bus, Item, Person, Shop, on_every_bus, on_postgresql};
use crate::harness::{Answer, http, until};

/// Row 19.
async fn an_order_is_honoured_as_it_was_made_whatever_becomes_of_the_course(bus: Bus) {
    let shop = Shop::open(bus).await;
    let bo = shop.buyer("bo").await;
    let (item, off) = (shop.item(2_500, Some(1)).await, shop.coupon(20, 1).await);
    let order = bo.order_that_waits(&[(&item, 1)], Some(&off)).await;
    let change = json!({"title": "Another name altogether", "price": {"amount": 9_900, "currency": "EUR"}});
    shop.edit(&item, change).await;
    let path = format!("catalog/v1/courses/{}", item.id);
    let tag = shop.ines.get(&path).await.header("etag").to_owned();
    let archive = format!("{path}/archive");
    let archived = shop.ines.change(Method::POST, &archive, &tag, None).await;
    assert_eq!(archived.status, 200, "{archived:?}");
    let deleted = shop.admin().await;
    let coupon = format!("discount/v1/coupons/{}", off.id);
    let tag = deleted.get(&coupon).await.header("etag").to_owned();
    let gone = deleted.change(Method::DELETE, &coupon, &tag, None).await;
    assert_eq!(gone.status, 204, "{gone:?}");

    bo.approve(&order).await;
    bo.until_state(&order, "completed").await;
    until("the order knows the new name", async || {
        bo.read(&order).await["lines"][0]["display_title"] == "Another name altogether"
    })
    .await;
    let completed = bo.read(&order).await;
    assert_eq!(completed["lines"][0]["title"], item.title, "as it was bought");
    assert_eq!(completed["total"]["amount"], 2_000, "{completed}");
    assert_eq!((shop.seats(&item).await, bo.owns(&item).await), ((1, 0), 1));
    shop.stop().await;
}

/// Row 20: everything that was said about an order is said again under new ids, the last first. The counter of what is
/// ignored is in `resource-services/order/src/commands.rs`.
async fn repeated_and_reordered_messages_change_nothing(bus: Bus) {
    let shop = Shop::open(bus).await;
    let bo = shop.buyer("bo").await;
    bo.until_welcome().await;
    let (item, off) = (shop.item(2_500, Some(3)).await, shop.coupon(20, 3).await);
    let card = bo.card(PAYS).await;
    let shown = bo.fill(&[(&item, 1)], Some(&off)).await;
    let order = bo.order(&shown, &by_both(&card)).await;
    bo.until_state(&order, "completed").await;
    let facts = async || {
        let seen = bo.read(&order).await;
        (
            (
                seen["state"].clone(),
                seen["version"].clone(),
                seen["refunded"].clone(),
            ),
            (bo.wallet().await, bo.entries().await, bo.owns(&item).await),
            (
                shop.seats(&item).await,
                shop.uses(&off).await,
                shop.processed().await,
            ),
        )
    };
    for refunded in [false, true] {
        if refunded {
            // From here on the commands are those of a second generation.
            assert_eq!(bo.refund(&order, "wallet").await.status, 202);
            bo.until_state(&order, "refunded").await;
        }
        let before = facts().await;
        for service in PARTICIPANTS {
            again(&shop, service, &order).await;
        }
        shop.until_heard("order", "order.replies", &PARTICIPANTS, ANSWERS)
            .await;
        assert_eq!(facts().await, before);
        again(&shop, "order", &order).await;
        for service in PARTICIPANTS {
            let commands = format!("order.command.{service}-%");
            shop.until_heard(service, &format!("{service}.commands"), &["order"], &[&commands])
                .await;
        }
        shop.until_heard("order", "order.replies", &PARTICIPANTS, ANSWERS)
            .await;
        assert_eq!(facts().await, before);
    }
    shop.stop().await;
}

const PARTICIPANTS: [&str; 3] = ["inventory", "discount", "payment"];
/// The types of their answers.
const ANSWERS: &[&str] = &[
    "inventory.reservation.%",
    "discount.redemption.%",
    "payment.intent.%",
    "payment.refund.%",
];

/// Publishes once more what a service has published about an order, the last first, under new ids.
async fn again(shop: &Shop, service: &'static str, order: &str) {
    let said =
        format!("SELECT envelope AS line FROM outbox WHERE partition_key = '{order}' ORDER BY seq DESC");
    let said = shop.lines(service, said).await;
    assert!(!said.is_empty(), "{service} has said nothing");
    let db = shop.database(service).await;
    for envelope in said {
        let mut event: Value = serde_json::from_str(&envelope).unwrap();
        event["id"] = json!(key());
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        let (id, r#type, subject) = (text("id"), text("type"), text("partitionkey"));
        let envelope = event.to_string();
        let written = db.write(move |tx| async move {
            let row = "INSERT INTO outbox (id, type, partition_key, envelope, created_at) VALUES ($1, $2, $3, $4, 0)";
            sql(row)
                .bind(id)
                .bind(r#type)
                .bind(subject)
                .bind(envelope)
                .execute(&tx)
                .await?;
            tx.announce();
            Ok::<_, DbError>(())
        });
        written.await.unwrap();
    }
    db.close().await;
}

/// Row 21: orders stop and start again where an order waits. From which rows an order resumes is a table in
/// `resource-services/order/src/domain/saga/tests/matrix.rs`; `tests/chaos` kills them at any moment.
async fn an_order_resumes_in_every_state_after_orders_were_away(bus: Bus) {
    let shop = Shop::without(bus, "order").await;
    let mut orders = shop.start("order").await;
    let bo = shop.buyer("bo").await;
    let (item, off) = (shop.item(2_500, Some(1)).await, shop.coupon(20, 1).await);
    let card = bo.card(super::world::MUST_CONFIRM).await;
    let shown = bo.fill(&[(&item, 1)], Some(&off)).await;
    let order = bo.order(&shown, &by_card(&card)).await;
    orders.stop().await; // as soon as it is there
    orders = shop.start("order").await;
    bo.until_state(&order, "action_required").await;
    let payment = bo.read(&order).await["payment_id"].as_str().unwrap().to_owned();
    orders.stop().await;
    let answer = format!("payment/v1/payments/{payment}/action");
    assert_eq!(bo.post(&answer, &json!({"approve": true})).await.status, 202);
    orders = shop.start("order").await;
    until("the money is being taken", async || {
        !["reserved", "action_required"].contains(&bo.read(&order).await["state"].as_str().unwrap())
    })
    .await;
    orders.stop().await;
    orders = shop.start("order").await;
    bo.until_state(&order, "completed").await;
    assert_eq!(
        shop.processed()
            .await
            .iter()
            .filter(|kind| *kind == "capture")
            .count(),
        1
    );
    assert_eq!((shop.seats(&item).await, shop.uses(&off).await), ((1, 0), (0, 1)));
    assert_eq!((bo.owns(&item).await, bo.orders().await.len()), (1, 1));
    orders.stop().await;
    shop.stop().await;
}

/// Row 24.
async fn a_refund_of_what_was_used_waits_for_an_administrator(bus: Bus) {
    let shop = Shop::open(bus).await;
    let bo = shop.buyer("bo").await;
    let item = shop.item(300, Some(5)).await;
    let card = bo.card(PAYS).await;
    let shown = bo.fill(&[(&item, 3)], None).await;
    let order = bo.order(&shown, &by_card(&card)).await;
    bo.until_state(&order, "completed").await;
    let consume = format!("inventory/v1/library/{}/consume", item.id);
    let used = bo.post(&consume, &json!({"quantity": 1})).await;
    assert_eq!(used.status, 200, "{used:?}");
    let owned = ["inventory.owned-item.%"];
    shop.until_heard("order", "order.items", &["inventory"], &owned)
        .await;
    await_decision(&shop, &bo, &order, "consumed").await;
    until("what was left is gone", async || bo.owns(&item).await == 0).await;
    assert_eq!(bo.read(&order).await["refunded"]["amount"], 900);
    shop.stop().await;
}

/// Row 24: the only lesson of a course is done.
async fn a_refund_of_what_was_learned_waits_for_an_administrator(bus: Bus) {
    let shop = Shop::open(bus).await;
    let bo = shop.buyer("bo").await;
    let course = shop.course(2_500).await;
    let order = bought(&bo, &course).await;
    learn(&shop, &bo, &course).await;
    await_decision(&shop, &bo, &order, "progress").await;
    assert_eq!(bo.owns(&course).await, 0);
    shop.stop().await;
}

/// Row 24: where everything may be done before it.
#[tokio::test]
async fn the_operator_says_how_much_may_be_done_before_it() {
    let shop = Shop::with(Bus::SqlLog, |config| config.refunds.percent = 100).await;
    let bo = shop.buyer("bo").await;
    let course = shop.course(2_500).await;
    let order = bought(&bo, &course).await;
    learn(&shop, &bo, &course).await;
    let asked = bo.refund(&order, "card").await;
    assert_eq!(
        (asked.status, &asked.json()["state"]),
        (202, &json!("approved")),
        "{asked:?}"
    );
    bo.until_state(&order, "refunded").await;
    shop.stop().await;
}

/// A completed order of a course.
async fn bought(bo: &Person, course: &Item) -> String {
    let card = bo.card(PAYS).await;
    let shown = bo.fill(&[(course, 1)], None).await;
    let order = bo.order(&shown, &by_card(&card)).await;
    bo.until_state(&order, "completed").await;
    order
}

/// Does the only lesson of a course, and waits until the orders have heard of it.
async fn learn(shop: &Shop, bo: &Person, course: &Item) {
    let progress = format!("inventory/v1/library/{}/progress", course.id);
    let done = json!({"lessons_done": [key()]});
    let answer = bo.try_all(Method::PUT, &progress, &done).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let learned = ["inventory.progress.%"];
    shop.until_heard("order", "order.items", &["inventory"], &learned)
        .await;
}

/// Row 24: more than fourteen days later.
async fn a_late_refund_waits_for_an_administrator(bus: Bus) {
    let shop = Shop::open(bus).await;
    let bo = shop.buyer("bo").await;
    let item = shop.item(2_500, Some(5)).await;
    let card = bo.card(PAYS).await;
    let shown = bo.fill(&[(&item, 1)], None).await;
    let order = bo.order(&shown, &by_card(&card)).await;
    bo.until_state(&order, "completed").await;
    shop.advance(15 * DAY).await;
    await_decision(&shop, &bo, &order, "late").await;
    assert_eq!((shop.seats(&item).await, bo.owns(&item).await), ((0, 0), 0));
    shop.stop().await;
}

/// Asks for a refund that somebody must decide about, and decides.
async fn await_decision(shop: &Shop, bo: &Person, order: &str, review: &str) {
    let asked = bo.refund(order, "card").await;
    assert_eq!(asked.status, 202, "{asked:?}");
    let refund = asked.json();
    assert_eq!(
        (&refund["state"], &refund["review"]),
        (&json!("requested"), &json!(review))
    );
    assert_eq!(bo.read(order).await["state"], "completed", "nothing is taken yet");
    let approve = format!("order/v1/refunds/{}/approve", refund["id"].as_str().unwrap());
    let approved = shop
        .admin()
        .await
        .post(&approve, &json!({"note": "It is fair"}))
        .await;
    assert_eq!(approved.status, 200, "{approved:?}");
    bo.until_state(order, "refunded").await;
    assert_eq!(shop.processed().await, ["authorize", "capture", "refund"]);
}

/// Row 25: the processor has lost what it captured, and refuses for good to give it back.
async fn a_card_refund_that_fails_for_good_gives_access_again(bus: Bus) {
    let shop = Shop::open(bus).await;
    let bo = shop.buyer("bo").await;
    bo.until_welcome().await;
    let item = shop.item(2_500, Some(1)).await;
    let card = bo.card(PAYS).await;
    let shown = bo.fill(&[(&item, 1)], None).await;
    let order = bo.order(&shown, &by_card(&card)).await;
    bo.until_state(&order, "completed").await;
    let lose = "UPDATE test_processor_operations SET amount = 0 WHERE kind = 'capture'";
    shop.run("payment", lose.to_owned()).await;

    assert_eq!(bo.refund(&order, "card").await.status, 202);
    until("the refund has failed", async || {
        bo.read(&order).await["reason"] == "refund_failed"
    })
    .await;
    let seen = bo.read(&order).await;
    assert_eq!(
        (&seen["state"], &seen["refunded"]["amount"]),
        (&json!("completed"), &json!(0))
    );
    let refunds = bo.get(&format!("order/v1/orders/{order}/refunds")).await.json();
    assert_eq!(refunds["items"][0]["state"], "failed", "{refunds}");
    assert_eq!(
        (shop.seats(&item).await, bo.owns(&item).await),
        ((1, 0), 1),
        "access again"
    );
    assert_eq!(bo.wallet().await, (WELCOME, 0));
    shop.until_alerted(&order).await;

    assert_eq!(bo.refund(&order, "wallet").await.status, 202);
    bo.until_state(&order, "refunded").await;
    assert_eq!((shop.seats(&item).await, bo.owns(&item).await), ((0, 0), 0));
    assert_eq!(bo.wallet().await, (WELCOME + 2_500, 0));
    shop.stop().await;
}

/// Row 26.
async fn an_order_ends_without_its_buyer_and_they_get_no_further_one(bus: Bus) {
    let shop = Shop::open(bus).await;
    let (bo, cleo) = (shop.buyer("bo").await, shop.buyer("cleo").await);
    let item = shop.item(2_500, Some(5)).await;
    let mut orders = Vec::new();
    for buyer in [&bo, &cleo] {
        orders.push(buyer.order_that_waits(&[(&item, 1)], None).await);
    }
    let (tokens, bodies) = ([bo.token("order").await, cleo.token("order").await], json!({}));
    shop.break_down(
        "payment",
        "BEFORE UPDATE OF done_at ON operations WHEN NEW.kind = 'capture'",
    )
    .await;
    for (buyer, order) in [&bo, &cleo].into_iter().zip(&orders) {
        buyer.approve(order).await;
        buyer.until_state(order, "capturing").await;
    }
    let issuer = shop.server.inside();
    let users = issuer.identity().users();
    users.set_enabled("bo", false, "test").await.unwrap();
    users.delete("cleo", "test").await.unwrap();
    for (buyer, token) in [&bo, &cleo].into_iter().zip(&tokens) {
        assert!(!buyer.is_signed_in().await);
        let again = async || {
            let request = http().post(format!("{}/order/v1/orders", shop.server.api()));
            let request = request.bearer_auth(token).header("idempotency-key", key());
            Answer::of(request.json(&bodies)).await.status
        };
        until("the guard of orders has heard", async || again().await == 401).await;
    }
    until("payment has heard", async || {
        let closed = "SELECT user_id AS line FROM wallets WHERE closed_at IS NOT NULL";
        shop.lines("payment", closed.to_owned()).await.len() == 1
    })
    .await;

    shop.mend("payment").await;
    shop.advance(31 * SECOND).await;
    for order in &orders {
        shop.until_saga(order, "completed").await;
    }
    let saga = shop.saga(&orders[1]).await;
    assert!(
        saga["buyer_id"].as_str().unwrap().starts_with("erased-"),
        "{saga}"
    );
    assert_eq!(shop.seats(&item).await, (2, 0));
    shop.stop().await;
}

/// Row 29: payment's clock is an hour ahead, and the deadline is that of the orders' clock.
async fn a_deadline_follows_the_clock_of_orders_alone(bus: Bus) {
    let shop = Shop::without(bus, "payment").await;
    let payment = shop.start("payment").await;
    let bo = shop.buyer("bo").await;
    let item = shop.item(2_500, Some(1)).await;
    let card = bo.card(super::world::MUST_CONFIRM).await;
    let shown = bo.fill(&[(&item, 1)], None).await;
    payment.stop().await;
    let clock = &shop.server.clock;
    let payment = shop
        .start_by(Clock::manual(clock.now_ms() + 60 * MINUTE), "payment")
        .await;

    let order = bo.order(&shown, &by_card(&card)).await;
    let waiting = bo.until_state(&order, "action_required").await;
    assert_eq!(
        waiting["deadline_at"],
        rfc3339(clock.now_ms() + 15 * MINUTE),
        "{waiting}"
    );
    shop.advance(15 * MINUTE - SECOND).await;
    assert_eq!(bo.read(&order).await["state"], "action_required");
    shop.advance(SECOND).await;
    bo.until_failed(&order, "payment_abandoned").await;
    assert_eq!((shop.seats(&item).await, bo.owns(&item).await), ((0, 0), 0));
    payment.stop().await;
    shop.stop().await;
}

on_every_bus! {
    an_order_is_honoured_as_it_was_made_whatever_becomes_of_the_course,
    repeated_and_reordered_messages_change_nothing,
    an_order_resumes_in_every_state_after_orders_were_away,
    a_refund_of_what_was_used_waits_for_an_administrator,
    a_refund_of_what_was_learned_waits_for_an_administrator,
    a_late_refund_waits_for_an_administrator,
    a_card_refund_that_fails_for_good_gives_access_again,
    an_order_ends_without_its_buyer_and_they_get_no_further_one,
    a_deadline_follows_the_clock_of_orders_alone,
}

on_postgresql! {
    repeated_and_reordered_messages_change_nothing,
}
