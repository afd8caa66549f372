//! The services behind the shop, on loopback: each answers what a test has told it, and to its owner alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use latchkey_testkit::Answer;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::issuer::{Browser, Site};
use crate::stub::course;

/// All services at one address.
#[derive(Clone)]
pub struct Backends {
    pub url: String,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    /// By method and target.
    answers: BTreeMap<String, Given>,
    /// By target: the pieces of a stream that is opened once.
    streams: BTreeMap<String, (&'static str, UnboundedReceiver<Bytes>)>,
    asked: Vec<Asked>,
    away: BTreeSet<&'static str>,
}

struct Given {
    /// Whoever asks, if it is public.
    owner: Option<&'static str>,
    status: u16,
    body: Value,
}

/// A request of the shop.
#[derive(Clone, Debug)]
pub struct Asked {
    pub what: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Backends {
    /// The course `rust` is in the catalog; nothing else is anywhere.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let backends = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            inner: Arc::default(),
        };
        let rust = course("rust", "Rust from the Ground Up");
        backends.public("GET /catalog/v1/categories", 200, json!({"items": []}));
        backends.public("GET /catalog/v1/courses/rust", 200, rust.clone());
        backends.public(
            "GET /catalog/v1/courses?ids=id-of-rust",
            200,
            json!({"items": [rust]}),
        );
        let router = Router::new().fallback(answer).with_state(backends.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        backends
    }

    /// A shop on each engine in front of these backends.
    pub async fn sites(&self, name: &str) -> Vec<Site> {
        Site::all_at(name, Some(&self.url)).await
    }

    /// What this user is answered; everybody else gets 404.
    pub fn give(&self, owner: &'static str, what: &str, status: u16, body: Value) {
        let given = Given {
            owner: Some(owner),
            status,
            body,
        };
        self.inner().answers.insert(what.to_owned(), given);
    }

    pub fn public(&self, what: &str, status: u16, body: Value) {
        let given = Given {
            owner: None,
            status,
            body,
        };
        self.inner().answers.insert(what.to_owned(), given);
    }

    /// A stream of this user's, which is opened once: what is sent arrives, and it ends with the sender.
    pub fn stream(&self, owner: &'static str, path: &str) -> UnboundedSender<Bytes> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.inner().streams.insert(path.to_owned(), (owner, receiver));
        sender
    }

    /// From now on this service answers 503.
    pub fn away(&self, service: &'static str) {
        self.inner().away.insert(service);
    }

    /// From now on this service answers again.
    pub fn back(&self, service: &str) {
        self.inner().away.remove(service);
    }

    /// The requests since the last call, without the readings of catalog and basket that any page may do.
    pub fn take(&self) -> Vec<Asked> {
        let all = std::mem::take(&mut self.inner().asked);
        let seen = |asked: &Asked| {
            ["GET /catalog", "GET /basket"]
                .iter()
                .any(|part| asked.what.starts_with(part))
        };
        all.into_iter().filter(|asked| !seen(asked)).collect()
    }

