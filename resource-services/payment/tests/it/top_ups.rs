//! Topping up a wallet from a card.

use serde_json::json;

use crate::harness::*;

async fn state(world: &World, top_up: &Answer) -> String {
    let read = world
        .get(format!("/payment/v1/payments/{}", top_up.id()))
        .by(&ada())
        .send()
        .await;
    read.json()["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_top_up_reaches_the_wallet_when_the_processor_has_taken_it() {
    for_each_engine("top_up", |world| async move {
        world.registered("ada").await;
        let card = world.card(&ada(), APPROVE).await;
        let asked = world.top_up(&ada(), &card, 5_000).send().await;
        assert_eq!(
            (asked.status, asked.json()["state"].as_str()),
            (202, Some("authorizing"))
        );
        assert_eq!(asked.header("location"), format!("../payments/{}", asked.id()));
        assert_eq!(world.credits("ada").await, (1_000, 0));
        world.work().await;
        assert_eq!(
            (state(&world, &asked).await.as_str(), world.credits("ada").await),
            ("captured", (6_000, 0))
        );
        world.work_for_a_minute().await;
        assert_eq!(world.credits("ada").await, (6_000, 0));
        let told = world.events().await.pop().unwrap();
        assert_eq!(told.r#type, "payment.wallet.changed.v1");
        assert_eq!((told.subject.as_str(), told.sequence.as_str()), ("ada", "2"));
        let (kind, balance) = (&told.data["kind"], &told.data["balance"]);
        assert_eq!(
            (kind, balance),
            (&json!("top_up"), &json!({"amount": 6_000, "currency": "EUR"}))
        );
    })
    .await;
}

#[tokio::test]
async fn a_repeated_top_up_charges_once() {
    for_each_engine("top_up_twice", |world| async move {
        let card = world.card(&ada(), APPROVE).await;
        let key = fresh_key();
        let ask = |amount: i64| {
            let body = json!({"amount": {"amount": amount, "currency": "EUR"}, "card_token": card});
            world
                .post("/payment/v1/wallet/topups")
                .by(&ada())
                .key(&key)
                .json(&body)
        };
        let (first, again) = (ask(5_000).send().await, ask(5_000).send().await);
        assert_eq!(
            (first.id(), again.header("idempotency-replayed")),
            (again.id(), "true")
        );
        assert_eq!(ask(6_000).send().await.verdict(), (422, "idempotency_key_reused"));
        world.work().await;
        assert_eq!(world.credits("ada").await, (5_000, 0));
        assert_eq!(world.processor_did().await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_declined_top_up_changes_nothing() {
    for_each_engine("top_up_declined", |world| async move {
        for number in [DECLINE, TIMEOUT_THEN_FAILURE, CAPTURE_FAILS] {
            let card = world.card(&ada(), number).await;
            let asked = world.top_up(&ada(), &card, 5_000).send().await;
            world.work_for_a_minute().await;
            let ended = state_later(&world, &asked).await;
            let expected = if number == CAPTURE_FAILS {
                "capture_failed"
            } else {
                "declined"
            };
            assert_eq!(ended, expected);
        }
        assert_eq!(world.credits("ada").await, (0, 0));
    })
    .await;
}

async fn state_later(world: &World, top_up: &Answer) -> String {
    let payment = latchkey_payment::store::payment(&world.context.db, &top_up.id()).await;
    payment.unwrap().unwrap().state.as_str().to_owned()
}

#[tokio::test]
async fn a_top_up_that_needs_its_buyer_waits_for_them() {
    for_each_engine("top_up_action", |world| async move {
        let card = world.card(&ada(), ACTION).await;
        let asked = world.top_up(&ada(), &card, 5_000).send().await;
        world.work().await;
        assert_eq!(state(&world, &asked).await, "action_required");
        let path = format!("/payment/v1/payments/{}/action", asked.id());
        let answered = world
            .post(path)
            .by(&ada())
            .json(&json!({"approve": true}))
            .send()
            .await;
        assert_eq!(answered.status, 202);
        world.work().await;
        assert_eq!(world.credits("ada").await, (5_000, 0));
    })
    .await;
}

#[tokio::test]
async fn a_wallet_takes_only_so_much() {
    for_each_engine("top_up_full", |world| async move {
        let user = fresh_key();
        world.registered(&user).await;
        let grant = |amount: i64| {
            let body = json!({"amount": {"amount": amount, "currency": "EUR"}, "reason": "For the test"});
            world
                .post(format!("/payment/v1/wallets/{user}/grants"))
                .key(&fresh_key())
                .json(&body)
        };
        for _ in 0..99 {
            let asked = grant(1_000_000).by(&admin()).send().await;
            let approve = format!("/payment/v1/grants/{}/approve", asked.id());
            let approved = world.post(approve).by(&administrator("second")).send().await;
            assert_eq!(approved.status, 200, "{}", approved.text);
        }
        let token = crate::harness::user(&user);
        let card = world.card(&token, APPROVE).await;
        let balance = world.credits(&user).await.0;
        assert_eq!(balance, 99_001_000);
        let most = grant(1_000_000).by(&admin()).send().await;
        assert_eq!(most.verdict(), (409, "wallet_full"));
        assert_eq!(world.top_up(&token, &card, 100_000).send().await.status, 202);
    })
    .await;
}

#[tokio::test]
async fn a_top_up_from_somebody_elses_card_is_refused() {
    for_each_engine("top_up_foreign", |world| async move {
        let card = world.card(&ada(), APPROVE).await;
        let foreign = world.top_up(&bob(), &card, 5_000).send().await;
        let missing = world.top_up(&bob(), &fresh_key(), 5_000).send().await;
        assert_eq!(foreign.verdict(), (422, "invalid_content"));
        assert_eq!(foreign.anonymous_body(), missing.anonymous_body());
        world.work().await;
        assert!(world.processor_did().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_wallet_and_its_entries_are_read_by_their_owner() {
    for_each_engine("wallet_read", |world| async move {
        let nothing = world.get("/payment/v1/wallet").by(&ada()).send().await;
        assert_eq!(nothing.json()["balance"], json!({"amount": 0, "currency": "EUR"}));
        world.registered("ada").await;
        let order = world.order();
        order.authorize("ada", 700, None).await;
        let wallet = world.get("/payment/v1/wallet").by(&ada()).send().await;
        assert_eq!(wallet.json()["available"]["amount"], 300);
        assert_eq!(
            (wallet.json()["held"]["amount"].as_i64(), wallet.version()),
            (Some(700), 2)
        );
        let page = world
            .get("/payment/v1/wallet/entries?limit=1")
            .by(&ada())
            .send()
            .await;
        assert_eq!(
            (page.items().len(), page.items()[0]["kind"].as_str()),
            (1, Some("hold"))
        );
        assert_eq!(page.items()[0]["order_id"], json!(order.id));
        let cursor = page.json()["next_cursor"].as_str().unwrap().to_owned();
        let path = format!("/payment/v1/wallet/entries?limit=1&cursor={cursor}");
        let last = world.get(&path).by(&ada()).send().await;
        assert_eq!(
            (last.items()[0]["kind"].as_str(), &last.json()["next_cursor"]),
            (Some("grant"), &json!(null))
        );
        let bobs = world.get(&path).by(&bob()).send().await;
        assert!(bobs.items().is_empty());
    })
    .await;
}
