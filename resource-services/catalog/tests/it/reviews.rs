//! Reviews: who writes them, what everybody reads, and what they do to ratings.

use futures::future::join_all;
use latchkey_catalog::consumers;
use serde_json::{Value, json};

use crate::harness::*;

fn review_of(course: &Answer) -> String {
    format!("/catalog/v1/courses/{}/review", course.id())
}

fn reader(sub: &str) -> String {
    token(&person(sub, "catalog.review", &[]))
}

/// The sum and the number of stars in the table of courses, and those of the reviews.
async fn adds_up(world: &World, sum: i64, count: i64) {
    let said = "SELECT CAST(SUM(rating_sum * 1000 + rating_count) AS BIGINT) AS n FROM courses";
    let real = "SELECT CAST(COALESCE(SUM(stars), 0) * 1000 + COUNT(*) AS BIGINT) AS n FROM reviews";
    assert_eq!(world.count(said).await, sum * 1_000 + count);
    assert_eq!(world.count(real).await, sum * 1_000 + count);
}

#[tokio::test]
async fn an_owner_reviews_a_course_once_and_may_change_their_mind() {
    for_each_engine("review", |world| async move {
        let course = world.published(&ada(), "Worth reading about").await;
        let path = review_of(&course);
        world.owns("bo", &course.id(), 1, 1).await;
        let first = json!({"stars": 5, "text": "Clear, and short.", "name": "Bo"});
        let written = world.put(&path).by(&reader("bo")).json(&first).send().await;
        assert_eq!((written.status, &written.json()["stars"]), (200, &json!(5)), "{}", written.text);
        let second = json!({"stars": 2, "text": "Too short."});
        assert_eq!(world.put(&path).by(&reader("bo")).json(&second).send().await.status, 200);
        adds_up(&world, 2, 1).await;
        let mine = world.get(&path).by(&reader("bo")).send().await.json();
        assert_eq!((&mine["stars"], &mine["text"], &mine["name"]), (&json!(2), &json!("Too short."), &json!("")));
        let read = world.read("", &course.id()).await.json();
        assert_eq!(read["rating"], json!({"average": 2.0, "count": 1}));
        let told = world.reviews_told().await;
        assert_eq!(
            told,
            [
                json!({"course_id": course.id(), "user_id": "bo", "stars": 5, "rating_sum": 5, "rating_count": 1, "version": 1}),
                json!({"course_id": course.id(), "user_id": "bo", "stars": 2, "rating_sum": 2, "rating_count": 1, "version": 2}),
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn nobody_reviews_what_they_do_not_own() {
    for_each_engine("no_owner", |world| async move {
        let course = world.published(&ada(), "Not everybody's").await;
        let path = review_of(&course);
        let put = async |who: &str| world.put(&path).by(who).json(&json!({"stars": 1})).send().await;
        let early = put(&reader("bo")).await;
        assert_eq!(early.verdict(), (409, "not_owner_yet"));
        assert_eq!(early.header("retry-after"), "2");
        // Somebody else's purchase, a refunded one, and an older event than that change nothing.
        world.owns("cleo", &course.id(), 1, 1).await;
        world.owns("bo", &course.id(), 0, 2).await;
        world.owns("bo", &course.id(), 1, 1).await;
        assert_eq!(put(&reader("bo")).await.verdict(), (409, "not_owner_yet"));
        world.owns("ada", &course.id(), 1, 1).await;
        let own = token(&person("ada", "catalog.review catalog.write", &["instructor"]));
        assert_eq!(put(&own).await.verdict(), (403, "own_course"));
        let draft = world.draft(&ada(), "Nobody's business").await;
        world.owns("bo", &draft.id(), 1, 1).await;
        for hidden in [
            review_of(&draft),
            format!("/catalog/v1/courses/{}/review", fresh_key()),
        ] {
            let answer = world
                .put(&hidden)
                .by(&reader("bo"))
                .json(&json!({"stars": 1}))
                .send()
                .await;
            assert_eq!(answer.verdict(), (404, "not_found"));
        }
        let list = format!("/catalog/v1/courses/{}/reviews", draft.id());
        assert_eq!(world.get(&list).send().await.verdict(), (404, "not_found"));
        adds_up(&world, 0, 0).await;
    })
    .await;
}

/// The path names a course and never a user: a review of somebody else cannot be named.
#[tokio::test]
async fn a_foreign_review_is_neither_changed_nor_withdrawn() {
    for_each_engine("foreign_review", |world| async move {
        let course = world.published(&ada(), "Two readers").await;
        let path = review_of(&course);
        for who in ["bo", "cleo"] {
            world.owns(who, &course.id(), 1, 1).await;
        }
        let body = json!({"stars": 5, "text": "Mine."});
        assert_eq!(
            world.put(&path).by(&reader("bo")).json(&body).send().await.status,
            200
        );
        let cleo = reader("cleo");
        assert_eq!(
            world.get(&path).by(&cleo).send().await.verdict(),
            (404, "not_found")
        );
        assert_eq!(world.delete(&path).by(&cleo).send().await.status, 204);
        for member in [
            "user_id",
            "sub",
            "id",
            "version",
            "course_id",
            "created_at",
            "owner",
        ] {
            let body = json!({"stars": 1, member: "bo"});
            let answer = world.put(&path).by(&cleo).json(&body).send().await;
            assert_eq!(answer.verdict(), (422, "invalid_body"), "{member}");
        }
        for who in [
            token(&person("cleo", "catalog.read catalog.write", &["instructor"])),
            admin(),
            machine(),
        ] {
            assert_eq!(world.put(&path).by(&who).json(&body).send().await.status, 403);
            assert_eq!(world.delete(&path).by(&who).send().await.status, 403);
        }
        adds_up(&world, 5, 1).await;
        assert_eq!(world.delete(&path).by(&reader("bo")).send().await.status, 204);
        assert_eq!(world.delete(&path).by(&reader("bo")).send().await.status, 204);
        adds_up(&world, 0, 0).await;
        let told = world.reviews_told().await;
        assert_eq!(told.len(), 2);
        assert_eq!(
            (told[1].get("stars"), &told[1]["rating_count"]),
            (None, &json!(0))
        );
    })
    .await;
}

#[tokio::test]
async fn stars_texts_and_names_out_of_bounds_are_refused() {
    for_each_engine("review_bounds", |world| async move {
        let course = world.published(&ada(), "Bounded").await;
        world.owns("bo", &course.id(), 1, 1).await;
        for (body, field) in [
            (json!({"stars": 0}), "stars"),
            (json!({"stars": 6}), "stars"),
            (json!({"stars": i64::MAX}), "stars"),
            (json!({"stars": 3, "text": "x".repeat(2_001)}), "text"),
            (json!({"stars": 3, "text": "nul\u{0}"}), "text"),
            (json!({"stars": 3, "text": "\u{202e}gnol"}), "text"),
            (json!({"stars": 3, "name": "x".repeat(61)}), "name"),
            (json!({"stars": 3, "name": "Bo\nAdmin"}), "name"),
        ] {
            let answer = world
                .put(review_of(&course))
                .by(&reader("bo"))
                .json(&body)
                .send()
                .await;
            assert_eq!(
                (answer.verdict(), answer.fields()),
                ((422, "invalid_content"), vec![field])
            );
        }
        for body in [
            json!([5]),
            json!({"stars": 4.5}),
            json!({"stars": "5"}),
            json!({}),
            json!({"stars": null}),
        ] {
            let answer = world
                .put(review_of(&course))
                .by(&reader("bo"))
                .json(&body)
                .send()
                .await;
            assert_eq!(answer.verdict(), (422, "invalid_body"), "{body}");
        }
        adds_up(&world, 0, 0).await;
        let whole = json!({"stars": 3, "text": "ü".repeat(2_000), "name": "ü".repeat(60)});
        assert_eq!(
            world
                .put(review_of(&course))
                .by(&reader("bo"))
                .json(&whole)
                .send()
                .await
                .status,
            200
        );
    })
    .await;
}

#[tokio::test]
async fn reviews_are_paged_with_a_histogram() {
    for_each_engine("review_pages", |world| async move {
        let course = world.published(&ada(), "Much discussed").await;
        for (n, stars) in [5, 4, 5, 1, 3, 5, 4].into_iter().enumerate() {
            let who = format!("reader-{n}");
            world.owns(&who, &course.id(), 1, 1).await;
            let body = json!({"stars": stars, "text": format!("Review {n}")});
            assert_eq!(
                world
                    .put(review_of(&course))
                    .by(&reader(&who))
                    .json(&body)
                    .send()
                    .await
                    .status,
                200
            );
        }
        let path = format!("/catalog/v1/courses/{}/reviews", course.id());
        let (mut seen, mut query) = (Vec::new(), "?limit=3".to_owned());
        loop {
            let page = world.get(format!("{path}{query}")).send().await;
            assert_eq!(page.json()["histogram"], json!([1, 0, 1, 2, 3]), "{}", page.text);
            assert_eq!(page.json()["rating"], json!({"average": 3.86, "count": 7}));
            assert!(
                !page.text.contains("reader-"),
                "nobody learns who wrote it: {}",
                page.text
            );
            seen.extend(
                page.items()
                    .iter()
                    .map(|item| item["text"].as_str().unwrap().to_owned()),
            );
            match page.json()["next_cursor"].as_str() {
                Some(next) => query = format!("?limit=3&cursor={next}"),
                None => break,
            }
        }
        seen.sort();
        let all: Vec<String> = (0..7).map(|n| format!("Review {n}")).collect();
        assert_eq!(seen, all);
        for hostile in [
            "?cursor=x",
            "?limit=0",
            "?limit=101",
            "?stars=5",
            "?cursor=eyJ3cml0dGVuIjoxfQ",
        ] {
            assert_eq!(
                world.get(format!("{path}{hostile}")).send().await.status,
                400,
                "{hostile}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn twenty_reviews_of_one_user_at_once_are_one() {
    for_each_engine("review_race", |world| async move {
        let course = world.published(&ada(), "Pressed twenty times").await;
        world.owns("bo", &course.id(), 1, 1).await;
        let racing = (0..20).map(|n| {
            let (world, path) = (world.clone(), review_of(&course));
            async move {
                let body = json!({"stars": n % 5 + 1});
                world.put(path).by(&reader("bo")).json(&body).send().await.status
            }
        });
        assert!(join_all(racing).await.iter().all(|status| *status == 200));
        let mine = world.get(review_of(&course)).by(&reader("bo")).send().await;
        let stars = mine.json()["stars"].as_i64().unwrap();
        adds_up(&world, stars, 1).await;
        let told = world.reviews_told().await;
        let versions: Vec<i64> = told
            .iter()
            .map(|told| told["version"].as_i64().unwrap())
            .collect();
        assert_eq!(versions, (1..=20).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn twenty_users_who_write_and_withdraw_at_once_are_counted_right() {
    for_each_engine("rating_race", |world| async move {
        let course = world.published(&ada(), "Loved by many").await;
        for n in 0..20 {
            world.owns(&format!("reader-{n}"), &course.id(), 1, 1).await;
        }
        let racing = (0..20).map(|n| {
            let (world, path, who) = (world.clone(), review_of(&course), reader(&format!("reader-{n}")));
            async move {
                let put = world
                    .put(&path)
                    .by(&who)
                    .json(&json!({"stars": n % 5 + 1}))
                    .send()
                    .await;
                assert_eq!(put.status, 200, "{}", put.text);
                if n % 2 == 1 {
                    assert_eq!(world.delete(&path).by(&who).send().await.status, 204);
                }
            }
        });
        join_all(racing).await;
        let left: i64 = (0..20).step_by(2).map(|n| n % 5 + 1).sum();
        adds_up(&world, left, 10).await;
    })
    .await;
}

#[tokio::test]
async fn the_reviews_of_a_deleted_user_go_and_the_rating_follows() {
    for_each_engine("review_erasure", |world| async move {
        let one = world.published(&ada(), "First of two").await;
        let two = world.published(&ada(), "Second of two").await;
        for course in [&one, &two] {
            for (who, stars) in [("bo", 1), ("cleo", 5)] {
                world.owns(who, &course.id(), 1, 1).await;
                let body = json!({"stars": stars, "text": who});
                assert_eq!(world.put(review_of(course)).by(&reader(who)).json(&body).send().await.status, 200);
            }
        }
        let gone = json!({"user_id": "bo", "erased_at": "2026-11-20T12:00:00Z", "version": 2});
        for _ in 0..2 {
            world.hear(&consumers::USERS, "identity.user.deleted.v1", "bo", gone.clone()).await;
        }
        adds_up(&world, 10, 2).await;
        let owned = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM owned WHERE owner = 'bo'";
        assert_eq!(world.count(owned).await, 0);
        // Inventory's own word of the erasure leaves nothing behind either.
        let erased = json!({"owner": "bo", "item_id": one.id(), "kind": "course", "quantity": 0, "version": 3, "cause": "erased"});
        world.hear(&consumers::STOCK, "inventory.owned-item.changed.v1", "bo", erased).await;
        assert_eq!(world.count(owned).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_rating_gives_the_course_a_new_tag_and_no_new_version() {
    for_each_engine("rating_tag", |world| async move {
        let course = world.published(&ada(), "Tagged").await;
        let path = format!("/catalog/v1/courses/{}", course.id());
        let before = world.get(&path).send().await.header("etag").to_owned();
        world.owns("bo", &course.id(), 1, 1).await;
        world
            .put(review_of(&course))
            .by(&reader("bo"))
            .json(&json!({"stars": 4}))
            .send()
            .await;
        let after = world.get(&path).header("if-none-match", &before).send().await;
        assert_eq!((after.status, after.header("etag")), (200, "\"2-1-0\""));
        let tag = after.header("etag").to_owned();
        assert_eq!(
            world.get(&path).header("if-none-match", &tag).send().await.status,
            304
        );
        // Who has read the course may edit it, whatever others think of it meanwhile.
        let edited = world
            .patch(&path)
            .by(&ada())
            .header("if-match", &tag)
            .json(&json!({"subtitle": "Better"}))
            .send();
        assert_eq!(edited.await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn courses_are_filtered_and_sorted_by_rating() {
    for_each_engine("by_rating", |world| async move {
        for (title, stars) in [
            ("Mixed views", vec![5, 1, 3]),
            ("Loved by all", vec![5, 5, 4]),
            ("One voice", vec![5]),
        ] {
            let course = world.published(&ada(), title).await;
            for (n, stars) in stars.into_iter().enumerate() {
                let who = format!("reader-{n}");
                world.owns(&who, &course.id(), 1, 1).await;
                let body: Value = json!({"stars": stars});
                assert_eq!(
                    world
                        .put(review_of(&course))
                        .by(&reader(&who))
                        .json(&body)
                        .send()
                        .await
                        .status,
                    200
                );
            }
        }
        world.published(&ada(), "Unheard of").await;
        let best = ["Loved by all", "One voice", "Mixed views", "Unheard of"];
        assert_eq!(world.titles("?sort=top_rated").await, best);
        assert_eq!(world.titles("?sort=top_rated&rating_min=4").await, best[..2]);
        assert_eq!(
            world.titles("?sort=top_rated&q=all").await,
            ["Loved by all", "One voice", "Mixed views", "Unheard of"]
        );
        assert_eq!(world.titles("?rating_min=4&q=voice").await, ["One voice"]);
        for bad in ["0", "6", "-1", "4.5", "x"] {
            let answer = world
                .get(format!("/catalog/v1/courses?rating_min={bad}"))
                .send()
                .await;
            assert_eq!(answer.status, 400, "{bad}");
        }
    })
    .await;
}
