//! Who gets in: matrices that are generated from the route table, so that a new route is in them at once.

use latchkey_kit::RouteFacts;
use latchkey_photo::SPEC;
use latchkey_testkit::service::{self, matrices};

use crate::harness::*;

/// A request for a row that lacks nothing but, perhaps, the right to be made.
fn ask(world: &World, row: &RouteFacts, id: &str) -> Ask {
    if row.method == http::Method::POST {
        return world.upload(&jpeg(20, 20, 7));
    }
    let path = row.path.replace("{id}", id).replace("{variant}", "240");
    world.ask(row.method.clone(), path)
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
        let id = world.stored(ADA, &jpeg(20, 20, 1)).await;
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
async fn a_machine_stores_nothing_and_deletes_nothing() {
    for_each_engine("machine", |world| async move {
        let id = world.stored(ADA, &jpeg(20, 20, 1)).await;
        let before = world.rows().await;
        let everything = "photo.write photo.admin";
        let machine = token(&service::machine(&SPEC, everything, &["admin", "instructor"]));
        for route in SPEC
            .facts()
            .iter()
            .filter(|route| route.method != http::Method::GET)
        {
            let answer = ask(&world, route, &id).by(&machine).send().await;
            assert_eq!(answer.verdict(), (403, "person_required"), "{}", route.path);
        }
        assert_eq!(world.rows().await, before);
    })
    .await;
}

/// UP-08: another user's photo is missing, whatever one sends; an administrator needs the scope besides the role.
#[tokio::test]
async fn a_photo_is_deleted_by_its_owner_or_an_administrator() {
    for_each_engine("delete", |world| async move {
        let id = world.stored(ADA, &jpeg(20, 20, 1)).await;
        let role_alone = token(&person(BOB, "photo.write", &["admin"]));
        for stranger in [instructor(BOB), role_alone] {
            let delete = world.delete(format!("/photo/v1/photos/{id}")).by(&stranger);
            assert_eq!(delete.send().await.verdict(), (404, "not_found"));
        }
        assert_eq!(world.shown(&id, "240").await.status, 200);
        let delete = world.delete(format!("/photo/v1/photos/{id}"));
        assert_eq!(delete.by(&admin()).send().await.status, 204);
        assert_eq!(world.shown(&id, "240").await.status, 404);
        let own = world.stored(ADA, &jpeg(20, 20, 2)).await;
        assert_eq!(world.remove(ADA, &own).await.status, 204);
        assert_eq!(world.remove(ADA, &own).await.verdict(), (404, "not_found"));
        let deleted: Vec<String> = world.events().await.into_iter().map(|told| told.r#type).collect();
        assert_eq!(
            deleted,
            [
                "photo.photo.stored.v1",
                "photo.photo.deleted.v1",
                "photo.photo.stored.v1",
                "photo.photo.deleted.v1"
            ]
        );
    })
    .await;
}
