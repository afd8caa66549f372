//! Which photos courses show, as the catalog tells it.

use latchkey_bus::HandlerError;
use latchkey_photo::consumers;
use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn a_photo_that_a_course_shows_is_not_deleted() {
    for_each_engine("in_use", |world| async move {
        let (first, second) = (
            world.stored(ADA, &jpeg(20, 20, 1)).await,
            world.stored(ADA, &jpeg(20, 20, 2)).await,
        );
        let (knots, bends) = (fresh_key(), fresh_key());
        world.course(&knots, ADA, Some(&first), 2).await;
        world.course(&bends, ADA, Some(&first), 2).await;
        assert_eq!(world.remove(ADA, &first).await.verdict(), (409, "photo_in_use"));
        // One of the two courses shows another one now, and then none.
        world.course(&knots, ADA, Some(&second), 3).await;
        assert_eq!(world.remove(ADA, &first).await.verdict(), (409, "photo_in_use"));
        assert_eq!(world.remove(ADA, &second).await.verdict(), (409, "photo_in_use"));
        world.course(&knots, ADA, None, 4).await;
        assert_eq!(world.remove(ADA, &second).await.status, 204);
        world.course(&bends, ADA, None, 3).await;
        assert_eq!(world.remove(ADA, &first).await.status, 204);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_or_older_event_changes_nothing() {
    for_each_engine("older", |world| async move {
        let photo = world.stored(ADA, &jpeg(20, 20, 1)).await;
        let course = fresh_key();
        for (shown, version) in [(Some(&photo), 5), (Some(&photo), 5), (None, 4), (None, 5)] {
            world
                .course(&course, ADA, shown.map(String::as_str), version)
                .await;
        }
        assert_eq!(
            world
                .count("SELECT CAST(SUM(refs) AS BIGINT) AS n FROM photos")
                .await,
            1
        );
        world.course(&course, ADA, None, 6).await;
        world.course(&course, ADA, Some(&photo), 5).await;
        assert_eq!(world.remove(ADA, &photo).await.status, 204);
    })
    .await;
}

#[tokio::test]
async fn a_stranger_cannot_hold_a_photo_by_naming_it() {
    for_each_engine("foreign", |world| async move {
        let photo = world.stored(ADA, &jpeg(20, 20, 1)).await;
        let course = fresh_key();
        world.course(&course, BOB, Some(&photo), 2).await;
        world.course(&course, BOB, Some(&fresh_key()), 3).await;
        assert_eq!(world.remove(ADA, &photo).await.status, 204);
    })
    .await;
}

#[tokio::test]
async fn a_draft_keeps_its_photo_and_hands_it_on() {
    for_each_engine("draft", |world| async move {
        let photo = world.stored(ADA, &jpeg(20, 20, 1)).await;
        let course = fresh_key();
        world.draft(&course, ADA, Some(&photo), 2).await;
        assert_eq!(world.remove(ADA, &photo).await.verdict(), (409, "photo_in_use"));
        world.course(&course, ADA, Some(&photo), 3).await;
        assert_eq!(
            world
                .count("SELECT CAST(SUM(refs) AS BIGINT) AS n FROM photos")
                .await,
            1
        );
        world
            .course_is("archived", &course, ADA, Some(&photo), 4)
            .await
            .unwrap();
        // Its owners still learn with it.
        assert_eq!(world.remove(ADA, &photo).await.verdict(), (409, "photo_in_use"));
        let draft = fresh_key();
        world.draft(&draft, ADA, Some(&photo), 2).await;
        world.draft(&draft, ADA, None, 3).await;
        assert_eq!(
            world
                .count("SELECT CAST(SUM(refs) AS BIGINT) AS n FROM photos")
                .await,
            1
        );
    })
    .await;
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_dead() {
    for_each_engine("dead", |world| async move {
        for r#type in ["catalog.course.updated.v1", "catalog.course.illustrated.v1"] {
            let odd = event(r#type, "c", json!({"course_id": 7}));
            let done = world.deliver(&consumers::COURSES, odd).await;
            assert!(matches!(done, Err(HandlerError::Dead(_))), "{done:?}");
        }
    })
    .await;
}
