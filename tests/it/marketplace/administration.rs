//! The administrator's pages over the real services: a stuck order is asked again, and credits are given once.

use serde_json::json;

use super::{Bus, Shop, on_every_bus};
use crate::harness::{Browser, Seen, until};
use crate::shop::sign_in;

const MINUTE: i64 = super::world::MINUTE;

async fn a_stuck_order_is_mended_from_the_pages_of_an_administrator(bus: Bus) {
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

    let base = shop.server.running().urls.shop.clone().expect("the edge is up");
    let open = async |browser: &Browser, path: &str| browser.open(&format!("{base}{path}"), "").await;
    let root = Browser::new();
    let overview = sign_in(&shop.server, &root, "admin", "/admin").await;
    assert_eq!(overview.url.path(), "/admin", "{}", overview.answer.text);
    assert_eq!(overview.text("#figures strong"), "1", "{}", overview.answer.text);
    let stuck = open(&root, "/admin/orders?show=alerted").await;
    assert!(stuck.has(&format!("a[href='/admin/orders/{order}']")));
    let saga = open(&root, &format!("/admin/orders/{order}")).await;
    assert!(saga.has("#alert") && saga.has("#retry") && saga.has("#resolve"));
    assert!(
        saga.text("#timeline").contains("Payment taken"),
        "{}",
        saga.answer.text
    );

    // To buyers and instructors there are no such pages, and their forms do nothing.
    for who in ["alice", "ines"] {
        let stranger = Browser::new();
        let seen = sign_in(&shop.server, &stranger, who, "/orders").await;
        assert!(!seen.has(".menu a[href='/admin']"));
        for path in [
            "/admin",
            "/admin/orders",
            &format!("/admin/orders/{order}"),
            "/admin/grants",
        ] {
            assert_eq!(open(&stranger, path).await.answer.status, 404, "{who}: {path}");
        }
        let token = seen.form("#sign-out").pairs.remove(0).1;
        let retry = format!("{base}/admin/orders/{order}/retry");
        let refused = stranger.post(&retry, &base, &[("token", &token)]).await;
        assert_eq!(refused.answer.status, 404, "{who}");
    }

    let forged = root
        .post(
            &format!("{base}/admin/orders/{order}/retry"),
            &base,
            &[("token", "x")],
        )
        .await;
    assert_eq!(forged.answer.status, 403);
    let noted = root
        .press(&saga, "#resolve", &[("note", "Inventory is being repaired")])
        .await;
    let noted = root.follow(noted, "").await;
    assert!(!noted.has("#alert"), "{}", noted.answer.text);
    assert!(noted.text("#timeline").contains("Inventory is being repaired"));
    let retried = root.press(&noted, "#retry", &[]).await;
    assert_eq!(retried.answer.status, 303, "{}", retried.answer.text);
    let last = shop.saga(&order).await["log"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    assert_eq!(
        (&last["cause"], &last["data"]["commands"]),
        (&json!("admin.retry"), &json!(["inventory-confirm"]))
    );

    let inventory = shop.start("inventory").await;
    bo.until_state(&order, "completed").await;
    until("the page says so", async || {
        open(&root, &format!("/admin/orders/{order}"))
            .await
            .text("#state")
            == "Completed"
    })
    .await;

    // One form is one grant, however often it is sent.
    let before = credits(&bo).await;
    let user = shop.saga(&order).await["buyer_id"].as_str().unwrap().to_owned();
    let grants = open(&root, &format!("/admin/grants?user={user}")).await;
    let fields = [("amount", "12,50"), ("reason", "For the long wait")];
    for _ in 0..2 {
        let given = root.press(&grants, "#give-credits", &fields).await;
        assert_eq!(
            given.location().unwrap().query(),
            Some("done=granted"),
            "{}",
            given.answer.text
        );
    }
    assert_eq!(credits(&bo).await, before + 1_250);
    // A large one waits for another administrator, and its own author has no button for it.
    let grants: Seen = open(&root, &format!("/admin/grants?user={user}")).await;
    let large = root
        .press(
            &grants,
            "#give-credits",
            &[("amount", "200"), ("reason", "For the long wait")],
        )
        .await;
    assert_eq!(large.location().unwrap().query(), Some("done=pending"));
    let list = open(&root, "/admin/grants").await;
    assert!(
        list.has("#grants .badge-warning") && !list.has("#grants form"),
        "{}",
        list.answer.text
    );
    assert_eq!(credits(&bo).await, before + 1_250);
    inventory.stop().await;
    shop.stop().await;
}

async fn credits(person: &super::Person) -> i64 {
    let wallet = person.get("payment/v1/wallet").await;
    wallet.json()["balance"]["amount"].as_i64().expect("a balance")
}

on_every_bus! {
    a_stuck_order_is_mended_from_the_pages_of_an_administrator,
}
