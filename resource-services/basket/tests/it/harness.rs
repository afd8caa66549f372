//! Users, visitors, and what other services tell.

use latchkey_basket::{SPEC, consumers};
use latchkey_bus::Event;
use latchkey_kit::Consumer;
use latchkey_testkit::Answer;
use latchkey_testkit::service::{self, World, machine, person, token};
use serde_json::{Value, json};

pub const RUST: &str = "01a1ebbc-0000-7000-8000-00000000000a";
pub const EXAM: &str = "01a1ebbc-0000-7000-8000-00000000000b";
pub const GUEST: &str = "0123456789abcdef0123456789abcdef";

pub fn ada() -> String {
    token(&person(&SPEC, "ada", "basket", &[]))
}

pub fn bob() -> String {
    token(&person(&SPEC, "bob", "basket", &[]))
}

/// The shop's pages.
pub fn shop() -> String {
    token(&machine(&SPEC, "basket.guest", &[]))
}

/// The user's own path and the visitor's, each with whoever may use it.
pub fn holders() -> [(&'static str, String); 2] {
    [
        ("/basket/v1", ada()),
        ("/basket/v1/guests/0123456789abcdef0123456789abcdef", shop()),
    ]
}

pub fn event(r#type: &str, subject: &str, version: i64, data: Value) -> Event {
    Event {
        sequence: version.to_string(),
        ..service::event(r#type, subject, data)
    }
}

pub async fn hear(world: &World, consumer: &'static Consumer, event: Event) {
    world.deliver(consumer, event).await.unwrap();
}

/// The catalog tells of a course at this price and version.
pub async fn course(world: &World, id: &str, price: i64, version: i64) {
    tell_course(world, id, price, version, "published").await;
}

pub async fn tell_course(world: &World, id: &str, price: i64, version: i64, status: &str) {
    let kind = if id == EXAM { "item" } else { "course" };
    let snapshot = json!({
        "course_id": id, "kind": kind, "title": format!("Title {version}"), "slug": "slug", "category_id": "k",
        "instructor_id": "i", "instructor_name": "n", "price": {"amount": price, "currency": "EUR"},
        "limited": false, "status": status, "version": version
    });
    let data = json!({"snapshot": snapshot, "changed": [], "previous": {}});
    let r#type = match status {
        "archived" => "catalog.course.archived.v1",
        _ => "catalog.course.updated.v1",
    };
    hear(world, &consumers::COURSES, event(r#type, id, version, data)).await;
}

pub async fn put(world: &World, who: &str, base: &str, id: &str, quantity: i64) -> Answer {
    let ask = world.put(format!("{base}/lines/{id}")).by(who);
    ask.json(&json!({"quantity": quantity})).send().await
}

pub async fn read(world: &World, who: &str, base: &str) -> Value {
    let answer = world.get(base).by(who).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// Course, quantity and state of each line.
pub fn lines(basket: &Value) -> Vec<(String, i64, String)> {
    let lines = basket["lines"].as_array().unwrap();
    lines
        .iter()
        .map(|line| {
            (
                line["course_id"].as_str().unwrap().to_owned(),
                line["quantity"].as_i64().unwrap(),
                line["state"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}
