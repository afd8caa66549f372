//! A catalog in a box: one per engine, with actors who hold real tokens.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use latchkey_bus::Event;
use latchkey_catalog::{AUDIENCE, Catalog, MIGRATIONS, router};
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Engine, Options, sql, testing};
use latchkey_guard::{Guard, KeySet, Keys, Signals};
use serde_json::{Value, json};
use tower::ServiceExt;

pub const ISSUER: &str = "https://id.latchkey.test";
/// 2026-11-20, a Friday.
pub const NOW_MS: i64 = 1_795_176_000_000;

/// Runs a test on a fresh database of each engine.
pub async fn for_each_engine<F, Fut>(name: &str, test: F)
where
    F: Fn(World) -> Fut,
    Fut: Future<Output = ()>,
{
    for (engine, url) in testing::urls(&format!("catalog_{name}")).await {
        println!("on {engine:?}");
        let world = World::open(engine, &url).await;
        let db = world.catalog.db.clone();
        test(world).await;
        db.close().await;
    }
}

/// A catalog with an empty database.
#[derive(Clone)]
pub struct World {
    pub engine: Engine,
    pub catalog: Catalog,
    pub clock: Clock,
    app: Router,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

/// What to send; built up by the one who sends it.
#[derive(Clone)]
pub struct Ask {
    world: World,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl World {
    pub async fn open(engine: Engine, url: &str) -> Self {
        let db = Db::open(url, Options::new(MIGRATIONS)).await.unwrap();
        let clock = Clock::manual(NOW_MS);
        let catalog = Catalog::new(db, clock.clone(), Random::system(), "EUR");
        let time = clock.clone();
        let keys = Keys::fixed(issuer().jwks());
        let guard = Guard::builder(ISSUER, AUDIENCE, keys, Signals::none())
            .clock(std::sync::Arc::new(move || time.now_ms()))
            .build();
        Self {
            engine,
            app: router(catalog.clone(), guard),
            catalog,
            clock,
        }
    }

    pub fn ask(&self, method: Method, path: impl Into<String>) -> Ask {
        Ask {
            world: self.clone(),
            method,
            path: path.into(),
            headers: Vec::new(),
            body: None,
        }
    }

    pub fn get(&self, path: impl Into<String>) -> Ask {
        self.ask(Method::GET, path)
    }

    pub fn post(&self, path: impl Into<String>) -> Ask {
        self.ask(Method::POST, path)
    }

    pub fn put(&self, path: impl Into<String>) -> Ask {
        self.ask(Method::PUT, path)
    }

    pub fn patch(&self, path: impl Into<String>) -> Ask {
        self.ask(Method::PATCH, path)
    }

    pub fn delete(&self, path: impl Into<String>) -> Ask {
        self.ask(Method::DELETE, path)
    }

    /// The bare status of a request, for answers that have no body to be checked.
    pub async fn raw(&self, request: Request<Body>) -> u16 {
        self.app.clone().oneshot(request).await.unwrap().status().as_u16()
    }

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

    /// What waits in the outbox, in the order in which it was said.
    pub async fn events(&self) -> Vec<Event> {
        let rows = sql("SELECT envelope FROM outbox ORDER BY seq")
            .fetch_all(&self.catalog.db)
            .await
            .unwrap();
        rows.iter()
            .map(|row| Event::parse(&row.text("envelope").unwrap()).unwrap())
            .collect()
    }

    pub async fn count(&self, statement: &'static str) -> i64 {
        sql(statement)
            .fetch_one(&self.catalog.db)
            .await
            .unwrap()
            .int("n")
            .unwrap()
    }

    /// Everything in the two tables that callers write to, as text: equal before and after means untouched.
    pub async fn rows(&self) -> String {
        let courses = sql("SELECT id FROM courses ORDER BY id")
            .fetch_all(&self.catalog.db)
            .await
            .unwrap();
        let mut all = String::new();
        for row in courses {
            let course = latchkey_catalog::store::course(&self.catalog.db, &row.text("id").unwrap()).await;
            all.push_str(&format!("{:?}\n", course.unwrap()));
        }
        let categories = latchkey_catalog::store::categories(&self.catalog.db)
            .await
            .unwrap();
        all + &format!("{categories:?}\n{:?}", self.events().await.len())
    }
}

impl Ask {
    /// With a bearer token; an empty one stays at home.
    pub fn by(self, token: &str) -> Self {
        match token {
            "" => self,
            token => self.header("authorization", &format!("Bearer {token}")),
        }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn if_match(self, version: i64) -> Self {
        self.header("if-match", &format!("\"{version}\""))
    }

    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub fn json(self, body: &Value) -> Self {
        self.raw(body.to_string())
    }

    pub fn raw(self, body: impl Into<Vec<u8>>) -> Self {
        let mut ask = self.header("content-type", "application/json");
        ask.body = Some(body.into());
        ask
    }

    pub async fn send(self) -> Answer {
        let mut request = Request::builder().method(self.method).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(name.as_str(), value.as_str());
        }
        let request = request.body(self.body.map_or(Body::empty(), Body::from)).unwrap();
        let response = self.world.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body,
            text,
        };
        answer.is_well_formed(&self.path);
        answer
    }
}

impl Answer {
    pub fn id(&self) -> String {
        self.body["id"].as_str().unwrap().to_owned()
    }

