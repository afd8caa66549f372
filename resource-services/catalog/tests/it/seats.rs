//! Seats: a limited course is published only with some, and its page says how many are left.

use latchkey_catalog::consumers;
use serde_json::json;

use crate::harness::*;

async fn stock(world: &World, id: &str, capacity: i64, sold: i64, version: i64) {
    let data = json!({"item_id": id, "capacity": capacity, "sold": sold, "reserved": 1, "version": version});
    world
        .hear(&consumers::STOCK, "inventory.stock.changed.v1", id, data)
        .await;
}

async fn limited(world: &World) -> Answer {
    let category = world.category("Programming").await;
    let body = with(complete("Only a few", &category), "limited", json!(true));
    world.create(&ada(), &body).send().await
}

#[tokio::test]
async fn a_limited_course_is_published_only_with_seats() {
    for_each_engine("capacity", |world| async move {
        let draft = limited(&world).await;
        let path = format!("/catalog/v1/courses/{}/publish", draft.id());
        let publish = async || world.post(&path).by(&ada()).if_match(1).send().await;
        let refused = publish().await;
        assert_eq!(
            (refused.verdict(), refused.fields()),
            ((422, "not_ready"), vec!["capacity"])
        );
        stock(&world, &draft.id(), 0, 0, 1).await;
        assert_eq!(publish().await.verdict(), (422, "not_ready"));
        stock(&world, &draft.id(), 5, 2, 2).await;
        assert_eq!(publish().await.status, 200);
        let read = world.read("", &draft.id()).await;
        assert_eq!(
            (&read.json()["seats_left"], read.header("etag")),
            (&json!(2), "\"2-0-2\"")
        );
        // Older news changes nothing, newer news takes no version.
        stock(&world, &draft.id(), 9, 0, 1).await;
        assert_eq!(world.read("", &draft.id()).await.json()["seats_left"], 2);
        stock(&world, &draft.id(), 5, 4, 3).await;
        let list = world.get("/catalog/v1/courses?q=few").send().await;
        assert_eq!(
            (&list.items()[0]["seats_left"], &list.items()[0]["version"]),
            (&json!(0), &json!(2))
        );
    })
    .await;
}

#[tokio::test]
async fn inventory_learns_of_a_limited_draft_and_of_no_other() {
    for_each_engine("drafted", |world| async move {
        let draft = limited(&world).await;
        world.draft(&ada(), "As many as want").await;
        let path = format!("/catalog/v1/courses/{}", draft.id());
        for (version, limited) in [(1, false), (2, false), (3, true)] {
            let body = json!({"limited": limited});
            assert_eq!(
                world
                    .patch(&path)
                    .by(&ada())
                    .if_match(version)
                    .json(&body)
                    .send()
                    .await
                    .status,
                200
            );
        }
        let told: Vec<_> = world
            .events()
            .await
            .into_iter()
            .map(|event| (event.r#type, event.data))
            .collect();
        let drafted = |limited: bool, version: i64| {
            let data = json!({
                "course_id": draft.id(), "kind": "course", "title": "Only a few", "slug": "only-a-few",
                "instructor_id": "ada", "limited": limited, "version": version
            });
            ("catalog.course.drafted.v1".to_owned(), data)
        };
        assert_eq!(told, [drafted(true, 1), drafted(false, 2), drafted(true, 4)]);
    })
    .await;
}
