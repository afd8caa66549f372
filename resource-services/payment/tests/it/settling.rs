//! Taking what is held, and releasing it.

use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn a_capture_takes_the_card_first_and_then_the_wallet() {
    for_each_engine("capture", |world| async move {
        world.registered("ada").await;
        let card = world.card(&ada(), APPROVE).await;
        let order = world.order();
        order.authorize("ada", 4_900, Some(&card)).await;
        world.work().await;
        order.capture("c1").await;
        assert_eq!(order.state().await, "capturing");
        assert_eq!(world.credits("ada").await, (1_000, 1_000), "not before the card");
        world.work().await;
        order.capture("c1").await;
        order.capture("c2").await;
        world.work().await;
        assert_eq!(
            order.answers().await,
            [
                "intent.authorized a1",
                "intent.captured c1",
                "intent.captured c1",
                "intent.captured c2"
            ]
        );
        let told = order.last().await;
        assert_eq!(told["fee"], json!({"amount": 70, "currency": "EUR"}));
        assert_eq!(told["captured_at"], "2026-11-20T12:00:00.000Z");
        assert_eq!(world.credits("ada").await, (0, 0));
        let moved = [("grant", 1_000), ("hold", 1_000), ("capture", 1_000)];
        assert_eq!(
            world.entries("ada").await,
            moved.map(|(kind, amount)| (kind.to_owned(), amount))
        );
        let did = [("authorize", 3_900), ("capture", 3_900)];
        assert_eq!(
            world.processor_did().await,
            did.map(|(kind, amount)| (kind.to_owned(), amount))
        );
    })
    .await;
}

#[tokio::test]
async fn the_wallet_alone_is_captured_at_once_and_without_a_fee() {
    for_each_engine("capture_wallet", |world| async move {
        world.registered("ada").await;
        let order = world.order();
        order.authorize("ada", 600, None).await;
        order.capture("c1").await;
        assert_eq!(order.last().await["fee"]["amount"], 0);
        assert_eq!(world.credits("ada").await, (400, 0));
        assert!(world.processor_did().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_capture_that_fails_for_good_releases_everything() {
    for_each_engine("capture_fails", |world| async move {
        world.registered("ada").await;
        let card = world.card(&ada(), CAPTURE_FAILS).await;
        let order = world.order();
        order.authorize("ada", 4_900, Some(&card)).await;
        world.work().await;
        order.capture("c1").await;
        world.work().await;
        order.capture("c2").await;
        order.void("v1").await;
        world.work_for_a_minute().await;
        assert_eq!(
            order.answers().await,
            [
                "intent.authorized a1",
                "intent.capture-failed c1",
                "intent.capture-failed c2",
                "intent.voided v1"
            ]
        );
        assert_eq!(
            (order.state().await.as_str(), world.credits("ada").await),
            ("capture_failed", (1_000, 0))
        );
    })
    .await;
}

#[tokio::test]
async fn a_capture_of_nothing_is_refused_in_every_state() {
    for_each_engine("capture_nothing", |world| async move {
        let unknown = world.order();
        unknown.capture("c1").await;
        assert_eq!(unknown.answers().await, ["intent.capture-failed c1"]);
        // The refusal is a promise: what comes later is refused, too.
        unknown.authorize("ada", 1, None).await;
        assert_eq!(unknown.last().await["reason"], "cancelled");

        let card = world.card(&ada(), APPROVE).await;
        let unanswered = world.order();
        unanswered.authorize("ada", 4_900, Some(&card)).await;
        unanswered.capture("c1").await;
        assert_eq!(unanswered.last().await["reason"], "not_authorized");
        world.work().await;
        unanswered.capture("c2").await;
        world.work().await;
        assert_eq!(
            unanswered.answers().await,
            [
                "intent.capture-failed c1",
                "intent.authorized a1",
                "intent.captured c2"
            ]
        );

        let declined = world.order();
        declined.authorize("ada", 100, None).await;
        declined.capture("c1").await;
        assert_eq!(declined.last().await["reason"], "not_authorized");
    })
    .await;
}

#[tokio::test]
async fn a_void_releases_card_and_wallet_once() {
    for_each_engine("void", |world| async move {
        world.registered("ada").await;
        let card = world.card(&ada(), APPROVE).await;
        let order = world.order();
        order.authorize("ada", 4_900, Some(&card)).await;
        world.work().await;
        order.void("v1").await;
        assert_eq!(world.credits("ada").await, (1_000, 1_000), "not before the card");
        order.void("v2").await;
        world.work().await;
        order.void("v3").await;
        assert_eq!(
            order.answers().await,
            ["intent.authorized a1", "intent.voided v2", "intent.voided v3"]
        );
        assert!(order.last().await["payment_id"].is_string());
        assert_eq!(world.credits("ada").await, (1_000, 0));
        order.capture("c1").await;
        assert_eq!(order.last().await["reason"], "not_authorized");
        world.work_for_a_minute().await;
        let did: Vec<_> = world
            .processor_did()
            .await
            .into_iter()
            .map(|(kind, _)| kind)
            .collect();
        assert_eq!(did, ["authorize", "void"]);
    })
    .await;
}

#[tokio::test]
async fn a_void_before_the_processor_heard_of_it_needs_no_processor() {
    for_each_engine("void_unsent", |world| async move {
        world.registered("ada").await;
        let card = world.card(&ada(), APPROVE).await;
        let order = world.order();
        order.authorize("ada", 4_900, Some(&card)).await;
        order.void("v1").await;
        world.work_for_a_minute().await;
        assert_eq!(order.answers().await, ["intent.voided v1"]);
        assert_eq!(world.credits("ada").await, (1_000, 0));
        assert!(world.processor_did().await.is_empty());
        order.authorize("ada", 4_900, Some(&card)).await;
        assert_eq!(order.last().await["reason"], "cancelled");
    })
    .await;
}

#[tokio::test]
async fn a_void_waits_for_an_unknown_authorization_and_then_releases_it() {
    for_each_engine("void_unknown", |world| async move {
        world.registered("ada").await;
        for (number, did) in [
            (TIMEOUT_THEN_SUCCESS, vec!["authorize", "void"]),
            (TIMEOUT_THEN_FAILURE, vec!["authorize"]),
        ] {
            let before = world.processor_did().await.len();
            let card = world.card(&ada(), number).await;
            let order = world.order();
            order.authorize("ada", 4_900, Some(&card)).await;
            world.work().await;
            order.void("v1").await;
            assert_eq!(order.state().await, "voiding");
            assert!(
                order.answers().await.is_empty(),
                "it is not known yet whether anything is held"
            );
            world.work_for_a_minute().await;
            assert_eq!(order.answers().await, ["intent.voided v1"], "{number}");
            assert_eq!(world.credits("ada").await, (1_000, 0));
            let now = world.processor_did().await;
            let kinds: Vec<_> = now[before..].iter().map(|(kind, _)| kind.as_str()).collect();
            assert_eq!(kinds, did, "{number}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_void_after_the_capture_is_told_that_it_is_too_late() {
    for_each_engine("void_late", |world| async move {
        world.registered("ada").await;
        let order = world.order();
        order.authorize("ada", 600, None).await;
        order.capture("c1").await;
        order.void("v1").await;
        assert_eq!(
            order.answers().await,
            ["intent.authorized a1", "intent.captured c1", "intent.captured v1"]
        );
        assert_eq!(world.credits("ada").await, (400, 0));
    })
    .await;
}
