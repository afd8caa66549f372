//! What the catalog hears from identity.

use latchkey_bus::{Event, HandlerError};
use latchkey_catalog::consumers;
use latchkey_testkit::service::event;
use serde_json::{Value, json};

use crate::harness::*;

async fn hear(world: &World, r#type: &str, data: Value) -> Result<(), HandlerError> {
    let event = Event {
        correlationid: Some("a-request".to_owned()),
        actor: Some("admin".to_owned()),
        ..event(r#type, "ada", data)
    };
    world.deliver(&consumers::USERS, event).await
}

fn ada_called(name: &str, version: i64, roles: &[&str]) -> Value {
    json!({"user_id": "ada", "display_name": name, "locale": "en", "roles": roles, "status": "active", "version": version})
}

#[tokio::test]
async fn an_instructors_new_name_reaches_every_course_and_is_told() {
    for_each_engine("rename", |world| async move {
        let course = world.published(&ada(), "Named after me").await;
        world.draft(&ada(), "Quiet one").await;
        hear(
            &world,
            "identity.user.updated.v1",
            ada_called("Ada L.", 2, &["instructor"]),
        )
        .await
        .unwrap();
        let read = world.read("", &course.id()).await;
        assert_eq!(
            (read.json()["instructor_name"].as_str(), read.version()),
            (Some("Ada L."), 3)
        );
        let events = world.events().await;
        assert_eq!(events.len(), 2, "the draft is nobody's business");
        assert_eq!(events[1].data["changed"], json!(["instructor_name"]));
        // What it belongs to goes on, and what led to it is named.
        let why = (&events[1].correlationid, &events[1].actor);
        assert_eq!(why, (&Some("a-request".into()), &Some("admin".into())));
        assert!(events[1].causationid.is_some() && events[0].causationid.is_none());
        assert_eq!(events[1].data["snapshot"]["instructor_name"], "Ada L.");
    })
    .await;
}

#[tokio::test]
async fn older_news_changes_nothing() {
    for_each_engine("stale_news", |world| async move {
        let course = world.published(&ada(), "Named after me").await;
        hear(
            &world,
            "identity.user.updated.v1",
            ada_called("Ada III", 3, &["instructor"]),
        )
        .await
        .unwrap();
        for version in [1, 2, 3] {
            hear(
                &world,
                "identity.user.updated.v1",
                ada_called("Ada II", version, &["instructor"]),
            )
            .await
            .unwrap();
        }
        let read = world.read("", &course.id()).await;
        assert_eq!(
            (read.json()["instructor_name"].as_str(), read.version()),
            (Some("Ada III"), 3)
        );
    })
    .await;
}

#[tokio::test]
async fn no_name_is_kept_of_those_who_do_not_teach() {
    for_each_engine("no_names", |world| async move {
        hear(
            &world,
            "identity.user.registered.v1",
            ada_called("Ada", 1, &["student"]),
        )
        .await
        .unwrap();
        assert_eq!(
            world
                .count("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM instructors")
                .await,
            0
        );
    })
    .await;
}

#[tokio::test]
async fn a_deleted_instructor_leaves_no_name_behind() {
    for_each_engine("deleted", |world| async move {
        let course = world.published(&ada(), "Named after me").await;
        hear(
            &world,
            "identity.user.registered.v1",
            ada_called("Ada", 1, &["instructor"]),
        )
        .await
        .unwrap();
        let gone = json!({"user_id": "ada", "erased_at": "2026-11-20T12:00:00Z", "version": 2});
        hear(&world, "identity.user.deleted.v1", gone).await.unwrap();
        assert_eq!(world.read("", &course.id()).await.json()["instructor_name"], "");
    })
    .await;
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_dead_and_not_retried() {
    for_each_engine("unreadable", |world| async move {
        let refused = hear(&world, "identity.user.updated.v1", json!({"user_id": 7})).await;
        assert!(matches!(refused, Err(HandlerError::Dead(_))), "{refused:?}");
    })
    .await;
}
