//! Rows 7 to 12 and 23: whether the money comes, and when nobody knows.

use serde_json::json;

use super::world::{
    CAPTURE_FAILS, DECLINED, FIRST_ANSWER_LOST, MINUTE, MUST_CONFIRM, PAYS, SECOND, WELCOME, by_both,
    by_card, by_wallet,
};
use super::{Bus, Coupon, Item, Person, Shop, on_every_bus, on_postgresql};

/// A buyer with welcome credits, something with seats, and a coupon.
async fn scene(bus: Bus) -> (Shop, Person, Item, Coupon) {
    let shop = Shop::open(bus).await;
    let bo = shop.buyer("bo").await;
    bo.until_welcome().await;
    let (item, off) = (shop.item(2_500, Some(3)).await, shop.coupon(20, 1).await);
    (shop, bo, item, off)
}

/// Seats, coupon, wallet and basket are what they were before the order.
async fn assert_untouched(shop: &Shop, bo: &Person, item: &Item, off: &Coupon) {
    assert_eq!((shop.seats(item).await, shop.uses(off).await), ((0, 0), (0, 0)));
    assert_eq!((bo.wallet().await, bo.owns(item).await), ((WELCOME, 0), 0));
    let basket = bo.basket().await;
    assert_eq!(
        basket["lines"][0]["course_id"], item.id,
        "the basket is intact: {basket}"
    );
    assert_eq!(basket["discount"]["code"], off.code, "{basket}");
}

/// Row 7.
async fn a_wallet_that_has_too_little_declines_and_everything_is_released(bus: Bus) {
    let (shop, bo, item, off) = scene(bus).await;
    let shown = bo.fill(&[(&item, 1)], Some(&off)).await;
    let order = bo.order(&shown, &by_wallet()).await;
    bo.until_failed(&order, "insufficient_credits").await;
    assert_untouched(&shop, &bo, &item, &off).await;
    assert_eq!(bo.entries().await.len(), 1, "nothing but the welcome");
    shop.stop().await;
}

/// Row 8.
async fn a_declined_card_frees_what_the_wallet_held(bus: Bus) {
    let (shop, bo, item, off) = scene(bus).await;
    let card = bo.card(DECLINED).await;
    let shown = bo.fill(&[(&item, 1)], Some(&off)).await;
    let order = bo.order(&shown, &by_both(&card)).await;
    bo.until_failed(&order, "card_declined").await;
    assert_untouched(&shop, &bo, &item, &off).await;
    let moved = [("hold", WELCOME), ("release", WELCOME)].map(|(kind, amount)| (kind.to_owned(), amount));
    assert_eq!(bo.entries().await[1..], moved);
    shop.stop().await;
}

/// Row 9, denied.
async fn a_payment_that_the_buyer_denies_releases_everything(bus: Bus) {
    let (shop, bo, item, off) = scene(bus).await;
    let card = bo.card(MUST_CONFIRM).await;
    let shown = bo.fill(&[(&item, 1)], Some(&off)).await;
    let order = bo.order(&shown, &by_both(&card)).await;
    bo.until_state(&order, "action_required").await;
    assert_eq!(
        (shop.seats(&item).await, bo.wallet().await),
        ((0, 1), (WELCOME, WELCOME))
    );
    assert_eq!(bo.answer(&order, false).await.status, 202);
    bo.until_failed(&order, "action_denied").await;
    assert_untouched(&shop, &bo, &item, &off).await;
    shop.stop().await;
}

/// Row 9, abandoned, and approved too late.
async fn an_approval_after_the_deadline_changes_nothing(bus: Bus) {
    let (shop, bo, item, off) = scene(bus).await;
    let card = bo.card(MUST_CONFIRM).await;
    let shown = bo.fill(&[(&item, 1)], Some(&off)).await;
    let order = bo.order(&shown, &by_both(&card)).await;
    bo.until_state(&order, "action_required").await;
    shop.advance(15 * MINUTE).await;
    bo.until_failed(&order, "payment_abandoned").await;
    let late = bo.answer(&order, true).await;
    assert_eq!(late.status, 409, "{late:?}");
    let payment = bo.payment(&order).await;
    assert!(
        ["voided", "declined"].contains(&payment["state"].as_str().unwrap()),
        "{payment}"
    );
    assert_untouched(&shop, &bo, &item, &off).await;
    assert!(!shop.processed().await.contains(&"capture".to_owned()));
    shop.stop().await;
}

/// Row 10: the processor's first answer is lost.
async fn an_authorization_whose_answer_is_lost_is_found_by_asking(bus: Bus) {
    let (shop, bo, item, off) = scene(bus).await;
    let card = bo.card(FIRST_ANSWER_LOST).await;
    let shown = bo.fill(&[(&item, 1)], Some(&off)).await;
    let order = bo.order(&shown, &by_both(&card)).await;
    bo.until_state(&order, "reserved").await;
    shop.until_unanswered("authorize").await;
    shop.advance(61 * SECOND).await;
    bo.until_state(&order, "completed").await;
    assert_eq!(shop.processed().await, ["authorize", "capture"], "each once");
    assert_eq!((bo.wallet().await, bo.owns(&item).await), ((0, 0), 1));
    shop.stop().await;
}

