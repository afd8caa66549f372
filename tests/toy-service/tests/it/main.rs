//! The service seen from outside: its real router, real tokens, and both databases.

use latchkey_kit::RouteFacts;
use latchkey_testkit::Answer;
use latchkey_testkit::service::{Ask, World, event, for_each_engine, fresh_key, matrices, person, token};
use latchkey_toy::{SPEC, consumers};
use serde_json::json;

fn ada() -> String {
    token(&person(&SPEC, "ada", "toy.write", &[]))
}

fn bob() -> String {
    token(&person(&SPEC, "bob", "toy.write", &[]))
}

async fn written(world: &World, who: &str, text: &str) -> Answer {
    let draft = world.post("/toy/v1/notes").by(who).key(&fresh_key());
    let made = draft.json(&json!({"text": text})).send().await;
    assert_eq!(made.status, 201, "{}", made.text);
    made
}

fn ask(world: &World, route: &RouteFacts, id: &str) -> Ask {
    let path = route.path.replace("{id}", id);
    let ask = world
        .ask(route.method.clone(), path)
        .if_match(1)
        .key(&fresh_key());
    match route.method.as_str() {
        "GET" => ask,
        _ => ask.json(&json!({"text": "Taken over"})),
    }
}

#[test]
fn every_route_has_a_policy_and_stands_in_the_document() {
    matrices::every_route_has_a_policy(&SPEC);
    matrices::the_document_is_whole(&SPEC);
}

#[tokio::test]
async fn each_route_refuses_whoever_is_not_meant() {
    for_each_engine(&SPEC, "roles", |world| async move {
        let note = written(&world, &ada(), "mine").await;
        let ask = |route: &RouteFacts| ask(&world, route, &note.id());
        matrices::refuses_whoever_is_not_meant(&world, ask).await;
        matrices::refuses_worthless_tokens(&world, ask).await;
        matrices::answers_declared_methods_alone(&world, &ada()).await;
        let read = world.get(format!("/toy/v1/notes/{}", note.id())).by(&ada());
        assert_eq!(read.send().await.json()["text"], "mine");
    })
    .await;
}

#[tokio::test]
async fn a_note_is_written_once_replaced_by_version_and_seen_by_its_owner() {
    for_each_engine(&SPEC, "notes", |world| async move {
        let key = fresh_key();
        let post = |text: &str| {
            let ask = world.post("/toy/v1/notes").by(&ada()).key(&key);
            ask.json(&json!({"text": text}))
        };
        let (first, again) = (post("one").send().await, post("one").send().await);
        assert_eq!((first.id(), again.status), (again.id(), 201));
        assert_eq!(post("two").send().await.code(), "idempotency_key_reused");
        let path = format!("/toy/v1/notes/{}", first.id());
        let put = |version: i64, who: &str, text: &str| {
            let ask = world.put(&path).by(who).if_match(version);
            ask.json(&json!({"text": text})).send()
        };
        assert_eq!(put(1, &ada(), "changed").await.version(), 2);
        assert_eq!(put(1, &ada(), "late").await.verdict(), (412, "stale"));
        assert_eq!(put(2, &bob(), "stolen").await.verdict(), (404, "not_found"));
        assert_eq!(put(2, &ada(), " ").await.fields(), ["text"]);
        written(&world, &ada(), "more").await;
        let page = world.get("/toy/v1/notes?limit=1").by(&ada()).send().await;
        let cursor = page.json()["next_cursor"].as_str().unwrap().to_owned();
        let rest = world
            .get(format!("/toy/v1/notes?limit=1&cursor={cursor}"))
            .by(&ada());
        let rest = rest.send().await;
        assert_eq!((page.items().len(), rest.items().len()), (1, 1));
        assert_eq!(rest.json()["next_cursor"], json!(null));
        assert!(
            world
                .get("/toy/v1/notes")
                .by(&bob())
                .send()
                .await
                .items()
                .is_empty()
        );
    })
    .await;
}

#[tokio::test]
async fn whoever_is_gone_leaves_no_notes_behind() {
    for_each_engine(&SPEC, "gone", |world| async move {
        written(&world, &ada(), "one").await;
        written(&world, &bob(), "two").await;
        let data = json!({"user_id": "ada", "erased_at": "2026-11-20T12:00:00.000Z", "version": 2});
        let event = event("identity.user.deleted.v1", "ada", data);
        for _ in 0..2 {
            world.deliver(&consumers::USERS, event.clone()).await.unwrap();
        }
        assert_eq!(world.count("SELECT COUNT(*) AS n FROM notes").await, 1);
    })
    .await;
}
