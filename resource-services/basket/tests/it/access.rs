//! Who may do what, generated from the table of routes.

use latchkey_basket::SPEC;
use latchkey_kit::RouteFacts;
use latchkey_testkit::service::{Ask, World, for_each_engine, matrices};
use serde_json::json;

use crate::harness::{GUEST, RUST, ada, bob, course, put, read};

fn ask(world: &World, route: &RouteFacts) -> Ask {
    let path = route.path.replace("{id}", RUST).replace("{guest}", GUEST);
    let ask = world.ask(route.method.clone(), &path);
    match (route.method.as_str(), path.rsplit('/').next().unwrap()) {
        ("PUT", "coupon") => ask.json(&json!({"code": "SPRING"})),
        ("PUT", _) => ask.json(&json!({"quantity": 1})),
        ("POST", "merge") => ask.json(&json!({"guest_id": GUEST})),
        _ => ask,
    }
}

#[test]
fn every_route_has_a_policy_and_stands_in_the_document() {
    matrices::every_route_has_a_policy(&SPEC);
    matrices::the_document_is_whole(&SPEC);
}

#[tokio::test]
async fn each_route_refuses_whoever_is_not_meant() {
    for_each_engine(&SPEC, "roles", |world| async move {
        course(&world, RUST, 100, 1).await;
        put(&world, &ada(), "/basket/v1", RUST, 1).await;
        let before = read(&world, &ada(), "/basket/v1").await;
        matrices::refuses_whoever_is_not_meant(&world, |route| ask(&world, route)).await;
        matrices::refuses_worthless_tokens(&world, |route| ask(&world, route)).await;
        matrices::answers_declared_methods_alone(&world, &ada()).await;
        assert_eq!(read(&world, &ada(), "/basket/v1").await, before);
        assert_eq!(read(&world, &bob(), "/basket/v1").await["lines"], json!([]));
    })
    .await;
}
