//! The demo catalogue.

use latchkey_catalog::demo;
use latchkey_kit::demo_course_id;

use crate::harness::*;

#[tokio::test]
async fn a_second_start_adds_nothing() {
    for_each_engine("demo", |world| async move {
        let first = demo::seed(&world.context, "mira", "Mira Halvorsen")
            .await
            .unwrap();
        assert_eq!((first, world.shelves().await.len()), (30, 6));
        let told = world.events().await;
        let published = told.iter().filter(|event| event.r#type.contains("published"));
        assert_eq!(published.count(), 30, "each was published through the outbox");
        assert_eq!(world.reviews_told().await.len(), 41);
        let before = world.rows().await;
        assert_eq!(
            demo::seed(&world.context, "mira", "Mira Halvorsen")
                .await
                .unwrap(),
            0
        );
        assert_eq!(world.rows().await, before);
    })
    .await;
}

#[tokio::test]
async fn the_demo_can_be_browsed() {
    for_each_engine("demo_browse", |world| async move {
        demo::seed(&world.context, "mira", "Mira Halvorsen")
            .await
            .unwrap();
        assert_eq!(world.titles("?limit=100").await.len(), 30);
        assert_eq!(
            world.titles("?category=design&language=fr").await,
            ["La couleur, de la palette à la page"]
        );
        assert_eq!(world.titles("?q=baglama").await, ["Bağlamaya Giriş"]);
        let rust = world.read("", "rust-from-the-ground-up").await;
        assert_eq!(rust.id(), demo_course_id("rust-from-the-ground-up"));
        assert_eq!(rust.json()["instructor_name"], "Mira Halvorsen");
        assert_eq!(rust.json()["list_price"]["amount"], 7_900);
        assert_eq!(
            rust.json()["rating"],
            serde_json::json!({"average": 4.5, "count": 6})
        );
        assert_eq!(
            world.read("", "service-design-in-a-week").await.json()["seats_left"],
            3
        );
        assert_eq!(rust.json()["sections"][0]["lessons"][0]["preview"], true);
        assert_eq!(rust.json()["sections"][0]["lessons"][1]["preview"], false);
    })
    .await;
}

#[tokio::test]
async fn a_demo_course_that_was_renamed_does_not_come_back() {
    for_each_engine("demo_renamed", |world| async move {
        demo::seed(&world.context, "ada", "Ada").await.unwrap();
        let course = world.read("", "statistics-without-tears").await;
        let path = format!("/catalog/v1/courses/{}", course.id());
        let body = serde_json::json!({"title": "Statistics with a smile"});
        assert_eq!(
            world
                .patch(path)
                .by(&ada())
                .if_match(2)
                .json(&body)
                .send()
                .await
                .status,
            200
        );
        assert_eq!(demo::seed(&world.context, "ada", "Ada").await.unwrap(), 0);
    })
    .await;
}
