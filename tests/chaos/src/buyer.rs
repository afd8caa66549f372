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
        let ended = self.follow(id, random).await;
        if ended == "completed" && random.random_range(0..15_u32) == 0 {
            let to = ["card", "wallet"][random.random_range(0..2_usize)];
            let asked = Asked::keyed(&uuid(random), json!({"reason": "It is not for me", "to": to}));
            let path = format!("orders/{id}/refunds");
            self.ask("order", Method::POST, &path, asked).await;
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
            let path = format!("lines/{item}");
            self.ask("basket", Method::PUT, &path, Asked::body(quantity))
                .await;
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

    /// Waits until the order is over; gives up after a time, and the checker says what it thinks of that.
    async fn follow(&self, id: &str, random: &mut StdRng) -> String {
        let begun = Instant::now();
        let path = format!("orders/{id}");
        loop {
            let order = self.ask("order", Method::GET, &path, Asked::default()).await.body;
            let state = order["state"].as_str().unwrap_or_default();
            if ["completed", "failed", "cancelled"].contains(&state) || begun.elapsed() > PATIENCE {
                return state.to_owned();
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

/// A sale that waits for a lost answer of the processor takes a minute.
const PATIENCE: Duration = Duration::from_secs(120);
