//! Rows 4 to 6: what only one can have.

use serde_json::json;

use super::world::{PAYS, SECOND, by_card};
use super::{Bus, Person, Shop, on_every_bus, on_postgresql};
use crate::harness::until;

/// Waits until one of two orders is completed and the other one has failed; the winner first.
async fn decided<'a>(orders: [(&'a Person, String); 2], reason: &str) -> [(&'a Person, String); 2] {
    let states = [
        ended(orders[0].0, &orders[0].1).await,
        ended(orders[1].0, &orders[1].1).await,
    ];
    let [one, other] = orders;
    let [winner, loser] = match [states[0].as_str(), states[1].as_str()] {
        ["completed", "failed"] => [one, other],
        ["failed", "completed"] => [other, one],
        both => panic!("{both:?}"),
    };
    loser.0.until_failed(&loser.1, reason).await;
    [winner, loser]
}

/// Waits until an order has ended, and how.
async fn ended(buyer: &Person, order: &str) -> String {
    let state = async || buyer.read(order).await["state"].as_str().unwrap().to_owned();
    until("the order has ended", async || {
        ["completed", "failed"].contains(&state().await.as_str())
    })
    .await;
    state().await
}

/// Row 4.
async fn one_of_two_buyers_gets_the_last_seat_and_the_other_one_pays_nothing(bus: Bus) {
    let shop = Shop::open(bus).await;
    let (bo, cleo) = (shop.buyer("bo").await, shop.buyer("cleo").await);
    let (item, off) = (shop.item(2_500, Some(1)).await, shop.coupon(20, 10).await);
    let mut ready = Vec::new();
    for buyer in [&bo, &cleo] {
        let card = buyer.card(PAYS).await;
        ready.push((buyer.fill(&[(&item, 1)], Some(&off)).await, by_card(&card)));
    }
    let (one, other) = tokio::join!(
        bo.order(&ready[0].0, &ready[0].1),
        cleo.order(&ready[1].0, &ready[1].1)
    );
    let [(winner, _), (loser, lost)] = decided([(&bo, one), (&cleo, other)], "sold_out").await;
    assert_eq!((winner.owns(&item).await, loser.owns(&item).await), (1, 0));
    assert_eq!(shop.seats(&item).await, (1, 0));
    assert_eq!(shop.uses(&off).await, (0, 1), "the loser's use is free again");
    assert_eq!(
        loser.read(&lost).await["payment_id"],
        json!(null),
        "no payment was begun"
    );
    assert_eq!(loser.basket().await["lines"][0]["course_id"], item.id);

    // Ordering in spite of that hint fails for the missing seat, not for a changed price.
    until("the basket says that no seat is left", async || {
        loser.basket().await["lines"][0]["state"] == "sold_out"
    })
    .await;
    let again = by_card(&loser.card(PAYS).await);
    let again = loser.order(&loser.basket().await, &again).await;
    loser.until_failed(&again, "sold_out").await;
    shop.stop().await;
}

/// Row 5: the buyer got it while it was in the basket.
async fn what_the_buyer_owns_already_is_not_charged(bus: Bus) {
    let shop = Shop::open(bus).await;
    let bo = shop.buyer("bo").await;
    let course = shop.course(2_500).await;
    let card = bo.card(PAYS).await;
    let shown = bo.fill(&[(&course, 1)], None).await;
    let gift = json!({"user": bo.id().await, "item_id": course.id, "quantity": 1, "reason": "A prize"});
    let given = shop.admin().await.post("inventory/v1/grants", &gift).await;
    assert_eq!(given.status, 201, "{given:?}");
    let order = bo.order(&shown, &by_card(&card)).await;
    bo.until_failed(&order, "already_owned").await;
    assert_eq!(bo.read(&order).await["payment_id"], json!(null));
    assert_eq!(shop.processed().await, Vec::<String>::new());
    assert_eq!(bo.owns(&course).await, 1);
    shop.stop().await;
}

/// Row 5b.
async fn a_course_that_the_buyer_is_buying_already_is_refused_to_another_device(bus: Bus) {
    let shop = Shop::open(bus).await;
    let bo = shop.buyer("bo").await;
    let (course, more) = (shop.course(2_500).await, shop.item(900, Some(2)).await);
    let first = bo.order_that_waits(&[(&course, 1)], None).await;
    // The basket is what it was, as long as the order is not completed; with another line it is another order.
    let shown = bo.fill(&[(&more, 1)], None).await;
    let card = bo.card(PAYS).await;
    let second = bo.order(&shown, &by_card(&card)).await;
    assert_ne!(first, second);
    bo.until_failed(&second, "already_pending").await;
    assert_eq!(bo.read(&second).await["payment_id"], json!(null));
    assert_eq!(shop.seats(&more).await, (0, 0), "nothing of it is held");
    bo.approve(&first).await;
    bo.until_state(&first, "completed").await;
    assert_eq!((bo.owns(&course).await, bo.owns(&more).await), (1, 0));
    shop.stop().await;
}

/// Row 6: discount answers neither order before both are there.
async fn one_of_two_orders_gets_the_last_use_and_the_other_one_frees_its_seat(bus: Bus) {
    let shop = Shop::open(bus).await;
    let (bo, cleo) = (shop.buyer("bo").await, shop.buyer("cleo").await);
    let (item, off) = (shop.item(2_500, Some(5)).await, shop.coupon(20, 1).await);
    let mut ready = Vec::new();
    for buyer in [&bo, &cleo] {
        let card = buyer.card(PAYS).await;
        ready.push((buyer.fill(&[(&item, 1)], Some(&off)).await, by_card(&card)));
    }
    shop.break_down("discount", "BEFORE INSERT ON redemptions").await;
    let (one, other) = tokio::join!(
        bo.order(&ready[0].0, &ready[0].1),
        cleo.order(&ready[1].0, &ready[1].1)
    );
    shop.mend("discount").await;
    shop.advance(6 * SECOND).await;
    let [(winner, won), (loser, _)] = decided([(&bo, one), (&cleo, other)], "coupon_limit").await;
    assert_eq!(winner.read(&won).await["total"]["amount"], 2_000);
    assert_eq!((winner.owns(&item).await, loser.owns(&item).await), (1, 0));
    assert_eq!((shop.seats(&item).await, shop.uses(&off).await), ((1, 0), (0, 1)));
    shop.stop().await;
}

on_every_bus! {
    one_of_two_buyers_gets_the_last_seat_and_the_other_one_pays_nothing,
    what_the_buyer_owns_already_is_not_charged,
    a_course_that_the_buyer_is_buying_already_is_refused_to_another_device,
    one_of_two_orders_gets_the_last_use_and_the_other_one_frees_its_seat,
}

on_postgresql! {
    one_of_two_buyers_gets_the_last_seat_and_the_other_one_pays_nothing,
}
