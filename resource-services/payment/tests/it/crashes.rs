//! A process that dies between any two steps: the next one finds the row, asks the processor what became of the key, and
//! goes on.

use latchkey_payment::domain::{Kind, Outcome};
use latchkey_payment::processor::{CardProcessor, Instruction};
use latchkey_payment::store::{self, Operation};
use latchkey_payment::worker;

use crate::harness::*;

/// Longer than a claim lasts.
const AFTER_A_CLAIM_MS: i64 = 31_000;

async fn claimed(world: &World, kind: Kind, payment_id: &str) -> Operation {
    let found = store::operation(&world.context.db, &kind.key(payment_id))
        .await
        .unwrap();
    let due = found.expect("an operation");
    worker::claim(&world.context, &due)
        .await
        .unwrap()
        .expect("nobody else has it")
}

#[tokio::test]
async fn a_crash_before_the_processor_was_asked_asks_it_later() {
    for_each_engine("crash_before", |world| async move {
        let card = world.card(&ada(), APPROVE).await;
        let order = world.order();
        order.authorize("ada", 4_900, Some(&card)).await;
        let id = order.payment().await.id;
        let operation = claimed(&world, Kind::Authorize, &id).await;
        assert!(
            worker::claim(&world.context, &operation).await.unwrap().is_some(),
            "what was read is current"
        );
        world.work().await;
        assert!(order.answers().await.is_empty(), "the claim still holds");
        world.clock.advance(AFTER_A_CLAIM_MS);
        world.work().await;
        assert_eq!(order.answers().await, ["intent.authorized a1"]);
        assert_eq!(world.processor_did().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_crash_after_the_processor_answered_charges_nobody_twice() {
    for_each_engine("crash_after", |world| async move {
        world.registered("ada").await;
        let card = world.card(&ada(), APPROVE).await;
        let order = world.order();
        order.authorize("ada", 4_900, Some(&card)).await;
        world.work().await;
        order.capture("c1").await;
        let payment = order.payment().await;
        let operation = claimed(&world, Kind::Capture, &payment.id).await;
        let capture = Instruction::Capture {
            authorization: Kind::Authorize.key(&payment.id),
            amount: payment.card_part,
        };
        let done = world.processor().submit(&operation.key, &capture).await.unwrap();
        assert_eq!(done, Outcome::Captured { fee: 70 });
        // Dead here: the processor has the money, and we do not know it.
        assert_eq!(order.state().await, "capturing");
        world.clock.advance(AFTER_A_CLAIM_MS);
        world.work().await;
        assert_eq!(
            order.answers().await,
            ["intent.authorized a1", "intent.captured c1"]
        );
        let did: Vec<_> = world
            .processor_did()
            .await
            .into_iter()
            .map(|(kind, _)| kind)
            .collect();
        assert_eq!(
            (did, world.credits("ada").await),
            (vec!["authorize".into(), "capture".to_owned()], (0, 0))
        );
    })
    .await;
}

#[tokio::test]
async fn an_outcome_that_arrives_twice_has_one_effect() {
    for_each_engine("twice", |world| async move {
        world.registered("ada").await;
        let card = world.card(&ada(), APPROVE).await;
        let order = world.order();
        order.authorize("ada", 4_900, Some(&card)).await;
        let id = order.payment().await.id;
        let slow = claimed(&world, Kind::Authorize, &id).await;
        world.clock.advance(AFTER_A_CLAIM_MS);
        // Another process takes over, and the first one was only slow.
        world.work().await;
        worker::settle(&world.context, slow, Outcome::Authorized)
            .await
            .unwrap();
        assert_eq!(order.answers().await, ["intent.authorized a1"]);
        assert_eq!(world.entries("ada").await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_is_never_taken_for_a_failure() {
    for_each_engine("nonsense", |world| async move {
        let card = world.card(&ada(), APPROVE).await;
        let order = world.order();
        order.authorize("ada", 4_900, Some(&card)).await;
        let id = order.payment().await.id;
        let operation = claimed(&world, Kind::Authorize, &id).await;
        worker::settle(&world.context, operation, Outcome::Refunded)
            .await
            .unwrap();
        assert_eq!(
            (order.state().await.as_str(), order.answers().await.len()),
            ("authorizing", 0)
        );
        world.work_for_a_minute().await;
        assert_eq!(order.answers().await, ["intent.authorized a1"]);
    })
    .await;
}

#[tokio::test]
async fn a_refund_survives_a_crash_at_each_side_of_the_processor() {
    for_each_engine("crash_refund", |world| async move {
        let card = world.card(&ada(), APPROVE).await;
        let order = world.order();
        order.authorize("ada", 4_900, Some(&card)).await;
        world.work().await;
        order.capture("c1").await;
        world.work().await;
        order.refund("r1", "refund-1", 2_000, "card").await;
        let payment = order.payment().await;
        let key = format!("{}:refund:refund-1:1", payment.id);
        let due = store::operation(&world.context.db, &key).await.unwrap().unwrap();
        worker::claim(&world.context, &due).await.unwrap().unwrap();
        let refund = Instruction::Refund {
            authorization: Kind::Authorize.key(&payment.id),
            amount: 2_000,
        };
        assert_eq!(
            world.processor().submit(&key, &refund).await,
            Ok(Outcome::Refunded)
        );
        world.clock.advance(AFTER_A_CLAIM_MS);
        world.work().await;
        assert_eq!(order.answers().await.last().unwrap(), "refund.refunded r1");
        let did = world.processor_did().await.into_iter();
        assert_eq!(did.filter(|(kind, _)| kind == "refund").count(), 1);
    })
    .await;
}
