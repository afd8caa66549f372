//! What strangers send.

use serde_json::{Value, json};

use crate::harness::*;

#[tokio::test]
async fn every_bad_body_is_refused_and_changes_nothing() {
    for_each_engine("bad_bodies", |world| async move {
        let user = fresh_key();
        world.registered(&user).await;
        let card = world.card(&ada(), APPROVE).await;
        let euros = |amount: Value| json!({"amount": amount, "currency": "EUR"});
        let grants = format!("/payment/v1/wallets/{user}/grants");
        let tops = "/payment/v1/wallet/topups".to_owned();
        let with = |member: &str, value: Value| {
            let mut body = card_body(APPROVE);
            body[member] = value;
            body
        };
        let cards = "/payment/v1/card-tokens".to_owned();
        let bodies = [
            (&tops, json!({"amount": euros(json!(99)), "card_token": card})),
            (&tops, json!({"amount": euros(json!(-5_000)), "card_token": card})),
            (
                &tops,
                json!({"amount": euros(json!(100_001)), "card_token": card}),
            ),
            (
                &tops,
                json!({"amount": euros(json!(i64::MAX)), "card_token": card}),
            ),
            (
                &tops,
                json!({"amount": euros(json!(9_223_372_036_854_775_808_u64)), "card_token": card}),
            ),
            (&tops, json!({"amount": euros(json!(10.5)), "card_token": card})),
            (&tops, json!({"amount": euros(json!("500")), "card_token": card})),
            (
                &tops,
                json!({"amount": {"amount": 500, "currency": "USD"}, "card_token": card}),
            ),
            (
                &tops,
                json!({"amount": {"amount": 500, "currency": "EUR", "rate": 2}, "card_token": card}),
            ),
            (&tops, json!({"amount": [500, "EUR"], "card_token": card})),
            (
                &tops,
                json!({"amount": euros(json!(500)), "card_token": "x".repeat(5_000)}),
            ),
            (&tops, json!({"amount": euros(json!(500)), "card_token": "'; --"})),
            (
                &tops,
                json!({"amount": euros(json!(500)), "card_token": card, "user_id": "bob"}),
            ),
            (&tops, json!({"amount": euros(json!(500))})),
            (&tops, json!([])),
            (
                &grants,
                json!({"amount": euros(json!(0)), "reason": "A broken course"}),
            ),
            (
                &grants,
                json!({"amount": euros(json!(-1)), "reason": "A broken course"}),
            ),
            (
                &grants,
                json!({"amount": euros(json!(1_000_001)), "reason": "A broken course"}),
            ),
            (
                &grants,
                json!({"amount": euros(json!(i64::MIN)), "reason": "A broken course"}),
            ),
            (&grants, json!({"amount": euros(json!(5)), "reason": ""})),
            (
                &grants,
                json!({"amount": euros(json!(5)), "reason": "x".repeat(201)}),
            ),
            (
                &grants,
                json!({"amount": euros(json!(5)), "reason": "nul\u{0} nul"}),
            ),
            (
                &grants,
                json!({"amount": euros(json!(5)), "reason": "A broken course", "state": "granted"}),
            ),
            (&cards, with("number", json!(""))),
            (&cards, with("number", json!("4".repeat(10_000)))),
            (&cards, with("exp_month", json!(13))),
            (&cards, with("exp_month", json!(i64::MIN))),
            (&cards, with("exp_year", json!(2020))),
            (&cards, with("exp_year", json!(i64::MAX))),
            (&cards, with("cvc", json!("12"))),
            (&cards, with("owner_id", json!("bob"))),
        ];
        let before = world.rows().await;
        for (path, body) in bodies {
            let who = if *path == grants { admin() } else { ada() };
            let refused = world
                .post(path.as_str())
                .by(&who)
                .key(&fresh_key())
                .json(&body)
                .send()
                .await;
            assert_eq!(refused.status, 422, "{path} {body}: {}", refused.text);
        }
        assert_eq!(world.rows().await, before);
    })
    .await;
}

#[tokio::test]
async fn money_needs_an_idempotency_key_and_a_small_json_body() {
    for_each_engine("keys", |world| async move {
        let user = fresh_key();
        world.registered(&user).await;
        let grants = format!("/payment/v1/wallets/{user}/grants");
        for path in ["/payment/v1/wallet/topups", grants.as_str()] {
            let without = world.post(path).by(&admin()).json(&json!({})).send().await;
            assert_eq!(without.verdict(), (400, "idempotency_key_required"));
            let odd = world
                .post(path)
                .by(&admin())
                .key("once")
                .json(&json!({}))
                .send()
                .await;
            assert_eq!(odd.verdict(), (400, "idempotency_key_required"));
            let large = world
                .post(path)
                .by(&admin())
                .key(&fresh_key())
                .raw("x".repeat(70_000));
            assert_eq!(large.send().await.verdict(), (413, "body_too_large"));
        }
        let large = world
            .post("/payment/v1/card-tokens")
            .by(&ada())
            .raw("x".repeat(70_000));
        assert_eq!(large.send().await.verdict(), (413, "body_too_large"));
        let form = world
            .post("/payment/v1/card-tokens")
            .by(&ada())
            .header("content-type", "text/plain");
        assert_eq!(form.send().await.verdict(), (415, "media_type"));
    })
    .await;
}

#[tokio::test]
async fn lists_refuse_bad_limits_and_foreign_cursors() {
    for_each_engine("bad_lists", |world| async move {
        for path in ["/payment/v1/wallet/entries", "/payment/v1/grants"] {
            for (query, code) in [
                ("limit=0", "invalid_limit"),
                ("limit=101", "invalid_limit"),
                ("limit=x", "invalid_query"),
                ("cursor=x", "invalid_cursor"),
                ("limit=1&limit=2", "invalid_query"),
                ("user_id=bob", "invalid_query"),
            ] {
                let refused = world.get(format!("{path}?{query}")).by(&admin()).send().await;
                assert_eq!(refused.verdict(), (400, code), "{path}?{query}");
            }
        }
    })
    .await;
}
