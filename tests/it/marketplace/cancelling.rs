//! Rows 13 and 14: the buyer calls an order off.

use serde_json::json;

use super::world::{FIRST_ANSWER_LOST, MINUTE, MUST_CONFIRM, PAYS, SECOND, by_card};
use super::{Bus, Shop, on_every_bus, on_postgresql};
use crate::harness::until;

/// Row 13, as long as the money has not been asked for.
async fn an_order_is_cancelled_before_its_seats_are_held(bus: Bus) {
    let shop = Shop::open(bus).await;
    let bo = shop.buyer("bo").await;
    let item = shop.item(2_500, Some(1)).await;
    let card = bo.card(PAYS).await;
    let shown = bo.fill(&[(&item, 1)], None).await;
    shop.break_down("inventory", "BEFORE INSERT ON reservations")
        .await;
    let order = bo.order(&shown, &by_card(&card)).await;
    assert_eq!(bo.read(&order).await["state"], "submitted");
    assert_eq!(bo.cancel(&order).await.status, 202);
    assert_eq!(
        bo.read(&order).await["state"],
        "compensating",
        "not before it is undone"
    );
    shop.mend("inventory").await;
    shop.advance(6 * SECOND).await;
    bo.until_state(&order, "cancelled").await;
    assert_eq!((shop.seats(&item).await, bo.owns(&item).await), ((0, 0), 0));
    assert_eq!(bo.read(&order).await["payment_id"], json!(null));
    shop.stop().await;
}

/// Row 13, while the money is asked for and while the buyer should confirm.
async fn an_order_is_cancelled_while_its_money_is_asked_for(bus: Bus) {
    let shop = Shop::open(bus).await;
    let bo = shop.buyer("bo").await;
    let item = shop.item(2_500, Some(1)).await;
    for (number, state) in [(FIRST_ANSWER_LOST, "reserved"), (MUST_CONFIRM, "action_required")] {
        let card = bo.card(number).await;
        let shown = bo.fill(&[(&item, 1)], None).await;
        let order = bo.order(&shown, &by_card(&card)).await;
        let waiting = bo.until_state(&order, state).await;
        assert_eq!(
            (&waiting["cancellable"], shop.seats(&item).await),
            (&json!(true), (0, 1))
        );
        assert_eq!(bo.cancel(&order).await.status, 202);
        // What the processor is silent about must be known before it can be voided.
        shop.advance(MINUTE).await;
        let cancelled = bo.until_state(&order, "cancelled").await;
        assert_eq!(cancelled["reason"], "cancelled_by_buyer", "{cancelled}");
        assert_eq!((shop.seats(&item).await, bo.owns(&item).await), ((0, 0), 0));
        assert_eq!(bo.cancel(&order).await.status, 202, "it is cancelled");
    }
    assert!(!shop.processed().await.contains(&"capture".to_owned()));
    shop.stop().await;
}

/// Row 13, from when the money is being taken.
async fn an_order_is_not_cancelled_once_its_money_is_being_taken(bus: Bus) {
    let shop = Shop::open(bus).await;
    let bo = shop.buyer("bo").await;
    let item = shop.item(2_500, Some(1)).await;
    let card = bo.card(PAYS).await;
    let shown = bo.fill(&[(&item, 1)], None).await;
    shop.break_down(
        "payment",
        "BEFORE UPDATE OF done_at ON operations WHEN NEW.kind = 'capture'",
    )
    .await;
    let order = bo.order(&shown, &by_card(&card)).await;
    let capturing = bo.until_state(&order, "capturing").await;
    assert_eq!(capturing["cancellable"], false, "{capturing}");
    let refused = bo.cancel(&order).await;
    assert_eq!(refused.verdict(), (409, "too_late_to_cancel"), "{refused:?}");
    let captured = async || shop.processed().await == ["authorize", "capture"];
    until("the processor has the money", captured).await;
    shop.mend("payment").await;
    shop.advance(31 * SECOND).await;
    let completed = bo.until_state(&order, "completed").await;
    assert_eq!(completed["refundable"], true, "a refund is offered instead");
    let refused = bo.cancel(&order).await;
    assert_eq!(refused.verdict(), (409, "too_late_to_cancel"), "{refused:?}");
    assert_eq!((shop.seats(&item).await, bo.owns(&item).await), ((1, 0), 1));
    shop.stop().await;
}

/// Row 14: the order is cancelled or paid, never both, whoever is faster.
async fn a_cancellation_and_a_confirmation_at_once_have_one_winner(bus: Bus) {
    let shop = Shop::open(bus).await;
    let bo = shop.buyer("bo").await;
    for _ in 0..3 {
        let item = shop.item(2_500, Some(1)).await;
        let order = bo.order_that_waits(&[(&item, 1)], None).await;
        let (approved, cancelled) = tokio::join!(bo.answer(&order, true), bo.cancel(&order));
        assert!([202, 409].contains(&approved.status), "{approved:?}");
        match cancelled.status {
            202 => {
                bo.until_state(&order, "cancelled").await;
                let payment = bo.payment(&order).await;
                assert!(
                    ["voided", "declined"].contains(&payment["state"].as_str().unwrap()),
                    "{payment}"
                );
                assert_eq!((shop.seats(&item).await, bo.owns(&item).await), ((0, 0), 0));
                let basket = bo.take_out(&item).await;
                assert_eq!(basket["lines"], json!([]), "it was still in the basket, alone");
            }
            _ => {
                assert_eq!(cancelled.verdict(), (409, "too_late_to_cancel"), "{cancelled:?}");
                bo.until_state(&order, "completed").await;
                assert_eq!(bo.payment(&order).await["state"], "captured");
                assert_eq!((shop.seats(&item).await, bo.owns(&item).await), ((1, 0), 1));
                until("it has left the basket", async || {
                    bo.basket().await["lines"] == json!([])
                })
                .await;
            }
        }
    }
    shop.stop().await;
}

on_every_bus! {
    an_order_is_cancelled_before_its_seats_are_held,
    an_order_is_cancelled_while_its_money_is_asked_for,
    an_order_is_not_cancelled_once_its_money_is_being_taken,
    a_cancellation_and_a_confirmation_at_once_have_one_winner,
}

on_postgresql! {
    a_cancellation_and_a_confirmation_at_once_have_one_winner,
}
