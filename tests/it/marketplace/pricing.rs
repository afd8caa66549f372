//! Rows 1, 2 and 3: what is ordered is what was shown, once.

use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};

use super::world::{MUST_CONFIRM, PAYS, WELCOME, by_both, by_card, coupon, key};
use super::{Bus, Shop, on_every_bus, on_postgresql};

/// Row 1.
async fn a_basket_that_changed_since_it_was_shown_is_not_ordered(bus: Bus) {
    let shop = Shop::open(bus).await;
    let bo = shop.buyer("bo").await;
    let (one, other) = (shop.item(2_500, Some(3)).await, shop.item(900, Some(3)).await);
    let card = bo.card(PAYS).await;
    let shown = bo.fill(&[(&one, 1)], None).await;
    bo.fill(&[(&other, 2)], None).await;
    let refused = bo.submit(&shown, &by_card(&card)).await;
    assert_eq!(refused.verdict(), (409, "basket_changed"), "{refused:?}");
    assert_eq!(bo.orders().await, Vec::<Value>::new());
    for item in [&one, &other] {
        assert_eq!(shop.seats(item).await, (0, 0));
    }
    shop.stop().await;
}

/// Row 2.
async fn a_price_that_changed_since_it_was_shown_comes_back_as_a_quote(bus: Bus) {
    let shop = Shop::open(bus).await;
    let bo = shop.buyer("bo").await;
    let (item, off) = (shop.item(2_500, Some(3)).await, shop.coupon(20, 10).await);
    let by_card = by_card(&bo.card(PAYS).await);
    let shown = bo.fill(&[(&item, 1)], Some(&off)).await;
    assert_eq!(shown["total"]["amount"], 2_000, "{shown}");

    shop.edit(&item, json!({"price": {"amount": 3_000, "currency": "EUR"}}))
        .await;
    let refused = bo.submit(&shown, &by_card).await;
    assert_eq!(refused.verdict(), (409, "price_changed"), "{refused:?}");
    let quote = refused.json()["quote"].clone();
    assert_eq!(quote["total"]["amount"], 2_400, "{quote}");

    let path = format!("discount/v1/coupons/{}", off.id);
    let admin = shop.admin().await;
    let tag = admin.get(&path).await.header("etag").to_owned();
    let less = coupon(&off.code, 10, 10);
    let changed = admin.change(Method::PUT, &path, &tag, Some(&less)).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let shown = json!({"version": quote["basket_version"], "total": quote["total"]});
    let refused = bo.submit(&shown, &by_card).await;
    assert_eq!(refused.verdict(), (409, "price_changed"), "{refused:?}");
    let quote = refused.json()["quote"].clone();
    assert_eq!(quote["total"]["amount"], 2_700, "{quote}");
    assert_eq!(bo.orders().await, Vec::<Value>::new());
    assert_eq!((shop.seats(&item).await, shop.uses(&off).await), ((0, 0), (0, 0)));

    let shown = json!({"version": quote["basket_version"], "total": quote["total"]});
    let order = bo.order(&shown, &by_card).await;
    let completed = bo.until_state(&order, "completed").await;
    assert_eq!(completed["total"]["amount"], 2_700, "the quote can be ordered");
    shop.stop().await;
}

/// Row 3: the buyer confirms only when all requests are answered, so that the basket stays what it was.
async fn a_double_click_two_tabs_and_a_retry_are_one_order_and_one_charge(bus: Bus) {
    let shop = Shop::open(bus).await;
    let bo = shop.buyer("bo").await;
    bo.until_welcome().await;
    let item = shop.item(2_500, Some(5)).await;
    let pay = by_both(&bo.card(MUST_CONFIRM).await);
    let (shown, [one, other]) = (bo.fill(&[(&item, 1)], None).await, [key(), key()]);
    let submit = async |key: &str| bo.submit_as(key, &shown, &pay).await;
    let (first, double, tab) = tokio::join!(submit(&one), submit(&one), submit(&other));
    let retried = submit(&one).await;
    assert_eq!(first.status, 202, "{first:?}");
    let order = first.json()["id"].as_str().unwrap().to_owned();
    bo.until_state(&order, "action_required").await;
    bo.approve(&order).await;
    bo.until_state(&order, "completed").await;
    let after_its_end = submit(&one).await;
    for answer in [&double, &tab, &retried, &after_its_end] {
        assert_eq!(
            (answer.status, &answer.json()["id"]),
            (202, &json!(order)),
            "{answer:?}"
        );
    }
    assert_eq!(bo.orders().await.len(), 1);
    let charges = [bo.entries().await, vec![("capture".to_owned(), WELCOME)]];
    let captured = |(kind, _): &&(String, i64)| kind == "capture";
    assert!(
        charges[0].iter().filter(captured).eq(charges[1].iter()),
        "{charges:?}"
    );
    let processed = shop.processed().await;
    let captures = processed.iter().filter(|kind| *kind == "capture").count();
    assert_eq!((captures, bo.wallet().await), (1, (0, 0)));
    assert_eq!((shop.seats(&item).await, bo.owns(&item).await), ((1, 0), 1));
    shop.stop().await;
}

/// Row 3, fifty ways: five keys, each sent ten times at once.
async fn fifty_requests_at_once_are_one_order_and_one_charge(bus: Bus) {
    let shop = Shop::open(bus).await;
    let bo = shop.buyer("bo").await;
    let item = shop.item(2_500, Some(50)).await;
    let pay = by_card(&bo.card(MUST_CONFIRM).await);
    let shown = bo.fill(&[(&item, 1)], None).await;
    let keys: Vec<String> = (0..5).map(|_| key()).collect();
    let asks = keys
        .iter()
        .cycle()
        .take(50)
        .map(|key| bo.submit_as(key, &shown, &pay));
    let answers = join_all(asks).await;
    let order = answers[0].json()["id"].as_str().unwrap().to_owned();
    for answer in &answers {
        assert_eq!(
            (answer.status, &answer.json()["id"]),
            (202, &json!(order)),
            "{answer:?}"
        );
    }
    bo.until_state(&order, "action_required").await;
    bo.approve(&order).await;
    bo.until_state(&order, "completed").await;
    assert_eq!(bo.orders().await.len(), 1);
    let processed = shop.processed().await;
    let captures = processed.iter().filter(|kind| *kind == "capture").count();
    assert_eq!(captures, 1, "{processed:?}");
    assert_eq!((shop.seats(&item).await, bo.owns(&item).await), ((1, 0), 1));
    shop.stop().await;
}

on_every_bus! {
    a_basket_that_changed_since_it_was_shown_is_not_ordered,
    a_price_that_changed_since_it_was_shown_comes_back_as_a_quote,
    a_double_click_two_tabs_and_a_retry_are_one_order_and_one_charge,
    fifty_requests_at_once_are_one_order_and_one_charge,
}

on_postgresql! {
    a_double_click_two_tabs_and_a_retry_are_one_order_and_one_charge,
    fifty_requests_at_once_are_one_order_and_one_charge,
}
