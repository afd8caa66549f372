//! Reading orders: one's own list, an order, and its progress as a stream.

use http_body_util::BodyExt;
use latchkey_order::consumers;
use serde_json::{Value, json};

use crate::harness::*;

fn renamed(n: usize, title: &str, version: i64) -> Value {
    json!({
        "snapshot": {
            "course_id": course_id(n), "kind": "course", "title": title, "slug": "new-slug", "category_id": "category",
            "instructor_id": "ada", "instructor_name": "Ada", "price": {"amount": 1, "currency": "EUR"},
            "limited": false, "status": "published", "version": version
        },
        "changed": ["title"], "previous": {}
    })
}

async fn tell(world: &World, data: Value) {
    let event = event("catalog.course.updated.v1", &course_id(1), data);
    world.deliver(&consumers::COURSES, event).await.unwrap();
}

/// Row 19 of the failure matrix.
#[tokio::test]
async fn a_renamed_course_shows_its_new_name_and_keeps_the_old_one() {
    for_each_engine("rename", |world| async move {
        let bo = buyer("bo");
        let id = world.ordered(&bo).await;
        tell(&world, renamed(1, "Rust, second edition", 7)).await;
        tell(&world, renamed(1, "Rust, first draft", 6)).await;
        let read = world.read(&bo, &id).await;
        let line = &read.json()["lines"][0];
        assert_eq!(line["title"], "Rust from the ground up");
        assert_eq!(
            line["display_title"], "Rust, second edition",
            "older news changes nothing"
        );
        assert_eq!(
            (&line["slug"], &line["unit_price"]["amount"]),
            (&json!("course-1"), &json!(3_500))
        );
        let list = world.get("/order/v1/orders").by(&bo).send().await;
        assert_eq!(list.items()[0]["title"], "Rust, second edition");
        world.answer_all().await;
        for told in world.events().await {
            let text = told.data.to_string();
            assert!(!text.contains("second edition"), "{text}");
        }
        assert_eq!(
            world.read(&bo, &id).await.json()["lines"][0]["display_title"],
            "Rust, second edition"
        );
    })
    .await;
}

/// What the catalog said at the purchase is newer than an event that is still under way.
#[tokio::test]
async fn old_news_of_a_course_does_not_rename_a_new_order() {
    for_each_engine("old_news", |world| async move {
        let bo = buyer("bo");
        let id = world.ordered(&bo).await;
        tell(&world, renamed(1, "As it was called before", 5)).await;
        let line = world.read(&bo, &id).await.json()["lines"][0].clone();
        assert_eq!(line["display_title"], "Rust from the ground up");
    })
    .await;
}

