//! Who may do what: matrices from the table of routes.

use latchkey_kit::{Policy, RouteFacts};
use latchkey_payment::SPEC;
use latchkey_testkit::service::matrices;
use serde_json::{Value, json};

use crate::harness::*;

/// A valid request for a route, about what belongs to ada.
fn ask(world: &World, route: &RouteFacts, card: &str, payment: &str, grant: &str) -> Ask {
    let id = match route.path.as_str() {
        path if path.contains("/cards/") => card,
        path if path.contains("/grants/") => grant,
        path if path.contains("/wallets/") => USER,
        _ => payment,
    };
    let ask = world.ask(route.method.clone(), route.path.replace("{id}", id));
    let body: Option<Value> = match route.path.as_str() {
        path if path.ends_with("/card-tokens") => Some(card_body(DECLINE)),
        path if path.ends_with("/topups") => {
            Some(json!({"amount": {"amount": 500, "currency": "EUR"}, "card_token": card}))
        }
        path if path.ends_with("/action") => Some(json!({"approve": true})),
        path if path.ends_with("/wallets/{id}/grants") => {
            Some(json!({"amount": {"amount": 500, "currency": "EUR"}, "reason": "A broken course"}))
        }
        _ => None,
    };
    match body {
        Some(body) => ask.key(&fresh_key()).json(&body),
        None => ask.key(&fresh_key()),
    }
}

const USER: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// A card and a payment of ada that waits for her, and a grant that waits for an administrator.
async fn belongings(world: &World) -> (String, String, String) {
    world.registered("ada").await;
    world.registered(USER).await;
    let card = world.card(&ada(), ACTION).await;
    let order = world.order();
    order.authorize("ada", 4_900, Some(&card)).await;
    world.work().await;
    let body = json!({"amount": {"amount": 20_000, "currency": "EUR"}, "reason": "A broken course"});
    let grant = world
        .post(format!("/payment/v1/wallets/{USER}/grants"))
        .by(&admin())
        .key(&fresh_key())
        .json(&body)
        .send()
        .await;
    (card, order.payment().await.id, grant.id())
}

#[test]
fn every_route_has_a_policy_and_stands_in_the_document() {
    matrices::every_route_has_a_policy(&SPEC);
    matrices::the_document_is_whole(&SPEC);
}

#[tokio::test]
async fn each_route_refuses_whoever_is_not_meant() {
    for_each_engine("roles", |world| async move {
        let (card, payment, grant) = belongings(&world).await;
        let before = world.rows().await;
        let ask = |route: &RouteFacts| ask(&world, route, &card, &payment, &grant);
        matrices::refuses_whoever_is_not_meant(&world, ask).await;
        matrices::refuses_worthless_tokens(&world, ask).await;
        matrices::answers_declared_methods_alone(&world, &ada()).await;
        assert_eq!(world.rows().await, before);
    })
    .await;
}

#[tokio::test]
async fn what_belongs_to_another_is_missing_on_every_route() {
    for_each_engine("foreign", |world| async move {
        let (card, payment, grant) = belongings(&world).await;
        let before = world.rows().await;
        let owned =
            |route: &RouteFacts| route.has_id() && matches!(route.policy, Policy::Person { owner: true, .. });
        let routes: Vec<RouteFacts> = SPEC.facts().into_iter().filter(owned).collect();
        assert_eq!(routes.len(), 3);
        for route in &routes {
            let foreign = ask(&world, route, &card, &payment, &grant)
                .by(&bob())
                .send()
                .await;
            let unknown = fresh_key();
            let missing = ask(&world, route, &unknown, &unknown, &unknown)
                .by(&bob())
                .send()
                .await;
            assert_eq!(
                foreign.verdict(),
                (404, "not_found"),
                "{} {}",
                route.method,
                route.path
            );
            assert_eq!(foreign.anonymous_body(), missing.anonymous_body());
            let odd = ask(&world, route, "1", "..%2f", "x").by(&bob()).send().await;
            assert_eq!(odd.verdict(), (404, "not_found"));
        }
        assert_eq!(world.rows().await, before);
    })
    .await;
}
