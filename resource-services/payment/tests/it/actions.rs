//! Payments that their buyer must confirm.

use serde_json::json;

use crate::harness::*;

/// An order that waits for ada, and the path of her answer.
async fn waiting(world: &World) -> (Order, String) {
    world.registered("ada").await;
    let card = world.card(&ada(), ACTION).await;
    let order = world.order();
    order.authorize("ada", 4_900, Some(&card)).await;
    world.work().await;
    assert_eq!(order.answers().await, ["intent.action-required a1"]);
    let path = format!("/payment/v1/payments/{}/action", order.payment().await.id);
    (order, path)
}

fn answer(world: &World, path: &str, who: &str, approve: bool) -> Ask {
    world.post(path).by(who).json(&json!({"approve": approve}))
}

#[tokio::test]
async fn an_approved_action_authorizes_the_payment() {
    for_each_engine("approve", |world| async move {
        let (order, path) = waiting(&world).await;
        assert_eq!(order.last().await["expires_at"], "2026-11-20T12:15:00.000Z");
        let first = answer(&world, &path, &ada(), true).send().await;
        assert_eq!(
            (first.status, first.json()["state"].as_str()),
            (202, Some("action_required"))
        );
        // The same answer again is no contradiction; another one is.
        assert_eq!(answer(&world, &path, &ada(), true).send().await.status, 202);
        let other = answer(&world, &path, &ada(), false).send().await;
        assert_eq!(other.verdict(), (409, "not_awaiting_action"));
        world.work().await;
        assert_eq!(
            order.answers().await,
            ["intent.action-required a1", "intent.authorized a1"]
        );
        order.authorize("ada", 4_900, None).await;
        assert_eq!(order.answers().await.last().unwrap(), "intent.authorized a1");
        order.capture("c1").await;
        world.work().await;
        assert_eq!(
            (order.state().await.as_str(), world.credits("ada").await),
            ("captured", (0, 0))
        );
    })
    .await;
}

#[tokio::test]
async fn a_denied_action_declines_the_payment() {
    for_each_engine("deny", |world| async move {
        let (order, path) = waiting(&world).await;
        assert_eq!(answer(&world, &path, &ada(), false).send().await.status, 202);
        world.work().await;
        assert_eq!(order.last().await["reason"], "action_denied");
        assert_eq!(
            (order.state().await.as_str(), world.credits("ada").await),
            ("declined", (1_000, 0))
        );
        let late = answer(&world, &path, &ada(), true).send().await;
        assert_eq!(late.verdict(), (409, "not_awaiting_action"));
    })
    .await;
}

#[tokio::test]
async fn an_action_that_nobody_answers_is_over_after_fifteen_minutes() {
    for_each_engine("abandon", |world| async move {
        let (order, path) = waiting(&world).await;
        world.clock.advance(15 * 60_000 - 1);
        world.work().await;
        assert_eq!(order.state().await, "action_required");
        world.clock.advance(1);
        world.work().await;
        assert_eq!(order.last().await["reason"], "action_abandoned");
        assert_eq!(world.credits("ada").await, (1_000, 0));
        let late = answer(&world, &path, &ada_after(&world), true).send().await;
        assert_eq!(late.verdict(), (409, "not_awaiting_action"));
    })
    .await;
}

/// Ada's token, fifteen minutes later.
fn ada_after(world: &World) -> String {
    let now = world.clock.now_ms() / 1_000;
    let claims = latchkey_testkit::service::person(world.spec, "ada", "payment.write", &[]);
    token(&latchkey_testkit::mint::with(
        claims,
        &json!({"iat": now, "exp": now + 300}),
    ))
}

#[tokio::test]
async fn a_void_ends_the_wait_and_a_late_approval_changes_nothing() {
    for_each_engine("void_action", |world| async move {
        let (order, path) = waiting(&world).await;
        order.void("v1").await;
        let late = answer(&world, &path, &ada(), true).send().await;
        assert_eq!(late.verdict(), (409, "not_awaiting_action"));
        world.work_for_a_minute().await;
        assert_eq!(
            order.answers().await,
            ["intent.action-required a1", "intent.voided v1"]
        );
        assert_eq!(world.credits("ada").await, (1_000, 0));
    })
    .await;
}

#[tokio::test]
async fn a_void_after_an_unheard_approval_releases_what_was_never_held() {
    for_each_engine("void_approved", |world| async move {
        let (order, path) = waiting(&world).await;
        assert_eq!(answer(&world, &path, &ada(), true).send().await.status, 202);
        order.void("v1").await;
        world.work_for_a_minute().await;
        assert_eq!(order.answers().await.last().unwrap(), "intent.voided v1");
        let did: Vec<_> = world
            .processor_did()
            .await
            .into_iter()
            .map(|(kind, _)| kind)
            .collect();
        assert_eq!(did, ["authorize", "void"]);
        assert_eq!(world.credits("ada").await, (1_000, 0));
    })
    .await;
}

#[tokio::test]
async fn only_the_buyer_answers_and_nobody_else_learns_of_the_payment() {
    for_each_engine("whose_action", |world| async move {
        let (order, path) = waiting(&world).await;
        let before = world.rows().await;
        let read = path.trim_end_matches("/action").to_owned();
        let foreign = world.get(&read).by(&bob()).send().await;
        let missing = world
            .get(format!("/payment/v1/payments/{}", fresh_key()))
            .by(&bob())
            .send()
            .await;
        assert_eq!(foreign.anonymous_body(), missing.anonymous_body());
        assert_eq!(
            answer(&world, &path, &bob(), true).send().await.verdict(),
            (404, "not_found")
        );
        // An administrator sees it, and still does not pay with somebody's card.
        assert_eq!(world.get(&read).by(&admin()).send().await.status, 200);
        assert_eq!(
            answer(&world, &path, &admin(), true).send().await.verdict(),
            (404, "not_found")
        );
        assert_eq!(world.rows().await, before);
        assert_eq!(order.state().await, "action_required");
        let seen = world.get(&read).by(&ada()).send().await;
        assert_eq!(seen.header("cache-control"), "no-store");
        assert_eq!(seen.json()["card"], json!({"brand": "visa", "last4": "3155"}));
    })
    .await;
}

#[tokio::test]
async fn a_payment_that_waits_for_nobody_takes_no_answer() {
    for_each_engine("no_action", |world| async move {
        world.registered("ada").await;
        let order = world.order();
        order.authorize("ada", 100, None).await;
        let path = format!("/payment/v1/payments/{}/action", order.payment().await.id);
        let refused = answer(&world, &path, &ada(), true).send().await;
        assert_eq!(refused.verdict(), (409, "not_awaiting_action"));
    })
    .await;
}
