//! What hostile or broken callers send.

use serde_json::{Value, json};

use crate::harness::*;

#[tokio::test]
async fn a_submission_is_refused_for_each_bad_member() {
    for_each_engine("bad_submission", |world| async move {
        let bo = buyer("bo");
        world.shop.fill(&bo, basket(1, &[(1, 1)], None));
        for (pointer, value, status) in [
            ("/basket_version", json!(-1), 422),
            ("/basket_version", json!(1.5), 422),
            ("/basket_version", json!("1"), 422),
            ("/basket_version", json!(u64::MAX), 422),
            ("/expected_total/amount", json!(-3_500), 422),
            ("/expected_total/amount", json!(1e300), 422),
            ("/expected_total/currency", json!("USD"), 422),
            ("/billing_address/name", json!("\u{0}"), 422),
            ("/billing_address/name", json!("x".repeat(121)), 422),
            ("/billing_address/country", json!("Germany"), 422),
            ("/payment/wallet", json!(-1), 422),
            ("/payment/wallet", json!({"amount": 1}), 422),
            ("/payment/card_token", json!("4111111111111111"), 422),
            ("/payment/card_token", json!("' OR 1=1 --"), 422),
            ("/consents/terms", json!(false), 422),
            ("/consents/terms", json!("yes"), 422),
            ("/billing_address", json!(["Bo", "Main", "1", "B", "DE"]), 422),
        ] {
            let mut body = World::submission(1, 3_500);
            *body.pointer_mut(pointer).unwrap() = value;
            let refused = world.submit(&bo, &body).send().await;
            assert_eq!(refused.status, status, "{pointer}: {}", refused.text);
        }
        assert_eq!(world.rows().await, [0, 0, 0, 0, 0]);
        assert!(world.shop.asked().is_empty(), "nobody is asked about nonsense");
    })
    .await;
}

/// Prices, discounts and owners come from the services, never from the caller.
#[tokio::test]
async fn members_that_nobody_declared_are_refused() {
    for_each_engine("unknown_members", |world| async move {
        let bo = buyer("bo");
        let id = world.completed(&bo).await;
        let before = world.rows().await;
        for name in [
            "buyer_id",
            "lines",
            "total",
            "unit_price",
            "discount",
            "coupon_code",
            "state",
            "number",
        ] {
            let mut body = World::submission(2, 3_500);
            body[name] = json!("x");
            let refused = world.submit(&bo, &body).send().await;
            assert_eq!(refused.verdict(), (422, "invalid_body"), "{name}");
            for (step, mut body) in [
                ("cancel", json!({})),
                ("refunds", json!({"reason": "x", "to": "wallet"})),
            ] {
                body[name] = match (step, name) {
                    ("refunds", "lines") => json!([id]),
                    _ => json!("x"),
                };
                let path = format!("/order/v1/orders/{id}/{step}");
                let refused = world
                    .post(path)
                    .by(&bo)
                    .key(&fresh_key())
                    .json(&body)
                    .send()
                    .await;
                assert_eq!(refused.status, 422, "{step} {name}");
            }
        }
        assert_eq!(world.rows().await, before);
    })
    .await;
}

#[tokio::test]
async fn bodies_are_small_objects_of_json() {
    for_each_engine("bodies", |world| async move {
        let bo = buyer("bo");
        let post = |body: Vec<u8>| {
            let ask = world.post("/order/v1/orders").by(&bo).key(&fresh_key());
            ask.raw(body).send()
        };
        let large = json!({"x": "x".repeat(70_000)}).to_string().into_bytes();
        assert_eq!(post(large).await.status, 413);
        let nested = [b"[".repeat(40), b"]".repeat(40)].concat();
        for body in [
            b"".to_vec(),
            b"[]".to_vec(),
            b"null".to_vec(),
            b"{".to_vec(),
            nested,
        ] {
            assert_eq!(post(body).await.status, 422);
        }
        let form = world.post("/order/v1/orders").by(&bo).key(&fresh_key());
        let form = form
            .header("content-type", "application/x-www-form-urlencoded")
            .send()
            .await;
        assert_eq!(form.status, 415);
        let keyless = world
            .post("/order/v1/orders")
            .by(&bo)
            .json(&World::submission(1, 1));
        assert_eq!(keyless.send().await.verdict(), (400, "idempotency_key_required"));
        for key in ["1", "not-a-uuid", ""] {
            let ask = world.post("/order/v1/orders").by(&bo).key(key);
            let refused = ask.json(&World::submission(1, 1)).send().await;
            assert_eq!(refused.verdict(), (400, "idempotency_key_required"), "{key}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_refund_is_refused_for_each_bad_member() {
    for_each_engine("bad_refund", |world| async move {
        let bo = buyer("bo");
        let id = world.completed(&bo).await;
        let before = world.rows().await;
        let post = |body: Value| {
            let ask = world
                .post(format!("/order/v1/orders/{id}/refunds"))
                .by(&bo)
                .key(&fresh_key());
            ask.json(&body).send()
        };
        for body in [
            json!({"reason": "", "to": "wallet"}),
            json!({"reason": "x".repeat(501), "to": "wallet"}),
            json!({"reason": "a\nb", "to": "wallet"}),
            json!({"reason": "x", "to": "cash"}),
            json!({"reason": "x"}),
            json!({"reason": "x", "to": "wallet", "amount": 1_000_000}),
            json!({"reason": "x", "to": "wallet", "lines": []}),
            json!({"reason": "x", "to": "wallet", "lines": [fresh_key()]}),
            json!({"reason": "x", "to": "wallet", "lines": vec![fresh_key(); 51]}),
        ] {
            assert_eq!(post(body.clone()).await.status, 422, "{body}");
        }
        assert_eq!(world.rows().await, before);
    })
    .await;
}
