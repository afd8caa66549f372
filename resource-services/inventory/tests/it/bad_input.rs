//! Bodies, queries and keys that nobody honest sends.

use serde_json::{Value, json};

use crate::harness::*;

#[tokio::test]
async fn bodies_that_are_not_what_they_should_be_change_nothing() {
    for_each_engine("bodies", |world| async move {
        let (course, item, seats) = (world.course().await, world.item().await, world.seats(3).await);
        world.bought(ADA, &[(&course, 1), (&item, 5)]).await;
        let before = world.rows().await;
        let progress = format!("/inventory/v1/library/{course}/progress");
        let consume = format!("/inventory/v1/library/{item}/consume");
        let stock = format!("/inventory/v1/stock/{seats}");
        let grants = "/inventory/v1/grants";
        let gift = |member: &str, value: Value| {
            let mut gift = json!({"user": BOB, "item_id": item, "quantity": 1, "reason": "A present"});
            gift[member] = value;
            gift
        };
        let many: Vec<String> = (0..401).map(|_| fresh_key()).collect();
        let mut cells = 0;
        for (path, body) in [
            (progress.as_str(), json!({})),
            (&progress, json!({"lessons_done": "all"})),
            (&progress, json!({"lessons_done": [7]})),
            (&progress, json!({"lessons_done": ["x"]})),
            (
                &progress,
                json!({"lessons_done": ["'; DROP TABLE owned_items; --"]}),
            ),
            (&progress, json!({"lessons_done": many})),
            (&progress, json!({"lessons_done": [], "owner": BOB})),
            (&progress, json!({"lessons_done": [], "version": 9})),
            (&consume, json!({})),
            (&consume, json!({"quantity": 0})),
            (&consume, json!({"quantity": -1})),
            (&consume, json!({"quantity": i64::MIN})),
            (&consume, json!({"quantity": i64::MAX})),
            (&consume, json!({"quantity": u64::MAX})),
            (&consume, json!({"quantity": 1.5})),
            (&consume, json!({"quantity": "1"})),
            (&consume, json!({"quantity": 1, "item_id": course})),
            (&stock, json!({})),
            (&stock, json!({"capacity": -1})),
            (&stock, json!({"capacity": 1_000_001})),
            (&stock, json!({"capacity": null})),
            (&stock, json!({"capacity": 1e300})),
            (&stock, json!({"capacity": 5, "sold": 0})),
            (grants, json!({})),
            (grants, gift("user", json!("ada"))),
            (grants, gift("user", json!(""))),
            (grants, gift("item_id", json!("' OR 1=1"))),
            (grants, gift("quantity", json!(0))),
            (grants, gift("quantity", json!(-1))),
            (grants, gift("quantity", json!(101))),
            (grants, gift("quantity", json!(i64::MAX))),
            (grants, gift("reason", json!(""))),
            (grants, gift("reason", json!("x".repeat(201)))),
            (grants, gift("reason", json!("a\u{202e}b"))),
            (grants, gift("reason", json!("a\0b"))),
            (grants, gift("price", json!(0))),
        ] {
            let who = match path {
                path if path == grants => admin(),
                path if path == stock => teacher(),
                _ => ada(),
            };
            let ask = match path {
                path if path == progress || path == stock => world.put(path),
                path => world.post(path),
            };
            let answer = ask
                .by(&who)
                .key(&fresh_key())
                .if_match(2)
                .json(&body)
                .send()
                .await;
            assert_eq!(answer.status, 422, "{path} {body}: {}", answer.text);
            cells += 1;
        }
        assert_eq!(world.rows().await, before);
        println!("{cells} bodies");
    })
    .await;
}

