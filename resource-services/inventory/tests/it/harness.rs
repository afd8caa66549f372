//! Inventory in a box, with orders and a catalog that speak to it, and actors who hold real tokens.

use std::ops::Deref;

use latchkey_bus::HandlerError;
use latchkey_inventory::{SPEC, consumers, store};
use latchkey_kit::Consumer;
use latchkey_testkit::service;
use serde_json::{Value, json};

pub use latchkey_testkit::service::{Ask, fresh_key, token};

pub const ADA: &str = "01a1ebbc-0000-7000-8000-00000000000a";
pub const BOB: &str = "01a1ebbc-0000-7000-8000-00000000000b";
pub const TEACHER: &str = "01a1ebbc-0000-7000-8000-00000000000c";
pub const OTHER_TEACHER: &str = "01a1ebbc-0000-7000-8000-00000000000d";

/// Runs a test on a fresh database of each engine, at whose end every sum must be right.
pub async fn for_each_engine<F, Fut>(name: &str, test: F)
where
    F: Fn(World) -> Fut,
    Fut: Future<Output = ()>,
{
    service::for_each_engine(&SPEC, name, |world| {
        let running = test(World(world.clone()));
        async move {
            running.await;
            World(world).adds_up().await;
        }
    })
    .await;
}

/// An inventory with an empty database.
#[derive(Clone)]
pub struct World(pub service::World);

impl Deref for World {
    type Target = service::World;

    fn deref(&self) -> &service::World {
        &self.0
    }
}

/// A course event of the catalog, to be changed at will.
#[derive(Clone)]
pub struct Course {
    pub id: String,
    pub kind: &'static str,
    pub title: &'static str,
    pub limited: bool,
    pub status: &'static str,
    pub version: i64,
}

impl Course {
    pub fn new() -> Self {
        Self {
            id: fresh_key(),
            kind: "course",
            title: "Knots",
            limited: false,
            status: "published",
            version: 1,
        }
    }

    pub fn limited() -> Self {
        Self {
            limited: true,
            ..Self::new()
        }
    }

    pub fn item() -> Self {
        Self {
            kind: "item",
            ..Self::new()
        }
    }
}

impl World {
    /// The catalog tells about a course.
    pub async fn hear(&self, course: &Course) {
        let r#type = match (course.status, course.version) {
            ("published", 1) => "catalog.course.published.v1",
            ("unlisted", _) => "catalog.course.unlisted.v1",
            ("archived", _) => "catalog.course.archived.v1",
            _ => "catalog.course.updated.v1",
        };
        let data = json!({
            "snapshot": {
                "course_id": course.id, "kind": course.kind, "title": course.title, "slug": "knots",
                "category_id": fresh_key(), "instructor_id": TEACHER, "instructor_name": "Ada",
                "price": {"amount": 4900, "currency": "EUR"}, "limited": course.limited,
                "status": course.status, "version": course.version
            },
            "changed": [], "previous": {}
        });
        self.told(&consumers::COURSES, r#type, &course.id, data)
            .await
            .unwrap();
    }

    /// An unlimited course; its id.
    pub async fn course(&self) -> String {
        let course = Course::new();
        self.hear(&course).await;
        course.id
    }

    /// An unlimited item; its id.
    pub async fn item(&self) -> String {
        let item = Course::item();
        self.hear(&item).await;
        item.id
    }

    /// A course with so many seats; its id.
    pub async fn seats(&self, capacity: i64) -> String {
        let course = Course::limited();
        self.hear(&course).await;
        self.set_capacity(&course.id, 1, capacity).await;
        course.id
    }

    pub async fn set_capacity(&self, id: &str, read: i64, capacity: i64) {
        let put = self
            .put(format!("/inventory/v1/stock/{id}"))
            .by(&teacher())
            .if_match(read);
        let put = put.json(&json!({"capacity": capacity})).send().await;
        assert_eq!(put.status, 200, "{}", put.text);
    }

    /// An order commands; its answer.
    pub async fn order(&self, verb: &str, order: &str, data: Value) -> Value {
        self.command(verb, order, data).await.unwrap();
        self.answers(order).await.pop().unwrap()
    }