/// Row 10: the order has given up before the processor says that it holds the money.
async fn an_authorization_that_comes_after_the_order_gave_up_is_voided(bus: Bus) {
    let (shop, bo, item, off) = scene(bus).await;
    let card = bo.card(FIRST_ANSWER_LOST).await;
    let shown = bo.fill(&[(&item, 1)], Some(&off)).await;
    let order = bo.order(&shown, &by_both(&card)).await;
    bo.until_state(&order, "reserved").await;
    shop.until_unanswered("authorize").await;
    assert_eq!(bo.cancel(&order).await.status, 202);
    bo.until_state(&order, "compensating").await;
    shop.advance(61 * SECOND).await;
    bo.until_state(&order, "cancelled").await;
    let mut asked = shop.processed().await;
    asked.sort();
    assert_eq!(asked, ["authorize", "void"]);
    assert_untouched(&shop, &bo, &item, &off).await;
    shop.stop().await;
}

/// Row 11.
async fn a_capture_that_fails_for_good_undoes_the_order(bus: Bus) {
    let (shop, bo, item, off) = scene(bus).await;
    let card = bo.card(CAPTURE_FAILS).await;
    let shown = bo.fill(&[(&item, 1)], Some(&off)).await;
    let order = bo.order(&shown, &by_both(&card)).await;
    bo.until_failed(&order, "capture_failed").await;
    assert_eq!(bo.payment(&order).await["state"], "capture_failed");
    assert_untouched(&shop, &bo, &item, &off).await;
    shop.stop().await;
}

/// Row 12: the processor has the money, and payment cannot write that down.
async fn a_capture_of_which_nobody_knows_is_neither_undone_nor_repeated(bus: Bus) {
    let (shop, bo, item, off) = scene(bus).await;
    let card = bo.card(PAYS).await;
    let shown = bo.fill(&[(&item, 1)], Some(&off)).await;
    shop.break_down(
        "payment",
        "BEFORE UPDATE OF done_at ON operations WHEN NEW.kind = 'capture'",
    )
    .await;
    let order = bo.order(&shown, &by_both(&card)).await;
    bo.until_state(&order, "capturing").await;
    let captured = async || shop.processed().await == ["authorize", "capture"];
    crate::harness::until("the processor has the money", captured).await;
    for _ in 0..4 {
        shop.advance(40 * SECOND).await;
        bo.until_state(&order, "capturing").await;
    }
    shop.until_alerted(&order).await;
    let cancelled = bo.cancel(&order).await;
    assert_eq!(cancelled.verdict(), (409, "too_late_to_cancel"), "{cancelled:?}");
    assert_eq!((shop.seats(&item).await, shop.uses(&off).await), ((0, 1), (1, 0)));
    assert_eq!((bo.wallet().await, bo.owns(&item).await), ((WELCOME, WELCOME), 0));

    shop.mend("payment").await;
    shop.advance(31 * SECOND).await;
    bo.until_state(&order, "completed").await;
    assert_eq!(shop.processed().await, ["authorize", "capture"], "charged once");
    assert_eq!((bo.wallet().await, bo.owns(&item).await), ((0, 0), 1));
    assert_eq!((shop.seats(&item).await, shop.uses(&off).await), ((1, 0), (0, 1)));
    shop.stop().await;
}

/// Row 23.
async fn an_order_that_costs_nothing_needs_no_payment(bus: Bus) {
    let shop = Shop::open(bus).await;
    let bo = shop.buyer("bo").await;
    bo.until_welcome().await;
    let (item, off) = (shop.item(2_500, Some(3)).await, shop.coupon(100, 1).await);
    let card = bo.card(PAYS).await;
    let shown = bo.fill(&[(&item, 1)], Some(&off)).await;
    assert_eq!(shown["total"]["amount"], 0, "{shown}");
    let order = bo.order(&shown, &by_card(&card)).await;
    let completed = bo.until_state(&order, "completed").await;
    assert_eq!(completed["payment_id"], json!(null), "{completed}");
    assert_eq!(shop.processed().await, Vec::<String>::new());
    assert_eq!((bo.wallet().await, bo.owns(&item).await), ((WELCOME, 0), 1));
    assert_eq!((shop.seats(&item).await, shop.uses(&off).await), ((1, 0), (0, 1)));
    shop.stop().await;
}

on_every_bus! {
    a_wallet_that_has_too_little_declines_and_everything_is_released,
    a_declined_card_frees_what_the_wallet_held,
    a_payment_that_the_buyer_denies_releases_everything,
    an_approval_after_the_deadline_changes_nothing,
    an_authorization_whose_answer_is_lost_is_found_by_asking,
    an_authorization_that_comes_after_the_order_gave_up_is_voided,
    a_capture_that_fails_for_good_undoes_the_order,
    a_capture_of_which_nobody_knows_is_neither_undone_nor_repeated,
    an_order_that_costs_nothing_needs_no_payment,
}

on_postgresql! {
    a_declined_card_frees_what_the_wallet_held,
    an_approval_after_the_deadline_changes_nothing,
}
