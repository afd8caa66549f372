//! The demo's seats and library.

use latchkey_inventory::demo;
use latchkey_kit::{DemoUser, demo_course_id};

use crate::harness::*;

fn users() -> Vec<DemoUser> {
    let user = |id: &str, roles: &[&str]| DemoUser {
        id: id.to_owned(),
        display_name: id.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
    };
    vec![
        user("root", &["admin"]),
        user(TEACHER, &["instructor"]),
        user(ADA, &[]),
        user(BOB, &[]),
    ]
}

#[tokio::test]
async fn a_second_start_adds_nothing() {
    for_each_engine("demo", |world| async move {
        demo::fill(world.context.clone(), users()).await.unwrap();
        let before = world.rows().await;
        demo::fill(world.context.clone(), users()).await.unwrap();
        assert_eq!(world.rows().await, before);
        let library = world.get("/inventory/v1/library").by(&ada()).send().await;
        assert_eq!(library.items().len(), 2);
        assert!(
            world
                .get("/inventory/v1/library")
                .by(&bob())
                .send()
                .await
                .items()
                .is_empty()
        );
    })
    .await;
}

#[tokio::test]
async fn demo_seats_are_for_sale_when_the_catalog_has_told_of_their_course() {
    for_each_engine("demo_seats", |world| async move {
        demo::fill(world.context.clone(), users()).await.unwrap();
        let id = demo_course_id("service-design-in-a-week");
        assert_eq!(
            world.reserve(&fresh_key(), ADA, &id).await["reason"],
            "not_for_sale"
        );
        let course = Course {
            id: id.clone(),
            version: 2,
            ..Course::limited()
        };
        world.hear(&course).await;
        assert_eq!(world.reserve(&fresh_key(), ADA, &id).await["type"], "reserved");
        assert_eq!(world.stock(&id).await, (Some(3), 0, 1));
        world.set_capacity(&id, 1, 4).await;
    })
    .await;
}
