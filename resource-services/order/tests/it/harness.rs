//! The orders in a box, with actors who hold real tokens.

use std::ops::Deref;

use latchkey_db::testing;
use latchkey_order::SPEC;
use latchkey_testkit::service::{self, person};
use serde_json::{Value, json};

pub use latchkey_testkit::Answer;
pub use latchkey_testkit::service::{Ask, event, fresh_key, token};

pub use crate::shop::{Broken, Shop, basket, course_id};

/// Runs a test on a fresh database of each engine.
pub async fn for_each_engine<F, Fut>(name: &str, test: F)
where
    F: Fn(World) -> Fut,
    Fut: Future<Output = ()>,
{
    for (engine, url) in testing::urls(&format!("order_{name}")).await {
        println!("on {engine:?}");
        let shop = Shop::open().await;
        let calling = shop.clone();
        let more = move |context: latchkey_kit::Context| {
            let calls = calling.calls(context.clock.clone());
            context.calling(calls)
        };
        let service = service::World::open_with(&SPEC, engine, &url, more).await;
        let db = service.context.db.clone();
        test(World { service, shop }).await;
        db.close().await;
    }
}

/// The orders with an empty database, and the shop around them.
#[derive(Clone)]
pub struct World {
    pub service: service::World,
    pub shop: Shop,
}

impl Deref for World {
    type Target = service::World;

    fn deref(&self) -> &service::World {
        &self.service
    }
}

impl World {
    /// A submission of this basket version at this price.
    pub fn submission(version: i64, total: i64) -> Value {
        json!({
            "basket_version": version,
            "expected_total": {"amount": total, "currency": "EUR"},
            "billing_address": {
                "name": "Bo", "street": "Main Street 1", "postal_code": "10115", "city": "Berlin", "country": "DE"
            },
            "payment": {"wallet": "max", "card_token": "01936b2e-0000-7000-8000-0000000000ca"},
            "consents": {"terms": true}
        })
    }

    pub fn submit(&self, who: &str, body: &Value) -> Ask {
        let ask = self.post("/order/v1/orders").by(who).key(&fresh_key());
        ask.json(body)
    }

    /// An order of `who` for one course of 35.00.
    pub async fn ordered(&self, who: &str) -> String {
        self.ordered_with(who, &[(1, 1)], 3_500).await
    }

    /// An order of `who` for these courses.
    pub async fn ordered_with(&self, who: &str, lines: &[(usize, i64)], total: i64) -> String {
        let version = self.count("SELECT COUNT(*) AS n FROM orders").await + 1;
        self.shop.fill(who, basket(version, lines, None));
        let made = self.submit(who, &Self::submission(version, total)).send().await;
        assert_eq!(made.status, 202, "{}", made.text);
        made.id()
    }

    /// An order of `who` that everybody has answered well.
    pub async fn completed(&self, who: &str) -> String {
        self.completed_with(who, &[(1, 1)], 3_500).await
    }

    pub async fn completed_with(&self, who: &str, lines: &[(usize, i64)], total: i64) -> String {
        let id = self.ordered_with(who, lines, total).await;
        self.answer_all().await;
        assert_eq!(self.state(&id).await, "completed");
        id
    }

    pub async fn read(&self, who: &str, id: &str) -> Answer {
        self.get(format!("/order/v1/orders/{id}")).by(who).send().await
    }

    /// The state of an order.
    pub async fn state(&self, id: &str) -> String {
        self.saga(id).await["state"].as_str().unwrap().to_owned()
    }

    /// The saga of an order, as an administrator sees it.
    pub async fn saga(&self, id: &str) -> Value {
        let path = format!("/order/v1/orders/{id}/saga");
        let seen = self.get(path).by(&admin()).send().await;
        assert_eq!(seen.status, 200, "{}", seen.text);
        seen.json()
    }

    /// The types of the events about an order after the first `after`, without their common beginning.
    pub async fn told(&self, after: usize) -> Vec<String> {
        let events = self.events().await.into_iter().skip(after);
        events
            .map(|event| {
                let name = event.r#type.strip_suffix(".v1").unwrap().to_owned();
                name.strip_prefix("order.").unwrap().to_owned()
            })
            .collect()
    }

    /// How many rows each table of orders has.
    pub async fn rows(&self) -> Vec<i64> {
        vec![
            self.count("SELECT COUNT(*) AS n FROM orders").await,
            self.count("SELECT COUNT(*) AS n FROM order_events").await,
            self.count("SELECT COUNT(*) AS n FROM order_timers").await,
            self.count("SELECT COUNT(*) AS n FROM refunds").await,
            self.count("SELECT COUNT(*) AS n FROM outbox").await,
        ]
    }
}

/// A token of a buyer: the same for the whole test, so that the shop knows their basket.
pub fn buyer(sub: &str) -> String {
    token(&person(&SPEC, sub, "order.read order.write", &[]))
}

pub fn admin() -> String {
    token(&person(
        &SPEC,
        "root",
        "order.admin order.read order.write",
        &["admin"],
    ))
}
