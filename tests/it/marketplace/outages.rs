//! Rows 15 to 18, 22, 27 and 28: somebody whom an order needs is away.

use latchkey::config::Role;
use latchkey_db::{Db, Options};
use serde_json::{Value, json};

use super::world::{MINUTE, PAYS, SECOND, by_card};
use super::{Bus, Shop, on_every_bus};
use crate::harness::{lines, until};

/// Row 15. That a reservation is refused which comes after its release is shown by
/// `resource-services/inventory/tests/it/orders.rs`: the bus keeps the order of both.
async fn without_inventory_an_order_fails_at_its_deadline_once_all_is_free(bus: Bus) {
    let shop = Shop::without(bus, "inventory").await;
    let inventory = shop.start("inventory").await;
    let bo = shop.buyer("bo").await;
    let (item, off) = (shop.item(2_500, Some(1)).await, shop.coupon(20, 1).await);
    let card = bo.card(PAYS).await;
    let shown = bo.fill(&[(&item, 1)], Some(&off)).await;
    inventory.stop().await;

    let order = bo.order(&shown, &by_card(&card)).await;
    shop.advance(29 * SECOND).await;
    assert_eq!(bo.read(&order).await["state"], "submitted");
    shop.advance(SECOND).await;
    let given_up = bo.until_state(&order, "compensating").await;
    assert_eq!(given_up["reason"], "reservation_timeout", "{given_up}");
    until("the coupon is free again", async || {
        shop.uses(&off).await == (0, 0)
    })
    .await;
    assert_eq!(
        bo.read(&order).await["state"],
        "compensating",
        "seats may be held"
    );

    let inventory = shop.start("inventory").await;
    bo.until_failed(&order, "reservation_timeout").await;
    assert_eq!((shop.seats(&item).await, bo.owns(&item).await), ((0, 0), 0));
    assert_eq!(shop.processed().await, Vec::<String>::new());
    inventory.stop().await;
    shop.stop().await;
}

/// Row 16.
async fn a_paid_order_waits_for_inventory_and_then_gives_access(bus: Bus) {
    let shop = Shop::without(bus, "inventory").await;
    let inventory = shop.start("inventory").await;
    let bo = shop.buyer("bo").await;
    let item = shop.item(2_500, Some(1)).await;
    let order = bo.order_that_waits(&[(&item, 1)], None).await;
    inventory.stop().await;

    bo.approve(&order).await;
    bo.until_state(&order, "paid").await;
    shop.advance(3 * MINUTE).await;
    shop.until_alerted(&order).await;
    let paid = bo.read(&order).await;
    assert_eq!(
        (&paid["state"], &paid["cancellable"]),
        (&json!("paid"), &json!(false))
    );
    assert_eq!(paid["paid"]["card"]["amount"], 2_500, "{paid}");

    let inventory = shop.start("inventory").await;
    bo.until_state(&order, "completed").await;
    assert_eq!((shop.seats(&item).await, bo.owns(&item).await), ((1, 0), 1));
    assert_eq!(shop.saga(&order).await["alerted_at"], Value::Null);
    inventory.stop().await;
    shop.stop().await;
}

/// Row 17.
async fn a_paid_order_gives_access_before_discount_is_back(bus: Bus) {
    let shop = Shop::without(bus, "discount").await;
    let discount = shop.start("discount").await;
    let bo = shop.buyer("bo").await;
    let (item, off) = (shop.item(2_500, Some(1)).await, shop.coupon(20, 1).await);
    let order = bo.order_that_waits(&[(&item, 1)], Some(&off)).await;
    assert_eq!(shop.uses(&off).await, (1, 0));
    discount.stop().await;

    bo.approve(&order).await;
    until("access is given", async || bo.owns(&item).await == 1).await;
    until("the order knows", async || {
        shop.saga(&order).await["seats"] == "settled"
    })
    .await;
    assert_eq!(
        bo.read(&order).await["state"],
        "paid",
        "as long as the use is not committed"
    );

    let discount = shop.start("discount").await;
    bo.until_state(&order, "completed").await;
    assert_eq!((shop.seats(&item).await, shop.uses(&off).await), ((1, 0), (0, 1)));
    discount.stop().await;
    shop.stop().await;
}

