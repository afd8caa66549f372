//! The shelves.

use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn an_administrator_arranges_the_shelves() {
    for_each_engine("shelves", |world| async move {
        let admin = admin();
        let made = world
            .post("/catalog/v1/categories")
            .by(&admin)
            .json(&json!({"name": "Müzik", "position": 2}))
            .send()
            .await;
        assert_eq!(
            (made.status, made.json()["slug"].as_str(), made.header("etag")),
            (201, Some("muzik"), "\"1\"")
        );
        world.category("Craft").await;
        let path = format!("/catalog/v1/categories/{}", made.id());
        let put = world
            .put(&path)
            .by(&admin)
            .if_match(1)
            .json(&json!({"name": "Music", "position": 1}))
            .send()
            .await;
        assert_eq!(
            (put.status, put.version(), put.json()["slug"].as_str()),
            (200, 2, Some("music"))
        );
        let list = world.get("/catalog/v1/categories").send().await;
        let slugs: Vec<_> = list
            .items()
            .iter()
            .map(|item| item["slug"].as_str().unwrap())
            .collect();
        assert_eq!(slugs, ["craft", "music"]);
        assert_eq!(
            world.delete(&path).by(&admin).if_match(2).send().await.status,
            204
        );
        assert_eq!(world.shelves().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_list_has_a_tag_that_moves_with_every_change() {
    for_each_engine("shelf_tag", |world| async move {
        let tag = world
            .get("/catalog/v1/categories")
            .send()
            .await
            .header("etag")
            .to_owned();
        let again = world
            .get("/catalog/v1/categories")
            .header("if-none-match", &tag)
            .send()
            .await;
        assert_eq!((again.status, again.text.as_str()), (304, ""));
        world.category("Music").await;
        assert_eq!(
            world
                .get("/catalog/v1/categories")
                .header("if-none-match", &tag)
                .send()
                .await
                .status,
            200
        );
    })
    .await;
}

#[tokio::test]
async fn a_shelf_in_use_stays() {
    for_each_engine("shelf_used", |world| async move {
        let draft = world.draft(&ada(), "On the shelf").await;
        let shelf = world.shelves().await[0].clone();
        let path = format!("/catalog/v1/categories/{shelf}");
        let delete = || world.delete(&path).by(&admin()).if_match(1);
        assert_eq!(delete().send().await.verdict(), (409, "category_in_use"));
        let body = json!({"category_id": null});
        world
            .patch(format!("/catalog/v1/courses/{}", draft.id()))
            .by(&ada())
            .if_match(1)
            .json(&body)
            .send()
            .await;
        let child = json!({"name": "Below", "parent_id": shelf});
        let child = world
            .post("/catalog/v1/categories")
            .by(&admin())
            .json(&child)
            .send()
            .await;
        assert_eq!(delete().send().await.verdict(), (409, "category_in_use"));
        let gone = world
            .delete(format!("/catalog/v1/categories/{}", child.id()))
            .by(&admin())
            .if_match(1)
            .send()
            .await;
        assert_eq!(gone.status, 204);
        assert_eq!(delete().send().await.status, 204);
        assert_eq!(delete().send().await.verdict(), (404, "not_found"));
    })
    .await;
}

#[tokio::test]
async fn the_version_of_a_shelf_is_said_and_is_the_last() {
    for_each_engine("shelf_version", |world| async move {
        let path = format!("/catalog/v1/categories/{}", world.category("Music").await);
        let put = || world.put(&path).by(&admin()).json(&json!({"name": "Sound"}));
        assert_eq!(put().send().await.status, 428);
        assert_eq!(put().if_match(2).send().await.verdict(), (412, "stale"));
        assert_eq!(world.delete(&path).by(&admin()).send().await.status, 428);
        assert_eq!(
            world.delete(&path).by(&admin()).if_match(9).send().await.status,
            412
        );
        assert_eq!(put().if_match(1).send().await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn two_shelves_of_one_name_are_refused_also_when_they_race() {
    for_each_engine("shelf_race", |world| async move {
        let asks: Vec<_> = (0..6)
            .map(|_| {
                tokio::spawn(
                    world
                        .post("/catalog/v1/categories")
                        .by(&admin())
                        .json(&json!({"name": "Music"}))
                        .send(),
                )
            })
            .collect();
        let mut made = 0;
        for ask in asks {
            let answer = ask.await.unwrap();
            match answer.status {
                201 => made += 1,
                _ => assert_eq!(answer.verdict(), (409, "category_taken")),
            }
        }
        assert_eq!(made, 1);
    })
    .await;
}

#[tokio::test]
async fn a_course_and_the_end_of_its_shelf_never_both_happen() {
    for_each_engine("shelf_end", |world| async move {
        for round in 0..10 {
            let shelf = world.category(&format!("Shelf {round}")).await;
            let course = world.create(&ada(), &complete(&format!("Course {round}"), &shelf));
            let delete = world
                .delete(format!("/catalog/v1/categories/{shelf}"))
                .by(&admin())
                .if_match(1);
            let (course, delete) = (tokio::spawn(course.send()), tokio::spawn(delete.send()));
            let (course, delete) = (course.await.unwrap(), delete.await.unwrap());
            match course.status {
                201 => assert_eq!(delete.verdict(), (409, "category_in_use")),
                _ => assert_eq!(
                    (course.status, course.fields(), delete.status),
                    (422, vec!["category_id"], 204)
                ),
            }
        }
    })
    .await;
}
