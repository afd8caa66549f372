//! Money that goes back.

use crate::harness::*;

/// A captured order of 49.00, of which the wallet paid 10.00.
async fn bought(world: &World, number: &str) -> Order {
    world.registered("ada").await;
    let card = world.card(&ada(), number).await;
    let order = world.order();
    order.authorize("ada", 4_900, Some(&card)).await;
    world.work().await;
    order.capture("c1").await;
    world.work().await;
    assert_eq!(order.state().await, "captured");
    order
}

#[tokio::test]
async fn a_refund_to_the_card_is_done_once_whatever_is_repeated() {
    for_each_engine("refund_card", |world| async move {
        let order = bought(&world, APPROVE).await;
        order.refund("r1", "refund-1", 2_000, "card").await;
        order.refund("r2", "refund-1", 2_000, "card").await;
        world.work().await;
        order.refund("r3", "refund-1", 2_000, "card").await;
        world.work().await;
        let answers = order.answers().await;
        assert_eq!(answers[2..], ["refund.refunded r2", "refund.refunded r3"]);
        assert_eq!(order.last().await["amount"]["amount"], 2_000);
        assert_eq!(
            (order.state().await.as_str(), world.credits("ada").await),
            ("partially_refunded", (0, 0))
        );
        assert_eq!(
            world.processor_did().await.last(),
            Some(&("refund".to_owned(), 2_000))
        );
    })
    .await;
}

#[tokio::test]
async fn a_refund_to_the_wallet_needs_no_processor() {
    for_each_engine("refund_wallet", |world| async move {
        let order = bought(&world, APPROVE).await;
        order.refund("r1", "refund-1", 4_900, "wallet").await;
        assert_eq!(order.answers().await[2..], ["refund.refunded r1"]);
        assert_eq!(
            (order.state().await.as_str(), world.credits("ada").await),
            ("refunded", (4_900, 0))
        );
        order.refund("r1", "refund-1", 4_900, "wallet").await;
        assert_eq!(world.credits("ada").await, (4_900, 0));
    })
    .await;
}

#[tokio::test]
async fn the_wallet_gets_what_the_card_did_not_pay() {
    for_each_engine("refund_both", |world| async move {
        let order = bought(&world, APPROVE).await;
        order.refund("r1", "refund-1", 4_900, "card").await;
        assert_eq!(world.credits("ada").await, (0, 0), "not before the card");
        world.work().await;
        assert_eq!(
            (order.state().await.as_str(), world.credits("ada").await),
            ("refunded", (1_000, 0))
        );
        assert_eq!(
            world.processor_did().await.last(),
            Some(&("refund".to_owned(), 3_900))
        );
    })
    .await;
}

#[tokio::test]
async fn no_more_goes_back_than_was_paid() {
    for_each_engine("refund_most", |world| async move {
        let order = bought(&world, APPROVE).await;
        order.refund("r1", "refund-1", 4_000, "card").await;
        // The first is not answered yet, and counts.
        order.refund("r2", "refund-2", 901, "wallet").await;
        for (number, amount) in [("refund-3", 0), ("refund-4", -1), ("refund-5", i64::MAX)] {
            order.refund("r3", number, amount, "wallet").await;
        }
        order.refund("r4", "refund-6", 900, "wallet").await;
        world.work().await;
        let told = order.told().await.split_off(2);
        let reasons: Vec<_> = told
            .iter()
            .map(|(_, data)| (data["refund_id"].as_str().unwrap(), data["reason"].as_str()))
            .collect();
        assert_eq!(
            reasons,
            [
                ("refund-2", Some("exceeds_payment")),
                ("refund-3", Some("invalid_amount")),
                ("refund-4", Some("invalid_amount")),
                ("refund-5", Some("exceeds_payment")),
                ("refund-6", None),
                ("refund-1", None),
            ]
        );
        assert!(told[..4].iter().all(|(_, data)| data["final"] == true));
        assert_eq!(
            (order.state().await.as_str(), order.payment().await.refunded),
            ("refunded", 4_900)
        );
    })
    .await;
}

#[tokio::test]
async fn a_refund_of_what_was_not_captured_is_refused_for_good() {
    for_each_engine("refund_nothing", |world| async move {
        world.registered("ada").await;
        let unknown = world.order();
        unknown.refund("r1", "refund-1", 100, "card").await;
        unknown.refund("r2", "refund-1", 100, "card").await;
        assert_eq!(unknown.answers().await, ["refund.failed r1", "refund.failed r2"]);
        let held = world.order();
        held.authorize("ada", 600, None).await;
        held.refund("r1", "refund-2", 100, "wallet").await;
        held.capture("c1").await;
        // What was refused stays refused under its number.
        held.refund("r2", "refund-2", 100, "wallet").await;
        let told = held.last().await;
        assert_eq!(
            (told["reason"].as_str(), told["final"].as_bool()),
            (Some("not_captured"), Some(true))
        );
        assert_eq!(world.credits("ada").await, (400, 0));
    })
    .await;
}

#[tokio::test]
async fn a_refund_that_fails_once_is_tried_again_under_a_new_key() {
    for_each_engine("refund_again", |world| async move {
        let order = bought(&world, REFUND_FAILS_ONCE).await;
        order.refund("r1", "refund-1", 2_000, "card").await;
        world.work().await;
        let told = order.last().await;
        assert_eq!(
            (told["reason"].as_str(), told["final"].as_bool()),
            (Some("try_again"), Some(false))
        );
        order.refund("r2", "refund-1", 2_000, "card").await;
        world.work_for_a_minute().await;
        assert_eq!(
            order.answers().await[2..],
            ["refund.failed r1", "refund.refunded r2"]
        );
        assert_eq!(order.state().await, "partially_refunded");
        let did = world.processor_did().await.into_iter();
        assert_eq!(did.filter(|(kind, _)| kind == "refund").count(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_erased_user_gets_the_card_part_back_and_nothing_else() {
    for_each_engine("refund_erased", |world| async move {
        let order = bought(&world, APPROVE).await;
        world.erased("ada").await;
        order.refund("r1", "refund-1", 100, "wallet").await;
        assert_eq!(order.last().await["reason"], "wallet_closed");
        order.refund("r2", "refund-2", 3_900, "card").await;
        world.work().await;
        assert_eq!(order.answers().await.last().unwrap(), "refund.refunded r2");
        assert_eq!(world.credits("ada").await, (0, 0));
    })
    .await;
}
