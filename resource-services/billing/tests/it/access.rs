//! Who gets in: matrices that are generated from the route table, so that a new route is in them at once.

use latchkey_billing::SPEC;
use latchkey_kit::{Policy, RouteFacts};
use latchkey_testkit::service::{self, matrices};

use crate::harness::*;

fn ask(world: &World, row: &RouteFacts, id: &str) -> Ask {
    world.ask(row.method.clone(), row.path.replace("{id}", id))
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
        let order = Order::new();
        world.paid(&order).await;
        let invoice = world.invoice(&ada(), &order).await;
        let id = invoice["id"].as_str().unwrap().to_owned();
        let before = world.rows().await;
        let ask = |route: &RouteFacts| ask(&world, route, &id);
        matrices::refuses_whoever_is_not_meant(&world, ask).await;
        matrices::refuses_worthless_tokens(&world, ask).await;
        matrices::answers_declared_methods_alone(&world, &admin()).await;
        assert_eq!(world.rows().await, before);
    })
    .await;
}

#[tokio::test]
async fn somebody_elses_documents_are_missing_on_every_route() {
    for_each_engine("strangers", |world| async move {
        let order = Order::new();
        world.paid(&order).await;
        world.refunded(&order, &fresh_key(), &[0], 4_900, "card").await;
        let invoice = world.invoice(&ada(), &order).await;
        let note = invoice["credit_notes"][0]["id"].as_str().unwrap().to_owned();
        let invoice = invoice["id"].as_str().unwrap().to_owned();
        let owned = SPEC.facts();
        let owned = owned
            .iter()
            .filter(|route| matches!(route.policy, Policy::Person { owner: true, .. }));
        let mut seen = 0;
        for route in owned {
            let id = match route.path.contains("credit-notes") {
                true => &note,
                false => &invoice,
            };
            let whole = token(&service::person(
                &SPEC,
                BOB,
                "billing.read",
                &["admin", "instructor"],
            ));
            for (stranger, expected) in [
                (bob(), 404),
                (tess(), 404),
                (whole, 404),
                (ada(), 200),
                (admin(), 200),
            ] {
                let answer = ask(&world, route, id).by(&stranger).open().await;
                assert_eq!(answer.status(), expected, "{}", route.path);
            }
            let nothing = ask(&world, route, &fresh_key()).by(&ada()).send().await;
            assert_eq!(nothing.verdict(), (404, "not_found"));
            seen += 1;
        }
        assert_eq!(seen, 4);
    })
    .await;
}

#[tokio::test]
async fn lists_have_only_what_is_the_callers() {
    for_each_engine("lists", |world| async move {
        let order = Order::new();
        world.paid(&order).await;
        world.refunded(&order, &fresh_key(), &[0], 4_900, "card").await;
        for path in ["invoices", "credit-notes"] {
            for (who, count) in [(ada(), 1), (bob(), 0), (tess(), 0), (admin(), 0)] {
                for query in [String::new(), format!("?order_id={}", order.id)] {
                    let list = world
                        .get(format!("/billing/v1/{path}{query}"))
                        .by(&who)
                        .send()
                        .await;
                    assert_eq!(
                        list.json()["items"].as_array().unwrap().len(),
                        count,
                        "{path}{query}"
                    );
                }
            }
        }
    })
    .await;
}
