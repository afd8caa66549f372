//! Requests to a service, and its answers.

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

/// What to send; built up by the one who sends it.
#[derive(Clone)]
pub struct Ask {
    app: Router,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Ask {
    pub(super) fn new(app: Router, method: Method, path: String) -> Self {
        Self {
            app,
            method,
            path,
            headers: Vec::new(),
            body: None,
        }
    }

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
        let response = self.app.oneshot(request).await.unwrap();
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