/// Row 18.
async fn an_order_is_completed_without_billing_and_has_its_invoice_later(bus: Bus) {
    let shop = Shop::without(bus, "billing").await;
    let item = shop.item(2_500, Some(2)).await;
    let mut orders = Vec::new();
    for name in ["bo", "cleo"] {
        let buyer = shop.buyer(name).await;
        let card = buyer.card(PAYS).await;
        let shown = buyer.fill(&[(&item, 1)], None).await;
        let order = buyer.order(&shown, &by_card(&card)).await;
        buyer.until_state(&order, "completed").await;
        assert_eq!(buyer.owns(&item).await, 1);
        orders.push((buyer, order));
    }
    assert_eq!(shop.seats(&item).await, (2, 0));

    let billing = shop.start("billing").await;
    let mut numbers = Vec::new();
    for (buyer, order) in &orders {
        let path = format!("billing/v1/invoices/{}", buyer.invoice(order).await);
        let invoice = buyer.get(&path).await.json();
        numbers.push(invoice["number"].as_str().expect("a number").to_owned());
    }
    numbers.sort();
    let year = &numbers[0][4..8];
    assert_eq!(
        numbers,
        [format!("INV-{year}-000001"), format!("INV-{year}-000002")]
    );
    until("the books agree with orders and payment", async || {
        shop.admin().await.get("billing/v1/reconcile").await.json()["clean"] == true
    })
    .await;
    billing.stop().await;
    shop.stop().await;
}

/// Row 22.
async fn an_order_is_not_called_cancelled_before_it_is_undone(bus: Bus) {
    let shop = Shop::without(bus, "inventory").await;
    let inventory = shop.start("inventory").await;
    let bo = shop.buyer("bo").await;
    let item = shop.item(2_500, Some(1)).await;
    let order = bo.order_that_waits(&[(&item, 1)], None).await;
    inventory.stop().await;

    assert_eq!(bo.cancel(&order).await.status, 202);
    until("the money is free again", async || {
        shop.saga(&order).await["payment"] == "undone"
    })
    .await;
    for _ in 0..3 {
        shop.advance(2 * MINUTE).await;
        assert_eq!(bo.read(&order).await["state"], "compensating");
    }
    shop.until_alerted(&order).await;
    let retry = format!("order/v1/orders/{order}/saga/retry");
    let retried = shop.admin().await.post(&retry, &json!({})).await;
    assert_eq!(retried.status, 200, "{retried:?}");
    let retried = retried.json();
    assert_eq!(retried["state"], "compensating", "{retried}");
    let last = retried["log"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["cause"], &last["data"]["commands"]),
        (&json!("admin.retry"), &json!(["inventory-release"]))
    );

    let inventory = shop.start("inventory").await;
    bo.until_state(&order, "cancelled").await;
    assert_eq!((shop.seats(&item).await, bo.owns(&item).await), ((0, 0), 0));
    inventory.stop().await;
    shop.stop().await;
}

