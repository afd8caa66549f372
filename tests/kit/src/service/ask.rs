//! Requests to a service.

use axum::Router;
use axum::body::Body;
use http::{Method, Request, Response};
use serde_json::Value;
use tower::ServiceExt;

use crate::answer::Answer;

/// What to send; built up by the one who sends it.
#[derive(Clone)]
pub struct Ask {
    app: Router,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
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

    /// With a bearer token; an empty one is not sent.
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
        self.typed("application/json", body)
    }

    /// With a body of this media type.
    pub fn typed(self, media: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut ask = self.header("content-type", media);
        ask.body = Some(body.into());
        ask
    }

    pub async fn send(self) -> Answer {
        let path = self.path.clone();
        let answer = Answer::of_response(self.open().await).await;
        is_well_formed(&answer, &path);
        answer
    }

    /// Sends it and returns before the body has ended: for streams.
    pub async fn open(self) -> Response<Body> {
        let mut request = Request::builder().method(self.method).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(name.as_str(), value.as_str());
        }
        let request = request.body(self.body.map_or(Body::empty(), Body::from)).unwrap();
        self.app.oneshot(request).await.unwrap()
    }
}

/// Every refusal of every test is a problem document; no test has to ask.
fn is_well_formed(answer: &Answer, path: &str) {
    if answer.status >= 400 {
        let media = answer.header("content-type");
        assert_eq!(media, "application/problem+json", "{path}: {}", answer.text);
        assert_eq!(answer.json()["status"], answer.status, "{path}");
        assert!(!answer.code().is_empty(), "{path}");
    }
}
