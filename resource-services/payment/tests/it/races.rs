//! Fifty at once, on both engines.

use futures::future::join_all;
use latchkey_db::sql;
use latchkey_payment::worker;
use serde_json::json;

use crate::harness::*;

const MANY: usize = 50;

/// Balance, held part, and the sums of the entries agree.
async fn is_consistent(world: &World, user: &str) {
    let (balance, held) = world.credits(user).await;
    let (mut in_it, mut of_it_held) = (0, 0);
    for (kind, amount) in world.entries(user).await {
        match kind.as_str() {
            "grant" | "top_up" | "refund" => in_it += amount,
            "write_off" => in_it -= amount,
            "hold" => of_it_held += amount,
            "release" => of_it_held -= amount,
            "capture" => {
                in_it -= amount;
                of_it_held -= amount;
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!((balance, held), (in_it, of_it_held));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wallet_pays_no_more_orders_than_it_can() {
    for_each_engine("race_wallet", |world| async move {
        world.registered("ada").await;
        let orders: Vec<Order> = (0..MANY).map(|_| world.order()).collect();
        join_all(orders.iter().map(|order| order.authorize("ada", 300, None))).await;
        let mut paid = 0;
        for order in &orders {
            match order.answers().await.as_slice() {
                [one] if one == "intent.authorized a1" => paid += 1,
                [one] => assert_eq!(one, "intent.declined a1"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((paid, world.credits("ada").await), (3, (1_000, 900)));
        is_consistent(&world, "ada").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_order_is_paid_once_however_often_it_is_commanded() {
    for_each_engine("race_order", |world| async move {
        world.registered("ada").await;
        let card = world.card(&ada(), APPROVE).await;
        let order = world.order();
        join_all((0..MANY).map(|_| order.authorize("ada", 4_900, Some(&card)))).await;
        join_all((0..8).map(|_| world.work())).await;
        join_all((0..MANY).map(|_| order.capture("c1"))).await;
        join_all((0..8).map(|_| world.work())).await;
        world.work_for_a_minute().await;
        assert_eq!(
            (order.state().await.as_str(), world.credits("ada").await),
            ("captured", (0, 0))
        );
        assert_eq!(world.processor_did().await.len(), 2);
        assert_eq!(world.entries("ada").await.len(), 3);
        is_consistent(&world, "ada").await;
    })
    .await;
}

/// Three more of these are room enough, however many are on their way at once.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_top_ups_at_once_fill_a_wallet_and_no_more() {
    for_each_engine("race_top_up", |world| async move {
        let id = fresh_key();
        let who = user(&id);
        world.registered(&id).await;
        let card = world.card(&who, APPROVE).await;
        let nearly_full = "UPDATE wallets SET balance = 99700000";
        world.context.db.write_one(sql(nearly_full)).await.unwrap();
        let asked = join_all((0..MANY).map(|_| world.top_up(&who, &card, 100_000).send())).await;
        let begun = asked.iter().filter(|answer| answer.status == 202).count();
        let full = asked
            .iter()
            .filter(|answer| answer.verdict() == (409, "wallet_full"))
            .count();
        assert_eq!((begun, full), (3, MANY - 3));
        // An administrator is one of many, too.
        let grant = json!({"amount": {"amount": 100, "currency": "EUR"}, "reason": "For the race"});
        let grant = world
            .post(format!("/payment/v1/wallets/{id}/grants"))
            .by(&admin())
            .key(&fresh_key())
            .json(&grant)
            .send()
            .await;
        assert_eq!(grant.verdict(), (409, "wallet_full"));
        join_all((0..8).map(|_| world.work())).await;
        world.work_for_a_minute().await;
        assert_eq!(world.credits(&id).await, (100_000_000, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_closed_among_fifty_top_ups_and_nothing_comes_after() {
    for_each_engine("race_closed", |world| async move {
        world.registered("ada").await;
        let card = world.card(&ada(), APPROVE).await;
        let all = (0..MANY).map(|at| {
            let (world, card) = (world.clone(), card.clone());
            async move {
                match at {
                    25 => world.erased("ada").await,
                    _ => drop(world.top_up(&ada(), &card, 100).send().await),
                }
            }
        });
        join_all(all).await;
        let asked = world.top_up(&ada(), &card, 100).send().await;
        assert_eq!(asked.verdict(), (409, "wallet_closed"));
        world.work_for_a_minute().await;
        assert_eq!(world.credits("ada").await, (0, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_void_races_with_authorization_and_leaves_nothing_held() {
    for_each_engine("race_void", |world| async move {
        world.registered("ada").await;
        let card = world.card(&ada(), APPROVE).await;
        let orders: Vec<Order> = (0..MANY).map(|_| world.order()).collect();
        let one = |order: Order| {
            let (world, card) = (world.clone(), card.clone());
            async move {
                tokio::join!(
                    order.authorize("ada", 4_900, Some(&card)),
                    order.void("v1"),
                    world.work()
                );
            }
        };
        join_all(orders.iter().cloned().map(one)).await;
        world.work_for_a_minute().await;
        for order in &orders {
            assert_eq!(order.state().await, "voided");
            let answers = order.answers().await;
            assert_eq!(
                answers
                    .iter()
                    .filter(|answer| *answer == "intent.voided v1")
                    .count(),
                1,
                "{answers:?}"
            );
        }
        assert_eq!(world.credits("ada").await, (1_000, 0));
        let did = world.processor_did().await;
        let of = |what: &str| did.iter().filter(|(kind, _)| kind == what).count();
        assert_eq!(of("authorize"), of("void"), "whatever was held is released");
        is_consistent(&world, "ada").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_is_claimed_by_one_of_many() {
    for_each_engine("race_claim", |world| async move {
        let card = world.card(&ada(), APPROVE).await;
        let order = world.order();
        order.authorize("ada", 4_900, Some(&card)).await;
        let key = format!("{}:authorize", order.payment().await.id);
        let due = latchkey_payment::store::operation(&world.context.db, &key)
            .await
            .unwrap()
            .unwrap();
        let claims = join_all((0..MANY).map(|_| worker::claim(&world.context, &due))).await;
        let won = claims
            .into_iter()
            .filter(|claim| claim.as_ref().unwrap().is_some())
            .count();
        assert_eq!(won, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_grant_is_approved_once() {
    for_each_engine("race_grant", |world| async move {
        let user = fresh_key();
        world.registered(&user).await;
        let body = json!({"amount": {"amount": 20_000, "currency": "EUR"}, "reason": "For the race"});
        let asked = world
            .post(format!("/payment/v1/wallets/{user}/grants"))
            .by(&admin())
            .key(&fresh_key())
            .json(&body)
            .send()
            .await;
        let path = format!("/payment/v1/grants/{}/approve", asked.id());
        let others: Vec<String> = (0..MANY).map(|n| administrator(&format!("other-{n}"))).collect();
        let answers = join_all(others.iter().map(|other| world.post(&path).by(other).send())).await;
        let won = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!((won, world.credits(&user).await), (1, (21_000, 0)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_answers_once_in_two_tabs() {
    for_each_engine("race_action", |world| async move {
        let card = world.card(&ada(), ACTION).await;
        let order = world.order();
        order.authorize("ada", 4_900, Some(&card)).await;
        world.work().await;
        let path = format!("/payment/v1/payments/{}/action", order.payment().await.id);
        let ask = |n: usize| {
            world
                .post(&path)
                .by(&ada())
                .json(&json!({"approve": n.is_multiple_of(2)}))
                .send()
        };
        let answers = join_all((0..MANY).map(ask)).await;
        let taken: Vec<bool> = answers.iter().map(|answer| answer.status == 202).collect();
        let (even, odd): (Vec<_>, Vec<_>) = (
            taken.iter().step_by(2).collect(),
            taken.iter().skip(1).step_by(2).collect(),
        );
        let all = |list: &[&bool], what: bool| list.iter().all(|taken| **taken == what);
        assert!(all(&even, true) && all(&odd, false) || all(&even, false) && all(&odd, true));
        world.work().await;
        let expected = if taken[0] { "authorized" } else { "declined" };
        assert_eq!(order.state().await, expected);
    })
    .await;
}
