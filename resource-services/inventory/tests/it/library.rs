//! One's own library: reading it, progress, use.

use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn a_library_shows_what_is_owned_the_last_acquired_first() {
    for_each_engine("library", |world| async move {
        let mut bought = Vec::new();
        for _ in 0..5 {
            let course = world.course().await;
            bought.push((world.bought(ADA, &[(&course, 1)]).await, course));
            world.clock.advance(1_000);
        }
        world.bought(BOB, &[(&bought[0].1, 1)]).await;
        let ada = token(&person(ADA, "inventory.read", &[]));
        let mut seen = Vec::new();
        let mut query = "?limit=2".to_owned();
        loop {
            let page = world
                .get(format!("/inventory/v1/library{query}"))
                .by(&ada)
                .send()
                .await;
            assert_eq!(page.status, 200, "{}", page.text);
            seen.extend(page.items().to_vec());
            let Some(cursor) = page.json()["next_cursor"].as_str().map(str::to_owned) else {
                break;
            };
            query = format!("?limit=2&cursor={cursor}");
        }
        let ids: Vec<&str> = seen
            .iter()
            .map(|item| item["item_id"].as_str().unwrap())
            .collect();
        let expected: Vec<&str> = bought.iter().rev().map(|(_, course)| course.as_str()).collect();
        assert_eq!(ids, expected);
        assert_eq!(
            seen[4],
            json!({
                "item_id": bought[0].1, "kind": "course", "title": "Knots", "slug": "knots", "quantity": 1,
                "acquired_at": "2026-11-20T12:00:00.000Z", "source": "order", "order_id": bought[0].0,
                "lessons_done_count": 0, "version": 1
            })
        );
    })
    .await;
}

