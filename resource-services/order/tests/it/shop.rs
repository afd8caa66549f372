//! Doubles of the issuer's token endpoint, of basket, catalog and discount, behind one address like the edge.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::StatusCode;
use latchkey_clock::Clock;
use latchkey_kit::{Calls, CallsConfig};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The services that an order asks before it exists.
#[derive(Clone)]
pub struct Shop {
    state: Arc<Mutex<Inner>>,
    base: String,
}

#[derive(Default)]
struct Inner {
    /// By the subject token.
    baskets: HashMap<String, Value>,
    courses: Vec<Value>,
    coupon: Value,
    /// What a service answers instead, by the beginning of its path.
    broken: HashMap<&'static str, Broken>,
    /// Method, path, audience and scope of each call.
    asked: Vec<String>,
    /// What happens before the next basket is shown.
    meanwhile: Option<BoxFuture<'static, ()>>,
}

/// What is wrong with a service.
#[derive(Clone, Copy, Debug)]
pub enum Broken {
    Status(u16),
    Nonsense,
    Silent,
}

impl Shop {
    /// A shop with two courses and nothing in any basket.
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(Inner {
            courses: vec![
                course(1, "course", "Rust from the ground up", 3_500),
                course(2, "course", "Colour", 1_500),
                course(3, "item", "An hour of mentoring", 2_000),
            ],
            ..Inner::default()
        }));
        let router = Router::new().fallback(answer).with_state(state.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { state, base }
    }

    /// The way to it.
    pub fn calls(&self, clock: Clock) -> Calls {
        let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Calls::new(CallsConfig {
            edge: format!("{}/api", self.base),
            token_endpoint: format!("{}/token", self.base),
            client_id: "order".into(),
            client_secret: "secret".into(),
            client,
            clock,
        })
    }

    /// What the bearer of a token has in the basket.
    pub fn fill(&self, token: &str, basket: Value) {
        let mut state = self.state.lock().unwrap();
        state.baskets.insert(token.to_owned(), basket);
    }

    /// What the coupon of every basket is worth.
    pub fn coupon(&self, answer: Value) {
        self.state.lock().unwrap().coupon = answer;
    }

    /// Changes a member of a course.
    pub fn change(&self, n: usize, member: &str, value: Value) {
        self.state.lock().unwrap().courses[n - 1][member] = value;
    }

    pub fn breaks(&self, path: &'static str, how: Broken) {
        self.state.lock().unwrap().broken.insert(path, how);
    }

    /// Lets something happen before the next basket is shown.
    pub fn meanwhile(&self, happens: impl Future<Output = ()> + Send + 'static) {
        self.state.lock().unwrap().meanwhile = Some(happens.boxed());
    }

    pub fn mend(&self) {
        self.state.lock().unwrap().broken.clear();
    }

    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }
}

/// The id of the nth course.
pub fn course_id(n: usize) -> String {
    format!("01936b2e-0000-7000-8000-0000000000c{n}")
}

fn course(n: usize, kind: &str, title: &str, price: i64) -> Value {
    json!({
        "id": course_id(n), "kind": kind, "slug": format!("course-{n}"), "title": title, "subtitle": "",
        "category_id": "category", "instructor_id": "ada", "instructor_name": "Ada",
        "price": {"amount": price, "currency": "EUR"}, "status": "published", "version": 5,
        "lesson_count": 10
    })
}

/// A basket of courses and quantities.
pub fn basket(version: i64, lines: &[(usize, i64)], coupon: Option<&str>) -> Value {
    let lines: Vec<Value> = lines
        .iter()
        .map(|(n, quantity)| json!({"course_id": course_id(*n), "quantity": quantity, "state": "ok"}))
        .collect();
    let discount = coupon.map(|code| json!({"code": code, "checked": true}));
    json!({
        "id": "01936b2e-0000-7000-8000-0000000000ba", "version": version, "lines": lines, "saved": [],
        "discount": discount
    })
}

async fn answer(State(state): State<Arc<Mutex<Inner>>>, request: Request) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let broken = {
        let state = state.lock().unwrap();
        let found = state.broken.iter().find(|(of, _)| path.starts_with(**of));
        found.map(|(_, how)| *how)
    };
    match broken {
        Some(Broken::Status(status)) => return StatusCode::from_u16(status).unwrap().into_response(),
        Some(Broken::Nonsense) => return "nonsense".into_response(),
        Some(Broken::Silent) => tokio::time::sleep(Duration::from_secs(60)).await,
        None => {}
    }
    if path.starts_with("/api/basket") {
        let meanwhile = state.lock().unwrap().meanwhile.take();
        if let Some(happens) = meanwhile {
            happens.await;
        }
    }
    if path == "/token" {
        let body = axum::body::to_bytes(request.into_body(), 100_000).await.unwrap();
        let form: HashMap<_, _> = form_urlencoded::parse(&body).collect();
        let token = format!("{}|{}|{}", form["resource"], form["scope"], form["subject_token"]);
        return Json(json!({"access_token": token, "token_type": "Bearer", "expires_in": 60}))
            .into_response();
    }
    let bearer = request.headers()["authorization"].to_str().unwrap();
    let mut parts = bearer.strip_prefix("Bearer ").unwrap().splitn(3, '|');
    let (audience, scope, subject) = (
        parts.next().unwrap(),
        parts.next().unwrap(),
        parts.next().unwrap(),
    );
    let mut state = state.lock().unwrap();
    state.asked.push(format!("{method} {path} {audience} {scope}"));
    match path.as_str() {
        "/api/basket/v1" => {
            let empty = json!({"id": null, "version": 0, "lines": [], "saved": [], "discount": null});
            Json(state.baskets.get(subject).cloned().unwrap_or(empty)).into_response()
        }
        "/api/catalog/v1/courses" => {
            let ids = request.uri().query().unwrap_or_default().to_owned();
            let named = |course: &&Value| ids.contains(course["id"].as_str().unwrap());
            let items: Vec<&Value> = state.courses.iter().filter(named).collect();
            Json(json!({"items": items, "next_cursor": null})).into_response()
        }
        "/api/discount/v1/quote" => Json(state.coupon.clone()).into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