#[tokio::test]
async fn a_list_has_ones_own_orders_the_newest_first_in_pages() {
    for_each_engine("list", |world| async move {
        let (bo, eve) = (buyer("bo"), buyer("eve"));
        let mut ids = Vec::new();
        for _ in 0..5 {
            ids.insert(0, world.ordered(&bo).await);
            world.clock.advance(10);
        }
        world.ordered(&eve).await;
        let mut seen = Vec::new();
        let mut path = "/order/v1/orders?limit=2".to_owned();
        loop {
            let page = world.get(&path).by(&bo).send().await;
            seen.extend(
                page.items()
                    .iter()
                    .map(|item| item["id"].as_str().unwrap().to_owned()),
            );
            let Some(cursor) = page.json()["next_cursor"].as_str().map(str::to_owned) else {
                break;
            };
            path = format!("/order/v1/orders?limit=2&cursor={cursor}");
        }
        assert_eq!(seen, ids);
        for bad in [
            "?limit=0",
            "?limit=101",
            "?cursor=x",
            "?cursor=",
            "?buyer_id=bo",
            "?limit=1&limit=2",
        ] {
            let refused = world.get(format!("/order/v1/orders{bad}")).by(&bo).send().await;
            assert_eq!(refused.status, 400, "{bad}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_unchanged_order_is_not_sent_again() {
    for_each_engine("etag", |world| async move {
        let bo = buyer("bo");
        let id = world.ordered(&bo).await;
        let first = world.read(&bo, &id).await;
        assert_eq!(first.header("etag"), "\"1\"");
        let again = || {
            let ask = world.get(format!("/order/v1/orders/{id}")).by(&bo);
            ask.header("if-none-match", "\"1\"").send()
        };
        assert_eq!(again().await.status, 304);
        tell(&world, renamed(1, "Otherwise", 9)).await;
        assert_eq!(again().await.status, 200, "what it shows has changed");
        world.answer_all().await;
        assert_eq!(again().await.status, 200);
    })
    .await;
}

/// The events of a stream that has ended: their ids and states.
fn steps(text: &str) -> Vec<(i64, String)> {
    let frames = text.split("\n\n").filter(|frame| frame.starts_with("id: "));
    frames
        .map(|frame| {
            let mut lines = frame.lines();
            let id = lines.next().unwrap().strip_prefix("id: ").unwrap();
            assert_eq!(lines.next(), Some("event: progress"));
            let data: Value =
                serde_json::from_str(lines.next().unwrap().strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!(data["seq"].to_string(), id);
            (id.parse().unwrap(), data["to"].as_str().unwrap().to_owned())
        })
        .collect()
}

fn follow(world: &World, who: &str, id: &str, after: &str) -> Ask {
    let ask = world.get(format!("/order/v1/orders/{id}/events")).by(who);
    match after {
        "" => ask,
        after => ask.header("last-event-id", after),
    }
}

#[tokio::test]
async fn the_stream_of_a_settled_order_tells_all_and_ends() {
    for_each_engine("stream", |world| async move {
        let bo = buyer("bo");
        let id = world.completed(&bo).await;
        let all = follow(&world, &bo, &id, "").send().await;
        assert_eq!(all.header("content-type"), "text/event-stream");
        assert_eq!(all.header("cache-control"), "no-store, no-transform");
        let states: Vec<String> = steps(&all.text).into_iter().map(|(_, state)| state).collect();
        assert_eq!(
            states,
            ["submitted", "reserved", "capturing", "paid", "completed"]
        );
        let rest = follow(&world, &bo, &id, "3").send().await;
        assert_eq!(steps(&rest.text), [(4, "paid".into()), (5, "completed".into())]);
        for seen in ["5", "99"] {
            let done = follow(&world, &bo, &id, seen).send().await;
            assert_eq!((done.status, done.text.as_str()), (204, ""), "{seen}");
        }
        for odd in ["-7", "x", "99999999999999999999", "3 "] {
            let all = follow(&world, &bo, &id, odd).send().await;
            assert_eq!(steps(&all.text).len(), 5, "{odd}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_stream_of_a_living_order_tells_each_step_as_it_happens() {
    for_each_engine("live", |world| async move {
        let bo = buyer("bo");
        let id = world.ordered(&bo).await;
        let mut stream = follow(&world, &bo, &id, "").open().await.into_body();
        let next = async |stream: &mut axum::body::Body| {
            let frame = stream
                .frame()
                .await
                .map(|frame| frame.unwrap().into_data().unwrap());
            frame.map(|data| String::from_utf8(data.to_vec()).unwrap())
        };
        let first = next(&mut stream).await.unwrap();
        assert_eq!(steps(&first), [(1, "submitted".into())]);
        world.answer(&id, "inventory-reserve").await;
        let second = next(&mut stream).await.unwrap();
        assert_eq!(steps(&second), [(2, "reserved".into())]);
        world.answer_all().await;
        let mut rest = String::new();
        while let Some(frame) = next(&mut stream).await {
            rest.push_str(&frame);
        }
        assert_eq!(
            steps(&rest).last().unwrap(),
            &(5, "completed".to_owned()),
            "and then it ends"
        );
    })
    .await;
}

#[tokio::test]
async fn a_stream_ends_with_the_token_of_its_reader() {
    for_each_engine("expired", |world| async move {
        let (bo, eve) = (buyer("bo"), buyer("eve"));
        let id = world.ordered(&bo).await;
        let mut stream = follow(&world, &bo, &id, "").open().await.into_body();
        stream.frame().await.unwrap().unwrap();
        world.clock.advance(400_000);
        // Something else happens in the database, and the reader looks up.
        let other = latchkey_bus::Cause::default();
        world
            .context
            .write(other, async move |t| {
                t.tx.announce();
                Ok::<_, latchkey_db::DbError>(())
            })
            .await
            .unwrap();
        assert!(stream.frame().await.is_none());
        let foreign = follow(&world, &eve, &id, "").send().await;
        assert_eq!(foreign.status, 401, "its token has expired, too");
    })
    .await;
}
