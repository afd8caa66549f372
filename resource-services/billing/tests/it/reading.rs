//! What instructors read about their sales.

use serde_json::{Value, json};

use crate::harness::*;

async fn statement(world: &World, who: &str, query: &str) -> Value {
    let read = world
        .get(format!("/billing/v1/statements{query}"))
        .by(who)
        .send()
        .await;
    assert_eq!(read.status, 200, "{}", read.text);
    read.json()
}

#[tokio::test]
async fn a_statement_has_the_callers_own_sales_and_nobody_elses() {
    for_each_engine("statement", |world| async move {
        let order = Order::of_two();
        world.paid(&order).await;
        world.paid(&Order::new()).await;
        world.clock.advance(1);
        world.refunded(&order, &fresh_key(), &[0], 11_900, "card").await;
        let tess = statement(&world, &tess(), "").await;
        // 100.00 and 49.00 without tax; the first went back.
        assert_eq!((&tess["sold"], &tess["refunded"]), (&eur(14_900), &eur(10_000)));
        assert_eq!((&tess["share"], &tess["payable"]), (&eur(3_430), &eur(3_430)));
        assert_eq!(tess["items"].as_array().unwrap().len(), 3);
        assert_eq!(tess["items"][0]["kind"], "refund");
        assert_eq!(tess["courses"].as_array().unwrap().len(), 1);
        assert_eq!(
            (&tess["courses"][0]["quantity"], &tess["courses"][0]["sold"]),
            (&json!(1), &eur(4_900))
        );
        let nobody = statement(&world, &bob(), "").await;
        assert_eq!((&nobody["sold"], &nobody["items"]), (&eur(0), &json!([])));
        assert!(
            !tess.to_string().contains(ADA),
            "a statement does not name buyers"
        );
    })
    .await;
}

#[tokio::test]
async fn a_statement_has_every_month_of_its_time() {
    for_each_engine("months", |world| async move {
        world.paid(&Order::new()).await;
        world.clock.advance(31 * 86_400_000);
        world.paid(&Order::new()).await;
        world.paid(&Order::new()).await;
        let year = statement(&world, &tess_now(&world), "").await;
        let months = year["months"].as_array().unwrap();
        assert_eq!(
            (year["from"].as_str(), year["to"].as_str()),
            (Some("2026-01-01"), Some("2026-12-21"))
        );
        assert_eq!(months.len(), 12);
        assert_eq!((&months[9]["quantity"], &months[9]["sold"]), (&json!(0), &eur(0)));
        assert_eq!(
            (&months[10]["quantity"], &months[10]["sold"]),
            (&json!(1), &eur(4_900))
        );
        assert_eq!(
            (&months[11]["quantity"], &months[11]["share"]),
            (&json!(2), &eur(6_860))
        );
        let november = statement(&world, &tess_now(&world), "?from=2026-11-01&to=2026-11-30").await;
        assert_eq!(
            (&november["sold"], &november["payable"]),
            (&eur(4_900), &eur(10_290))
        );
    })
    .await;
}

#[tokio::test]
async fn single_sales_come_in_pages() {
    for_each_engine("pages", |world| async move {
        for _ in 0..5 {
            world.paid(&Order::of_two()).await;
            world.clock.advance(1_000);
        }
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = statement(&world, &tess(), &format!("?limit=2{cursor}")).await;
            let items = page["items"].as_array().unwrap().clone();
            seen.extend(
                items
                    .iter()
                    .map(|sale| sale["number"].as_str().unwrap().to_owned()),
            );
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let expected: Vec<String> = (1..=5).rev().map(|n| format!("INV-2026-00000{n}")).collect();
        assert_eq!(seen, expected);
    })
    .await;
}

#[tokio::test]
async fn invoices_come_in_pages() {
    for_each_engine("invoice_pages", |world| async move {
        for _ in 0..3 {
            world.paid(&Order::new()).await;
        }
        let first = world
            .get("/billing/v1/invoices?limit=2")
            .by(&ada())
            .send()
            .await
            .json();
        let cursor = first["next_cursor"].as_str().unwrap();
        let rest = world
            .get(format!("/billing/v1/invoices?limit=2&cursor={cursor}"))
            .by(&ada())
            .send()
            .await
            .json();
        assert_eq!(first["items"].as_array().unwrap().len(), 2);
        assert_eq!(rest["items"].as_array().unwrap().len(), 1);
        assert_eq!(rest["next_cursor"], Value::Null);
    })
    .await;
}
