//! Credits that administrators give.

use serde_json::json;

use crate::harness::*;

fn grant(world: &World, user: &str, amount: i64) -> Ask {
    let body = json!({"amount": {"amount": amount, "currency": "EUR"}, "reason": "A broken course"});
    world
        .post(format!("/payment/v1/wallets/{user}/grants"))
        .key(&fresh_key())
        .json(&body)
}

#[tokio::test]
async fn a_small_grant_is_in_the_wallet_at_once_and_on_the_record() {
    for_each_engine("grant", |world| async move {
        let user = fresh_key();
        world.registered(&user).await;
        let given = grant(&world, &user, 10_000).by(&admin()).send().await;
        assert_eq!(
            (given.status, given.json()["state"].as_str()),
            (201, Some("granted"))
        );
        assert_eq!(world.credits(&user).await, (11_000, 0));
        let list = world.get("/payment/v1/grants").by(&admin()).send().await;
        let record = &list.items()[0];
        assert_eq!(
            (record["requested_by"].as_str(), record["reason"].as_str()),
            (Some("root"), Some("A broken course"))
        );
        let approve = format!("/payment/v1/grants/{}/approve", given.id());
        let again = world.post(approve).by(&administrator("second")).send().await;
        assert_eq!(again.verdict(), (409, "grant_decided"));
        assert_eq!(world.credits(&user).await, (11_000, 0));
    })
    .await;
}

#[tokio::test]
async fn a_large_grant_waits_for_another_administrator() {
    for_each_engine("large_grant", |world| async move {
        let user = fresh_key();
        world.registered(&user).await;
        let asked = grant(&world, &user, 10_001).by(&admin()).send().await;
        assert_eq!((asked.status, world.credits(&user).await), (202, (1_000, 0)));
        let approve = format!("/payment/v1/grants/{}/approve", asked.id());
        let own = world.post(&approve).by(&admin()).send().await;
        assert_eq!(own.verdict(), (409, "same_administrator"));
        let other = world.post(&approve).by(&administrator("second")).send().await;
        assert_eq!(
            (other.status, other.json()["approved_by"].as_str()),
            (200, Some("second"))
        );
        assert_eq!(world.credits(&user).await, (11_001, 0));
        let third = world.post(&approve).by(&administrator("third")).send().await;
        assert_eq!(
            (third.verdict(), world.credits(&user).await.0),
            ((409, "grant_decided"), 11_001)
        );
    })
    .await;
}

#[tokio::test]
async fn a_repeated_grant_is_given_once() {
    for_each_engine("grant_twice", |world| async move {
        let user = fresh_key();
        world.registered(&user).await;
        let ask = grant(&world, &user, 500).by(&admin());
        let (first, again) = (ask.clone().send().await, ask.send().await);
        assert_eq!(
            (first.id(), again.header("idempotency-replayed")),
            (again.id(), "true")
        );
        assert_eq!(world.credits(&user).await, (1_500, 0));
    })
    .await;
}

#[tokio::test]
async fn there_is_no_grant_for_nobody_or_for_an_erased_user() {
    for_each_engine("grant_nobody", |world| async move {
        let nobody = grant(&world, &fresh_key(), 500).by(&admin()).send().await;
        assert_eq!(nobody.verdict(), (404, "not_found"));
        let user = fresh_key();
        world.registered(&user).await;
        let pending = grant(&world, &user, 20_000).by(&admin()).send().await;
        world.erased(&user).await;
        let erased = grant(&world, &user, 500).by(&admin()).send().await;
        assert_eq!(erased.verdict(), (409, "wallet_closed"));
        let approve = format!("/payment/v1/grants/{}/approve", pending.id());
        let late = world.post(approve).by(&administrator("second")).send().await;
        assert_eq!(late.verdict(), (409, "wallet_closed"));
        assert_eq!(world.credits(&user).await, (0, 0));
    })
    .await;
}
