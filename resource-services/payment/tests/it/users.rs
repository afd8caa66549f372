//! Users who come and go.

use latchkey_bus::HandlerError;
use latchkey_payment::consumers;
use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn a_new_user_is_welcomed_once() {
    for_each_engine("welcome", |world| async move {
        world.registered("ada").await;
        world.registered("ada").await;
        let user = json!({
            "user_id": "ada", "display_name": "Ada", "locale": "en", "roles": [], "status": "active", "version": 2
        });
        world.hear(&consumers::USERS, "identity.user.updated.v1", user).await.unwrap();
        assert_eq!(world.entries("ada").await, [("grant".to_owned(), 1_000)]);
        let events = world.events().await;
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].data["kind"], "grant");
    })
    .await;
}

#[tokio::test]
async fn an_erased_user_loses_credits_and_cards_and_nothing_opens_again() {
    for_each_engine("erased", |world| async move {
        world.registered("ada").await;
        let card = world.card(&ada(), APPROVE).await;
        world.erased("ada").await;
        world.erased("ada").await;
        world.registered("ada").await;
        world.work().await;
        assert_eq!(world.credits("ada").await, (0, 0));
        let moved = [("grant", 1_000), ("write_off", 1_000)];
        assert_eq!(world.entries("ada").await, moved.map(|(kind, amount)| (kind.to_owned(), amount)));
        let kept = "SELECT CAST((SELECT COUNT(*) FROM cards) + (SELECT COUNT(*) FROM test_processor_cards) AS BIGINT) AS n";
        assert_eq!(world.count(kept).await, 0);
        // A token that still lives opens nothing.
        assert_eq!(world.save_card(&ada(), APPROVE).send().await.verdict(), (409, "wallet_closed"));
        assert_eq!(world.top_up(&ada(), &card, 500).send().await.verdict(), (409, "wallet_closed"));
        let order = world.order();
        order.authorize("ada", 100, None).await;
        assert_eq!(order.last().await["reason"], "insufficient_credits");
    })
    .await;
}

#[tokio::test]
async fn an_erasure_that_comes_first_leaves_no_welcome() {
    for_each_engine("erased_first", |world| async move {
        world.erased("ada").await;
        world.registered("ada").await;
        assert!(world.entries("ada").await.is_empty());
        assert!(world.wallet("ada").await.closed_at.is_some());
    })
    .await;
}

#[tokio::test]
async fn an_order_under_way_ends_after_its_buyer_was_erased() {
    for_each_engine("erased_midway", |world| async move {
        world.registered("ada").await;
        let (taken, released) = (world.order(), world.order());
        taken.authorize("ada", 300, None).await;
        released.authorize("ada", 200, None).await;
        world.erased("ada").await;
        assert_eq!(world.credits("ada").await, (500, 500));
        taken.capture("c1").await;
        released.void("v1").await;
        assert_eq!(
            taken.answers().await,
            ["intent.authorized a1", "intent.captured c1"]
        );
        assert_eq!(
            released.answers().await,
            ["intent.authorized a1", "intent.voided v1"]
        );
        assert_eq!(world.credits("ada").await, (0, 0));
        let moved = world.entries("ada").await;
        assert_eq!(
            moved[3..],
            [
                ("write_off".to_owned(), 500),
                ("capture".to_owned(), 300),
                ("release".to_owned(), 200),
                ("write_off".to_owned(), 200)
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn a_top_up_of_an_erased_user_is_written_off() {
    for_each_engine("erased_top_up", |world| async move {
        let card = world.card(&ada(), TIMEOUT_THEN_SUCCESS).await;
        assert_eq!(world.top_up(&ada(), &card, 500).send().await.status, 202);
        world.work().await;
        world.erased("ada").await;
        world.work_for_a_minute().await;
        assert_eq!(world.credits("ada").await, (0, 0));
        let moved = [("top_up", 500), ("write_off", 500)];
        assert_eq!(
            world.entries("ada").await,
            moved.map(|(kind, amount)| (kind.to_owned(), amount))
        );
    })
    .await;
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_dead_and_not_retried() {
    for_each_engine("unreadable_user", |world| async move {
        let refused = world
            .hear(
                &consumers::USERS,
                "identity.user.updated.v1",
                json!({"user_id": 7}),
            )
            .await;
        assert!(matches!(refused, Err(HandlerError::Dead(_))), "{refused:?}");
    })
    .await;
}
