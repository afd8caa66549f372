//! Hostile queries and events.

use latchkey_bus::HandlerError;
use serde_json::{Value, json};

use crate::harness::*;

#[tokio::test]
async fn a_hostile_query_is_refused_by_its_name() {
    for_each_engine("queries", |world| async move {
        for (path, code) in [
            ("invoices?order_id=x", "invalid_query"),
            ("invoices?order_id=%27%20OR%201%3D1--", "invalid_query"),
            ("invoices?limit=0", "invalid_limit"),
            ("invoices?limit=101", "invalid_limit"),
            ("invoices?cursor=x", "invalid_cursor"),
            (
                "invoices?buyer_id=01a1ebbc-0000-7000-8000-00000000000b",
                "invalid_query",
            ),
            ("invoices?limit=1&limit=2", "invalid_query"),
            ("credit-notes?order_id=", "invalid_query"),
            ("credit-notes?limit=-1", "invalid_limit"),
            ("statements?from=yesterday", "invalid_query"),
            ("statements?from=2026-02-30", "invalid_query"),
            ("statements?from=2026-11-21&to=2026-11-20", "invalid_query"),
            ("statements?from=1970-01-01&to=9999-12-31", "invalid_query"),
            (
                "statements?instructor_id=01a1ebbc-0000-7000-8000-00000000000c",
                "invalid_query",
            ),
            ("journal?account=1", "invalid_query"),
            ("journal?account=-9223372036854775808", "invalid_query"),
            ("journal?account=1000%3B", "invalid_query"),
            ("journal?cursor=LTE", "invalid_cursor"),
        ] {
            let refused = world.get(format!("/billing/v1/{path}")).by(&admin()).send().await;
            assert_eq!(refused.verdict(), (400, code), "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_hostile_id_names_nothing() {
    for_each_engine("ids", |world| async move {
        for id in ["x", "..%2Fjournal", "%00", "1%20OR%201=1"] {
            for path in [
                "invoices/{id}",
                "invoices/{id}/pdf",
                "credit-notes/{id}",
                "credit-notes/{id}/pdf",
            ] {
                let path = path.replace("{id}", id);
                let refused = world.get(format!("/billing/v1/{path}")).by(&admin()).send().await;
                assert_eq!(refused.status, 404, "{path}");
            }
        }
    })
    .await;
}

/// An event that says what cannot be is parked for somebody to look at, and nothing of it is written: no number is lost.
#[tokio::test]
async fn an_event_that_cannot_be_is_parked_and_leaves_nothing() {
    for_each_engine("events", |world| async move {
        let order = Order::of_two();
        world.paid(&order).await;
        let before = world.rows().await;
        let changed = |path: &str, value: Value| {
            let mut snapshot = Order::of_two().snapshot();
            *snapshot.pointer_mut(path).unwrap() = value;
            ("order.order.paid.v1", snapshot)
        };
        let refund = |lines: &[usize], amount: i64| {
            (
                "order.order.refunded.v1",
                refund_of(&order, &fresh_key(), lines, amount, "card"),
            )
        };
        let wallet = |amount: i64, balance: i64| {
            (
                "payment.wallet.changed.v1",
                wallet_of(ADA, "top_up", amount, balance, 1),
            )
        };
        for (r#type, data) in [
            changed("/total/amount", json!(1)),
            changed("/total/currency", json!("USD")),
            changed("/lines", json!([])),
            changed("/lines/0/total/amount", json!(-1)),
            changed("/lines/0/quantity", json!(i64::MAX)),
            changed("/lines/0/tax/amount", json!(99_999)),
            changed("/paid/wallet/amount", json!(0)),
            changed("/paid/card/amount", json!(i64::MAX)),
            changed("/lines", json!("none")),
            refund(&[0, 0], 11_900),
            refund(&[7], 100),
            refund(&[0], 11_901),
            refund(&[0], -1),
            refund(&[], 5),
            wallet(-5, 5),
            wallet(0, 5),
            wallet(5, -5),
        ] {
            let parked = world.hear(r#type, &order.id, data.clone()).await.unwrap_err();
            assert!(matches!(parked, HandlerError::Dead(_)), "{parked}: {data}");
        }
        assert_eq!(world.rows().await, before);
        world.paid(&Order::new()).await;
        assert_eq!(world.numbers().await, ["INV-2026-000001", "INV-2026-000002"]);
    })
    .await;
}

/// What is typed by people is kept as text and nothing else.
#[tokio::test]
async fn a_hostile_title_or_name_is_only_text() {
    for_each_engine("texts", |world| async move {
        for hostile in [
            "'); DROP TABLE invoices; --",
            "<script>alert(1)</script>",
            "\u{202e}gnp.exe",
            ") Tj ET",
        ] {
            let order = Order::new();
            let mut snapshot = order.snapshot();
            snapshot["lines"][0]["title"] = json!(hostile);
            snapshot["billing_address"]["name"] = json!(hostile);
            world
                .hear("order.order.paid.v1", &order.id, snapshot)
                .await
                .unwrap();
            let invoice = world.invoice(&ada(), &order).await;
            assert_eq!(invoice["lines"][0]["title"], hostile);
            let path = format!("/billing/v1/invoices/{}/pdf", invoice["id"].as_str().unwrap());
            assert_eq!(world.get(path).by(&ada()).open().await.status(), 200);
        }
    })
    .await;
}
