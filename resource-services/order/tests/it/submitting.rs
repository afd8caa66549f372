//! From a basket to an order.

use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn a_basket_becomes_an_order_at_the_catalogs_prices() {
    for_each_engine("submit", |world| async move {
        let bo = buyer("bo");
        world.shop.fill(&bo, basket(7, &[(1, 1), (3, 2)], None));
        let made = world.submit(&bo, &World::submission(7, 7_500)).send().await;
        assert_eq!(made.status, 202, "{}", made.text);
        assert_eq!(made.header("location"), format!("orders/{}", made.id()));
        assert_eq!(made.json()["number"], "LK-2026-000001");
        let read = world.read(&bo, &made.id()).await;
        let order = read.json();
        assert_eq!(order["state"], "submitted");
        assert_eq!(order["total"], json!({"amount": 7_500, "currency": "EUR"}));
        assert_eq!(order["lines"][1]["unit_price"]["amount"], 2_000);
        assert_eq!(order["lines"][1]["total"]["amount"], 4_000);
        assert_eq!(order["billing_address"]["city"], "Berlin");
        assert_eq!(
            (&order["cancellable"], &order["refundable"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(
            world.told(0).await,
            ["order.submitted", "command.inventory-reserve"]
        );
        let submitted = &world.events().await[0];
        assert_eq!(submitted.data["buyer_id"], "bo");
        assert_eq!(submitted.data["basket_version"], 7);
        assert!(submitted.data.get("billing_address").is_none());
    })
    .await;
}

/// Each service is called in the buyer's name, with a token for it alone.
#[tokio::test]
async fn others_are_asked_with_a_token_for_each_of_them() {
    for_each_engine("exchange", |world| async move {
        let bo = buyer("bo");
        world.shop.fill(&bo, basket(1, &[(1, 1)], Some("SPRING")));
        world.shop.coupon(json!({
            "code": "SPRING", "amount": {"amount": 500, "currency": "EUR"},
            "per_line": [{"course_id": course_id(1), "amount": {"amount": 500, "currency": "EUR"}}]
        }));
        let made = world.submit(&bo, &World::submission(1, 3_000)).send().await;
        assert_eq!(made.status, 202, "{}", made.text);
        assert_eq!(
            world.shop.asked(),
            [
                "GET /api/basket/v1 urn:latchkey:basket basket",
                "GET /api/catalog/v1/courses urn:latchkey:catalog catalog.read",
                "POST /api/discount/v1/quote urn:latchkey:discount discount.redeem",
            ]
        );
        let reserve = world.command(&made.id(), "discount-reserve").await;
        assert_eq!(reserve.data["expected"][0]["amount"]["amount"], 500);
        let order = world.read(&bo, &made.id()).await.json();
        assert_eq!(
            (&order["coupon_code"], &order["discount_total"]["amount"]),
            (&json!("SPRING"), &json!(500))
        );
    })
    .await;
}

/// Row 1 of the failure matrix.
#[tokio::test]
async fn a_basket_that_changed_since_it_was_shown_is_not_ordered() {
    for_each_engine("changed", |world| async move {
        let bo = buyer("bo");
        world.shop.fill(&bo, basket(8, &[(1, 1)], None));
        let refused = world.submit(&bo, &World::submission(7, 3_500)).send().await;
        assert_eq!(refused.verdict(), (409, "basket_changed"));
        world.shop.fill(&bo, basket(8, &[], None));
        let refused = world.submit(&bo, &World::submission(8, 0)).send().await;
        assert_eq!(refused.verdict(), (409, "basket_empty"));
        let refused = world.submit(&buyer("eve"), &World::submission(1, 0)).send().await;
        assert_eq!(refused.verdict(), (409, "basket_empty"));
        assert_eq!(world.rows().await, [0, 0, 0, 0, 0]);
    })
    .await;
}

/// Row 2: a price, and a coupon that is refused meanwhile.
#[tokio::test]
async fn a_price_that_changed_comes_with_the_new_quote() {
    for_each_engine("price", |world| async move {
        let bo = buyer("bo");
        world.shop.fill(&bo, basket(1, &[(1, 1)], Some("SPRING")));
        world.shop.coupon(json!({
            "code": "SPRING", "amount": {"amount": 0, "currency": "EUR"}, "per_line": [], "refused_reason": "expired"
        }));
        let refused = world.submit(&bo, &World::submission(1, 3_000)).send().await;
        assert_eq!(refused.verdict(), (409, "price_changed"));
        let quote = &refused.json()["quote"];
        assert_eq!((&quote["total"]["amount"], &quote["coupon_refused"]), (&json!(3_500), &json!("expired")));
        world.shop.change(1, "price", json!({"amount": 3_600, "currency": "EUR"}));
        let refused = world.submit(&bo, &World::submission(1, 3_500)).send().await;
        assert_eq!(refused.json()["quote"]["lines"][0]["unit_price"]["amount"], 3_600);
        assert_eq!(world.rows().await, [0, 0, 0, 0, 0]);
        let ordered = world.submit(&bo, &World::submission(1, 3_600)).send().await;
        assert_eq!(ordered.status, 202, "without the coupon, as it was quoted");
    })
    .await;
}

#[tokio::test]
async fn what_is_not_for_sale_is_named_and_not_ordered() {
    for_each_engine("unavailable", |world| async move {
        let bo = buyer("bo");
        world.shop.fill(&bo, basket(1, &[(1, 1), (2, 1)], None));
        for (member, value) in [
            ("status", json!("archived")),
            ("status", json!("draft")),
            ("price", json!(null)),
            ("price", json!({"amount": 3_500, "currency": "USD"})),
        ] {
            world.shop.change(1, member, value);
            let refused = world.submit(&bo, &World::submission(1, 5_000)).send().await;
            assert_eq!(refused.verdict(), (409, "items_unavailable"), "{member}");
            assert_eq!(refused.json()["courses"], json!([course_id(1)]));
            world.shop.change(1, "status", json!("published"));
            world
                .shop
                .change(1, "price", json!({"amount": 3_500, "currency": "EUR"}));
        }
        assert_eq!(world.rows().await, [0, 0, 0, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_ordered_while_others_do_not_answer() {
    for_each_engine("away", |world| async move {
        let bo = buyer("bo");
        world.shop.fill(&bo, basket(1, &[(1, 1)], Some("SPRING")));
        world
            .shop
            .coupon(json!({"amount": {"amount": 0, "currency": "EUR"}, "per_line": []}));
        for path in ["/token", "/api/basket", "/api/catalog", "/api/discount"] {
            for how in [Broken::Status(503), Broken::Status(500), Broken::Nonsense] {
                world.shop.breaks(path, how);
                let refused = world.submit(&bo, &World::submission(1, 3_500)).send().await;
                // Exchanged tokens are kept: the issuer is asked the first time only.
                let verdict = refused.verdict();
                assert_eq!(verdict, (503, "pricing_unavailable"), "{path} {how:?}");
                world.shop.mend();
            }
        }
        assert_eq!(world.rows().await, [0, 0, 0, 0, 0]);
        let ordered = world.submit(&bo, &World::submission(1, 3_500)).send().await;
        assert_eq!(ordered.status, 202, "{}", ordered.text);
    })
    .await;
}

#[tokio::test]
async fn a_service_that_keeps_silent_costs_two_seconds_and_no_order() {
    for_each_engine("silent", |world| async move {
        let bo = buyer("bo");
        world.shop.fill(&bo, basket(1, &[(1, 1)], None));
        world.shop.breaks("/api/catalog", Broken::Silent);
        let refused = world.submit(&bo, &World::submission(1, 3_500)).send().await;
        assert_eq!(refused.verdict(), (503, "pricing_unavailable"));
        assert_eq!(world.rows().await, [0, 0, 0, 0, 0]);
    })
    .await;
}

/// Row 3 of the failure matrix: the client retries, and the basket is gone meanwhile.
#[tokio::test]
async fn a_repeated_request_gets_the_first_response() {
    for_each_engine("replay", |world| async move {
        let (bo, key) = (buyer("bo"), fresh_key());
        world.shop.fill(&bo, basket(1, &[(1, 1)], None));
        let post = |body: serde_json::Value| {
            let ask = world.post("/order/v1/orders").by(&bo).key(&key);
            ask.json(&body).send()
        };
        let first = post(World::submission(1, 3_500)).await;
        world.shop.fill(&bo, basket(2, &[], None));
        world.shop.breaks("/api/catalog", Broken::Status(503));
        let again = post(World::submission(1, 3_500)).await;
        assert_eq!((again.status, again.id()), (202, first.id()));
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(
            post(World::submission(2, 3_500)).await.verdict(),
            (422, "idempotency_key_reused")
        );
        assert_eq!(world.count("SELECT COUNT(*) AS n FROM orders").await, 1);
    })
    .await;
}

/// Row 3: two tabs.
#[tokio::test]
async fn one_version_of_a_basket_is_one_order() {
    for_each_engine("two_tabs", |world| async move {
        let bo = buyer("bo");
        world.shop.fill(&bo, basket(1, &[(1, 1)], None));
        let post = || world.submit(&bo, &World::submission(1, 3_500)).send();
        let (first, second) = (post().await, post().await);
        assert_eq!((second.status, second.id()), (202, first.id()));
        // One that failed may be ordered again.
        let refused = json!({"reason": "sold_out", "items": [course_id(1)]});
        world
            .answer_with(
                &first.id(),
                "inventory-reserve",
                "inventory.reservation.refused.v1",
                refused,
            )
            .await;
        assert_eq!(world.state(&first.id()).await, "failed");
        let third = post().await;
        assert_eq!(third.status, 202);
        assert_ne!(third.id(), first.id());
        assert_eq!(third.json()["number"], "LK-2026-000002");
    })
    .await;
}

#[tokio::test]
async fn each_year_has_numbers_of_its_own() {
    for_each_engine("numbers", |world| async move {
        let bo = buyer("bo");
        for number in ["LK-2026-000001", "LK-2026-000002"] {
            let id = world.ordered(&bo).await;
            assert_eq!(world.read(&bo, &id).await.json()["number"], number);
        }
        let t = world.context.clone();
        let number = t
            .write(latchkey_bus::Cause::default(), async move |t| {
                latchkey_order::store::next_number(&t.tx, 2027).await
            })
            .await
            .unwrap();
        assert_eq!(number, 1);
    })
    .await;
}
