//! A house with a second resource and a client of every kind, and what an attacker needs to look at it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use latchkey::config::Config;
use latchkey_db::{Db, DbError, sql};
use latchkey_identity::{Identity, IdentityError};
use latchkey_protocol::Timestamp;
use latchkey_protocol::client::Alg;
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::RevocationCause;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Answer, Machine, TestServer, call, until};

pub const CATALOG: &str = "urn:latchkey:catalog";
pub const ORDERS: &str = "urn:test:orders";
pub const ORDERS_ALIAS: &str = "https://orders.test/api";

/// Clients of every kind; `secret` of each is [`secret_of`] its id.
const CLIENTS: &str = r#"
[[resources]]
identifier = "urn:test:orders"
aliases = ["https://orders.test/api"]
scopes = ["order.read", "order.write"]

[[clients]]
client_id = "m-basic"
client_secret = "SECRET"
grant_types = ["client_credentials"]
scope = "catalog.read order.read"
resources = ["urn:latchkey:catalog", "urn:test:orders"]
default_resource = "urn:latchkey:catalog"

[[clients]]
client_id = "m-post"
client_secret = "SECRET"
token_endpoint_auth_method = "client_secret_post"
grant_types = ["client_credentials"]
scope = "catalog.read order.read"
resources = ["urn:latchkey:catalog", "urn:test:orders"]
default_resource = "urn:latchkey:catalog"

[[clients]]
client_id = "m-wide"
client_secret = "SECRET"
grant_types = ["client_credentials"]
scope = "catalog.read catalog.write catalog.review catalog.admin order.read order.write"
resources = ["urn:latchkey:catalog", "urn:test:orders"]
default_resource = "urn:latchkey:catalog"

[[clients]]
client_id = "m-orders"
client_secret = "SECRET"
grant_types = ["client_credentials"]
scope = "order.read"
resources = ["https://orders.test/api"]

[[clients]]
client_id = "idle"
client_secret = "SECRET"
scope = "catalog.read"
resources = ["urn:latchkey:catalog"]

[[clients]]
client_id = "later"
client_secret = "SECRET"
grant_types = ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"]
redirect_uris = ["http://localhost:3000/later"]
scope = "catalog.read"
resources = ["urn:latchkey:catalog"]

[[clients]]
client_id = "public"
token_endpoint_auth_method = "none"
grant_types = ["authorization_code"]
redirect_uris = ["http://127.0.0.1/cb"]
application_type = "native"
scope = "catalog.read"
resources = ["urn:latchkey:catalog"]

[[clients]]
client_id = "rs-catalog"
client_secret = "SECRET"
may_introspect = ["urn:latchkey:catalog"]

[[clients]]
client_id = "rs-orders"
client_secret = "SECRET"
may_introspect = ["https://orders.test/api"]

[[clients]]
client_id = "rs-all"
client_secret = "SECRET"
may_introspect = ["*"]

[[clients]]
client_id = "rs-nothing"
client_secret = "SECRET"
may_introspect = ["urn:test:nothing"]
"#;

/// The secret of a client of this world.
pub fn secret_of(client_id: &str) -> String {
    format!("s3cret-0f-{client_id}-5d41402abc4b2a76b9719d911017c592")
}

/// The seed of this world.
pub fn seed() -> String {
    let mut text = String::new();
    let mut id = "";
    for line in CLIENTS.lines() {
        id = line
            .strip_prefix("client_id = ")
            .map_or(id, |id| id.trim_matches('"'));
        text.push_str(&line.replace("SECRET", &secret_of(id)));
        text.push('\n');
    }
    text
}

