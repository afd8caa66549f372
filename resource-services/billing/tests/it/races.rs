//! Fifty at once. On PostgreSQL they really meet; on SQLite they wait for the one writer.

use futures::future::join_all;
use latchkey_billing::{Error, commands, domain::DomainError};
use latchkey_bus::Cause;
use latchkey_testkit::service;

use crate::harness::*;

#[tokio::test]
async fn numbers_have_no_gap_under_fifty_issues_of_which_some_roll_back() {
    for_each_engine("gapless", |world| async move {
        let racing = (0..50).map(|n| {
            let world = world.clone();
            async move {
                let order = Order::of_two();
                if n % 3 != 0 {
                    return world.paid(&order).await;
                }
                let snapshot = serde_json::from_value(order.snapshot()).unwrap();
                let failed: Result<(), Error> = world
                    .context
                    .write(Cause::default(), async move |t| {
                        commands::issue_invoice(&t, &fresh_key(), &snapshot).await?;
                        Err(DomainError::Stale.into())
                    })
                    .await;
                assert!(failed.is_err());
            }
        });
        join_all(racing).await;
        let expected: Vec<String> = (1..=33).map(|n| format!("INV-2026-{n:06}")).collect();
        assert_eq!(world.numbers().await, expected);
        assert_eq!(world.count("SELECT seq AS n FROM journal_head").await, 33);
    })
    .await;
}

#[tokio::test]
async fn an_order_that_is_heard_fifty_times_at_once_has_one_invoice() {
    for_each_engine("one_invoice", |world| async move {
        let order = Order::of_two();
        let racing = (0..50).map(|_| {
            let (world, order) = (world.clone(), order.clone());
            async move { world.paid(&order).await }
        });
        join_all(racing).await;
        assert_eq!(world.numbers().await, ["INV-2026-000001"]);
        assert_eq!(world.count("SELECT seq AS n FROM journal_head").await, 1);
    })
    .await;
}

#[tokio::test]
async fn of_fifty_refunds_of_one_line_one_has_a_credit_note() {
    for_each_engine("one_note", |world| async move {
        let order = Order::of_two();
        world.paid(&order).await;
        let racing = (0..50).map(|_| {
            let (world, order) = (world.clone(), order.clone());
            async move {
                let data = refund_of(&order, &fresh_key(), &[1], 5_000, "card");
                let event = service::event("order.order.refunded.v1", &order.id, data);
                world.hear_event(event).await.is_ok()
            }
        });
        let done = join_all(racing).await;
        assert_eq!(done.into_iter().filter(|done| *done).count(), 1);
        assert_eq!(
            world
                .count("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM credit_notes")
                .await,
            1
        );
    })
    .await;
}

#[tokio::test]
async fn every_kind_of_entry_at_once_makes_one_whole_chain() {
    for_each_engine("chain", |world| async move {
        let racing = (1..=50).map(|n| {
            let world = world.clone();
            async move {
                let order = Order::of_two();
                let user = fresh_key();
                match n % 3 {
                    0 => world.wallet(&user, "top_up", n, n, 1).await,
                    1 => world.captured(&order, n).await,
                    _ => {
                        world.paid(&order).await;
                        world
                            .refunded(&order, &fresh_key(), &[0, 1], 16_900, "card")
                            .await;
                    }
                }
            }
        });
        join_all(racing).await;
        // 16 top-ups, 17 fees, 17 sales and their refunds; the harness verifies the chain.
        assert_eq!(world.count("SELECT seq AS n FROM journal_head").await, 67);
    })
    .await;
}
