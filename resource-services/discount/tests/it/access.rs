//! Who gets in: matrices that are generated from the table of routes, so that a new route is in them at once.

use latchkey_discount::SPEC;
use latchkey_kit::{Policy, RouteFacts};
use latchkey_testkit::Matrix;
use latchkey_testkit::service::matrices;
use serde_json::json;

use crate::harness::*;

/// A request for a row that lacks nothing but, perhaps, the right to be made.
fn ask(world: &World, row: &RouteFacts, id: &str, version: i64) -> Ask {
    let ask = world
        .ask(row.method.clone(), row.path.replace("{id}", id))
        .if_match(version)
        .key(&fresh_key());
    match (row.method.as_str(), row.path.ends_with("/quote")) {
        ("POST", true) => ask.json(&json!({"code": "SPRING", "lines": [line(1, 10_000)]})),
        ("POST" | "PUT", false) => ask.json(&own_draft("SPRING")),
        _ => ask,
    }
}

#[test]
fn every_route_has_a_policy_and_stands_in_the_document() {
    matrices::every_route_has_a_policy(&SPEC);
    matrices::the_document_is_whole(&SPEC);
    for route in SPEC.facts() {
        if let Policy::Person { owner, .. } = route.policy {
            let ones_own = route.path.contains("/v1/coupons");
            assert_eq!(owner, ones_own, "{} {}", route.method, route.path);
        }
    }
}

#[tokio::test]
async fn each_route_refuses_whoever_is_not_meant() {
    for_each_engine("roles", |world| async move {
        let coupon = world.create(&ines(), &own_draft("SPRING")).send().await;
        let before = world.rows().await;
        let ask = |route: &RouteFacts| ask(&world, route, &coupon.id(), 1);
        matrices::refuses_whoever_is_not_meant(&world, ask).await;
        assert_eq!(world.rows().await, before);
    })
    .await;
}

#[tokio::test]
async fn each_state_of_a_token_has_its_answer_on_every_route() {
    for_each_engine("token_states", |world| async move {
        let coupon = world.create(&ines(), &own_draft("SPRING")).send().await;
        let before = world.rows().await;
        let ask = |route: &RouteFacts| ask(&world, route, &coupon.id(), 1);
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

#[tokio::test]
async fn a_foreign_coupon_is_as_good_as_missing() {
    for_each_engine("foreign", |world| async move {
        let of_ines = world.create(&ines(), &own_draft("SPRING")).send().await;
        let of_shop = world.coupon("WELCOME", json!({})).await;
        // Whoever was an administrator when they created it has no right to it without the scope.
        let was_admin = token(&person("root", "discount.write", &["admin", "instructor"]));
        let before = world.rows().await;
        let mut matrix = Matrix::new("route × foreign coupon × request");
        for row in SPEC.facts().iter().filter(|row| row.has_id()) {
            let missing = ask(&world, row, &fresh_key(), 1).by(&ivan()).send().await;
            assert_eq!(missing.verdict(), (404, "not_found"));
            for (id, who) in [
                (of_ines.id(), ivan()),
                (of_shop.id(), ivan()),
                (of_shop.id(), ines()),
                (of_shop.id(), was_admin.clone()),
                (of_ines.id(), was_admin.clone()),
                ("' OR 1=1".to_owned(), admin()),
            ] {
                let bare = world.ask(
                    row.method.clone(),
                    row.path.replace("{id}", &id.replace(' ', "%20")),
                );
                let mut asked = vec![
                    bare.clone(),
                    bare.clone().json(&json!({"owner_id": "ivan"})),
                    bare.raw("not json"),
                ];
                if id.len() == 36 {
                    asked.push(ask(&world, row, &id, 1));
                    asked.push(ask(&world, row, &id, 7));
                }
                for foreign in asked {
                    let answer = foreign.by(&who).send().await;
                    matrix.cell(
                        format_args!("{} {} of {id}", row.method, row.path),
                        (answer.status, answer.anonymous_body(), answer.headers.len()),
                        (missing.status, missing.anonymous_body(), missing.headers.len()),
                    );
                }
            }
        }
        assert_eq!(world.rows().await, before);
        matrix.end();
    })
    .await;
}

#[tokio::test]
async fn lists_have_ones_own_coupons_and_administrators_see_all() {
    for_each_engine("lists", |world| async move {
        for (who, code) in [(ines(), "INES-1"), (ivan(), "IVAN-1"), (ines(), "INES-2")] {
            assert_eq!(world.create(&who, &own_draft(code)).send().await.status, 201);
            world.clock.advance(1);
        }
        world.coupon("SHOP-1", json!({})).await;
        let codes = async |who: String| {
            let list = world.get("/discount/v1/coupons").by(&who).send().await;
            let codes = list
                .items()
                .iter()
                .map(|item| item["code"].as_str().unwrap().to_owned());
            codes.collect::<Vec<_>>()
        };
        assert_eq!(codes(ines()).await, ["INES-2", "INES-1"]);
        assert_eq!(codes(ivan()).await, ["IVAN-1"]);
        assert_eq!(codes(admin()).await, ["SHOP-1", "INES-2", "IVAN-1", "INES-1"]);
        let reads = token(&person("root", "discount.write", &["admin"]));
        assert_eq!(codes(reads).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_page_ends_where_the_next_one_begins() {
    for_each_engine("pages", |world| async move {
        for number in 1..=5 {
            world.coupon(&format!("CODE-{number}"), json!({})).await;
            world.clock.advance(1);
        }
        let (mut cursor, mut seen) = (String::new(), Vec::new());
        for expected in [2, 2, 1] {
            let path = format!("/discount/v1/coupons?limit=2{cursor}");
            let page = world.get(path).by(&admin()).send().await;
            assert_eq!(page.items().len(), expected);
            seen.extend(
                page.items()
                    .iter()
                    .map(|item| item["code"].as_str().unwrap().to_owned()),
            );
            cursor = match page.json()["next_cursor"].as_str() {
                Some(next) => format!("&cursor={next}"),
                None => String::new(),
            };
        }
        assert_eq!(cursor, "");
        assert_eq!(seen, ["CODE-5", "CODE-4", "CODE-3", "CODE-2", "CODE-1"]);
    })
    .await;
}
