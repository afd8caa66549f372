//! Buying, over services that a test makes up: the basket, the checkout, and the question of a card.

mod action;
mod basket;
mod checkout;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use latchkey_testkit::Answer;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::issuer::{Browser, Site};
use crate::stub::{ORIGIN, course};

/// The id of the course `rust` in baskets.
pub const RUST: &str = "id-of-rust";
pub const ORDER: &str = "01936b2e-0000-7000-8000-0000000000d1";
pub const PAYMENT: &str = "01936b2e-0000-7000-8000-0000000000e1";
pub const CARD: &str = "01936b2e-0000-7000-8000-0000000000c1";
pub const NEW_CARD: &str = "01936b2e-0000-7000-8000-0000000000c2";

/// The id of requests that no listener has numbered, in the log.
pub const NO_REQUEST: &str = "00000000000000000000000000000000";

/// A call that a service got.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `PUT /basket/v1/lines/…`; the number of a visitor is a star.
    pub what: String,
    pub bearer: String,
    pub key: String,
    pub body: Value,
    /// The number of a visitor, if it was one.
    pub guest: Option<String>,
}

/// What the services answer, and what they were asked. Cloning shares it.
#[derive(Clone, Default)]
pub struct Services(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    away: BTreeSet<&'static str>,
    said: BTreeMap<String, (u16, Value)>,
    asked: Vec<Asked>,
}

pub fn eur(amount: i64) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

/// A line of a basket.
pub fn line(state: &str) -> Value {
    json!({
        "course_id": RUST, "kind": "course", "title": "Rust from the Ground Up", "slug": "rust", "category_id": "c1",
        "instructor_id": "u1", "quantity": 1, "state": state, "price_seen": eur(7_900), "price_now": eur(5_900),
        "total": eur(5_900), "added_at": "2026-11-17T23:51:34.703Z",
    })
}

/// A basket of these lines.
pub fn basket(lines: &[Value], saved: &[Value], discount: Value) -> Value {
    let count = i64::try_from(lines.len()).unwrap();
    json!({
        "id": "b1", "lines": lines, "saved": saved, "subtotal": eur(5_900 * count), "discount": discount,
        "total": eur(5_900 * count), "version": 3,
    })
}

pub fn order(state: &str) -> Value {
    json!({
        "id": ORDER, "number": "LK-2026-000001", "state": state, "reason": null, "lines": [], "subtotal": eur(5_900),
        "discount_total": eur(0), "tax_total": eur(0), "total": eur(5_900), "coupon_code": null,
        "billing_address": null, "payment_id": PAYMENT, "paid": null, "refunded": eur(0), "cancellable": true,
        "refundable": false, "deadline_at": null, "version": 4, "created_at": "2026-11-17T23:51:34.703Z",
        "updated_at": "2026-11-17T23:51:34.703Z", "completed_at": null,
    })
}

pub fn payment(state: &str) -> Value {
    json!({
        "id": PAYMENT, "order_id": ORDER, "amount": eur(5_900), "wallet_amount": eur(900), "card_amount": eur(5_000),
        "card": {"brand": "visa", "last4": "3155"}, "state": state, "reason": null, "refunded": eur(0),
        "expires_at": "2026-11-18T00:06:34.703Z", "captured_at": null, "version": 2,
        "created_at": "2026-11-17T23:51:34.703Z", "updated_at": "2026-11-17T23:51:34.703Z",
    })
}

