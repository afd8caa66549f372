//! Who gets in: matrices that are generated from the route table, so that a new route is in them at once.

use latchkey_inventory::SPEC;
use latchkey_kit::RouteFacts;
use latchkey_testkit::service::{self, matrices};
use serde_json::json;

use crate::harness::*;

/// A request for a row that lacks nothing but, perhaps, the right to be made.
fn ask(world: &World, row: &RouteFacts, id: &str) -> Ask {
    let mut path = row.path.replace("{id}", id);
    if ["/inventory/v1/owned", "/inventory/v1/stock"].contains(&path.as_str()) {
        path.push_str(&format!("?ids={id}"));
    }
    let ask = world.ask(row.method.clone(), path).if_match(2).key(&fresh_key());
    match row.path.rsplit('/').next() {
        Some("progress") => ask.json(&json!({"lessons_done": [fresh_key()]})),
        Some("consume") => ask.json(&json!({"quantity": 1})),
        Some("grants") => ask.json(&json!({"user": BOB, "item_id": id, "quantity": 1, "reason": "Mine now"})),
        _ if row.method == http::Method::PUT => ask.json(&json!({"capacity": 100})),
        _ => ask,
    }
}

#[test]
fn every_route_has_a_policy_and_nothing_that_writes_is_public() {
    matrices::every_route_has_a_policy(&SPEC);
}

#[test]
fn the_document_has_every_route_with_its_errors() {
    matrices::the_document_is_whole(&SPEC);
}

#[tokio::test]
async fn each_route_refuses_whoever_is_not_meant() {
    for_each_engine("roles", |world| async move {
        let seats = world.seats(3).await;
        world.bought(ADA, &[(&seats, 1)]).await;
        let before = world.rows().await;
        let ask = |route: &RouteFacts| ask(&world, route, &seats);
        matrices::refuses_whoever_is_not_meant(&world, ask).await;
        matrices::refuses_worthless_tokens(&world, ask).await;
        matrices::answers_declared_methods_alone(&world, &admin()).await;
        assert_eq!(world.rows().await, before);
    })
    .await;
}

#[tokio::test]
async fn a_machine_owns_nothing_and_gives_nothing() {
    for_each_engine("machine", |world| async move {
        let course = world.course().await;
        let everything = "inventory.read inventory.write inventory.stock inventory.admin";
        let machine = token(&service::machine(&SPEC, everything, &["admin", "instructor"]));
        for route in SPEC.facts() {
            let answer = ask(&world, &route, &course).by(&machine).send().await;
            let open = ["/openapi.json", "/inventory/v1/whoami", "/inventory/v1/stock"];
            let expected = if open.contains(&route.path.as_str()) {
                200
            } else {
                403
            };
            assert_eq!(answer.status, expected, "{} {}", route.method, route.path);
        }
    })
    .await;
}

#[tokio::test]
async fn only_a_writing_scope_writes() {
    for_each_engine("reading_scope", |world| async move {
        let item = world.item().await;
        world.bought(ADA, &[(&item, 2)]).await;
        let reader = token(&person(ADA, "inventory.read", &["admin", "instructor"]));
        for route in SPEC
            .facts()
            .iter()
            .filter(|route| route.method != http::Method::GET)
        {
            let answer = ask(&world, route, &item).by(&reader).send().await;
            assert_eq!(answer.verdict(), (403, "insufficient_scope"), "{}", route.path);
        }
        assert_eq!(world.owns(ADA, &item).await, 2);
    })
    .await;
}
