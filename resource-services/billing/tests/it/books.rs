//! What each event means in the books.

use serde_json::{Value, json};

use crate::harness::*;

/// The lines of the last entry: account, debit, credit.
async fn last_lines(world: &World) -> Vec<(i64, i64, i64)> {
    let journal = world.admins("/billing/v1/journal?limit=1").await;
    let lines = journal["items"][0]["lines"].as_array().unwrap();
    let amount = |line: &Value, side: &str| line[side]["amount"].as_i64().unwrap();
    lines
        .iter()
        .map(|line| {
            (
                line["account"].as_i64().unwrap(),
                amount(line, "debit"),
                amount(line, "credit"),
            )
        })
        .collect()
}

#[tokio::test]
async fn every_event_has_the_postings_of_the_chart() {
    for_each_engine("postings", |world| async move {
        world.wallet(ADA, "top_up", 5_000, 5_000, 1).await;
        assert_eq!(last_lines(&world).await, [(1000, 5_000, 0), (2000, 0, 5_000)]);
        world.wallet(ADA, "grant", 1_900, 6_900, 2).await;
        assert_eq!(last_lines(&world).await, [(5000, 1_900, 0), (2000, 0, 1_900)]);

        let order = Order::of_two();
        world.captured(&order, 325).await;
        assert_eq!(last_lines(&world).await, [(5100, 325, 0), (1000, 0, 325)]);
        world.paid(&order).await;
        let sale = [
            (1000, 10_000, 0),
            (2000, 6_900, 0),
            (2100, 0, 7_000), // Tess: 70 % of 100.00
            (2100, 0, 3_500), // Tom: 70 % of 50.00
            (4000, 0, 4_500),
            (2200, 0, 1_900),
        ];
        assert_eq!(last_lines(&world).await, sale);

        world.refunded(&order, &fresh_key(), &[1], 5_000, "wallet").await;
        let back = [(2100, 3_500, 0), (4000, 1_500, 0), (2000, 0, 5_000)];
        assert_eq!(last_lines(&world).await, back);
        world.refunded(&order, &fresh_key(), &[0], 10_000, "card").await;
        let part = [
            (2100, 5_882, 0),
            (4000, 2_521, 0),
            (2200, 1_597, 0),
            (1000, 0, 10_000),
        ];
        assert_eq!(last_lines(&world).await, part);
        world.wallet(ADA, "write_off", 5_000, 0, 9).await;
        assert_eq!(last_lines(&world).await, [(2000, 5_000, 0), (5000, 0, 5_000)]);
    })
    .await;
}

#[tokio::test]
async fn what_an_order_takes_from_a_wallet_is_posted_with_the_order_alone() {
    for_each_engine("wallet_kinds", |world| async move {
        for (version, kind) in (1..).zip(["hold", "release", "capture", "refund"]) {
            world.wallet(ADA, kind, 100, 100, version).await;
        }
        assert_eq!(world.count("SELECT seq AS n FROM journal_head").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_sale_that_is_given_back_leaves_nothing() {
    for_each_engine("mirror", |world| async move {
        let order = Order::of_two();
        world.paid(&order).await;
        world.refunded(&order, &fresh_key(), &[1], 5_000, "wallet").await;
        world.refunded(&order, &fresh_key(), &[0], 11_900, "card").await;
        // 19.00 of the wallet's money went to the card.
        assert_eq!(world.balances().await, [(1000, -1_900), (2000, -1_900)]);
        let balance = world.admins("/billing/v1/trial-balance").await;
        assert_eq!(balance["balanced"], true);
        assert_eq!(balance["debit"], balance["credit"]);
    })
    .await;
}

#[tokio::test]
async fn the_journal_is_listed_in_pages_and_by_account() {
    for_each_engine("journal", |world| async move {
        for version in 1..=5 {
            world.wallet(ADA, "top_up", 100, version * 100, version).await;
        }
        world.captured(&Order::new(), 30).await;
        let first = world.admins("/billing/v1/journal?limit=4").await;
        let numbers = |page: &Value| -> Vec<i64> {
            let items = page["items"].as_array().unwrap().iter();
            items.map(|entry| entry["seq"].as_i64().unwrap()).collect()
        };
        assert_eq!(numbers(&first), [6, 5, 4, 3]);
        let cursor = first["next_cursor"].as_str().unwrap();
        let second = world
            .admins(&format!("/billing/v1/journal?limit=4&cursor={cursor}"))
            .await;
        assert_eq!(
            (numbers(&second), &second["next_cursor"]),
            (vec![2, 1], &Value::Null)
        );
        assert_eq!(second["items"][1]["prev_hash"], json!("0".repeat(64)));
        assert_eq!(second["items"][0]["prev_hash"], second["items"][1]["hash"]);
        let fees = world.admins("/billing/v1/journal?account=5100").await;
        assert_eq!(numbers(&fees), [6]);
        assert_eq!(fees["items"][0]["kind"], "fee");
    })
    .await;
}