/// Row 27: inventory fails at a command so often that the bus parks it. Orders are away meanwhile: they would send it
/// again, and that alone would resume. The pauses of a broker are not ours to shorten; the conformance suite of the bus
/// parks and redrives there.
#[tokio::test]
async fn a_parked_command_shows_as_an_alert_and_a_redrive_resumes() {
    let shop = Shop::without(Bus::SqlLog, "order").await;
    let orders = shop.start("order").await;
    let bo = shop.buyer("bo").await;
    let item = shop.item(2_500, Some(1)).await;
    let order = bo.order_that_waits(&[(&item, 1)], None).await;
    shop.break_down("inventory", "BEFORE INSERT ON owned_items").await;
    bo.approve(&order).await;
    bo.until_state(&order, "paid").await;
    orders.stop().await;

    let events = Db::open(shop.server.bus(), Options::new(&[])).await.unwrap();
    let tried = "SELECT CAST(attempts AS TEXT) AS line FROM bus_failed WHERE consumer = 'inventory.commands'";
    for (round, pause) in (1..).zip([5, 30, 120, 600, 3_600]) {
        let attempts = (4 * round).to_string();
        until("a round of attempts has failed", async || {
            lines(&events, tried).await == [attempts.as_str()]
        })
        .await;
        shop.advance(pause * SECOND).await;
    }
    events.close().await;
    let bus = &shop.server.running().bus;
    until("it is parked", async || !bus.parked().await.unwrap().is_empty()).await;
    let orders = shop.start("order").await;
    shop.until_alerted(&order).await;
    assert_eq!(
        (bo.read(&order).await["state"].clone(), bo.owns(&item).await),
        (json!("paid"), 0)
    );

    shop.mend("inventory").await;
    let parked = bus.parked().await.unwrap();
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert!(
        parked[0].r#type.starts_with("order.command.inventory-confirm"),
        "{parked:?}"
    );
    assert!(
        bus.redrive(&parked[0].consumer, &parked[0].event_id)
            .await
            .unwrap()
    );
    bo.until_state(&order, "completed").await;
    assert_eq!((shop.seats(&item).await, bo.owns(&item).await), ((1, 0), 1));
    orders.stop().await;
    shop.stop().await;
}

/// Row 28: inventory comes back from a backup in which it holds seats for orders that have ended since. It asks, and
/// they answer by what was decided. That a hold is asked about after half an hour and never freed alone is shown by
/// `resource-services/inventory/tests/it/stale.rs`. What is put back is a file of SQLite, so this is for one bus alone.
#[tokio::test]
async fn a_hold_that_inventory_finds_again_is_ended_by_its_order() {
    let shop = Shop::without(Bus::SqlLog, "inventory").await;
    let inventory = shop.start("inventory").await;
    let (bo, cleo) = (shop.buyer("bo").await, shop.buyer("cleo").await);
    let item = shop.item(2_500, Some(2)).await;
    let given_up = bo.order_that_waits(&[(&item, 1)], None).await;
    let paid = cleo.order_that_waits(&[(&item, 1)], None).await;
    assert_eq!(shop.seats(&item).await, (0, 2));
    inventory.stop().await;
    let file = shop.server.database(Role::Service("inventory"));
    let file = std::path::PathBuf::from(file.strip_prefix("sqlite:").unwrap());
    let backup = file.with_extension("backup");
    std::fs::copy(&file, &backup).unwrap();

    let inventory = shop.start("inventory").await;
    assert_eq!(bo.cancel(&given_up).await.status, 202);
    cleo.approve(&paid).await;
    bo.until_state(&given_up, "cancelled").await;
    cleo.until_state(&paid, "completed").await;
    assert_eq!(shop.seats(&item).await, (1, 0));
    inventory.stop().await;
    std::fs::copy(&backup, &file).unwrap();
    for beside in ["db-wal", "db-shm"] {
        let _absent = std::fs::remove_file(file.with_extension(beside));
    }

    shop.advance(31 * MINUTE).await;
    let inventory = shop.start("inventory").await;
    until("both holds have ended", async || {
        shop.seats(&item).await == (1, 0)
    })
    .await;
    assert_eq!((bo.owns(&item).await, cleo.owns(&item).await), (0, 1));
    for (order, state, command) in [
        (&given_up, "cancelled", "inventory-release"),
        (&paid, "completed", "inventory-confirm"),
    ] {
        let saga = shop.saga(order).await;
        let last = saga["log"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(
            (&saga["state"], &last["cause"]),
            (&json!(state), &json!("inventory.stale"))
        );
        assert_eq!(last["data"]["commands"], json!([command]));
    }
    inventory.stop().await;
    shop.stop().await;
}

on_every_bus! {
    without_inventory_an_order_fails_at_its_deadline_once_all_is_free,
    a_paid_order_waits_for_inventory_and_then_gives_access,
    a_paid_order_gives_access_before_discount_is_back,
    an_order_is_completed_without_billing_and_has_its_invoice_later,
    an_order_is_not_called_cancelled_before_it_is_undone,
}