#[tokio::test]
async fn an_item_is_read_by_its_owner_alone_and_only_while_they_own_it() {
    for_each_engine("foreign", |world| async move {
        let (course, item) = (world.course().await, world.item().await);
        let order = world.bought(ADA, &[(&course, 1)]).await;
        world.bought(ADA, &[(&item, 2)]).await;
        let paths = |id: &str| format!("/inventory/v1/library/{id}");
        let read = world.get(paths(&course)).by(&ada()).send().await;
        assert_eq!((read.status, read.header("etag")), (200, "\"1\""));
        let missing = world.get(paths(&fresh_key())).by(&bob()).send().await;
        assert_eq!(missing.verdict(), (404, "not_found"));
        for who in [bob(), admin()] {
            for id in [&course, &item] {
                let progress = || world.put(format!("{}/progress", paths(id))).by(&who);
                let consume = || {
                    let ask = world.post(format!("{}/consume", paths(id)));
                    ask.by(&who).key(&fresh_key())
                };
                // Whose it is comes before what was sent.
                for ask in [
                    world.get(paths(id)).by(&who),
                    progress().json(&json!({"lessons_done": []})),
                    progress().json(&json!({})),
                    progress().json(&json!({"lessons_done": ["x"]})),
                    progress().raw("not json".to_owned()),
                    consume().json(&json!({"quantity": 1})),
                    consume().json(&json!({})),
                    consume().json(&json!({"quantity": 0})),
                    consume().raw("[]".to_owned()),
                ] {
                    let answer = ask.send().await;
                    assert_eq!(
                        (answer.status, answer.anonymous_body()),
                        (404, missing.anonymous_body())
                    );
                }
            }
        }
        assert_eq!(world.owns(ADA, &item).await, 2);
        world
            .refund("revoke", &order, &fresh_key(), &[(&course, 1)])
            .await;
        assert_eq!(world.get(paths(&course)).by(&ada()).send().await.status, 404);
        let library = world.get("/inventory/v1/library").by(&ada()).send().await;
        assert_eq!(library.items().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_batch_names_what_the_caller_owns_and_nothing_else() {
    for_each_engine("owned", |world| async move {
        let (mine, theirs, item) = (world.course().await, world.course().await, world.item().await);
        world.bought(ADA, &[(&mine, 1), (&item, 4)]).await;
        world.bought(BOB, &[(&theirs, 1)]).await;
        let ids = [&mine, &theirs, &item, &fresh_key()]
            .map(String::as_str)
            .join(",");
        let owned = world
            .get(format!("/inventory/v1/owned?ids={ids}"))
            .by(&ada())
            .send()
            .await;
        let mut expected = vec![
            json!({"item_id": mine, "quantity": 1}),
            json!({"item_id": item, "quantity": 4}),
        ];
        expected.sort_by_key(|item| item["item_id"].as_str().unwrap().to_owned());
        assert_eq!(owned.items(), expected);
    })
    .await;
}

#[tokio::test]
async fn progress_adds_up_and_never_goes_back() {
    for_each_engine("progress", |world| async move {
        let (course, item) = (world.course().await, world.item().await);
        world.bought(ADA, &[(&course, 1), (&item, 1)]).await;
        let mut lessons = [fresh_key(), fresh_key(), fresh_key()];
        lessons.sort();
        let put = |id: &str, done: &[String]| {
            let ask = world
                .put(format!("/inventory/v1/library/{id}/progress"))
                .by(&ada());
            ask.json(&json!({"lessons_done": done})).send()
        };
        let phone = put(&course, &lessons[..2]).await;
        assert_eq!(
            (phone.status, phone.version(), phone.header("etag")),
            (200, 2, "\"2\"")
        );
        // The laptop has not heard of the phone.
        let laptop = put(&course, &lessons[2..]).await;
        assert_eq!(laptop.json()["lessons_done"], json!(lessons));
        assert_eq!(laptop.json()["lessons_done_count"], 3);
        for done in [&lessons[..1], &[], &lessons[..]] {
            let again = put(&course, done).await;
            assert_eq!(
                (again.version(), &again.json()["lessons_done"]),
                (3, &json!(lessons))
            );
        }
        let list = world.get("/inventory/v1/library").by(&ada()).send().await;
        let counts: Vec<_> = list
            .items()
            .iter()
            .map(|item| item["lessons_done_count"].as_i64())
            .collect();
        assert!(
            counts.contains(&Some(3)) && counts.contains(&Some(0)),
            "{counts:?}"
        );
        assert_eq!(put(&item, &lessons[..1]).await.verdict(), (409, "no_lessons"));
        assert_eq!(world.heard("inventory.owned-item.changed.v1").await.len(), 2);
        // Each is told once: how many, and not which.
        let told = world.heard("inventory.progress.changed.v1").await;
        let data = |done: i64, version: i64| json!({"owner": ADA, "item_id": course, "lessons_done": done, "version": version});
        assert_eq!(told, [data(2, 2), data(3, 3)]);
    })
    .await;
}

#[tokio::test]
async fn what_is_used_up_is_gone_and_counted_once_per_key() {
    for_each_engine("consume", |world| async move {
        let (course, item) = (world.course().await, world.item().await);
        world.bought(ADA, &[(&course, 1), (&item, 5)]).await;
        let consume = |id: &str, key: &str, quantity: i64| {
            let ask = world
                .post(format!("/inventory/v1/library/{id}/consume"))
                .by(&ada())
                .key(key);
            ask.json(&json!({"quantity": quantity})).send()
        };
        let key = fresh_key();
        let used = consume(&item, &key, 3).await;
        assert_eq!((used.status, &used.json()["quantity"]), (200, &json!(2)));
        let again = consume(&item, &key, 3).await;
        assert_eq!(
            (again.header("idempotency-replayed"), again.text.as_str()),
            ("true", used.text.as_str())
        );
        assert_eq!(consume(&item, &key, 1).await.code(), "idempotency_key_reused");
        assert_eq!(consume(&item, &fresh_key(), 3).await.verdict(), (409, "too_few"));
        let rest = consume(&item, &fresh_key(), 2).await;
        assert_eq!(rest.json()["quantity"], 0);
        assert_eq!(consume(&item, &fresh_key(), 1).await.status, 404);
        assert_eq!(
            consume(&course, &fresh_key(), 1).await.verdict(),
            (409, "not_consumable")
        );
        let told = world.heard("inventory.owned-item.changed.v1").await;
        let consumed: Vec<_> = told
            .iter()
            .filter(|told| told["cause"] == "consumed")
            .map(|told| told["quantity"].as_i64())
            .collect();
        assert_eq!(consumed, [Some(2), Some(0)]);
        // And more may be bought.
        world.bought(ADA, &[(&item, 1)]).await;
        assert_eq!(world.owns(ADA, &item).await, 1);
    })
    .await;
}
