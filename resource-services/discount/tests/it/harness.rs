//! The service in a box, with actors who hold real tokens and the events of its neighbours.

use std::ops::Deref;

use latchkey_bus::{Event, HandlerError};
use latchkey_db::sql;
use latchkey_discount::{SPEC, consumers};
use latchkey_kit::Consumer;
use latchkey_testkit::service;
use serde_json::{Value, json};

pub use latchkey_testkit::Answer;
pub use latchkey_testkit::service::{Ask, event, fresh_key, token};

/// Runs a test on a fresh database of each engine.
pub async fn for_each_engine<F, Fut>(name: &str, test: F)
where
    F: Fn(World) -> Fut,
    Fut: Future<Output = ()>,
{
    service::for_each_engine(&SPEC, name, |world| test(World(world))).await;
}

/// The service with an empty database.
#[derive(Clone)]
pub struct World(pub service::World);

impl Deref for World {
    type Target = service::World;

    fn deref(&self) -> &service::World {
        &self.0
    }
}

impl World {
    /// A coupon of the shop: `percent20` with these members besides.
    pub async fn coupon(&self, code: &str, members: Value) -> Answer {
        let made = self.create(&admin(), &draft(code, members)).send().await;
        assert_eq!(made.status, 201, "{}", made.text);
        made
    }

    pub fn create(&self, who: &str, body: &Value) -> Ask {
        self.post("/discount/v1/coupons")
            .by(who)
            .key(&fresh_key())
            .json(body)
    }

    pub async fn read(&self, who: &str, id: &str) -> Answer {
        self.get(format!("/discount/v1/coupons/{id}"))
            .by(who)
            .send()
            .await
    }

    /// `(reserved, redeemed)` of a coupon.
    pub async fn uses(&self, coupon: &Answer) -> (i64, i64) {
        let row = sql("SELECT reserved, redeemed FROM coupons WHERE id = $1")
            .bind(coupon.id())
            .fetch_one(&self.context.db)
            .await
            .unwrap();
        (row.int("reserved").unwrap(), row.int("redeemed").unwrap())
    }

    pub async fn quote(&self, who: &str, code: &str, lines: &[Value]) -> Answer {
        self.post("/discount/v1/quote")
            .by(who)
            .json(&json!({"code": code, "lines": lines}))
            .send()
            .await
    }

