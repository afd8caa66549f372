//! The books against what others say.

use latchkey_billing::reconciliation::reconcile;
use serde_json::{Value, json};

use crate::harness::*;

async fn check(world: &World, name: &str) -> Value {
    let report = world.admins("/billing/v1/reconcile").await;
    let checks = report["checks"].as_array().unwrap().clone();
    checks.into_iter().find(|check| check["name"] == name).unwrap()
}

#[tokio::test]
async fn books_that_heard_everything_are_clean() {
    for_each_engine("clean", |world| async move {
        let order = Order::of_two();
        world.wallet(ADA, "top_up", 10_000, 10_000, 1).await;
        world.wallet(ADA, "hold", 6_900, 10_000, 2).await;
        world.captured(&order, 325).await;
        world.wallet(ADA, "capture", 6_900, 3_100, 3).await;
        world.paid(&order).await;
        world.refunded(&order, &fresh_key(), &[1], 5_000, "wallet").await;
        world.wallet(ADA, "refund", 5_000, 8_100, 4).await;
        let report = world.admins("/billing/v1/reconcile").await;
        assert_eq!(report["clean"], true, "{report}");
        assert_eq!(
            report["chain"],
            json!({"entries": 4, "intact": true, "broken_at": null})
        );
        assert_eq!(world.balance(2000).await, 8_100);
    })
    .await;
}

#[tokio::test]
async fn an_older_balance_of_a_wallet_changes_nothing() {
    for_each_engine("old_balance", |world| async move {
        world.wallet(ADA, "grant", 500, 1_500, 2).await;
        world.wallet(ADA, "grant", 1_000, 1_000, 1).await;
        assert_eq!(check(&world, "wallets").await["drift"], eur(0));
    })
    .await;
}

#[tokio::test]
async fn a_difference_is_remembered_from_its_first_sight_until_it_is_gone() {
    for_each_engine("drift", |world| async move {
        let order = Order::of_two();
        world.paid(&order).await;
        assert_eq!(check(&world, "captures").await["since"], Value::Null);
        reconcile(&world.context).await.unwrap();
        world.clock.advance(200_000);
        let report = reconcile(&world.context).await.unwrap();
        assert!(!report.is_clean());
        let seen = check(&world, "captures").await;
        assert_eq!(
            (&seen["drift"], &seen["since"]),
            (&eur(16_900), &json!("2026-11-20T12:00:00.000Z"))
        );
        assert_eq!(check(&world, "wallets").await["drift"], eur(-6_900));
        world.captured(&order, 0).await;
        reconcile(&world.context).await.unwrap();
        let settled = check(&world, "captures").await;
        assert_eq!((&settled["drift"], &settled["since"]), (&eur(0), &Value::Null));
        assert_eq!(
            world
                .count("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM drifts")
                .await,
            1
        );
    })
    .await;
}
