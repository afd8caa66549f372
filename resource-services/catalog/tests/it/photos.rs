//! The photo of a course: written like its text, told to those who keep photos, and gone when the photo is.

use latchkey_bus::Event;
use latchkey_catalog::consumers;
use latchkey_testkit::service::event;
use serde_json::{Value, json};

use crate::harness::*;

const PHOTO: &str = "0199aaaa-0000-7000-8000-0000000000f1";
const OTHER: &str = "0199aaaa-0000-7000-8000-0000000000f2";

/// The types and the photos that were told, in their order.
fn told(events: &[Event]) -> Vec<(&str, &Value)> {
    events
        .iter()
        .map(|event| {
            let of_draft = &event.data["photo_id"];
            let photo = match event.r#type.contains("illustrated") {
                true => of_draft,
                false => &event.data["snapshot"]["photo_id"],
            };
            (event.r#type.as_str(), photo)
        })
        .collect()
}

async fn patch(world: &World, who: &str, course: &Answer, photo: Value) -> Answer {
    world
        .patch(format!("/catalog/v1/courses/{}", course.id()))
        .by(who)
        .if_match(course.version())
        .json(&json!({"photo_id": photo}))
        .send()
        .await
}

async fn forget(world: &World, photo: &str) {
    let data = json!({"photo_id": photo, "owner": "ada", "sha256": "00", "variants": ["240"]});
    let deleted = event("photo.photo.deleted.v1", photo, data);
    world.deliver(&consumers::PHOTOS, deleted).await.unwrap();
}

#[tokio::test]
async fn a_course_tells_its_photo_from_the_draft_on() {
    for_each_engine("photo_told", |world| async move {
        let category = world.category("Programming").await;
        let body = with(complete("Knots", &category), "photo_id", json!(PHOTO));
        let draft = world.create(&ada(), &body).send().await;
        assert_eq!((draft.status, &draft.json()["photo_id"]), (201, &json!(PHOTO)));
        let draft = patch(&world, &ada(), &draft, json!(OTHER)).await;
        assert_eq!(draft.status, 200, "{}", draft.text);
        let public = world.step(&ada(), &draft, "publish").await;
        let public = patch(&world, &ada(), &public, Value::Null).await;
        assert_eq!((public.status, &public.json()["photo_id"]), (200, &Value::Null));
        let events = world.events().await;
        assert_eq!(
            told(&events),
            [
                ("catalog.course.illustrated.v1", &json!(PHOTO)),
                ("catalog.course.illustrated.v1", &json!(OTHER)),
                ("catalog.course.published.v1", &json!(OTHER)),
                ("catalog.course.updated.v1", &Value::Null),
            ]
        );
        let sequences: Vec<i64> = events.iter().map(Event::version).collect();
        assert_eq!(sequences, [1, 2, 3, 4]);
        assert_eq!(events[0].data["instructor_id"], "ada");
        assert_eq!(events[3].data["changed"], json!(["photo_id"]));
    })
    .await;
}

#[tokio::test]
async fn lists_and_pages_have_the_photo_of_a_course() {
    for_each_engine("photo_lists", |world| async move {
        let draft = world.draft(&ada(), "Knots").await;
        let draft = patch(&world, &ada(), &draft, json!(PHOTO)).await;
        let public = world.step(&ada(), &draft, "publish").await;
        for (who, path) in [
            ("", "/catalog/v1/courses".to_owned()),
            ("", format!("/catalog/v1/courses?ids={}", public.id())),
            (ada().as_str(), "/catalog/v1/my/courses".to_owned()),
        ] {
            let list = world.get(&path).by(who).send().await;
            assert_eq!(list.items()[0]["photo_id"], PHOTO, "{path}");
        }
        assert_eq!(world.read("", "knots").await.json()["photo_id"], PHOTO);
    })
    .await;
}

#[tokio::test]
async fn an_archived_draft_lets_go_of_its_photo() {
    for_each_engine("photo_archived", |world| async move {
        let draft = world.draft(&ada(), "Knots").await;
        let draft = patch(&world, &ada(), &draft, json!(PHOTO)).await;
        world.step(&ada(), &draft, "archive").await;
        let events = world.events().await;
        assert_eq!(
            told(&events),
            [
                ("catalog.course.illustrated.v1", &json!(PHOTO)),
                ("catalog.course.illustrated.v1", &Value::Null),
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn a_deleted_photo_leaves_every_course_that_shows_it() {
    for_each_engine("photo_deleted", |world| async move {
        let mut courses = Vec::new();
        for (title, photo) in [("Knots", PHOTO), ("Bends", PHOTO), ("Hitches", OTHER)] {
            let draft = world.draft(&ada(), title).await;
            let draft = patch(&world, &ada(), &draft, json!(photo)).await;
            courses.push(world.step(&ada(), &draft, "publish").await);
        }
        let before = world.events().await.len();
        forget(&world, PHOTO).await;
        for course in &courses[..2] {
            let read = world.read("", &course.id()).await;
            assert_eq!(
                (&read.json()["photo_id"], read.version()),
                (&Value::Null, course.version() + 1)
            );
        }
        assert_eq!(world.read("", &courses[2].id()).await.json()["photo_id"], OTHER);
        let events = world.events().await;
        assert_eq!(
            told(&events[before..]),
            [("catalog.course.updated.v1", &Value::Null); 2]
        );
        forget(&world, PHOTO).await;
        assert_eq!(world.events().await.len(), before + 2, "once is enough");
    })
    .await;
}

/// RS-06, UP-07.
#[tokio::test]
async fn a_photo_is_named_by_an_id_and_nothing_else() {
    for_each_engine("photo_odd", |world| async move {
        let draft = world.draft(&ada(), "Knots").await;
        for odd in [
            "",
            "../../x",
            "https://evil.test/x.jpg",
            "x\" onerror=\"alert(1)",
            &"a".repeat(400),
        ] {
            let answer = patch(&world, &ada(), &draft, json!(odd)).await;
            assert_eq!(answer.verdict(), (422, "invalid_content"), "{odd}");
            assert_eq!(answer.json()["errors"][0]["field"], "photo_id");
        }
        for odd in [json!(7), json!([PHOTO]), json!({"id": PHOTO})] {
            assert_eq!(patch(&world, &ada(), &draft, odd).await.status, 422);
        }
        let foreign = patch(&world, &bob(), &draft, json!(PHOTO)).await;
        assert_eq!(foreign.verdict(), (404, "not_found"));
        assert!(world.events().await.is_empty());
    })
    .await;
}