/// A shop on each engine, with services of its own.
pub async fn sites(name: &str) -> Vec<(Services, Site)> {
    let services = Services::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(services.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let sites = Site::all_at(name, Some(&url)).await;
    sites.into_iter().map(|site| (services.clone(), site)).collect()
}

async fn answer(State(services): State<Services>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = to_bytes(body, 100_000).await.unwrap();
    services.answer(&parts, &body)
}

/// Sends a form of ours.
pub async fn post(browser: &Browser<'_>, path: &str, fields: &[(&str, &str)]) -> Answer {
    browser.send_form(ORIGIN, path, fields).await
}

/// The pages of buying with all that they may have on them.
pub async fn pages() -> Vec<(String, Answer)> {
    let (services, site) = sites("buying_pages").await.remove(0);
    let mut item = line("ok");
    item["kind"] = json!("item");
    item["course_id"] = json!("an-item");
    let mut kept = line("unavailable");
    kept["course_id"] = json!("kept");
    let coupon = json!({"code": "SPRING", "amount": eur(0), "per_line": [], "refused_reason": "limit", "checked": true});
    services.fill(&basket(&[line("price_changed"), item], &[kept], coupon));
    let order_path = format!("GET /order/v1/orders/{ORDER}");
    services.say(&order_path, 200, order("action_required"));
    let payment_path = format!("GET /payment/v1/payments/{PAYMENT}");
    services.say(&payment_path, 200, payment("action_required"));
    let guest = site.browser();
    post(&guest, "/basket/add", &[("course", RUST)]).await;
    let user = site.browser();
    user.sign_in("alice").await;
    let action = format!("/orders/{ORDER}/action");
    let mut pages = vec![
        ("a visitor's course".to_owned(), guest.get("/courses/rust").await),
        (
            "a visitor's basket".to_owned(),
            guest.get("/basket?done=added").await,
        ),
        ("/checkout".to_owned(), user.get("/checkout").await),
        (action.clone(), user.get(&action).await),
    ];
    let names = pages[2].1.attributes("#order input[type=hidden]", "name");
    let values = pages[2].1.attributes("#order input[type=hidden]", "value");
    let hidden: Vec<(&str, &str)> = names
        .iter()
        .map(String::as_str)
        .zip(values.iter().map(String::as_str))
        .collect();
    let faulty = post(&user, "/checkout", &hidden).await;
    assert_eq!(faulty.texts(".fault-list li").len(), 7, "{}", faulty.text);
    pages.push(("a checkout with faults".to_owned(), faulty));
    for (path, page) in &pages {
        assert!([200, 422].contains(&page.status), "{path}: {}", page.status);
    }
    pages
}

/// A problem document.
pub fn problem(code: &str, more: Value) -> Value {
    let mut problem =
        json!({"type": "about:blank", "title": code, "detail": code, "code": code, "trace_id": "t"});
    let more = more.as_object().cloned().unwrap_or_default();
    problem.as_object_mut().unwrap().extend(more);
    problem
}

fn card(id: &str, last4: &str) -> Value {
    json!({
        "id": id, "brand": "visa", "last4": last4, "exp_month": 4, "exp_year": 2030,
        "created_at": "2026-11-17T23:51:34.703Z",
    })
}

impl Services {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// As at the beginning.
    pub fn forget(&self) {
        *self.inner() = Inner::default();
    }

    /// What a call gets from now on.
    pub fn say(&self, what: &str, status: u16, body: Value) {
        self.inner().said.insert(what.to_owned(), (status, body));
    }

    /// Everybody's basket.
    pub fn fill(&self, basket: &Value) {
        for what in ["GET /basket/v1", "GET /basket/v1/guests/*"] {
            self.say(what, 200, basket.clone());
        }
    }

    /// A service that is out of order from now on.
    pub fn take_away(&self, service: &'static str) {
        self.inner().away.insert(service);
    }

    /// All calls whose description begins so.
    pub fn asked(&self, what: &str) -> Vec<Asked> {
        let asked = self.inner().asked.clone().into_iter();
        asked.filter(|asked| asked.what.starts_with(what)).collect()
    }

    pub fn answer(&self, parts: &Parts, body: &[u8]) -> Response {
        let header = |name: &str| {
            let value = parts.headers.get(name);
            value.map_or("", |value| value.to_str().unwrap()).to_owned()
        };
        let mut path = parts.uri.path().to_owned();
        let guest = path.strip_prefix("/basket/v1/guests/").map(|rest| {
            let number = rest.split('/').next().unwrap();
            number.to_owned()
        });
        if let Some(number) = &guest {
            path = path.replace(number, "*");
        }
        let what = format!("{} {path}", parts.method);
        let service = path.split('/').nth(1).unwrap();
        let mut inner = self.inner();
        inner.asked.push(Asked {
            what: what.clone(),
            bearer: header("authorization").replace("Bearer ", ""),
            key: header("idempotency-key"),
            body: serde_json::from_slice(body).unwrap_or_default(),
            guest,
        });
        if inner.away.contains(service) {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        let said = inner.said.get(&what).cloned();
        let (status, body) = said.unwrap_or_else(|| usual(&what));
        (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
    }
}

/// What a service answers unless a test wants something else.
fn usual(what: &str) -> (u16, Value) {
    let (method, path) = what.split_once(' ').unwrap();
    match (method, path) {
        (_, path) if path.starts_with("/basket/v1") => (200, basket(&[], &[], Value::Null)),
        ("GET", "/inventory/v1/stock") => (
            200,
            json!({"items": [{"item_id": RUST, "on_sale": true, "available": 4}]}),
        ),
        ("GET", "/inventory/v1/owned") => (200, json!({"items": []})),
        ("GET", "/payment/v1/wallet") => (
            200,
            json!({"balance": eur(2_000), "held": eur(0), "available": eur(2_000), "version": 1}),
        ),
        ("GET", "/payment/v1/cards") => (200, json!({"items": [card(CARD, "4242")]})),
        ("POST", "/payment/v1/card-tokens") => (201, card(NEW_CARD, "3155")),
        ("POST", "/order/v1/orders") => (
            202,
            json!({"id": ORDER, "number": "LK-2026-000001", "state": "submitted", "total": eur(5_900), "version": 1}),
        ),
        ("GET", "/catalog/v1/courses/rust") => (200, course("rust", "Rust from the Ground Up")),
        ("GET", "/catalog/v1/categories" | "/catalog/v1/courses") => (200, json!({"items": []})),
        _ => (404, problem("not_found", Value::Null)),
    }
}