    /// The changes that were asked for since the last call.
    pub fn changes(&self) -> Vec<Asked> {
        self.take()
            .into_iter()
            .filter(|asked| !asked.what.starts_with("GET "))
            .collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

async fn answer(State(backends): State<Backends>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().unwrap().as_str().to_owned();
    let what = format!("{} {target}", parts.method);
    let body = to_bytes(body, 1 << 20).await.unwrap();
    // `order-refresh-alice-code-1`
    let bearer = parts.headers.get("authorization");
    let sub = bearer.and_then(|bearer| bearer.to_str().unwrap().split('-').nth(2).map(str::to_owned));
    let mut inner = backends.inner();
    inner.asked.push(Asked {
        what: what.clone(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    if inner
        .away
        .iter()
        .any(|service| target.starts_with(&format!("/{service}/")))
    {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let is_theirs = |owner: &str| sub.as_deref() == Some(owner);
    if inner
        .streams
        .get(&target)
        .is_some_and(|(owner, _)| is_theirs(owner))
    {
        let (_, receiver) = inner.streams.remove(&target).unwrap();
        let pieces = futures::stream::unfold(receiver, |mut receiver| async move {
            let piece = receiver.recv().await?;
            Some((Ok::<_, std::convert::Infallible>(piece), receiver))
        });
        let media = [("content-type", "text/event-stream")];
        return (media, Body::from_stream(pieces)).into_response();
    }
    match inner.answers.get(&what) {
        Some(given) if given.owner.is_none_or(is_theirs) => {
            let status = StatusCode::from_u16(given.status).unwrap();
            match &given.body {
                Value::Null => status.into_response(),
                // A stream that is over.
                Value::String(text) => (status, text.clone()).into_response(),
                body => (status, axum::Json(body)).into_response(),
            }
        }
        // The lists of the home page.
        None if target.starts_with("/catalog/v1/courses?") => {
            axum::Json(json!({"items": []})).into_response()
        }
        Some(_) | None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A problem document.
pub fn problem(status: u16, code: &str, fields: &[&str]) -> Value {
    let errors = fields
        .iter()
        .map(|field| json!({"field": field, "message": "is not right"}));
    json!({"type": "about:blank", "title": code, "status": status, "code": code, "detail": "No.",
        "errors": errors.collect::<Vec<_>>()})
}

pub fn money(amount: i64) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

/// An order of one course, with a coupon, in this state.
pub fn order(id: &str, state: &str, reason: Option<&str>) -> Value {
    let early = ["submitted", "reserved", "action_required"].contains(&state);
    let done = ["completed", "partially_refunded"].contains(&state);
    json!({
        "id": id, "number": "LK-2026-000123", "state": state, "reason": reason,
        "lines": [{
            "line_id": "line-1", "course_id": "id-of-rust", "kind": "course", "title": "Rust from the Ground Up",
            "display_title": "Rust from the Ground Up", "slug": "rust", "instructor_id": "u1",
            "unit_price": money(5900), "quantity": 1, "discount": money(900), "tax": money(800),
            "total": money(5000), "refunded": false,
        }],
        "subtotal": money(5900), "discount_total": money(900), "tax_total": money(800), "total": money(5000),
        "coupon_code": "AUTUMN", "billing_address": {"name": "Alice", "street": "1 Road", "postal_code": "1010",
            "city": "Town", "country": "NL"},
        "payment_id": match state { "submitted" => Value::Null, _ => json!("pay-1") },
        "paid": match done { true => json!({"wallet": money(2000), "card": money(3000)}), false => Value::Null },
        "refunded": money(0), "cancellable": early, "refundable": done,
        "deadline_at": "2026-11-20T10:15:00.000Z", "version": 4,
        "created_at": "2026-11-20T09:05:00.000Z", "updated_at": "2026-11-20T09:06:00.000Z", "completed_at": null,
    })
}

/// A library item that is the course `rust`.
pub fn owned(done: &[&str]) -> Value {
    json!({
        "item_id": "id-of-rust", "kind": "course", "title": "Rust from the Ground Up", "slug": "rust", "quantity": 1,
        "acquired_at": "2026-11-20T09:06:00.000Z", "source": "order", "order_id": "o-1",
        "lessons_done_count": done.len(), "version": 3, "lessons_done": done,
    })
}

/// What alice has: an order, a wallet, a card and a course.
pub fn everything(backends: &Backends) {
    let give = |what: &str, body: Value| backends.give("alice", what, 200, body);
    let done = order("o-1", "completed", None);
    give(
        "GET /order/v1/orders",
        json!({"items": [{
        "id": "o-1", "number": "LK-2026-000123", "state": "completed", "reason": null,
        "title": "Rust from the Ground Up", "line_count": 3, "total": money(5000), "version": 4,
        "created_at": "2026-11-20T09:05:00.000Z", "updated_at": "2026-11-20T09:06:00.000Z",
    }], "next_cursor": "older"}),
    );
    give("GET /order/v1/orders/o-1", done);
    give("GET /order/v1/orders/o-1/refunds", json!({"items": []}));
    give("GET /order/v1/orders/o-1/events", json!(HISTORY));
    give("GET /order/v1/orders/o-2", order("o-2", "reserved", None));
    give(
        "GET /payment/v1/wallet",
        json!({"balance": money(12_000), "held": money(2_000), "available": money(10_000), "version": 3}),
    );
    give(
        "GET /payment/v1/wallet/entries",
        json!({"items": [
        {"id": "e-2", "kind": "capture", "amount": money(500), "balance": money(12_000), "held": money(2_000),
            "order_id": "o-1", "created_at": "2026-11-20T09:06:00.000Z"},
        {"id": "e-1", "kind": "grant", "amount": money(12_500), "balance": money(12_500), "held": money(0),
            "order_id": null, "created_at": "2026-11-01T09:06:00.000Z"},
    ], "next_cursor": null}),
    );
    give(
        "GET /payment/v1/cards",
        json!({"items": [
            {"id": "card-1", "brand": "visa", "last4": "4242", "exp_month": 4, "exp_year": 2029, "created_at": "2026-11-01T09:06:00.000Z"},
        ]}),
    );
    give("GET /payment/v1/payments/top-1", top_up("authorizing", None));
    give(
        "GET /inventory/v1/library",
        json!({"items": [owned(&["l1"])], "next_cursor": null}),
    );
    give("GET /inventory/v1/library/id-of-rust", owned(&["l1"]));
}

/// A top-up in this state.
pub fn top_up(state: &str, reason: Option<&str>) -> Value {
    json!({
        "id": "top-1", "order_id": null, "amount": money(2_000), "wallet_amount": money(0), "card_amount": money(2_000),
        "card": {"brand": "visa", "last4": "4242"}, "state": state, "reason": reason, "refunded": money(0),
        "expires_at": null, "captured_at": null, "version": 1,
        "created_at": "2026-11-20T09:05:00.000Z", "updated_at": "2026-11-20T09:05:00.000Z",
    })
}

const HISTORY: &str = "id: 1\nevent: progress\ndata: {\"seq\":1,\"at\":\"2026-11-20T09:05:00.000Z\",\"from\":\"submitted\",\"to\":\"submitted\",\"cause\":\"buyer.submit\",\"reason\":null}\n\n\
    id: 2\nevent: progress\ndata: {\"seq\":2,\"at\":\"2026-11-20T09:05:01.000Z\",\"from\":\"submitted\",\"to\":\"submitted\",\"cause\":\"discount.reserved\",\"reason\":null}\n\n\
    id: 3\nevent: progress\ndata: {\"seq\":3,\"at\":\"2026-11-20T09:05:02.000Z\",\"from\":\"submitted\",\"to\":\"reserved\",\"cause\":\"inventory.reserved\",\"reason\":null}\n\n";

/// The pages about what alice has.
pub const PAGES: [&str; 7] = [
    "/orders",
    "/orders/o-1",
    "/orders/o-2/status",
    "/wallet",
    "/wallet/top-ups/top-1",
    "/library",
    "/learn/rust",
];

/// These pages as she sees them.
pub async fn pages(browser: &Browser<'_>) -> Vec<(String, Answer)> {
    let mut pages = Vec::new();
    for path in PAGES {
        pages.push((path.to_owned(), browser.get(path).await));
    }
    pages
}
