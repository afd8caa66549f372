//! What instructors write: drafts, edits, steps, the events that tell them, and races.

use std::collections::BTreeSet;

use latchkey_contracts::events::course::CourseEvent;
use serde_json::{Value, json};

use crate::harness::*;

fn path(course: &Answer) -> String {
    format!("/catalog/v1/courses/{}", course.id())
}

fn told(events: &[latchkey_bus::Event]) -> Vec<(&str, CourseEvent)> {
    events
        .iter()
        .map(|event| {
            (
                event.r#type.as_str(),
                serde_json::from_value(event.data.clone()).unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_new_course_is_a_draft_of_its_creator() {
    for_each_engine("create", |world| async move {
        let made = world
            .create(&ada(), &json!({"title": "Only a title"}))
            .send()
            .await;
        assert_eq!(made.status, 201, "{}", made.text);
        assert_eq!(
            (made.header("etag"), made.header("location")),
            ("\"1\"", format!("courses/{}", made.id()).as_str())
        );
        assert_eq!(made.json()["status"], "draft");
        assert_eq!(made.json()["instructor_id"], "ada");
        assert!(world.events().await.is_empty(), "nobody hears of a draft");
    })
    .await;
}

#[tokio::test]
async fn the_same_key_gives_the_same_course_and_another_body_is_refused() {
    for_each_engine("idempotency", |world| async move {
        let (key, body) = (fresh_key(), json!({"title": "Only once"}));
        let create = |who: String, body: Value| {
            world
                .post("/catalog/v1/courses")
                .by(&who)
                .key(&key)
                .json(&body)
                .send()
        };
        let first = create(ada(), body.clone()).await;
        let again = create(ada(), body.clone()).await;
        assert_eq!(
            (again.status, again.header("idempotency-replayed")),
            (201, "true")
        );
        assert_eq!(
            (&again.text, again.header("location")),
            (&first.text, first.header("location"))
        );
        assert_eq!(again.header("etag"), first.header("etag"));
        let other = create(ada(), json!({"title": "Only twice"})).await;
        assert_eq!(other.verdict(), (422, "idempotency_key_reused"));
        let somebody_else = create(bob(), body).await;
        assert_eq!(
            (somebody_else.status, somebody_else.json()["slug"].as_str()),
            (201, Some("only-once-2"))
        );
        assert_eq!(
            world
                .count("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM courses")
                .await,
            2
        );
    })
    .await;
}

#[tokio::test]
async fn a_refused_body_does_not_use_up_its_key() {
    for_each_engine("key_kept", |world| async move {
        let key = fresh_key();
        let create = |title: &'static str| {
            world
                .post("/catalog/v1/courses")
                .by(&ada())
                .key(&key)
                .json(&json!({"title": title}))
                .send()
        };
        assert_eq!(create("Tiny").await.verdict(), (422, "invalid_content"));
        assert_eq!(create("Long enough").await.status, 201);
    })
    .await;
}

#[tokio::test]
async fn a_key_is_asked_for() {
    for_each_engine("key", |world| async move {
        let ask = || {
            world
                .post("/catalog/v1/courses")
                .by(&ada())
                .json(&json!({"title": "No key"}))
        };
        assert_eq!(ask().send().await.verdict(), (400, "idempotency_key_required"));
        assert_eq!(
            ask().key("not-a-uuid").send().await.verdict(),
            (400, "idempotency_key_required")
        );
    })
    .await;
}

#[tokio::test]
async fn one_key_sent_eight_times_at_once_makes_one_course() {
    for_each_engine("key_race", |world| async move {
        let key = fresh_key();
        let asks = (0..8).map(|_| {
            let ask = world
                .post("/catalog/v1/courses")
                .by(&ada())
                .key(&key)
                .json(&json!({"title": "Only once"}));
            tokio::spawn(ask.send())
        });
        let mut ids = BTreeSet::new();
        for ask in asks.collect::<Vec<_>>() {
            let answer = ask.await.unwrap();
            assert_eq!(answer.status, 201, "{}", answer.text);
            ids.insert(answer.id());
        }
        assert_eq!(ids.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_version_that_was_read_must_be_said_and_must_be_the_last() {
    for_each_engine("if_match", |world| async move {
        let (ada, draft) = (ada(), world.draft(&ada(), "Careful now").await);
        let body = json!({"title": "Careful then"});
        let patch = || world.patch(path(&draft)).by(&ada).json(&body);
        assert_eq!(patch().send().await.verdict(), (428, "precondition_required"));
        for wrong in [
            "\"2\"",
            "\"0\"",
            "*",
            "W/\"1\"",
            "1",
            "\"1",
            "\"99999999999999999999\"",
            "\"-1\"",
        ] {
            assert_eq!(
                patch().header("if-match", wrong).send().await.verdict(),
                (412, "stale"),
                "{wrong}"
            );
        }
        for step in ["publish", "unlist", "archive"] {
            let ask = || world.post(format!("{}/{step}", path(&draft))).by(&ada);
            assert_eq!(ask().send().await.status, 428, "{step}");
            assert_eq!(ask().if_match(7).send().await.status, 412, "{step}");
        }
        let done = patch().if_match(1).send().await;
        assert_eq!(
            (done.status, done.header("etag"), done.version()),
            (200, "\"2\"", 2)
        );
    })
    .await;
}

#[tokio::test]
async fn put_replaces_everything_and_patch_only_what_it_names() {
    for_each_engine("put_patch", |world| async move {
        let (ada, draft) = (ada(), world.draft(&ada(), "Whole and parts").await);
        let lesson = draft.json()["sections"][0]["lessons"][0]["id"].clone();
        let body = json!({"subtitle": null, "limited": true});
        let patched = world
            .patch(path(&draft))
            .by(&ada)
            .if_match(1)
            .json(&body)
            .send()
            .await;
        assert_eq!(
            (
                patched.json()["subtitle"].as_str(),
                patched.json()["limited"].as_bool()
            ),
            (Some(""), Some(true))
        );
        assert_eq!(
            patched.json()["sections"][0]["lessons"][0]["id"],
            lesson,
            "lessons keep their identifiers"
        );
        let body = json!({"title": "Whole and parts"});
        let put = world
            .put(path(&draft))
            .by(&ada)
            .if_match(2)
            .json(&body)
            .send()
            .await;
        assert_eq!(
            (
                put.json()["price"].is_null(),
                put.json()["limited"].as_bool(),
                put.version()
            ),
            (true, Some(false), 3)
        );
        assert_eq!(put.json()["sections"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn an_unready_course_is_not_published_and_says_what_is_missing() {
    for_each_engine("unready", |world| async move {
        let draft = world.create(&ada(), &json!({"title": "Bare bones"})).send().await;
        let refused = world
            .post(format!("{}/publish", path(&draft)))
            .by(&ada())
            .if_match(1)
            .send()
            .await;
        assert_eq!(refused.verdict(), (422, "not_ready"));
        assert_eq!(
            refused.fields(),
            ["category_id", "description_md", "price", "sections"]
        );
        assert_eq!(world.read(&ada(), &draft.id()).await.version(), 1);
    })
    .await;
}

#[tokio::test]
async fn steps_that_are_not_drawn_are_refused_and_change_nothing() {
    for_each_engine("steps", |world| async move {
        let ada = ada();
        let draft = world.draft(&ada, "Straight road").await;
        let refused = world
            .post(format!("{}/unlist", path(&draft)))
            .by(&ada)
            .if_match(1)
            .send()
            .await;
        assert_eq!(refused.verdict(), (409, "transition"));
        let published = world.step(&ada, &draft, "publish").await;
        let again = world
            .post(format!("{}/publish", path(&draft)))
            .by(&ada)
            .if_match(2)
            .send()
            .await;
        assert_eq!(again.verdict(), (409, "transition"));
        let archived = world.step(&ada, &published, "archive").await;
        let before = world.rows().await;
        for step in ["publish", "unlist", "archive"] {
            let refused = world
                .post(format!("{}/{step}", path(&draft)))
                .by(&ada)
                .if_match(archived.version())
                .send()
                .await;
            assert_eq!(refused.verdict(), (409, "transition"), "{step}");
        }
        let edited = world
            .patch(path(&draft))
            .by(&admin())
            .if_match(3)
            .json(&json!({"limited": true}))
            .send()
            .await;
        assert_eq!(edited.verdict(), (409, "archived"));
        assert_eq!(world.rows().await, before);
    })
    .await;
}

#[tokio::test]
async fn every_public_change_is_told_once_with_what_it_changed() {
    for_each_engine("events", |world| async move {
        let ada = ada();
        let course = world.published(&ada, "Telling tales").await;
        let body = json!({"title": "Telling tall tales", "price": {"amount": 3900, "currency": "EUR"}});
        let course = world
            .patch(path(&course))
            .by(&ada)
            .if_match(2)
            .json(&body)
            .send()
            .await;
        let same = world
            .patch(path(&course))
            .by(&ada)
            .if_match(3)
            .json(&body)
            .send()
            .await;
        let course = world.step(&ada, &same, "unlist").await;
        let course = world.step(&ada, &course, "publish").await;
        let course = world.step(&admin(), &course, "archive").await;

        let events = world.events().await;
        let told = told(&events);
        let names: Vec<_> = told
            .iter()
            .map(|(name, _)| name.rsplit('.').nth(1).unwrap())
            .collect();
        assert_eq!(
            names,
            ["published", "updated", "unlisted", "published", "archived"]
        );
        let sequences: Vec<_> = events.iter().map(|event| event.sequence.as_str()).collect();
        assert_eq!(
            sequences,
            ["2", "3", "5", "6", "7"],
            "version 4 changed nothing that anybody could see"
        );
        assert!(
            events
                .iter()
                .all(|event| event.subject == course.id() && event.source == "/catalog")
        );
        assert_eq!(events[4].actor.as_deref(), Some("root"));

        let (_, updated) = &told[1];
        assert_eq!(updated.changed, ["title", "price", "slug"]);
        assert_eq!(updated.previous.title.as_deref(), Some("Telling tales"));
        assert_eq!(
            updated.previous.price.as_ref().map(|price| price.amount),
            Some(4_900)
        );
        assert_eq!(
            (updated.snapshot.version, updated.snapshot.slug.as_str()),
            (3, "telling-tall-tales")
        );
    })
    .await;
}

#[tokio::test]
async fn a_refused_change_leaves_no_event_behind() {
    for_each_engine("no_event", |world| async move {
        let course = world.published(&ada(), "Quiet please").await;
        let bare = json!({"title": "Quiet please"});
        let refused = world
            .put(path(&course))
            .by(&ada())
            .if_match(2)
            .json(&bare)
            .send()
            .await;
        assert_eq!(refused.verdict(), (422, "not_ready"));
        assert_eq!(world.events().await.len(), 1);
        assert_eq!(
            world
                .count("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM slugs")
                .await,
            1
        );
    })
    .await;
}

#[tokio::test]
async fn an_administrator_edits_anybodys_course_and_it_stays_theirs() {
    for_each_engine("admin", |world| async move {
        let draft = world.draft(&ada(), "Please mend this").await;
        let body = json!({"title": "Mended as asked"});
        let edited = world
            .patch(path(&draft))
            .by(&admin())
            .if_match(1)
            .json(&body)
            .send()
            .await;
        assert_eq!(
            (edited.status, edited.json()["instructor_id"].as_str()),
            (200, Some("ada"))
        );
    })
    .await;
}

#[tokio::test]
async fn of_two_puts_with_the_same_version_exactly_one_wins() {
    for_each_engine("put_race", |world| async move {
        let ada = ada();
        let mut course = world.published(&ada, "Contested ground").await;
        let shelf = world.shelves().await[0].clone();
        for round in 0..15 {
            let asks: Vec<_> = (0..2)
                .map(|racer| {
                    let body = complete(&format!("Contested ground {round} {racer}"), &shelf);
                    tokio::spawn(
                        world
                            .put(path(&course))
                            .by(&ada)
                            .if_match(course.version())
                            .json(&body)
                            .send(),
                    )
                })
                .collect();
            let mut won = Vec::new();
            for ask in asks {
                let answer = ask.await.unwrap();
                match answer.status {
                    200 => won.push(answer),
                    _ => assert_eq!(answer.verdict(), (412, "stale")),
                }
            }
            assert_eq!(won.len(), 1, "round {round}");
            let stored = world.read(&ada, &course.id()).await;
            assert_eq!(stored.text, won[0].text);
            course = stored;
        }
        assert_eq!(world.events().await.len(), 16, "each winner told it once");
    })
    .await;
}

#[tokio::test]
async fn courses_of_one_title_born_at_once_get_different_addresses() {
    for_each_engine("slug_race", |world| async move {
        let asks: Vec<_> = (0..12)
            .map(|_| tokio::spawn(world.create(&ada(), &json!({"title": "Same title"})).send()))
            .collect();
        let mut slugs = BTreeSet::new();
        for ask in asks {
            let answer = ask.await.unwrap();
            assert_eq!(answer.status, 201, "{}", answer.text);
            slugs.insert(answer.json()["slug"].as_str().unwrap().to_owned());
        }
        assert_eq!(slugs.len(), 12);
        assert!(
            slugs.contains("same-title") && slugs.contains("same-title-9"),
            "{slugs:?}"
        );
    })
    .await;
}
