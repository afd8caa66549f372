//! An application with a browser in front of it: authorization code with PKCE, as a client would do it by hand.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

use crate::answer::Answer;
use crate::browser::{Browser, Seen};
use crate::client::http;

/// A registered client.
#[derive(Clone, Debug)]
pub struct App {
    pub issuer: String,
    pub client_id: String,
    pub secret: Option<String>,
    pub redirect_uri: String,
    pub scope: String,
}

/// What an authorization response said.
#[derive(Clone, Debug, Default)]
pub struct Callback {
    pub code: Option<String>,
    pub error: Option<String>,
    pub state: Option<String>,
    pub iss: Option<String>,
}

/// Tokens of an answer.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: String,
    pub refresh: Option<String>,
    pub id: Option<String>,
    pub scope: String,
}

/// RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Its S256 challenge.
pub fn challenge(verifier: &str) -> String {
    digest(verifier)
}

/// What is stored of a secret, and what a challenge is of its verifier: the SHA-256 in base64url.
pub fn digest(text: &str) -> String {
    B64.encode(Sha256::digest(text))
}

/// How many pages a sign-in has at most, with those that are tried again.
const MOST_PAGES: usize = 20;

impl App {
    /// The address of an authorization request; `more` replaces and adds.
    pub fn request(&self, more: &[(&str, &str)]) -> String {
        let challenge = challenge(VERIFIER);
        let mut pairs: Vec<(&str, &str)> = vec![
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", &self.scope),
            ("state", "s-1"),
            ("nonce", "n-1"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in more {
            if *name != "resource" {
                pairs.retain(|(known, _)| known != name);
            }
            if !value.is_empty() {
                pairs.push((name, value));
            }
        }
        let mut url = Url::parse(&format!("{}/authorize", self.issuer)).expect("an address");
        url.query_pairs_mut().extend_pairs(pairs);
        url.into()
    }

    /// Opens a request and stops at the first page, or before going back to the client.
    pub async fn begin(&self, browser: &Browser, more: &[(&str, &str)]) -> Seen {
        browser.open(&self.request(more), &self.redirect_uri).await
    }

    /// Tries a name and a password, whoever is signed in; what follows on the form.
    pub async fn attempt(&self, browser: &Browser, name: &str, password: &str) -> Seen {
        let page = self.begin(browser, &[("prompt", "login")]).await;
        let fields = [("username", name), ("password", password)];
        let seen = browser.press(&page, "#sign-in", &fields).await;
        assert!(seen.url.as_str().starts_with(&self.issuer));
        seen
    }

    /// Signs in and allows, wherever the issuer asks; the response. A page that says that too many sign in is tried
    /// again, as it asks for.
    pub async fn walk(&self, browser: &Browser, who: (&str, &str), more: &[(&str, &str)]) -> Callback {
        let mut seen = self.begin(browser, more).await;
        for _ in 0..MOST_PAGES {
            if let Some(to) = seen.location() {
                return callback(&to);
            }
            let pressed = if seen.has("#sign-in") {
                let fields = [("username", who.0), ("password", who.1)];
                browser.press(&seen, "#sign-in", &fields).await
            } else if seen.has("#allow") {
                browser.press(&seen, "#allow", &[]).await
            } else {
                panic!(
                    "neither sign-in nor consent: {} {}",
                    seen.answer.status, seen.answer.text
                );
            };
            if pressed.answer.status == 503 && pressed.has("#sign-in") {
                seen = pressed;
                continue;
            }
            assert_eq!(pressed.answer.status, 303, "{pressed:?}");
            seen = browser.follow(pressed, &self.redirect_uri).await;
        }
        panic!("no end: {seen:?}");
    }

    /// A whole sign-in; the tokens.
    pub async fn sign_in(&self, browser: &Browser, who: (&str, &str), more: &[(&str, &str)]) -> Tokens {
        let back = self.walk(browser, who, more).await;
        let answer = self
            .redeem(back.code.as_deref().unwrap_or_else(|| panic!("{back:?}")))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        Tokens::of(&answer)
    }

    /// Posts a form to an endpoint as this client.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let request = http().post(format!("{}{path}", self.issuer));
        let mut form = form.to_vec();
        let request = match &self.secret {
            Some(secret) => request.basic_auth(&self.client_id, Some(secret)),
            None => {
                form.push(("client_id", &self.client_id));
                request
            }
        };
        Answer::of(request.form(&form)).await
    }

    pub async fn redeem(&self, code: &str) -> Answer {
        self.redeem_with(code, &[]).await
    }

    /// A redemption; `more` replaces and adds.
    pub async fn redeem_with(&self, code: &str, more: &[(&str, &str)]) -> Answer {
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("code_verifier", VERIFIER),
        ];
        for (name, value) in more {
            pairs.retain(|(known, _)| known != name);
            if !value.is_empty() {
                pairs.push((name, value));
            }
        }
        self.post("/token", &pairs).await
    }

    pub async fn refresh(&self, token: &str) -> Answer {
        self.refresh_with(token, &[]).await
    }

    pub async fn refresh_with(&self, token: &str, more: &[(&str, &str)]) -> Answer {
        let mut pairs = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
        pairs.extend(more);
        self.post("/token", &pairs).await
    }

    pub async fn revoke(&self, token: &str) -> Answer {
        self.post("/revoke", &[("token", token)]).await
    }

    pub async fn userinfo(&self, token: &str) -> Answer {
        Answer::of(http().get(format!("{}/userinfo", self.issuer)).bearer_auth(token)).await
    }
}

impl Tokens {
    pub fn of(answer: &Answer) -> Self {
        let json = answer.json();
        let text = |name: &str| json[name].as_str().map(str::to_owned);
        Self {
            access: text("access_token").unwrap_or_else(|| panic!("{answer:?}")),
            refresh: text("refresh_token"),
            id: text("id_token"),
            scope: text("scope").unwrap_or_default(),
        }
    }

    pub fn refresh(&self) -> &str {
        self.refresh.as_deref().expect("a refresh token")
    }
}

/// What a redirect back to the client says.
pub fn callback(url: &Url) -> Callback {
    let mut back = Callback::default();
    for (name, value) in url.query_pairs() {
        let value = Some(value.into_owned());
        match &*name {
            "code" => back.code = value,
            "error" => back.error = value,
            "state" => back.state = value,
            "iss" => back.iss = value,
            _ => {}
        }
    }
    back
}

impl App {
    /// A client of the demo that a process has described.
    pub fn of_demo(demo: &Value, client_id: &str, scope: &str) -> Self {
        let all = demo["clients"].as_array().expect("clients").iter();
        let client = all.clone().find(|client| client["client_id"] == client_id);
        let client = client.unwrap_or_else(|| panic!("no {client_id}"));
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Self {
            issuer: text(&demo["issuer"]).expect("an issuer"),
            client_id: client_id.to_owned(),
            secret: text(&client["client_secret"]),
            redirect_uri: text(&client["redirect_uris"][0]).expect("a redirect URI"),
            scope: scope.to_owned(),
        }
    }
}
