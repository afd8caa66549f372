//! A catalog on loopback that says what a test wants, and a shop in front of it.

use std::sync::{Arc, LazyLock, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use latchkey_relying_party::Logins;
use latchkey_storefront::{MESSAGES, Storefront, router};
use latchkey_testkit::Answer;
use latchkey_testkit::translations::mirrored;
use latchkey_web::{COMMON, Messages, Origins};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::ServiceExt;

pub const ORIGIN: &str = "http://localhost:8080";

/// What the catalog answers, and what it was asked.
#[derive(Clone)]
pub struct Stub {
    pub categories: Value,
    /// By the last part of their address.
    pub courses: Vec<Value>,
    pub next_cursor: Option<String>,
    /// Instead of all that.
    pub instead: Option<Instead>,
    pub asked: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone, Debug)]
pub enum Instead {
    Status(u16),
    Text(&'static str),
    Silence,
    Flood,
}

/// A shop that can be asked.
pub struct Shop {
    router: Router,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Default for Stub {
    fn default() -> Self {
        let category = |id: &str, parent: Option<&str>, name: &str, slug: &str| json!({"id": id, "parent_id": parent, "name": name, "slug": slug, "position": 0, "version": 1});
        let mut courses: Vec<Value> = (2..9)
            .map(|n| course(&format!("course-{n}"), &format!("Course {n}")))
            .collect();
        courses.insert(0, course("rust", "Rust from the Ground Up"));
        Self {
            categories: json!({"items": [
                category("c1", None, "Programming", "programming"),
                category("c2", None, "Design", "design"),
                category("c3", Some("c2"), "Type", "type"),
            ]}),
            courses,
            next_cursor: None,
            instead: None,
            asked: Arc::default(),
        }
    }
}

/// A course as the catalog would answer it.
pub fn course(slug: &str, title: &str) -> Value {
    json!({
        "id": format!("id-of-{slug}"), "kind": "course", "slug": slug, "title": title,
        "subtitle": "Ownership first", "description_md": "One *paragraph* of words.",
        "category_id": "c1", "instructor_id": "u1", "instructor_name": "Ada Byron",
        "language": "tr", "level": "beginner",
        "outcomes": ["Explain moves"], "requirements": ["Some other language"],
        "sections": [{"title": "Three cups", "lessons": [
            {"id": "l1", "title": "Who owns it?", "minutes": 11, "preview": true},
            {"id": "l2", "title": "Lending it", "minutes": 80, "preview": false}]}],
        "lesson_count": 2, "minutes": 91,
        "price": {"amount": 5900, "currency": "EUR"}, "list_price": {"amount": 7900, "currency": "EUR"},
        "limited": true, "status": "published", "version": 2,
        "created_at": "2026-11-01T00:00:00.000Z", "updated_at": "2026-11-17T23:51:34.703Z",
        "published_at": "2026-11-17T23:51:34.703Z",
    })
}

impl Stub {
    pub async fn shop(self) -> Shop {
        self.shop_of(None).await
    }

    /// A shop at which these users sign in.
    pub async fn shop_of(self, logins: Option<Logins>) -> Shop {
        let asked = self.asked.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let api = Router::new().fallback(answer).with_state(self);
        tokio::spawn(async move { axum::serve(listener, api).await });
        Shop {
            router: router(storefront(&base, logins)),
            asked,
        }
    }
}

impl Shop {
    /// A shop whose catalog is not there at all.
    pub async fn without_catalog() -> Self {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", gone.local_addr().unwrap());
        drop(gone);
        Self {
            router: router(storefront(&base, None)),
            asked: Arc::default(),
        }
    }

    /// A shop whose services are at this address.
    pub fn at(base: &str, logins: Option<Logins>) -> Self {
        Self {
            router: router(storefront(base, logins)),
            asked: Arc::default(),
        }
    }

    /// The response as it begins.
    pub async fn open(&self, request: http::Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(http::Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    pub async fn send(&self, request: http::Request<Body>) -> Answer {
        Answer::of_response(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// Paths and queries that the catalog has seen.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn storefront(base: &str, logins: Option<Logins>) -> Storefront {
    let shop = Storefront::new(base, client(), Origins::new([ORIGIN]), logins).unwrap();
    shop.with_messages(ALL_MESSAGES.clone())
}

/// Those of the shop, and a language from right to left that only tests speak.
static ALL_MESSAGES: LazyLock<Messages> = LazyLock::new(|| {
    let english = [COMMON[0], MESSAGES[0]];
    let all = [COMMON.as_slice(), &MESSAGES, &mirrored(&english)].concat();
    Messages::read(&all).unwrap()
});

/// A client as the shop gets it.
pub fn client() -> reqwest::Client {
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none());
    client.build().unwrap()
}

async fn answer(State(stub): State<Stub>, request: Request) -> Response {
    let target = request.uri().path_and_query().unwrap().as_str().to_owned();
    stub.asked.lock().unwrap().push(target);
    match stub.instead {
        Some(Instead::Status(status)) => return StatusCode::from_u16(status).unwrap().into_response(),
        Some(Instead::Text(text)) => return text.into_response(),
        Some(Instead::Silence) => std::future::pending::<()>().await,
        Some(Instead::Flood) => return vec![b' '; 3 * 1024 * 1024].into_response(),
        None => {}
    }
    match request.uri().path().strip_prefix("/catalog/v1").unwrap() {
        "/categories" => axum::Json(stub.categories).into_response(),
        "/courses" => {
            let body = json!({"items": stub.courses, "next_cursor": stub.next_cursor});
            axum::Json(body).into_response()
        }
        "/courses/old-name" => (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, "rust")]).into_response(),
        "/courses/led-away" => (
            StatusCode::MOVED_PERMANENTLY,
            [(header::LOCATION, "https://evil.test/")],
        )
            .into_response(),
        "/courses/id-of-rust" => axum::Json(&stub.courses[0]).into_response(),
        one => {
            let slug = one.strip_prefix("/courses/").unwrap();
            match stub.courses.iter().find(|course| course["slug"] == slug) {
                Some(course) => axum::Json(course).into_response(),
                None => StatusCode::NOT_FOUND.into_response(),
            }
        }
    }
}
