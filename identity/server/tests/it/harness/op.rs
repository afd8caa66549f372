//! Another provider, as far as a test needs one: a server on loopback whose every answer is set beforehand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::to_bytes;
use axum::extract::Request;
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use latchkey_http::outgoing::{Destination, Purpose};
use latchkey_protocol::sign_up;
use latchkey_protocol::upstream::{ClaimMap, Kind, Mode, Provider};
use latchkey_testkit::mint::{Signer, jwks, with};
use serde_json::{Value, json};
use url::Url;

use super::{Browser, IssuerServer, Options, Seen};

/// What our client is called at the provider.
pub const CLIENT_ID: &str = "latchkey-at-op";

/// The other provider. Clones are one.
#[derive(Clone)]
pub struct Op {
    pub url: String,
    says: Arc<Mutex<Says>>,
    signer: Arc<Signer>,
}

/// What it answers, and what it was asked.
#[derive(Default)]
struct Says {
    /// Status and body by path; a body that is an address redirects there.
    answers: BTreeMap<String, (u16, String)>,
    hangs: Option<String>,
    heard: Vec<Heard>,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Heard {
    pub path: String,
    pub authorization: String,
    /// The form.
    pub form: BTreeMap<String, String>,
}

impl Op {
    /// A provider that answers as any OpenID provider does.
    pub async fn start() -> Self {
        let says = Arc::new(Mutex::new(Says::default()));
        let asked = says.clone();
        let router = axum::Router::new().fallback(move |request: Request| {
            let says = asked.clone();
            async move { answer(&says, request).await }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let op = Self {
            url,
            says,
            signer: Arc::new(Signer::rsa("k1")),
        };
        op.says("/.well-known/openid-configuration", &op.metadata(&json!({})));
        op.publishes(&[op.signer()]);
        op.says("/userinfo", &json!({ "sub": "s1" }));
        op
    }

    /// Its metadata, with these changes.
    pub fn metadata(&self, changes: &Value) -> Value {
        let url = &self.url;
        let usual = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "userinfo_endpoint": format!("{url}/userinfo"),
            "jwks_uri": format!("{url}/jwks"),
        });
        with(usual, changes)
    }

    /// What it answers at a path from now on.
    pub fn says(&self, path: &str, body: &Value) {
        self.answers(path, 200, &body.to_string());
    }

    /// The same with any status and body.
    pub fn answers(&self, path: &str, status: u16, body: &str) {
        let answer = (status, body.to_owned());
        self.locked().answers.insert(path.to_owned(), answer);
    }

    /// Never answers at this path.
    pub fn hangs(&self, path: &str) {
        self.locked().hangs = Some(path.to_owned());
    }

    /// The keys that it publishes.
    pub fn publishes(&self, signers: &[&Signer]) {
        self.answers("/jwks", 200, &jwks(signers));
    }

    /// Gives this ID token for the next codes.
    pub fn gives(&self, id_token: &str) {
        let tokens = json!({ "access_token": "at", "token_type": "Bearer", "id_token": id_token });
        self.says("/token", &tokens);
    }

    /// Its own key.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The claims of an ID token for a request that went there, with these changes.
    pub fn claims(&self, server: &IssuerServer, sent: &Sent, changes: &Value) -> Value {
        let now_s = server.now().seconds();
        let usual = json!({
            "iss": self.url, "sub": "s1", "aud": CLIENT_ID, "iat": now_s, "exp": now_s + 300,
            "nonce": sent.get("nonce"), "email": "ada@op.test", "email_verified": true,
        });
        with(usual, changes)
    }

    /// Gives an ID token for a request that went there, with these changes.
    pub fn confirms(&self, server: &IssuerServer, sent: &Sent, changes: &Value) {
        self.gives(&self.signed(&self.signer, &self.claims(server, sent, changes)));
    }

    /// A token by this key.
    pub fn signed(&self, signer: &Signer, claims: &Value) -> String {
        let header = json!({ "alg": signer.alg(), "kid": signer.kid });
        signer.jws(&header.to_string(), &claims.to_string())
    }

    /// What it was asked at this path.
    pub fn heard(&self, path: &str) -> Vec<Heard> {
        let says = self.locked();
        let heard = says.heard.iter().filter(|heard| heard.path == path);
        heard.cloned().collect()
    }

