//! A buyer: fills a basket, orders, does what the order asks for, and sometimes calls it off or wants the money back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use rand::rngs::StdRng;
use rand::{Rng, RngExt};
use serde_json::{Value, json};

use crate::shop::{Asked, Reply, Shop, User};

/// Orders until all orders have been tried.
pub async fn buy(shop: Arc<Shop>, user: Arc<User>, next: Arc<AtomicUsize>, mut random: StdRng) {
    while next.fetch_add(1, Ordering::Relaxed) < shop.checkouts {
        let buyer = Buyer {
            shop: &shop,
            user: &user,
        };
        buyer.checkout(&mut random).await;
    }
}

/// Changes titles, prices and photos again and again, until all orders have been tried.
pub async fn keep(shop: Arc<Shop>, next: Arc<AtomicUsize>, mut random: StdRng) {
    let courses = shop.courses.iter().map(|(id, _)| id);
    let all: Vec<&String> = shop.items.iter().chain(courses).collect();
    let (mut edits, mut seen) = (0, 0);
    while seen < shop.checkouts {
        seen = next.load(Ordering::Relaxed);
        if seen / ORDERS_FOR_AN_EDIT <= edits {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        }
        edits += 1;
        let path = format!("courses/{}", all[random.random_range(0..all.len())]);
        let ask = |method, asked| shop.ask(&shop.keeper, "catalog", method, &path, asked);
        let read = ask(Method::GET, Asked::default()).await;
        let photo = shop.photos.get(random.random_range(0..=shop.photos.len()));
        let edit = match random.random_range(0..4_u32) {
            0 => {
                json!({"price": {"amount": 100 * random.random_range(4..14_i64), "currency": "EUR"}})
            }
            1 => json!({"photo_id": photo}),
            _ => json!({"title": format!("An hour of mentoring, written anew {edits} times")}),
        };
        let change = Asked {
            if_match: Some(read.etag),
            ..Asked::body(edit)
        };
        // One that was done and not answered is refused the second time.
        ask(Method::PATCH, change).await;
    }
}

struct Buyer<'a> {
    shop: &'a Shop,
    user: &'a User,
}

