//! The task that asks the processor, and a processor that is away.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use latchkey_payment::domain::{CardDetails, Outcome};
use latchkey_payment::processor::{CardProcessor, CardRefused, Found, Instruction, SavedCard, Silence};
use latchkey_payment::{SPEC, worker};
use tokio_util::sync::CancellationToken;

use crate::harness::*;

/// A processor that never answers, and counts how often it was asked.
#[derive(Default)]
struct Away(AtomicUsize);

impl CardProcessor for Away {
    fn save_card<'a>(&'a self, _card: &'a CardDetails) -> BoxFuture<'a, Result<SavedCard, CardRefused>> {
        async { Err(Silence.into()) }.boxed()
    }

    fn submit<'a>(&'a self, _: &'a str, _: &'a Instruction) -> BoxFuture<'a, Result<Outcome, Silence>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        async { Err(Silence) }.boxed()
    }

    fn find<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Found, Silence>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        async { Err(Silence) }.boxed()
    }

    fn webhook_secret(&self) -> BoxFuture<'_, Result<Vec<u8>, Silence>> {
        async { Err(Silence) }.boxed()
    }
}

#[tokio::test]
async fn a_processor_that_is_away_for_an_hour_fails_nothing() {
    for_each_engine("away", |world| async move {
        world.registered("ada").await;
        let card = world.card(&ada(), APPROVE).await;
        let order = world.order();
        order.authorize("ada", 4_900, Some(&card)).await;
        let away = Away::default();
        for _ in 0..60 {
            worker::work(&world.context, &away).await.unwrap();
            world.clock.advance(60_000);
        }
        let asked = away.0.load(Ordering::SeqCst);
        assert!(
            (50..=60).contains(&asked),
            "{asked} questions, at most one a minute after the first"
        );
        assert_eq!(
            (order.state().await.as_str(), world.credits("ada").await),
            ("authorizing", (1_000, 1_000))
        );
        assert!(order.answers().await.is_empty());
        world.work().await;
        assert_eq!(order.answers().await, ["intent.authorized a1"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_task_asks_by_itself_and_ends_when_it_is_told() {
    for_each_engine("task", |world| async move {
        let card = world.card(&ada(), APPROVE).await;
        let stop = CancellationToken::new();
        let tasks: Vec<_> = SPEC
            .tasks
            .iter()
            .map(|task| tokio::spawn((task.run)(world.context.clone(), stop.clone())))
            .collect();
        let order = world.order();
        let mut changes = world.context.db.changes();
        order.authorize("ada", 4_900, Some(&card)).await;
        let answered = async {
            while order.answers().await.is_empty() {
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(20), answered)
            .await
            .expect("an answer");
        assert_eq!(order.answers().await, ["intent.authorized a1"]);
        stop.cancel();
        for task in tasks {
            task.await.unwrap();
        }
    })
    .await;
}
