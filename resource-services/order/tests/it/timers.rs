//! What an order does when nobody answers.

use std::time::Duration;

use latchkey_bus::Cause;
use latchkey_db::DbError;
use latchkey_order::timers::{TASK, fire_due};
use tokio_util::sync::CancellationToken;

use crate::harness::*;

#[tokio::test]
async fn an_order_asks_again_and_then_gives_up() {
    for_each_engine("resend", |world| async move {
        let id = world.ordered(&buyer("bo")).await;
        let fire = async |ms: i64| {
            world.clock.advance(ms);
            fire_due(&world.context).await.unwrap()
        };
        assert_eq!(fire(4_999).await, 0);
        assert_eq!(fire(1).await, 1);
        assert_eq!(fire(0).await, 0, "once");
        assert_eq!(fire(10_000).await, 1);
        assert_eq!(world.steps(&id).await, ["inventory-reserve"; 3]);
        let ids: Vec<_> = world
            .commands(&id)
            .await
            .iter()
            .map(|command| command.data["command_id"].clone())
            .collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "the receiver knows it again");
        assert_eq!(fire(15_000).await, 1);
        assert_eq!(world.state(&id).await, "compensating");
        assert_eq!(world.steps(&id).await.last().unwrap(), "inventory-release");
        world.answer(&id, "inventory-release").await;
        let saga = world.saga(&id).await;
        assert_eq!(
            (&saga["state"], &saga["reason"]),
            (&"failed".into(), &"reservation_timeout".into())
        );
        assert_eq!(fire(86_400_000).await, 0);
    })
    .await;
}

/// Rows 22 and 27: an order that is stuck is told to an administrator, and goes on trying.
#[tokio::test]
async fn a_stuck_order_raises_an_alert_and_keeps_trying() {
    for_each_engine("stuck", |world| async move {
        let id = world.ordered(&buyer("bo")).await;
        for step in ["inventory-reserve", "payment-authorize", "payment-capture"] {
            world.answer(&id, step).await;
        }
        assert_eq!(world.state(&id).await, "paid");
        for _ in 0..30 {
            world.clock.advance(60_000);
            fire_due(&world.context).await.unwrap();
        }
        let saga = world.saga_at(&id).await;
        assert!(saga.alerted_at.is_some());
        assert_eq!(saga.state.as_str(), "paid");
        let asked = world.steps(&id).await;
        assert!(asked.iter().filter(|step| *step == "inventory-confirm").count() > 5);
        world.answer(&id, "inventory-confirm").await;
        let saga = world.saga_at(&id).await;
        assert_eq!((saga.state.as_str(), saga.alerted_at), ("completed", None));
    })
    .await;
}

/// One order that cannot be read does not keep the others from their timers.
#[tokio::test]
async fn a_damaged_order_does_not_stop_the_timers_of_others() {
    for_each_engine("damaged", |world| async move {
        let bo = buyer("bo");
        let damaged = world.ordered(&bo).await;
        let sound = world.ordered(&bo).await;
        let statement =
            latchkey_db::sql("UPDATE orders SET seats = 'upside down' WHERE id = $1").bind(&damaged);
        world.context.db.write_one(statement).await.unwrap();
        world.clock.advance(5_000);
        assert_eq!(fire_due(&world.context).await.unwrap(), 2);
        assert_eq!(world.steps(&sound).await.len(), 2);
        assert_eq!(
            fire_due(&world.context).await.unwrap(),
            0,
            "it is tried again later"
        );
        world.clock.advance(60_000);
        assert!(fire_due(&world.context).await.unwrap() > 0);
    })
    .await;
}

/// The task wakes by itself for an order that is due before whatever it was waiting for, and ends when it is told to.
#[tokio::test]
async fn the_task_fires_timers_until_it_is_stopped() {
    for_each_engine("task", |world| async move {
        let stop = CancellationToken::new();
        let task = tokio::spawn((TASK.run)(world.context.clone(), stop.clone()));
        let id = world.ordered(&buyer("bo")).await;
        let mut changes = world.context.db.changes();
        world.clock.advance(5_000);
        let fired = async {
            loop {
                // A commit is what wakes the task; the clock of a test does not.
                let woken = world.context.write(Cause::default(), async move |t| {
                    t.tx.announce();
                    Ok::<_, DbError>(())
                });
                woken.await.unwrap();
                if world.steps(&id).await.len() == 2 {
                    return;
                }
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(20), fired)
            .await
            .unwrap();
        stop.cancel();
        tokio::time::timeout(Duration::from_secs(20), task)
            .await
            .unwrap()
            .unwrap();
    })
    .await;
}

impl World {
    /// The aggregate, for tests in whose time the tokens have expired.
    async fn saga_at(&self, id: &str) -> latchkey_order::domain::Order {
        latchkey_order::store::order(&self.context.db, id)
            .await
            .unwrap()
            .unwrap()
    }
}