impl Buyer<'_> {
    async fn ask(&self, service: &'static str, method: Method, path: &str, asked: Asked) -> Reply {
        self.shop.ask(self.user, service, method, path, asked).await
    }

    async fn checkout(&self, random: &mut StdRng) {
        let Some(basket) = self.fill_basket(random).await else {
            return self.shop.refused("empty basket".to_owned());
        };
        if self.shop.calm {
            let submitted = self.submit(&uuid(random), &basket, Some(0)).await;
            match submitted.body["id"].as_str() {
                Some(id) if submitted.status == 202 => {
                    self.shop.accepted(id);
                    self.follow(id, random).await;
                }
                _ => self.shop.refused(submitted.code()),
            }
            return;
        }
        let card = match random.random_range(0..10_u32) {
            0..5 => Some(0),
            5 => Some(1),
            6 => Some(2),
            7 => Some(random.random_range(3..5_usize)),
            8 => Some(random.random_range(5..7_usize)),
            _ => None,
        };
        let key = uuid(random);
        let submit = || self.submit(&key, &basket, card);
        // A double click, now and then.
        let submitted = match random.random_range(0..8_u32) {
            0 => {
                let (one, other) = tokio::join!(submit(), submit());
                self.compare(&key, &one, &other);
                if one.status == 202 { one } else { other }
            }
            _ => submit().await,
        };
        if submitted.status != 202 {
            return self.shop.refused(submitted.code());
        }
        let Some(id) = submitted.body["id"].as_str() else {
            return self
                .shop
                .contradiction(format!("an acknowledged order has no id: {submitted:?}"));
        };
        self.shop.accepted(id);
        if random.random_range(0..10_u32) == 0 {
            self.compare(&key, &submitted, &submit().await);
        }
        if random.random_range(0..12_u32) == 0 {
            let path = format!("orders/{id}/cancel");
            let asked = Asked::keyed(&uuid(random), json!({}));
            self.ask("order", Method::POST, &path, asked).await;
        }
        let order = self.follow(id, random).await;
        if order["state"] != "completed" {
            return;
        }
        self.enjoy(&order, random).await;
        if random.random_range(0..15_u32) == 0 {
            let to = ["card", "wallet"][random.random_range(0..2_usize)];
            let asked = Asked::keyed(&uuid(random), json!({"reason": "It is not for me", "to": to}));
            let path = format!("orders/{id}/refunds");
            self.ask("order", Method::POST, &path, asked).await;
        }
    }

    /// Does something with what was bought: what is told of it fills tables of other services.
    async fn enjoy(&self, order: &Value, random: &mut StdRng) {
        let Some(course) = order["lines"][0]["course_id"].as_str() else {
            return;
        };
        let lessons = self.shop.courses.iter().find(|(id, _)| id == course);
        match (random.random_range(0..6_u32), lessons) {
            (0, _) => {
                let review = json!({"stars": random.random_range(1..=5_u32), "text": "As it says."});
                let path = format!("courses/{course}/review");
                self.ask("catalog", Method::PUT, &path, Asked::body(review)).await;
            }
            (1, _) => {
                let path = format!("courses/{course}/review");
                self.ask("catalog", Method::DELETE, &path, Asked::default()).await;
            }
            (_, Some((_, lessons))) => {
                let done = json!({"lessons_done": lessons[..random.random_range(0..=lessons.len())]});
                let path = format!("library/{course}/progress");
                self.ask("inventory", Method::PUT, &path, Asked::body(done)).await;
            }
            (2, None) => {
                let path = format!("library/{course}/consume");
                let asked = Asked::keyed(&uuid(random), json!({"quantity": 1}));
                self.ask("inventory", Method::POST, &path, asked).await;
            }
            (_, None) => {}
        }
    }

    /// Orders what is in the basket, by the card at `card` as far as the wallet does not pay.
    async fn submit(&self, key: &str, basket: &Value, card: Option<usize>) -> Reply {
        let order = json!({
            "basket_version": basket["version"],
            "expected_total": basket["total"],
            "billing_address": {
                "name": self.user.name, "street": "1 Long Lane", "postal_code": "75002", "city": "Paris", "country": "FR",
            },
            "payment": {"wallet": "max", "card_token": card.map(|at| self.user.cards[at].clone())},
            "consents": {"terms": true},
        });
        self.ask("order", Method::POST, "orders", Asked::keyed(key, order))
            .await
    }

    /// The basket with one or two kinds of items, and sometimes a coupon.
    async fn fill_basket(&self, random: &mut StdRng) -> Option<Value> {
        self.ask("basket", Method::DELETE, "", Asked::default()).await;
        let kinds = if self.shop.calm {
            1
        } else {
            random.random_range(1..=2_u32)
        };
        for _ in 0..kinds {
            let item = &self.shop.items[random.random_range(0..self.shop.items.len())];
            let quantity = json!({"quantity": random.random_range(1..=3_u32)});
            self.put(item, quantity).await;
        }
        if !self.shop.courses.is_empty() && random.random_range(0..8_u32) == 0 {
            let (course, _) = &self.shop.courses[random.random_range(0..self.shop.courses.len())];
            self.put(course, json!({"quantity": 1})).await;
        }
        if !self.shop.calm && random.random_range(0..4_u32) == 0 {
            let code = &self.shop.coupons[random.random_range(0..self.shop.coupons.len())];
            let asked = Asked::body(json!({"code": code}));
            self.ask("basket", Method::PUT, "coupon", asked).await;
        }
        let basket = self.ask("basket", Method::GET, "", Asked::default()).await.body;
        let filled = basket["lines"].as_array().is_some_and(|lines| !lines.is_empty());
        filled.then_some(basket)
    }

    /// Puts something into the basket.
    async fn put(&self, item: &str, quantity: Value) {
        let path = format!("lines/{item}");
        self.ask("basket", Method::PUT, &path, Asked::body(quantity))
            .await;
    }

    /// Waits until the order is over; gives up after a time, and the checker says what it thinks of that.
    async fn follow(&self, id: &str, random: &mut StdRng) -> Value {
        let begun = Instant::now();
        let path = format!("orders/{id}");
        loop {
            let order = self.ask("order", Method::GET, &path, Asked::default()).await.body;
            let state = order["state"].as_str().unwrap_or_default();
            if ["completed", "failed", "cancelled"].contains(&state) || begun.elapsed() > PATIENCE {
                return order;
            }
            if let ("action_required", Some(payment)) = (state, order["payment_id"].as_str()) {
                let answer = json!({"approve": random.random_range(0..3_u32) > 0});
                let path = format!("payments/{payment}/action");
                let asked = Asked::keyed(&uuid(random), answer);
                self.ask("payment", Method::POST, &path, asked).await;
            }
            // Who looks all the time measures the looking.
            let pause = if self.shop.calm { 200 } else { 20 };
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    /// The same key gets the same answer.
    fn compare(&self, key: &str, one: &Reply, other: &Reply) {
        if one.status != other.status || one.body["id"] != other.body["id"] {
            self.shop
                .contradiction(format!("{key}: {} and {}", one.body, other.body));
        }
    }
}

fn uuid(random: &mut impl Rng) -> String {
    let bits: u128 = random.random();
    let text = format!("{bits:032x}");
    format!(
        "{}-{}-4{}-8{}-{}",
        &text[..8],
        &text[8..12],
        &text[13..16],
        &text[17..20],
        &text[20..]
    )
}

/// How many orders are tried between two edits.
const ORDERS_FOR_AN_EDIT: usize = 8;
/// A sale that waits for a lost answer of the processor takes a minute.
const PATIENCE: Duration = Duration::from_secs(120);
