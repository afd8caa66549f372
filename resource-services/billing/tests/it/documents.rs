//! Invoices and credit notes: one each, whatever is heard how often and in which order.

use latchkey_bus::HandlerError;
use latchkey_testkit::service;
use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn an_invoice_says_what_was_sold_to_whom_by_whom() {
    for_each_engine("invoice", |world| async move {
        let order = Order::of_two();
        world.paid(&order).await;
        let invoice = world.invoice(&ada(), &order).await;
        assert_eq!(invoice["number"], "INV-2026-000001");
        assert_eq!(invoice["order_number"], "LK-2026-000123");
        assert_eq!(invoice["issued_at"], "2026-11-20T12:00:00.000Z");
        assert_eq!(invoice["buyer"]["name"], "Öykü Şahin");
        assert_eq!(invoice["seller"]["country"], "DE");
        assert_eq!(invoice["total"], eur(16_900));
        assert_eq!(
            invoice["tax_lines"],
            json!([{"net": eur(15_000), "tax": eur(1_900)}])
        );
        assert_eq!(
            invoice["paid"],
            json!({"wallet": eur(6_900), "card": eur(10_000)})
        );
        assert_eq!(invoice["lines"].as_array().unwrap().len(), 2);
        assert_eq!(invoice["credit_notes"], json!([]));
        let told = world.events().await.pop().unwrap();
        assert_eq!(told.r#type, "billing.invoice.issued.v1");
        assert_eq!(told.data["number"], "INV-2026-000001");
        assert_eq!(told.data["order_id"], json!(order.id));
    })
    .await;
}

#[tokio::test]
async fn what_instructors_get_is_not_on_the_buyers_invoice() {
    for_each_engine("private", |world| async move {
        let order = Order::new();
        world.paid(&order).await;
        let invoice = world.invoice(&ada(), &order).await.to_string();
        assert!(!invoice.contains("share") && !invoice.contains(TESS), "{invoice}");
    })
    .await;
}

#[tokio::test]
async fn a_repeated_event_changes_nothing_under_whatever_id_it_comes() {
    for_each_engine("repeats", |world| async move {
        let (order, refund) = (Order::of_two(), fresh_key());
        let payment = json!({
            "order_id": order.id, "command_id": fresh_key(), "payment_id": fresh_key(), "wallet_amount": eur(6_900),
            "card_amount": eur(10_000), "fee": eur(325), "captured_at": "2026-11-20T12:00:00.000Z"
        });
        let events = [
            ("order.order.paid.v1", order.snapshot()),
            ("payment.intent.captured.v1", payment),
            ("payment.wallet.changed.v1", wallet_of(ADA, "grant", 1_000, 1_000, 1)),
            ("order.order.refunded.v1", refund_of(&order, &refund, &[1], 5_000, "wallet")),
        ]
        .map(|(r#type, data)| service::event(r#type, &order.id, data));
        for event in &events {
            world.hear_event(event.clone()).await.unwrap();
        }
        let before = (world.rows().await, world.balances().await);
        for event in events {
            world.hear_event(event.clone()).await.unwrap();
            let again = latchkey_bus::Event { id: fresh_key(), ..event };
            world.hear_event(again).await.unwrap();
        }
        assert_eq!((world.rows().await, world.balances().await), before);
    })
    .await;
}

#[tokio::test]
async fn a_refund_before_its_order_waits_and_loses_nothing() {
    for_each_engine("early_refund", |world| async move {
        let (order, refund) = (Order::new(), fresh_key());
        let early = service::event(
            "order.order.refunded.v1",
            &order.id,
            refund_of(&order, &refund, &[0], 4_900, "card"),
        );
        let waits = world.hear_event(early.clone()).await.unwrap_err();
        assert!(matches!(waits, HandlerError::Retry(_)), "{waits}");
        assert_eq!(world.rows().await, [0; 8]);
        world.paid(&order).await;
        world.hear_event(early).await.unwrap();
        let invoice = world.invoice(&ada(), &order).await;
        assert_eq!(invoice["credit_notes"][0]["number"], "CN-2026-000001");
        assert_eq!(world.balances().await, vec![]);
    })
    .await;
}

#[tokio::test]
async fn each_refund_has_its_credit_note() {
    for_each_engine("notes", |world| async move {
        let order = Order::of_two();
        world.paid(&order).await;
        let (first, second) = (fresh_key(), fresh_key());
        world.refunded(&order, &first, &[1], 5_000, "wallet").await;
        world.clock.advance(1);
        world.refunded(&order, &second, &[0], 11_900, "card").await;
        let notes = world
            .get("/billing/v1/credit-notes")
            .by(&ada())
            .send()
            .await
            .json();
        let notes = notes["items"].as_array().unwrap();
        assert_eq!(notes.len(), 2);
        assert_eq!(
            (&notes[0]["number"], &notes[0]["refund_id"]),
            (&json!("CN-2026-000002"), &json!(second))
        );
        assert_eq!(notes[1]["to"], "wallet");
        let id = notes[0]["id"].as_str().unwrap();
        let note = world
            .get(format!("/billing/v1/credit-notes/{id}"))
            .by(&ada())
            .send()
            .await
            .json();
        assert_eq!((&note["total"], &note["tax_total"]), (&eur(11_900), &eur(1_900)));
        assert_eq!(note["lines"][0]["line_id"], json!(order.line(0)));
        let told = world.events().await.pop().unwrap();
        assert_eq!(told.r#type, "billing.credit-note.issued.v1");
        assert_eq!(told.data["refund_id"], json!(second));
    })
    .await;
}

#[tokio::test]
async fn an_order_that_cost_nothing_has_an_invoice_and_no_entry() {
    for_each_engine("free", |world| async move {
        let order = Order {
            lines: vec![(TESS, 0, 0)],
            ..Order::new()
        };
        world.paid(&order).await;
        assert_eq!(world.invoice(&ada(), &order).await["total"], eur(0));
        assert_eq!(world.balances().await, vec![]);
        assert_eq!(world.count("SELECT seq AS n FROM journal_head").await, 0);
    })
    .await;
}

#[tokio::test]
async fn invoices_and_credit_notes_come_as_pdf() {
    for_each_engine("pdf", |world| async move {
        let order = Order::of_two();
        world.paid(&order).await;
        world.refunded(&order, &fresh_key(), &[1], 5_000, "wallet").await;
        let invoice = world.invoice(&ada(), &order).await;
        let note = &invoice["credit_notes"][0];
        for (path, name) in [
            (
                format!("invoices/{}", invoice["id"].as_str().unwrap()),
                "INV-2026-000001",
            ),
            (
                format!("credit-notes/{}", note["id"].as_str().unwrap()),
                "CN-2026-000001",
            ),
        ] {
            let pdf = world
                .get(format!("/billing/v1/{path}/pdf"))
                .by(&ada())
                .open()
                .await;
            assert_eq!(pdf.status(), 200);
            let header = |name: &str| pdf.headers()[name].to_str().unwrap().to_owned();
            assert_eq!(header("content-type"), "application/pdf");
            assert_eq!(
                header("content-disposition"),
                format!("attachment; filename=\"{name}.pdf\"")
            );
            assert_eq!(header("cache-control"), "private, no-cache");
            assert_eq!(header("x-content-type-options"), "nosniff");
            let bytes = axum::body::to_bytes(pdf.into_body(), 1 << 20).await.unwrap();
            assert!(bytes.starts_with(b"%PDF-"));
        }
    })
    .await;
}

#[tokio::test]
async fn numbers_begin_again_with_each_year() {
    for_each_engine("years", |world| async move {
        world.paid(&Order::new()).await;
        world.paid(&Order::new()).await;
        world.clock.advance(60 * 86_400_000);
        world.paid(&Order::new()).await;
        let numbers = ["INV-2026-000001", "INV-2026-000002", "INV-2027-000001"];
        assert_eq!(world.numbers().await, numbers);
    })
    .await;
}