    /// The one request that it got at this path.
    pub fn heard_once(&self, path: &str) -> Heard {
        let mut heard = self.heard(path);
        assert_eq!(heard.len(), 1, "{heard:?}");
        heard.remove(0)
    }

    /// This provider in the configuration, under the name `op`.
    pub fn provider(&self, kind: Kind) -> Provider {
        Provider {
            id: "op".to_owned(),
            name: "Op".to_owned(),
            kind,
            issuer: self.url.clone(),
            client_id: CLIENT_ID.to_owned(),
            scopes: kind.scopes().iter().map(|scope| (*scope).to_owned()).collect(),
            claim_map: ClaimMap::default(),
            mode: Mode::SignIn,
            registers: true,
            authoritative_for: vec!["op.test".to_owned()],
            forced_domains: Vec::new(),
            stores_tokens: false,
            tenants: Vec::new(),
            roles: BTreeMap::new(),
            acr: None,
            acr_values: Vec::new(),
        }
    }

    /// Options with this provider, at which anybody may register.
    pub fn configured(&self, provider: Provider) -> impl FnOnce(&mut Options) + use<> {
        let here = Destination::of(Purpose::Upstream, &self.url).expect("an address");
        move |options: &mut Options| {
            options.settings.sign_up.mode = sign_up::Mode::Open;
            options.settings.providers.push(provider);
            options.allow_outgoing.push(here);
        }
    }

    fn locked(&self) -> MutexGuard<'_, Says> {
        self.says.lock().expect("what it says")
    }
}

/// The parameters of an authorization request.
pub type Sent = BTreeMap<String, String>;

/// Goes to the provider from the sign-in page.
pub async fn go(server: &IssuerServer, browser: &Browser, id: &str) -> (Url, Sent) {
    let page = browser.open(&format!("{}/account", server.issuer()), "").await;
    let gone = browser.press(&page, &format!("#with-{id}"), &[]).await;
    assert_eq!(gone.answer.status, 303, "{gone:?}");
    let address = gone.location().expect("an address");
    let sent = address.query_pairs().into_owned().collect();
    (address, sent)
}

/// The address that a provider sends a browser back to.
pub fn callback(server: &IssuerServer, id: &str, parameters: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    format!("{}/upstream/{id}/callback?{query}", server.issuer())
}

/// Comes back from the provider with a code.
pub async fn back(server: &IssuerServer, browser: &Browser, sent: &Sent) -> Seen {
    let state = sent["state"].as_str();
    let address = callback(server, "op", &[("code", "c1"), ("state", state)]);
    browser.get(&address).await
}

/// Where somebody goes who is known by now, and has no account: to the next page, or to a mail for an address that is not
/// proved.
pub fn next(seen: &Seen) -> String {
    assert_eq!(seen.answer.status, 303, "{seen:?}");
    seen.location().expect("an address").path().to_owned()
}

/// The page of somebody whose address the provider proves.
pub const PROVED: &str = "/upstream/register";
/// The page of somebody whose address it does not.
pub const UNPROVED: &str = "/register/check";

async fn answer(says: &Mutex<Says>, request: Request) -> axum::response::Response {
    let path = request.uri().path().to_owned();
    let authorization = request.headers().get(AUTHORIZATION);
    let authorization = authorization.map(|value| value.to_str().expect("text").to_owned());
    let body = to_bytes(request.into_body(), 1 << 20).await.expect("a body");
    let form = url::form_urlencoded::parse(&body).into_owned().collect();
    let (answer, hangs) = {
        let mut says = says.lock().expect("what it says");
        says.heard.push(Heard {
            path: path.clone(),
            authorization: authorization.unwrap_or_default(),
            form,
        });
        (
            says.answers.get(&path).cloned(),
            says.hangs.as_ref() == Some(&path),
        )
    };
    if hangs {
        std::future::pending::<()>().await;
    }
    let (status, body) = answer.unwrap_or((404, "{}".to_owned()));
    let status = StatusCode::from_u16(status).expect("a status");
    let mut response = axum::response::Response::new(axum::body::Body::from(body.clone()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, "application/json".parse().expect("a value"));
    if status.is_redirection() {
        headers.insert(LOCATION, body.parse().expect("an address"));
    }
    response
}