pub struct World {
    pub server: TestServer,
    pub data: PathBuf,
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut data = PathBuf::new();
        let server = TestServer::with(|config| {
            let path = config.data.with_file_name("world.toml");
            std::fs::write(&path, seed()).expect("the seed is written");
            config.seeds.push(path);
            change(config);
            data = config.data.clone();
        })
        .await;
        Self { server, data }
    }

    /// A world whose files stay in `home` when it is stopped, so that another can begin where it ended.
    pub async fn at(home: &Path, issuer: &str) -> Self {
        Self::with(|config| {
            config.issuer = Some(issuer.to_owned());
            config.data = home.join("data");
            config.keys = home.join("keys");
            let file = |name: &str| format!("sqlite:{}", home.join(format!("data/{name}.db")).display());
            config.bus = file("bus");
            for (role, place) in &mut config.places {
                if !place.database.is_empty() {
                    place.database = file(role.name());
                }
            }
        })
        .await
    }

    /// After the clock was moved: waits until the guard has heard from the bus again.
    pub async fn settle(&self) {
        static ROUND: AtomicU64 = AtomicU64::new(0);
        let jti = format!("settle-{}", ROUND.fetch_add(1, Ordering::Relaxed));
        let token = self.machine("m-basic").token().await;
        let revocation = Revocation::Token {
            jti,
            client_id: "m-basic".to_owned(),
            sub: None,
            aud: CATALOG.to_owned(),
            exp: self.now().seconds() + 1,
        };
        // Something new makes the log speak before its next beat.
        self.end(revocation).await.expect("it ends");
        until("the guard has settled", async || {
            call(&token, &self.whoami()).await.status == 200
        })
        .await;
    }

    /// Ends something for a cause that ends what is of its kind, and nothing else happens. `false` when it had ended before.
    pub async fn end(&self, revocation: Revocation) -> Result<bool, IdentityError> {
        let cause = match revocation {
            Revocation::Token { .. } | Revocation::Family { .. } => RevocationCause::RevokedByClient,
            Revocation::Session { .. } => RevocationCause::EndedByAdmin,
            Revocation::Subject { .. } => RevocationCause::UserDisabled,
            Revocation::Client { .. } => RevocationCause::ClientTokensRevoked,
            Revocation::Machine { .. } => RevocationCause::TooManyTokens,
            Revocation::Key { .. } => RevocationCause::KeyCompromised,
        };
        self.identity().revoke(cause, revocation, "test").await
    }

    /// Identity's own address. A number, not a name: throttles look at addresses.
    pub fn url(&self) -> &str {
        &self.server.running().urls.services["identity"]
    }

    pub fn identity(&self) -> &Identity {
        self.server
            .running()
            .identity
            .as_ref()
            .expect("identity is played here")
    }

    pub fn db(&self) -> &Db {
        self.identity().store().db()
    }

    pub fn now(&self) -> Timestamp {
        Timestamp(self.server.clock.now_ms())
    }

    pub fn machine(&self, client_id: &str) -> Machine {
        Machine {
            issuer: self.url().to_owned(),
            client_id: client_id.to_owned(),
            secret: secret_of(client_id),
        }
    }

    pub fn whoami(&self) -> String {
        format!(
            "{}/catalog/v1/whoami",
            self.server.running().urls.services["catalog"]
        )
    }

    /// Whether the issuer calls this token active, asked by a client that may know of every token.
    pub async fn is_active(&self, token: &str) -> bool {
        let answer = self.machine("rs-all").introspect(token).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["active"].as_bool().expect("active is a boolean")
    }

    /// A token that this issuer signs, with these changes to what a person's token says.
    pub fn mint(&self, changes: Value) -> String {
        self.sign("at+jwt", changes)
    }

    /// The same with another `typ`.
    pub fn sign(&self, typ: &str, changes: Value) -> String {
        let now = self.now();
        let mut claims = json!({
            "iss": self.server.issuer(), "sub": "01a1ebbc-0000-7000-8000-000000000001", "aud": CATALOG,
            "client_id": "later", "iat": now.seconds(), "exp": now.seconds() + 300, "jti": "minted",
            "scope": "catalog.read",
        });
        let changes = changes.as_object().expect("claims").clone();
        claims.as_object_mut().expect("claims").extend(changes);
        self.identity()
            .signer()
            .sign(Alg::ES256, typ, &claims, now)
            .expect("the issuer signs")
    }

    /// The `sub` of a person of the demo.
    pub async fn person(&self, username: &str) -> String {
        let found = self
            .identity()
            .store()
            .user(self.identity().store().db(), username)
            .await;
        found.expect("the store answers").expect("the person exists").id
    }
}

/// What a compact JWS says, believed blindly.
pub fn payload(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&B64.decode(part).expect("base64url")).expect("JSON")
}

/// What its header says.
pub fn header(token: &str) -> Value {
    let part = token.split('.').next().expect("three parts");
    serde_json::from_slice(&B64.decode(part).expect("base64url")).expect("JSON")
}

/// The part of a token that nobody can guess.
pub fn signature(token: &str) -> &str {
    token.rsplit('.').next().unwrap_or_default()
}

/// Runs a statement that is put together here: a test breaks the database on purpose.
pub async fn run_sql(db: &Db, text: String) -> Result<(), DbError> {
    let text: &'static str = Box::leak(text.into_boxed_str());
    db.write(move |tx| async move { sql(text).execute(&tx).await.map(drop) })
        .await
}

/// One text column of every row.
pub async fn lines(db: &Db, statement: &'static str) -> Vec<String> {
    let rows = sql(statement).fetch_all(db).await.expect("the statement runs");
    rows.iter().map(|row| row.text("line").expect("a line")).collect()
}

/// Writes bytes to a listener and reads all that comes back.
pub async fn raw(url: &str, request: &[u8]) -> Answer {
    let authority = url.strip_prefix("http://").expect("a plain address");
    let mut stream = TcpStream::connect(authority).await.expect("a connection");
    // The listener may refuse before it has read everything.
    let _cut = stream.write_all(request).await;
    let mut bytes = Vec::new();
    let _reset = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    Answer::of_head(head)
        .unwrap_or_default()
        .with_text(body.to_owned())
}

/// An answer without what may differ between two equal ones.
pub fn comparable(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    headers.sort();
    (answer.status, headers, answer.text.clone())
}

/// A client that keeps its connections, for tests that ask a thousand times.
pub fn pooled() -> reqwest::Client {
    let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(std::time::Duration::from_secs(20))
        .build()
        .expect("an HTTP client")
}
