//! What inventory hears from the catalog.

use latchkey_bus::HandlerError;
use latchkey_inventory::{consumers, store};
use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn a_published_course_has_its_stock_at_once() {
    for_each_engine("published", |world| async move {
        let (open, limited) = (Course::new(), Course::limited());
        world.hear(&open).await;
        world.hear(&limited).await;
        assert_eq!(world.stock(&open.id).await, (None, 0, 0));
        assert_eq!(world.stock(&limited.id).await, (Some(0), 0, 0));
        assert_eq!(
            world.reserve(&fresh_key(), ADA, &limited.id).await["reason"],
            "sold_out"
        );
        let told = world.heard("inventory.stock.changed.v1").await;
        assert_eq!(
            told,
            [
                json!({"item_id": open.id, "sold": 0, "reserved": 0, "version": 1}),
                json!({"item_id": limited.id, "capacity": 0, "sold": 0, "reserved": 0, "version": 1})
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn a_limited_draft_gets_its_seats_before_it_is_published() {
    for_each_engine("drafted", |world| async move {
        let course = Course {
            version: 2,
            ..Course::limited()
        };
        let drafted = |limited: bool, version: i64| {
            json!({
                "course_id": course.id, "kind": "course", "title": "Knots", "slug": "knots", "instructor_id": TEACHER,
                "limited": limited, "version": version
            })
        };
        let tell = async |data| {
            let told = world.told(&consumers::COURSES, "catalog.course.drafted.v1", &course.id, data);
            told.await.unwrap();
        };
        tell(drafted(true, 1)).await;
        world.set_capacity(&course.id, 1, 3).await;
        let early = world.reserve(&fresh_key(), ADA, &course.id).await;
        assert_eq!(early["reason"], "not_for_sale");
        world.hear(&course).await;
        assert_eq!(world.stock(&course.id).await, (Some(3), 0, 0));
        assert_eq!(world.reserve(&fresh_key(), ADA, &course.id).await["type"], "reserved");
        // A draft that comes late, or again, takes nothing back.
        tell(drafted(false, 1)).await;
        assert_eq!(world.stock(&course.id).await, (Some(3), 0, 1));
    })
    .await;
}

#[tokio::test]
async fn older_news_changes_nothing() {
    for_each_engine("stale_news", |world| async move {
        let course = Course {
            version: 3,
            title: "Third",
            status: "archived",
            ..Course::new()
        };
        world.hear(&course).await;
        for version in [1, 2, 3] {
            let old = Course {
                version,
                title: "Old",
                status: "published",
                limited: true,
                ..course.clone()
            };
            world.hear(&old).await;
        }
        let stock = store::stock(&world.context.db, &course.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (stock.title.as_str(), stock.on_sale, stock.capacity),
            ("Third", false, None)
        );
        assert_eq!(world.heard("inventory.stock.changed.v1").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_new_title_is_read_in_every_library_and_leaves_the_seats_alone() {
    for_each_engine("rename", |world| async move {
        let course = Course::new();
        world.hear(&course).await;
        world.bought(ADA, &[(&course.id, 1)]).await;
        let before = world.heard("inventory.stock.changed.v1").await.len();
        let renamed = Course {
            title: "Better knots",
            version: 2,
            ..course
        };
        world.hear(&renamed).await;
        let library = world.get("/inventory/v1/library").by(&ada()).send().await;
        assert_eq!(library.items()[0]["title"], "Better knots");
        assert_eq!(world.heard("inventory.stock.changed.v1").await.len(), before);
    })
    .await;
}

#[tokio::test]
async fn a_course_that_becomes_limited_has_as_many_seats_as_are_taken() {
    for_each_engine("becomes_limited", |world| async move {
        let course = Course::new();
        world.hear(&course).await;
        world.bought(ADA, &[(&course.id, 1)]).await;
        let held = fresh_key();
        world.reserve(&held, BOB, &course.id).await;
        let limited = Course {
            limited: true,
            version: 2,
            ..course.clone()
        };
        world.hear(&limited).await;
        assert_eq!(world.stock(&course.id).await, (Some(2), 1, 1));
        assert_eq!(
            world.reserve(&fresh_key(), TEACHER, &course.id).await["reason"],
            "sold_out"
        );
        // The hold of before is settled like any other.
        world.confirm(&held).await;
        assert_eq!(world.stock(&course.id).await, (Some(2), 2, 0));
        let open = Course {
            limited: false,
            version: 3,
            ..course.clone()
        };
        world.hear(&open).await;
        assert_eq!(world.stock(&course.id).await, (None, 0, 0));
        world.bought(TEACHER, &[(&course.id, 1)]).await;
        world
            .hear(&Course {
                version: 4,
                ..limited
            })
            .await;
        assert_eq!(world.stock(&course.id).await, (Some(3), 3, 0));
    })
    .await;
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_dead_and_not_retried() {
    for_each_engine("unreadable_course", |world| async move {
        let refused = world
            .told(
                &consumers::COURSES,
                "catalog.course.updated.v1",
                "c",
                json!({"snapshot": 7}),
            )
            .await;
        assert!(matches!(refused, Err(HandlerError::Dead(_))), "{refused:?}");
    })
    .await;
}