#[tokio::test]
async fn raw_bodies_that_are_no_json_objects_are_refused() {
    for_each_engine("raw", |world| async move {
        let course = world.course().await;
        world.bought(ADA, &[(&course, 1)]).await;
        let path = format!("/inventory/v1/library/{course}/progress");
        for (body, status) in [
            ("".to_owned(), 422),
            ("[]".into(), 422),
            ("[[]]".into(), 422),
            ("not json".into(), 422),
            (
                format!("{{\"lessons_done\":{}{}}}", "[".repeat(100), "]".repeat(100)),
                422,
            ),
            (
                format!("{{\"lessons_done\":[],\"x\":\"{}\"}}", "x".repeat(70_000)),
                413,
            ),
        ] {
            let answer = world.put(&path).by(&ada()).raw(body).send().await;
            assert_eq!(answer.status, status);
        }
        let form = world
            .put(&path)
            .by(&ada())
            .header("content-type", "text/plain")
            .send()
            .await;
        assert_eq!(form.status, 415);
    })
    .await;
}

#[tokio::test]
async fn queries_are_bounded_and_strict() {
    for_each_engine("queries", |world| async move {
        let id = fresh_key();
        let many = (0..101).map(|_| fresh_key()).collect::<Vec<_>>().join(",");
        for path in ["/inventory/v1/stock", "/inventory/v1/owned"] {
            for query in [
                "".to_owned(),
                "?ids=".into(),
                "?ids=x".into(),
                "?ids=%27%20OR%201=1".into(),
                format!("?ids={many}"),
                format!("?ids={id},"),
                format!("?ids={id}&ids={id}"),
                format!("?ids={id}&owner={ADA}"),
            ] {
                let answer = world.get(format!("{path}{query}")).by(&ada()).send().await;
                assert_eq!(answer.verdict(), (400, "invalid_query"), "{path}{query}");
            }
        }
        for (query, code) in [
            ("?limit=0", "invalid_limit"),
            ("?limit=101", "invalid_limit"),
            ("?limit=x", "invalid_query"),
            ("?cursor=x", "invalid_cursor"),
            (
                "?cursor=eyJhY3F1aXJlZF9hdCI6NSwiaXRlbV9pZCI6IngifQ",
                "invalid_cursor",
            ),
            ("?owner=bob", "invalid_query"),
        ] {
            let answer = world
                .get(format!("/inventory/v1/library{query}"))
                .by(&ada())
                .send()
                .await;
            assert_eq!(answer.verdict(), (400, code), "{query}");
        }
    })
    .await;
}

#[tokio::test]
async fn writes_without_their_key_or_their_version_are_refused() {
    for_each_engine("keys", |world| async move {
        let (item, seats) = (world.item().await, world.seats(1).await);
        world.bought(ADA, &[(&item, 5)]).await;
        let consume = world
            .post(format!("/inventory/v1/library/{item}/consume"))
            .by(&ada());
        let consume = consume.json(&json!({"quantity": 1}));
        for ask in [
            consume.clone(),
            consume.clone().key("x"),
            consume.key(&fresh_key()).key(&fresh_key()),
            world
                .post("/inventory/v1/grants")
                .by(&admin())
                .json(&json!({"user": BOB, "item_id": item, "quantity": 1, "reason": "A present"})),
        ] {
            assert_eq!(ask.send().await.verdict(), (400, "idempotency_key_required"));
        }
        let put = world.put(format!("/inventory/v1/stock/{seats}")).by(&teacher());
        let put = put.json(&json!({"capacity": 9}));
        assert_eq!(put.clone().send().await.verdict(), (428, "precondition_required"));
        for tag in ["*", "2", "W/\"2\"", "\"2\", \"3\"", "\"99999999999999999999\""] {
            let answer = put.clone().header("if-match", tag).send().await;
            assert_eq!(answer.verdict(), (412, "stale"), "{tag}");
        }
        assert_eq!(world.owns(ADA, &item).await, 5);
    })
    .await;
}

#[tokio::test]
async fn paths_that_name_nothing_are_not_found() {
    for_each_engine("paths", |world| async move {
        for id in [
            "x",
            "..",
            "%27%20OR%201=1",
            "%00",
            "01A1EBBC-0000-7000-8000-00000000000A",
        ] {
            for path in [
                format!("/inventory/v1/library/{id}"),
                format!("/inventory/v1/stock/{id}"),
            ] {
                let both = token(&person(ADA, "inventory.read inventory.stock", &["instructor"]));
                let answer = world.get(&path).by(&both).send().await;
                assert_eq!(answer.verdict(), (404, "not_found"), "{path}");
            }
        }
    })
    .await;
}