    /// An order commands something, under a new command id if `data` has none.
    pub async fn command(&self, verb: &str, order: &str, data: Value) -> Result<(), HandlerError> {
        let mut data = data;
        data["order_id"] = json!(order);
        if data["command_id"].is_null() {
            data["command_id"] = json!(fresh_key());
        }
        let r#type = format!("order.command.inventory-{verb}.v1");
        self.told(&consumers::COMMANDS, &r#type, order, data).await
    }

    /// Holds one of the items for a buyer.
    pub async fn reserve(&self, order: &str, buyer: &str, item: &str) -> Value {
        self.order("reserve", order, wish(buyer, &[(item, 1)])).await
    }

    pub async fn confirm(&self, order: &str) -> Value {
        self.order("confirm", order, json!({})).await
    }

    pub async fn release(&self, order: &str) -> Value {
        self.order("release", order, json!({})).await
    }

    pub async fn refund(&self, verb: &str, order: &str, refund: &str, lines: &[(&str, i64)]) -> Value {
        self.order(
            verb,
            order,
            json!({"refund_id": refund, "lines": lines_of(lines)}),
        )
        .await
    }

    /// A buyer gets items by an order; its id.
    pub async fn bought(&self, buyer: &str, lines: &[(&str, i64)]) -> String {
        let order = fresh_key();
        let reserved = self.order("reserve", &order, wish(buyer, lines)).await;
        assert_eq!(reserved["type"], "reserved", "{reserved}");
        assert_eq!(self.confirm(&order).await["type"], "granted");
        order
    }

    /// The answers to an order, with the middle of their type and the sequence.
    pub async fn answers(&self, order: &str) -> Vec<Value> {
        let events = self.events().await.into_iter();
        let mine = events.filter(|event| event.subject == order);
        mine.map(|event| {
            let mut data = event.data;
            data["type"] = json!(event.r#type.split('.').nth(2).unwrap());
            data["sequence"] = json!(event.sequence.parse::<i64>().unwrap());
            data
        })
        .collect()
    }

    /// What was told of one type, in its order.
    pub async fn heard(&self, r#type: &str) -> Vec<Value> {
        let events = self.events().await.into_iter();
        let such = events.filter(|event| event.r#type == r#type);
        such.map(|event| event.data).collect()
    }

    pub async fn told(
        &self,
        consumer: &'static Consumer,
        r#type: &str,
        subject: &str,
        data: Value,
    ) -> Result<(), HandlerError> {
        self.deliver(consumer, service::event(r#type, subject, data))
            .await
    }

    /// What somebody owns of an item.
    pub async fn owns(&self, owner: &str, item: &str) -> i64 {
        let owned = store::owned(&self.context.db, owner, item).await.unwrap();
        owned.map_or(0, |owned| owned.quantity)
    }

    /// Capacity, sold and reserved.
    pub async fn stock(&self, item: &str) -> (Option<i64>, i64, i64) {
        let stock = store::stock(&self.context.db, item).await.unwrap().unwrap();
        (stock.capacity, stock.sold, stock.reserved)
    }

    /// Everything that callers write to, as numbers: equal before and after means untouched.
    pub async fn rows(&self) -> Vec<i64> {
        let mut all = Vec::new();
        for statement in [
            "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM outbox",
            "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM movements",
            "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM owners",
            "SELECT CAST(COALESCE(SUM(version + quantity + lesson_count), 0) AS BIGINT) AS n FROM owned_items",
            "SELECT CAST(COALESCE(SUM(version + capacity_version + sold + reserved), 0) AS BIGINT) AS n FROM stock",
        ] {
            all.push(self.count(statement).await);
        }
        all
    }

    /// The counters are the sums of the movements, and what is reserved is what lines hold.
    pub async fn adds_up(&self) {
        for (wrong, statement) in [
            (
                "counters that differ from the movements",
                "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM stock s WHERE s.capacity IS NOT NULL AND \
                 (s.sold <> (SELECT COALESCE(SUM(m.sold), 0) FROM movements m WHERE m.item_id = s.item_id) OR \
                 s.reserved <> (SELECT COALESCE(SUM(m.reserved), 0) FROM movements m WHERE m.item_id = s.item_id))",
            ),
            (
                "holds that differ from the movements",
                "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM stock s WHERE \
                 (SELECT COALESCE(SUM(l.quantity), 0) FROM reservation_lines l \
                 WHERE l.item_id = s.item_id AND l.held = 1) <> \
                 (SELECT COALESCE(SUM(m.reserved), 0) FROM movements m WHERE m.item_id = s.item_id)",
            ),
            (
                "lines that are held without a hold",
                "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM reservation_lines l \
                 JOIN reservations r ON r.order_id = l.order_id WHERE l.held = 1 AND r.state <> 'held'",
            ),
        ] {
            assert_eq!(self.count(statement).await, 0, "{wrong}");
        }
    }
}

/// The data of a reservation.
pub fn wish(buyer: &str, lines: &[(&str, i64)]) -> Value {
    json!({"buyer": buyer, "lines": lines_of(lines)})
}

pub fn lines_of(lines: &[(&str, i64)]) -> Value {
    let lines = lines.iter();
    lines
        .map(|(item, quantity)| json!({"item_id": item, "quantity": quantity}))
        .collect()
}

// The actors.

pub fn ada() -> String {
    learner(ADA)
}

pub fn bob() -> String {
    learner(BOB)
}

fn learner(sub: &str) -> String {
    token(&person(sub, "inventory.read inventory.write", &[]))
}

pub fn teacher() -> String {
    token(&person(TEACHER, "inventory.stock", &["instructor"]))
}

pub fn other_teacher() -> String {
    token(&person(OTHER_TEACHER, "inventory.stock", &["instructor"]))
}

pub fn admin() -> String {
    token(&person(
        "root",
        "inventory.read inventory.write inventory.stock inventory.admin",
        &["admin"],
    ))
}

pub fn person(sub: &str, scope: &str, roles: &[&str]) -> Value {
    service::person(&SPEC, sub, scope, roles)
}
