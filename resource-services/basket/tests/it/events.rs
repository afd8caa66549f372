//! What other services tell changes baskets, in whatever order and however often it is told.

use latchkey_basket::{SPEC, consumers, tasks};
use latchkey_testkit::service::{World, for_each_engine};
use serde_json::{Value, json};

use crate::harness::{EXAM, RUST, ada, bob, course, event, hear, lines, put, read, tell_course};

const OWN: &str = "/basket/v1";

async fn tell_stock(world: &World, capacity: Option<i64>, sold: i64, version: i64) {
    let mut data = json!({"item_id": RUST, "sold": sold, "reserved": 0, "version": version});
    if let Some(capacity) = capacity {
        data["capacity"] = json!(capacity);
    }
    let told = event("inventory.stock.changed.v1", RUST, version, data);
    hear(world, &consumers::STOCK, told).await;
}

async fn tell_owned(world: &World, quantity: i64, version: i64) {
    let data = json!({
        "owner": "ada", "item_id": RUST, "kind": "course", "quantity": quantity, "version": version, "cause": "order"
    });
    let told = event("inventory.owned-item.changed.v1", RUST, version, data);
    hear(world, &consumers::STOCK, told).await;
}

fn order(lines: &[(&str, i64)]) -> Value {
    let money = json!({"amount": 0, "currency": "EUR"});
    let line = |(id, quantity): &(&str, i64)| {
        json!({
            "line_id": id, "course_id": id, "kind": "course", "title": "t", "slug": "s", "instructor_id": "i",
            "unit_price": money, "quantity": quantity, "discount": money, "tax": money, "total": money
        })
    };
    json!({
        "order_id": "o", "number": "LK-2026-000001", "buyer_id": "ada", "lines": lines.iter().map(line).collect::<Vec<_>>(),
        "subtotal": money, "discount_total": money, "tax_total": money, "total": money, "coupon_code": "SPRING",
        "basket_id": "b", "basket_version": 3, "version": 7
    })
}

#[tokio::test]
async fn a_newer_price_is_shown_beside_the_one_that_was_seen() {
    for_each_engine(&SPEC, "prices", |world| async move {
        course(&world, RUST, 5_900, 3).await;
        put(&world, &ada(), OWN, RUST, 1).await;
        course(&world, RUST, 4_900, 5).await;
        course(&world, RUST, 9_900, 4).await; // older news that came late
        let basket = read(&world, &ada(), OWN).await;
        let line = &basket["lines"][0];
        assert_eq!(
            (
                &line["state"],
                &line["price_seen"]["amount"],
                &line["price_now"]["amount"]
            ),
            (&json!("price_changed"), &json!(5_900), &json!(4_900))
        );
        assert_eq!(
            (&line["title"], &basket["subtotal"]["amount"]),
            (&json!("Title 5"), &json!(4_900))
        );
        // Who puts it in again has seen the price.
        put(&world, &ada(), OWN, RUST, 1).await;
        assert_eq!(lines(&read(&world, &ada(), OWN).await)[0].2, "ok");
    })
    .await;
}

#[tokio::test]
async fn seats_ownership_and_archiving_change_what_can_be_bought() {
    for_each_engine(&SPEC, "states", |world| async move {
        course(&world, RUST, 5_900, 1).await;
        put(&world, &ada(), OWN, RUST, 1).await;
        let state = async || lines(&read(&world, &ada(), OWN).await)[0].2.clone();
        tell_stock(&world, Some(5), 5, 2).await;
        assert_eq!(state().await, "sold_out");
        // As the order would charge it: seats are a hint.
        assert_eq!(read(&world, &ada(), OWN).await["subtotal"]["amount"], 5_900);
        tell_stock(&world, Some(6), 5, 3).await;
        tell_stock(&world, Some(5), 5, 2).await;
        assert_eq!(state().await, "ok");
        tell_stock(&world, None, 5, 4).await;
        assert_eq!(state().await, "ok");
        tell_owned(&world, 1, 1).await;
        assert_eq!(state().await, "owned");
        let again = put(&world, &ada(), OWN, RUST, 1).await;
        assert_eq!(again.verdict(), (409, "already_owned"));
        assert_eq!(put(&world, &bob(), OWN, RUST, 1).await.status, 200);
        tell_owned(&world, 0, 2).await;
        assert_eq!(state().await, "ok");
        tell_course(&world, RUST, 5_900, 2, "archived").await;
        assert_eq!(state().await, "unavailable");
        assert_eq!(read(&world, &ada(), OWN).await["subtotal"]["amount"], 0);
    })
    .await;
}