    pub fn version(&self) -> i64 {
        self.body["version"].as_i64().unwrap()
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("")
    }

    /// Status and code: what a table of refusals compares.
    pub fn verdict(&self) -> (u16, &str) {
        (self.status.as_u16(), self.code())
    }

    pub fn items(&self) -> &[Value] {
        self.body["items"].as_array().map_or(&[], Vec::as_slice)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The fields of which the answer complains.
    pub fn fields(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map_or(&[][..], Vec::as_slice);
        errors
            .iter()
            .map(|error| error["field"].as_str().unwrap())
            .collect()
    }

    /// The body without what differs from request to request.
    pub fn anonymous_body(&self) -> Value {
        let mut body = self.body.clone();
        if let Some(members) = body.as_object_mut() {
            members.remove("trace_id");
        }
        body
    }

    /// Every refusal of every test is a problem document; no test has to ask.
    fn is_well_formed(&self, path: &str) {
        if self.status.is_client_error() || self.status.is_server_error() {
            assert_eq!(
                self.header("content-type"),
                "application/problem+json",
                "{path}: {}",
                self.text
            );
            assert_eq!(
                self.body["status"].as_u64(),
                Some(u64::from(self.status.as_u16())),
                "{path}"
            );
            assert!(!self.code().is_empty(), "{path}");
        }
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

pub fn fresh_key() -> String {
    Random::system().uuid_v7(NOW_MS)
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

/// A person who only buys.
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
    let claims = person(
        "batch",
        "catalog.read catalog.write catalog.admin",
        &["instructor", "admin"],
    );
    token(&with(claims, "client_id", json!("batch")))
}

pub fn person(sub: &str, scope: &str, roles: &[&str]) -> Value {
    let now = NOW_MS / 1000;
    json!({
        "iss": ISSUER, "sub": sub, "aud": AUDIENCE, "client_id": "shop-web", "iat": now, "exp": now + 300,
        "jti": fresh_key(), "scope": scope, "roles": roles, "fam": "f1", "auth_time": now, "acr": "1", "amr": ["pwd"]
    })
}

pub fn token(claims: &Value) -> String {
    issuer().sign(claims)
}

/// A token that another issuer's key has signed under our key's name.
pub fn forged(claims: &Value) -> String {
    Issuer::new().sign(claims)
}

struct Issuer {
    key: EcdsaKeyPair,
}

fn issuer() -> &'static Issuer {
    static ISSUER: OnceLock<Issuer> = OnceLock::new();
    ISSUER.get_or_init(Issuer::new)
}

impl Issuer {
    fn new() -> Self {
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
        }
    }

    fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": "k1"});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&header), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn jwks(&self) -> KeySet {
        let point = self.key.public_key().as_ref(); // 4 ‖ x ‖ y
        let coordinate = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&point[range]);
        let jwk = BTreeMap::from([
            ("kty", "EC".to_owned()),
            ("crv", "P-256".to_owned()),
            ("alg", "ES256".to_owned()),
            ("use", "sig".to_owned()),
            ("kid", "k1".to_owned()),
            ("x", coordinate(1..33)),
            ("y", coordinate(33..65)),
        ]);
        KeySet::parse(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap()
    }
}
