//! The catalog in a box, with actors who hold real tokens.

use std::ops::Deref;

use latchkey_catalog::{SPEC, consumers};
use latchkey_db::sql;
use latchkey_kit::Consumer;
use latchkey_testkit::service::{self, event};
use serde_json::{Value, json};

pub use latchkey_testkit::Answer;
pub use latchkey_testkit::service::{Ask, NOW_MS, fresh_key, token};

/// Runs a test on a fresh database of each engine.
pub async fn for_each_engine<F, Fut>(name: &str, test: F)
where
    F: Fn(World) -> Fut,
    Fut: Future<Output = ()>,
{
    service::for_each_engine(&SPEC, name, |world| test(World(world))).await;
}

/// A catalog with an empty database.
#[derive(Clone)]
pub struct World(pub service::World);

impl Deref for World {
    type Target = service::World;

    fn deref(&self) -> &service::World {
        &self.0
    }
}

impl World {
    /// A category put up by an administrator; its identifier.
    pub async fn category(&self, name: &str) -> String {
        let made = self
            .post("/catalog/v1/categories")
            .by(&admin())
            .json(&json!({"name": name}))
            .send()
            .await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.id()
    }

    /// A draft of `who` that lacks nothing.
    pub async fn draft(&self, who: &str, title: &str) -> Answer {
        let category = match self.shelves().await.first() {
            Some(category) => category.clone(),
            None => self.category("Programming").await,
        };
        let made = self.create(who, &complete(title, &category)).send().await;
        assert_eq!(made.status, 201, "{}", made.text);
        made
    }

    /// A published course of `who`.
    pub async fn published(&self, who: &str, title: &str) -> Answer {
        let draft = self.draft(who, title).await;
        self.step(who, &draft, "publish").await
    }

    pub async fn step(&self, who: &str, course: &Answer, step: &str) -> Answer {
        let path = format!("/catalog/v1/courses/{}/{step}", course.id());
        let done = self.post(path).by(who).if_match(course.version()).send().await;
        assert_eq!(done.status, 200, "{}", done.text);
        done
    }

    pub fn create(&self, who: &str, body: &Value) -> Ask {
        self.post("/catalog/v1/courses")
            .by(who)
            .key(&fresh_key())
            .json(body)
    }

    pub async fn read(&self, who: &str, key: &str) -> Answer {
        self.get(format!("/catalog/v1/courses/{key}"))
            .by(who)
            .send()
            .await
    }

    /// Identifiers of all categories.
    pub async fn shelves(&self) -> Vec<String> {
        let list = self.get("/catalog/v1/categories").send().await;
        list.items()
            .iter()
            .map(|category| category["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Titles of a list, in its order.
    pub async fn titles(&self, query: &str) -> Vec<String> {
        let list = self.get(format!("/catalog/v1/courses{query}")).send().await;
        assert_eq!(list.status, 200, "{query}: {}", list.text);
        list.items()
            .iter()
            .map(|course| course["title"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Delivers an event.
    pub async fn hear(&self, consumer: &'static Consumer, r#type: &str, subject: &str, data: Value) {
        self.deliver(consumer, event(r#type, subject, data))
            .await
            .unwrap();
    }

    /// Inventory says how many of an item somebody owns.
    pub async fn owns(&self, owner: &str, item_id: &str, quantity: i64, version: i64) {
        let data = json!({
            "owner": owner, "item_id": item_id, "kind": "course", "quantity": quantity, "version": version,
            "cause": "order"
        });
        let subject = format!("{owner}:{item_id}");
        self.hear(
            &consumers::STOCK,
            "inventory.owned-item.changed.v1",
            &subject,
            data,
        )
        .await;
    }

    /// What was told about reviews.
    pub async fn reviews_told(&self) -> Vec<Value> {
        let all = self.events().await.into_iter();
        all.filter(|event| event.r#type == "catalog.review.posted.v1")
            .map(|event| event.data)
            .collect()
    }

    /// Everything in the two tables that callers write to, as text: equal before and after means untouched.
    pub async fn rows(&self) -> String {
        let courses = sql("SELECT id FROM courses ORDER BY id")
            .fetch_all(&self.context.db)
            .await
            .unwrap();
        let mut all = String::new();
        for row in courses {
            let course = latchkey_catalog::store::course(&self.context.db, &row.text("id").unwrap()).await;
            all.push_str(&format!("{:?}\n", course.unwrap()));
        }
        let categories = latchkey_catalog::store::categories(&self.context.db)
            .await
            .unwrap();
        all + &format!("{categories:?}\n{:?}", self.events().await.len())
    }
}

/// The body of a course that can be published.
pub fn complete(title: &str, category: &str) -> Value {
    json!({
        "title": title,
        "subtitle": "All you need",
        "description_md": "Written for those who would rather understand than copy. ".repeat(3),
        "category_id": category,
        "language": "en",
        "level": "beginner",
        "outcomes": ["Explain it to a friend"],
        "requirements": [],
        "sections": [{"title": "One", "lessons": [{"title": "Begin", "minutes": 7, "preview": true}, {"title": "Go on", "minutes": 12}]}],
        "price": {"amount": 4900, "currency": "EUR"},
        "limited": false
    })
}

pub fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

pub fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

// The actors.

pub fn ada() -> String {
    token(&person("ada", "catalog.read catalog.write", &["instructor"]))
}

pub fn bob() -> String {
    token(&person("bob", "catalog.read catalog.write", &["instructor"]))
}

/// A user who only buys.
pub fn carol() -> String {
    token(&person(
        "carol",
        "catalog.read catalog.write catalog.admin",
        &["student"],
    ))
}

pub fn admin() -> String {
    token(&person(
        "root",
        "catalog.read catalog.write catalog.admin",
        &["admin"],
    ))
}

/// A client in its own name, with every scope and every role that somebody might have given it by mistake.
pub fn machine() -> String {
    token(&service::machine(
        &SPEC,
        "catalog.read catalog.write catalog.admin",
        &["instructor", "admin"],
    ))
}

pub fn person(sub: &str, scope: &str, roles: &[&str]) -> Value {
    service::person(&SPEC, sub, scope, roles)
}