#[tokio::test]
async fn a_completed_order_clears_what_was_bought_and_its_coupon() {
    for_each_engine(&SPEC, "bought", |world| async move {
        course(&world, RUST, 5_900, 1).await;
        course(&world, EXAM, 1_000, 1).await;
        put(&world, &ada(), OWN, RUST, 1).await;
        put(&world, &ada(), OWN, EXAM, 5).await;
        let coupon = world.put("/basket/v1/coupon").by(&ada());
        coupon.json(&json!({"code": "SPRING"})).send().await;
        let told = event("order.order.completed.v1", "o", 7, order(&[(RUST, 1), (EXAM, 2)]));
        hear(&world, &consumers::ORDERS, told).await;
        let basket = read(&world, &ada(), OWN).await;
        assert_eq!(lines(&basket), [(EXAM.to_owned(), 3, "ok".to_owned())]);
        assert_eq!(basket["discount"], json!(null));
        // A replay is another message about the same order.
        let replayed = event("order.order.completed.v1", "o", 7, order(&[(RUST, 1), (EXAM, 2)]));
        hear(&world, &consumers::ORDERS, replayed).await;
        let basket = read(&world, &ada(), OWN).await;
        assert_eq!(lines(&basket), [(EXAM.to_owned(), 3, "ok".to_owned())]);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_user_leaves_nothing_behind() {
    for_each_engine(&SPEC, "deleted", |world| async move {
        course(&world, RUST, 5_900, 1).await;
        put(&world, &ada(), OWN, RUST, 1).await;
        put(&world, &bob(), OWN, RUST, 1).await;
        tell_owned(&world, 1, 1).await;
        let data = json!({"user_id": "ada", "erased_at": "2026-11-20T12:00:00.000Z", "version": 2});
        for _ in 0..2 {
            let told = event("identity.user.deleted.v1", "ada", 2, data.clone());
            hear(&world, &consumers::USERS, told).await;
        }
        assert_eq!(world.count("SELECT COUNT(*) AS n FROM baskets").await, 1);
        assert_eq!(world.count("SELECT COUNT(*) AS n FROM lines").await, 1);
        assert_eq!(world.count("SELECT COUNT(*) AS n FROM owned").await, 0);
        // Inventory tells of what it erased a moment later.
        let data = json!({
            "owner": "ada", "item_id": RUST, "kind": "course", "quantity": 0, "version": 2, "cause": "erased"
        });
        hear(
            &world,
            &consumers::STOCK,
            event("inventory.owned-item.changed.v1", RUST, 2, data),
        )
        .await;
        assert_eq!(world.count("SELECT COUNT(*) AS n FROM owned").await, 0);
    })
    .await;
}

#[tokio::test]
async fn baskets_that_nobody_touches_are_forgotten() {
    for_each_engine(&SPEC, "expiry", |world| async move {
        course(&world, RUST, 5_900, 1).await;
        for (base, who) in crate::harness::holders() {
            put(&world, &who, base, RUST, 1).await;
        }
        let day = 24 * 60 * 60 * 1_000;
        let left = async |after: i64| {
            world.clock.advance(after);
            tasks::forget_expired(world.context.clone()).await.unwrap();
            world.count("SELECT COUNT(*) AS n FROM baskets").await
        };
        assert_eq!(left(7 * day - 1).await, 2);
        assert_eq!(left(1).await, 1);
        assert_eq!(left(23 * day).await, 0);
        assert_eq!(world.count("SELECT COUNT(*) AS n FROM lines").await, 0);
    })
    .await;
}
