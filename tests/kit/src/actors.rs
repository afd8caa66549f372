//! Callers of a server, each with its own credentials.

use crate::answer::Answer;
use crate::client::http;

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
