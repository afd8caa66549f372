//! The first step of an order: holding its money.

use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn the_wallet_alone_is_held_at_once() {
    for_each_engine("wallet_alone", |world| async move {
        world.registered("ada").await;
        let order = world.order();
        order.authorize("ada", 700, None).await;
        assert_eq!(order.answers().await, ["intent.authorized a1"]);
        assert_eq!(world.credits("ada").await, (1_000, 700));
        let told = order.last().await;
        let parts = (
            told["wallet_amount"]["amount"].as_i64(),
            told["card_amount"]["amount"].as_i64(),
        );
        assert_eq!(parts, (Some(700), Some(0)));
        assert!(told.get("card").is_none() && told["payment_id"].is_string());
    })
    .await;
}

#[tokio::test]
async fn the_card_is_held_for_the_rest_by_the_processor() {
    for_each_engine("split", |world| async move {
        world.registered("ada").await;
        let card = world.card(&ada(), APPROVE).await;
        let order = world.order();
        order.authorize("ada", 4_900, Some(&card)).await;
        assert_eq!(order.state().await, "authorizing");
        assert_eq!(world.credits("ada").await, (1_000, 1_000));
        assert!(order.answers().await.is_empty() && world.processor_did().await.is_empty());
        world.work().await;
        assert_eq!(order.answers().await, ["intent.authorized a1"]);
        let told = order.last().await;
        assert_eq!(told["card"], json!({"brand": "visa", "last4": "4242"}));
        assert_eq!(told["wallet_amount"], json!({"amount": 1_000, "currency": "EUR"}));
        assert_eq!(world.processor_did().await, [("authorize".to_owned(), 3_900)]);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_authorization_holds_nothing_twice_and_is_answered_again() {
    for_each_engine("again", |world| async move {
        world.registered("ada").await;
        let card = world.card(&ada(), APPROVE).await;
        let order = world.order();
        order.authorize("ada", 4_900, Some(&card)).await;
        order.authorize("ada", 4_900, Some(&card)).await;
        world.work().await;
        order.authorize("ada", 4_900, Some(&card)).await;
        let other = json!({"amount": 1, "currency": "EUR"});
        order.authorize_as("a2", "ada", other, None, None).await;
        world.work().await;
        assert_eq!(
            order.answers().await,
            [
                "intent.authorized a1",
                "intent.authorized a1",
                "intent.authorized a2"
            ]
        );
        assert_eq!(world.credits("ada").await, (1_000, 1_000));
        assert_eq!(world.processor_did().await.len(), 1);
        let told = order.told().await;
        assert_eq!(told[0].1["card_amount"], told[2].1["card_amount"]);
    })
    .await;
}

#[tokio::test]
async fn the_answer_goes_to_the_latest_command_of_the_step() {
    for_each_engine("latest", |world| async move {
        let card = world.card(&ada(), APPROVE).await;
        let order = world.order();
        let amount = json!({"amount": 4_900, "currency": "EUR"});
        order
            .authorize_as("a1", "ada", amount.clone(), None, Some(&card))
            .await;
        order.authorize_as("a2", "ada", amount, None, Some(&card)).await;
        world.work().await;
        assert_eq!(order.answers().await, ["intent.authorized a2"]);
    })
    .await;
}

#[tokio::test]
async fn each_decline_has_its_reason_and_releases_the_wallet() {
    for_each_engine("declines", |world| async move {
        world.registered("ada").await;
        for (number, reason) in [
            (DECLINE, "card_declined"),
            ("4000000000009995", "insufficient_funds"),
            ("4000000000000069", "expired_card"),
            ("4000000000000127", "bad_cvc"),
        ] {
            let card = world.card(&ada(), number).await;
            let order = world.order();
            order.authorize("ada", 4_900, Some(&card)).await;
            assert_eq!(world.credits("ada").await, (1_000, 1_000), "{reason}");
            world.work().await;
            assert_eq!(order.answers().await, ["intent.declined a1"], "{reason}");
            let told = order.last().await;
            let why = (told["reason"].as_str(), told["user_may_retry"].as_bool());
            assert_eq!(why, (Some(reason), Some(true)));
            assert_eq!(world.credits("ada").await, (1_000, 0), "{reason}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_cannot_begin_is_declined_without_a_trace_in_the_wallet() {
    for_each_engine("not_begun", |world| async move {
        world.registered("ada").await;
        let bobs = world.card(&bob(), APPROVE).await;
        let euros = |amount: i64| json!({"amount": amount, "currency": "EUR"});
        for (amount, at_most, card, reason) in [
            (euros(1_001), None, None, "insufficient_credits"),
            (euros(500), Some(499), None, "insufficient_credits"),
            (euros(4_900), None, Some(bobs.as_str()), "unknown_card"),
            (euros(4_900), None, Some("nothing"), "unknown_card"),
            (euros(0), None, None, "processor_error"),
            (euros(-5), None, None, "processor_error"),
            (euros(i64::MIN), None, None, "processor_error"),
            (euros(5), Some(-1), None, "processor_error"),
            (
                json!({"amount": 5, "currency": "USD"}),
                None,
                None,
                "processor_error",
            ),
        ] {
            let order = world.order();
            order.authorize_as("a1", "ada", amount, at_most, card).await;
            world.work().await;
            assert_eq!(order.answers().await, ["intent.declined a1"], "{reason}");
            let told = order.last().await;
            assert_eq!(
                (told["reason"].as_str(), told.get("payment_id")),
                (Some(reason), None)
            );
        }
        assert_eq!(world.entries("ada").await, [("grant".to_owned(), 1_000)]);
        assert!(world.processor_did().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_user_who_is_not_known_yet_pays_by_card_alone() {
    for_each_engine("no_wallet", |world| async move {
        let order = world.order();
        order.authorize("nobody", 100, None).await;
        assert_eq!(order.last().await["reason"], "insufficient_credits");
        let card = world.card(&ada(), APPROVE).await;
        let order = world.order();
        order.authorize("ada", 100, Some(&card)).await;
        world.work().await;
        assert_eq!(order.answers().await, ["intent.authorized a1"]);
    })
    .await;
}

#[tokio::test]
async fn a_void_that_comes_first_leaves_a_mark_that_refuses_the_authorization() {
    for_each_engine("void_first", |world| async move {
        world.registered("ada").await;
        let order = world.order();
        order.void("v1").await;
        order.authorize("ada", 700, None).await;
        order.void("v1").await;
        order.authorize("ada", 700, None).await;
        world.work().await;
        assert_eq!(
            order.answers().await,
            [
                "intent.voided v1",
                "intent.declined a1",
                "intent.voided v1",
                "intent.declined a1"
            ]
        );
        let told = order.told().await;
        assert_eq!(
            (told[0].1.get("payment_id"), told[1].1["reason"].as_str()),
            (None, Some("cancelled"))
        );
        assert_eq!(told[1].1["user_may_retry"], json!(false));
        assert_eq!(world.credits("ada").await, (1_000, 0));
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_and_never_taken_for_a_failure() {
    for_each_engine("lost", |world| async move {
        world.registered("ada").await;
        for (number, answer, held) in [
            (TIMEOUT_THEN_SUCCESS, "intent.authorized a1", 1_000),
            (TIMEOUT_THEN_FAILURE, "intent.declined a1", 0),
        ] {
            let card = world.card(&ada(), number).await;
            let order = world.order();
            order.authorize("ada", 4_900, Some(&card)).await;
            world.work().await;
            assert!(order.answers().await.is_empty(), "{number}");
            assert_eq!(
                (order.state().await.as_str(), world.credits("ada").await.1),
                ("authorizing", 1_000)
            );
            world.clock.advance(1_000);
            world.work().await;
            assert_eq!(order.answers().await, [answer]);
            assert_eq!(world.credits("ada").await.1, held, "{number}");
            order.void("v1").await;
            world.work_for_a_minute().await;
            assert_eq!(world.credits("ada").await, (1_000, 0));
        }
        let did = world.processor_did().await.into_iter();
        let held: Vec<_> = did.filter(|(kind, _)| kind == "authorize").collect();
        assert_eq!(held.len(), 2, "each was done once");
    })
    .await;
}

#[tokio::test]
async fn a_slow_processor_is_waited_for() {
    for_each_engine("slow", |world| async move {
        let card = world.card(&ada(), SLOW).await;
        let order = world.order();
        order.authorize("ada", 4_900, Some(&card)).await;
        for _ in 0..9 {
            world.work().await;
            assert!(order.answers().await.is_empty());
            world.clock.advance(1_000);
        }
        world.work_for_a_minute().await;
        assert_eq!(order.answers().await, ["intent.authorized a1"]);
        assert_eq!(world.processor_did().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_query_is_answered_by_what_is_true() {
    for_each_engine("query", |world| async move {
        let card = world.card(&ada(), TIMEOUT_THEN_SUCCESS).await;
        let order = world.order();
        order.query("q1").await;
        assert!(
            order.answers().await.is_empty(),
            "nothing is known yet, and nothing is refused"
        );
        order.authorize("ada", 4_900, Some(&card)).await;
        world.work().await;
        // The pause after the lost answer ends with the question.
        order.query("q2").await;
        world.work().await;
        order.query("q3").await;
        order.capture("c1").await;
        order.query("q4").await;
        world.work().await;
        order.query("q5").await;
        assert_eq!(
            order.answers().await,
            [
                "intent.authorized a1",
                "intent.authorized q3",
                "intent.captured c1",
                "intent.captured q5"
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn a_command_that_cannot_be_read_is_dead_and_not_retried() {
    for_each_engine("unreadable", |world| async move {
        let garbage = json!({"order_id": 7});
        let refused = world
            .hear(
                &latchkey_payment::consumers::COMMANDS,
                "order.command.payment-void.v1",
                garbage,
            )
            .await;
        assert!(
            matches!(refused, Err(latchkey_bus::HandlerError::Dead(_))),
            "{refused:?}"
        );
    })
    .await;
}