    /// The discount of a quote for one course at 100 euros, or the reason why there is none.
    pub async fn worth(&self, who: &str, code: &str) -> Result<i64, String> {
        let answer = self.quote(who, code, &[line(1, 10_000)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        match answer.json()["refused_reason"].as_str() {
            Some(reason) => Err(reason.to_owned()),
            None => Ok(answer.json()["amount"]["amount"].as_i64().unwrap()),
        }
    }

    /// Tells where courses stand: number, category, instructor, version.
    pub async fn course(&self, number: u32, category: &str, instructor: &str, version: i64) {
        let snapshot = json!({
            "course_id": course(number), "kind": "course", "title": "A course", "slug": "a-course",
            "category_id": category, "instructor_id": instructor, "instructor_name": "Somebody",
            "price": {"amount": 10_000, "currency": "EUR"}, "limited": false, "status": "published",
            "version": version
        });
        let data = json!({"snapshot": snapshot, "changed": [], "previous": {}});
        let told = event("catalog.course.updated.v1", &course(number), data);
        self.deliver(&consumers::COURSES, told).await.unwrap();
    }

    /// Sends a command of an order; what comes back, as `(type, event)`.
    pub async fn command(&self, verb: &str, data: Value) -> (String, Event) {
        self.try_command(verb, data).await.unwrap();
        let reply = self.events().await.pop().unwrap();
        let name = reply
            .r#type
            .trim_start_matches("discount.redemption.")
            .trim_end_matches(".v1")
            .to_owned();
        (name, reply)
    }

    pub async fn try_command(&self, verb: &str, data: Value) -> Result<(), HandlerError> {
        let order = data["order_id"].as_str().unwrap().to_owned();
        let name = format!("order.command.discount-{verb}.v1");
        self.deliver(&consumers::COMMANDS, event(&name, &order, data))
            .await
    }

    /// Reserves for an order of one course at 100 euros; `"reserved"`, or the reason of the refusal.
    pub async fn reserve(&self, order: &str, who: &str, code: &str, expected: i64) -> String {
        let (name, reply) = self.command("reserve", reserve(order, who, code, expected)).await;
        match name.as_str() {
            "refused" => reply.data["reason"].as_str().unwrap().to_owned(),
            _ => name,
        }
    }

    /// `commit` or `release`; the name of the reply.
    pub async fn settle(&self, verb: &str, order: &str) -> String {
        self.command(verb, about(order, verb)).await.0
    }

    /// Every row that a caller could have written, as text: equal before and after means untouched.
    pub async fn rows(&self) -> String {
        let coupons = sql("SELECT id FROM coupons ORDER BY id")
            .fetch_all(&self.context.db)
            .await
            .unwrap();
        let mut all = String::new();
        for row in coupons {
            let coupon = latchkey_discount::store::coupon(&self.context.db, &row.text("id").unwrap()).await;
            all.push_str(&format!("{:?}\n", coupon.unwrap()));
        }
        let redemptions = self
            .count("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM redemptions")
            .await;
        all + &format!("{redemptions} {}", self.events().await.len())
    }

    pub async fn hear(&self, consumer: &'static Consumer, event: Event) {
        self.deliver(consumer, event).await.unwrap();
    }
}

pub fn deleted(user: &str) -> Event {
    let data = json!({"user_id": user, "erased_at": "2026-11-20T12:00:00Z", "version": 2});
    event("identity.user.deleted.v1", user, data)
}

pub fn completed(order: &str, buyer: &str) -> Event {
    let money = |amount: i64| json!({"amount": amount, "currency": "EUR"});
    let data = json!({
        "order_id": order, "number": "LK-2026-000001", "buyer_id": buyer, "lines": [], "subtotal": money(0),
        "discount_total": money(0), "tax_total": money(0), "total": money(0), "basket_id": "b",
        "basket_version": 1, "version": 7
    });
    event("order.order.completed.v1", order, data)
}

/// The payload of a reserve command for course 1 at 100 euros, priced with a discount of `expected` cents.
pub fn reserve(order: &str, who: &str, code: &str, expected: i64) -> Value {
    let expected = match expected {
        0 => json!([]),
        amount => json!([{"course_id": course(1), "amount": {"amount": amount, "currency": "EUR"}}]),
    };
    json!({
        "order_id": order, "command_id": format!("{order}/reserve"), "code": code, "buyer": who,
        "lines": [{
            "course_id": course(1), "category_id": "c", "instructor_id": "i",
            "unit_price": {"amount": 10_000, "currency": "EUR"}, "quantity": 1
        }],
        "expected": expected
    })
}

pub fn about(order: &str, verb: &str) -> Value {
    json!({"order_id": order, "command_id": format!("{order}/{verb}")})
}

/// The body of a coupon of 20 % on everything, with these members besides.
pub fn draft(code: &str, members: Value) -> Value {
    let mut body = json!({"code": code, "percent_bp": 2_000, "scope": {"kind": "all"}});
    for (member, value) in members.as_object().unwrap() {
        body[member] = value.clone();
    }
    body
}

/// The body of a coupon of an instructor.
pub fn own_draft(code: &str) -> Value {
    draft(code, json!({"scope": {"kind": "instructor"}}))
}

pub fn line(number: u32, amount: i64) -> Value {
    json!({"course_id": course(number), "quantity": 1, "unit_price": {"amount": amount, "currency": "EUR"}})
}

/// The id of a course by its number.
pub fn course(number: u32) -> String {
    format!("01890a5d-ac96-774b-bcce-{number:012}")
}

/// The id of an order by its number.
pub fn order(number: usize) -> String {
    format!("01890a5d-ac96-774b-aaaa-{number:012}")
}

// The actors.

/// Buys.
pub fn alice() -> String {
    buyer("alice")
}

/// Buys, too.
pub fn bob() -> String {
    buyer("bob")
}

pub fn buyer(sub: &str) -> String {
    token(&person(sub, "discount.redeem", &[]))
}

/// Teaches.
pub fn ines() -> String {
    instructor("ines")
}

/// Teaches, too.
pub fn ivan() -> String {
    instructor("ivan")
}

fn instructor(sub: &str) -> String {
    token(&person(sub, "discount.redeem discount.write", &["instructor"]))
}

pub fn admin() -> String {
    token(&person(
        "root",
        "discount.redeem discount.write discount.admin",
        &["admin"],
    ))
}

pub fn person(sub: &str, scope: &str, roles: &[&str]) -> Value {
    service::person(&SPEC, sub, scope, roles)
}
