//! Who speaks to the house: each with its own credentials.

use std::fmt;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::{http, log};

/// A whole answer, kept for assertions.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl fmt::Debug for Answer {
    /// With what was logged of it, where it failed inside of this process.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut answer = f.debug_struct("Answer");
        answer
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("text", &self.text);
        if self.status >= 500 {
            answer.field("logged", &log::of(self.header("x-request-id")));
        }
        answer.finish()
    }
}

impl Answer {
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self {
            status,
            headers,
            text: response.text().await.expect("a body"),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// `error` of OAuth, or `code` of a problem; empty where there is none.
    pub fn code(&self) -> String {
        let json: Value = serde_json::from_str(&self.text).unwrap_or_default();
        json["error"]
            .as_str()
            .or(json["code"].as_str())
            .unwrap_or_default()
            .to_owned()
    }
}

/// Somebody without credentials.
pub async fn anonymous(url: &str) -> Answer {
    Answer::of(http().get(url)).await
}

/// A confidential client.
#[derive(Debug, Clone)]
pub struct Machine {
    pub issuer: String,
    pub client_id: String,
    pub secret: String,
}

impl Machine {
    /// Posts a form to an endpoint with HTTP Basic.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let request = http().post(format!("{}{path}", self.issuer));
        Answer::of(request.basic_auth(&self.client_id, Some(&self.secret)).form(form)).await
    }

    /// A token by client_credentials with these further parameters.
    pub async fn ask(&self, form: &[(&str, &str)]) -> Answer {
        let mut all = vec![("grant_type", "client_credentials")];
        all.extend(form);
        self.post("/token", &all).await
    }

    /// A token, as it must be given.
    pub async fn token(&self) -> String {
        let answer = self.ask(&[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    pub async fn introspect(&self, token: &str) -> Answer {
        self.post("/introspect", &[("token", token)]).await
    }

    pub async fn revoke(&self, token: &str) -> Answer {
        self.post("/revoke", &[("token", token)]).await
    }
}

/// A call with a bearer token.
pub async fn call(token: &str, url: &str) -> Answer {
    Answer::of(http().get(url).bearer_auth(token)).await
}
