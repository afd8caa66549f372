//! What can be put into a basket, and what it costs.

use latchkey_basket::SPEC;
use latchkey_testkit::service::for_each_engine;
use serde_json::json;

use crate::harness::{EXAM, GUEST, RUST, ada, bob, course, holders, lines, put, read, shop, tell_course};

#[tokio::test]
async fn a_basket_is_priced_by_the_shop_whatever_the_caller_sends() {
    for_each_engine(&SPEC, "priced", |world| async move {
        course(&world, RUST, 5_900, 1).await;
        course(&world, EXAM, 1_000, 1).await;
        for (base, who) in holders() {
            assert_eq!(read(&world, &who, base).await["version"], 0);
            assert_eq!(put(&world, &who, base, RUST, 1).await.status, 200);
            let added = put(&world, &who, base, EXAM, 3).await;
            let basket = added.json();
            assert_eq!(added.version(), basket["version"].as_i64().unwrap());
            assert_eq!(
                (&basket["subtotal"], &basket["total"]),
                (
                    &json!({"amount": 8_900, "currency": "EUR"}),
                    &json!({"amount": 8_900, "currency": "EUR"})
                )
            );
            let path = format!("{base}/lines/{RUST}");
            let priced = world.put(&path).by(&who);
            let priced = priced.json(&json!({"quantity": 1, "price": 1})).send().await;
            assert_eq!(priced.verdict(), (422, "invalid_body"));
        }
    })
    .await;
}

#[tokio::test]
async fn the_same_again_changes_no_version() {
    for_each_engine(&SPEC, "same", |world| async move {
        course(&world, RUST, 5_900, 1).await;
        let first = put(&world, &ada(), "/basket/v1", RUST, 1).await.version();
        let again = put(&world, &ada(), "/basket/v1", RUST, 1).await.version();
        assert_eq!(first, again);
    })
    .await;
}

#[tokio::test]
async fn quantities_and_courses_that_cannot_be_are_rejected() {
    for_each_engine(&SPEC, "rejected", |world| async move {
        course(&world, RUST, 5_900, 1).await;
        course(&world, EXAM, 1_000, 1).await;
        for (base, who) in holders() {
            for (id, quantity) in [(RUST, 2), (RUST, 0), (EXAM, 101), (EXAM, -1), (EXAM, i64::MAX)] {
                let answer = put(&world, &who, base, id, quantity).await;
                assert_eq!(answer.fields(), ["quantity"], "{id} {quantity}");
            }
            let unknown = "01a1ebbc-0000-7000-8000-0000000000ff";
            // Nobody can be asked here, and nothing is guessed.
            assert_eq!(
                put(&world, &who, base, unknown, 1).await.verdict(),
                (503, "course_unknown")
            );
            assert_eq!(
                put(&world, &who, base, "x", 1).await.verdict(),
                (404, "not_found")
            );
            assert_eq!(read(&world, &who, base).await["lines"], json!([]));
        }
        tell_course(&world, RUST, 5_900, 2, "archived").await;
        assert_eq!(
            put(&world, &ada(), "/basket/v1", RUST, 1).await.verdict(),
            (409, "not_for_sale")
        );
    })
    .await;
}

#[tokio::test]
async fn a_line_is_saved_moved_back_and_removed() {
    for_each_engine(&SPEC, "saved", |world| async move {
        course(&world, RUST, 5_900, 1).await;
        for (base, who) in holders() {
            put(&world, &who, base, RUST, 1).await;
            let step = async |step: &str| {
                let ask = world.post(format!("{base}/lines/{RUST}/{step}")).by(&who);
                ask.send().await
            };
            let saved = step("save").await.json();
            assert_eq!(
                (
                    saved["lines"].as_array().unwrap().len(),
                    &saved["subtotal"]["amount"]
                ),
                (0, &json!(0))
            );
            assert_eq!(saved["saved"][0]["course_id"], RUST);
            assert_eq!(lines(&step("move").await.json()).len(), 1);
            for _ in 0..2 {
                let removed = world.delete(format!("{base}/lines/{RUST}")).by(&who).send().await;
                assert_eq!(removed.json()["lines"], json!([]));
            }
            assert_eq!(step("save").await.verdict(), (404, "not_found"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_coupon_is_kept_unverified_and_never_lowers_the_total_unasked() {
    for_each_engine(&SPEC, "coupon", |world| async move {
        course(&world, RUST, 5_900, 1).await;
        for (base, who) in holders() {
            put(&world, &who, base, RUST, 1).await;
            let ask = world.put(format!("{base}/coupon")).by(&who);
            let basket = ask.json(&json!({"code": "spring-10"})).send().await.json();
            assert_eq!(
                (
                    &basket["discount"]["code"],
                    &basket["discount"]["checked"],
                    &basket["total"]["amount"]
                ),
                (&json!("SPRING-10"), &json!(false), &json!(5_900))
            );
            let bad = world.put(format!("{base}/coupon")).by(&who);
            let bad = bad.json(&json!({"code": "'; DROP TABLE lines"})).send().await;
            assert_eq!(bad.fields(), ["code"]);
            let gone = world.delete(format!("{base}/coupon")).by(&who).send().await;
            assert_eq!(gone.json()["discount"], json!(null));
        }
    })
    .await;
}

#[tokio::test]
async fn a_visitors_basket_becomes_the_users_once() {
    for_each_engine(&SPEC, "merge", |world| async move {
        course(&world, RUST, 5_900, 1).await;
        course(&world, EXAM, 1_000, 1).await;
        let guests = format!("/basket/v1/guests/{GUEST}");
        put(&world, &shop(), &guests, EXAM, 5).await;
        put(&world, &ada(), "/basket/v1", EXAM, 2).await;
        put(&world, &ada(), "/basket/v1", RUST, 1).await;
        let merge = async |guest: &str| {
            let ask = world.post("/basket/v1/merge").by(&ada());
            ask.json(&json!({"guest_id": guest})).send().await
        };
        let merged = merge(GUEST).await;
        let after = lines(&merged.json());
        assert_eq!(after.iter().map(|line| line.1).collect::<Vec<_>>(), [1, 5]);
        assert_eq!(merge(GUEST).await.version(), merged.version());
        assert_eq!(read(&world, &shop(), &guests).await["lines"], json!([]));
        assert_eq!(merge("short").await.fields(), ["guest_id"]);
        assert_eq!(read(&world, &bob(), "/basket/v1").await["lines"], json!([]));
    })
    .await;
}
