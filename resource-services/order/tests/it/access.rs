//! Who gets in: matrices that are generated from the route table, so that a new route is in them at once.

use latchkey_kit::{Policy, RouteFacts};
use latchkey_order::SPEC;
use latchkey_testkit::Matrix;
use latchkey_testkit::service::{matrices, person};
use serde_json::{Value, json};

use crate::harness::*;

/// A body that a route accepts.
fn body(route: &RouteFacts) -> Value {
    match route.path.rsplit('/').next().unwrap() {
        "orders" => World::submission(1, 3_500),
        "refunds" => json!({"reason": "x", "to": "wallet"}),
        "resolve" | "approve" | "reject" => json!({"note": "x"}),
        _ => json!({}),
    }
}

/// A request that lacks nothing but, perhaps, the right to be made.
fn ask(world: &World, route: &RouteFacts, id: &str) -> Ask {
    let path = route.path.replace("{id}", id);
    let ask = world.ask(route.method.clone(), path).key(&fresh_key());
    match route.method.as_str() {
        "GET" => ask,
        _ => ask.json(&body(route)),
    }
}

#[test]
fn every_route_has_a_policy_and_stands_in_the_document() {
    matrices::every_route_has_a_policy(&SPEC);
    matrices::the_document_is_whole(&SPEC);
}

#[tokio::test]
async fn each_route_refuses_whoever_is_not_meant() {
    for_each_engine("roles", |world| async move {
        let id = world.completed(&buyer("bo")).await;
        let before = world.rows().await;
        let ask = |route: &RouteFacts| ask(&world, route, &id);
        matrices::refuses_whoever_is_not_meant(&world, ask).await;
        matrices::refuses_worthless_tokens(&world, ask).await;
        assert_eq!(world.rows().await, before);
    })
    .await;
}

#[tokio::test]
async fn only_declared_methods_are_answered() {
    for_each_engine("methods", |world| async move {
        matrices::answers_declared_methods_alone(&world, &admin()).await;
    })
    .await;
}

/// dotnet/eShop#996: whoever counts ids must not read, cancel or refund the orders of others.
#[tokio::test]
async fn a_foreign_order_is_as_good_as_missing() {
    for_each_engine("foreign", |world| async move {
        let bo = buyer("bo");
        let orders = [world.completed(&bo).await, world.ordered(&bo).await];
        let before = world.rows().await;
        let mut matrix = Matrix::new("route × foreign order × request");
        let eve = token(&person(&SPEC, "eve", "order.read order.write order.admin", &[]));
        for route in SPEC.facts().iter().filter(|route| route.has_id()) {
            let Policy::Person { owner: true, .. } = route.policy else {
                continue;
            };
            let missing = ask(&world, route, &fresh_key()).by(&eve).send().await;
            assert_eq!(missing.verdict(), (404, "not_found"));
            for id in &orders {
                let bare = world.ask(route.method.clone(), route.path.replace("{id}", id));
                for foreign in [
                    ask(&world, route, id),
                    bare.clone(),
                    bare.clone().json(&json!({"buyer_id": "eve"})),
                    bare.raw("not json"),
                ] {
                    let answer = foreign.by(&eve).send().await;
                    matrix.cell(
                        format_args!("{} {} of {id}", route.method, route.path),
                        (answer.status, answer.anonymous_body(), answer.headers.len()),
                        (missing.status, missing.anonymous_body(), missing.headers.len()),
                    );
                }
            }
        }
        assert_eq!(world.rows().await, before);
        let list = world.get("/order/v1/orders").by(&eve).send().await;
        assert!(list.items().is_empty());
        assert!(matrix.cells() >= 40, "{}", matrix.cells());
        matrix.end();
    })
    .await;
}

/// The scope limits the role.
#[tokio::test]
async fn an_administrator_needs_the_administrative_scope_for_others_orders() {
    for_each_engine("admin_scope", |world| async move {
        let id = world.ordered(&buyer("bo")).await;
        for (scope, status) in [
            ("order.read", 404),
            ("order.read order.write", 404),
            ("order.read order.admin", 200),
        ] {
            let who = token(&person(&SPEC, "root", scope, &["admin"]));
            assert_eq!(world.read(&who, &id).await.status, status, "{scope}");
        }
        let mine = world.get("/order/v1/orders").by(&admin()).send().await;
        assert!(mine.items().is_empty(), "this list has one's own orders");
    })
    .await;
}
