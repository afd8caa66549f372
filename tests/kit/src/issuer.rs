//! A running issuer with a second resource and a client of every kind, and what a test needs to look into it.

use latchkey_clock::Clock;
use latchkey_db::Db;
use latchkey_identity::{Identity, IdentityError, Seed};
use latchkey_protocol::Timestamp;
use latchkey_protocol::client::Alg;
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::RevocationCause;
use serde_json::{Value, json};

use crate::actors::Machine;
use crate::app::App;

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

/// The secret of a client of [`seed`].
pub fn secret_of(client_id: &str) -> String {
    format!("s3cret-0f-{client_id}-5d41402abc4b2a76b9719d911017c592")
}

/// A second resource, and clients of every kind.
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

/// An issuer that runs in this process.
#[derive(Clone)]
pub struct Issuer {
    identity: Identity,
    clock: Clock,
    url: String,
}

impl Issuer {
    /// `url` is its own address. A number, not a name: throttles look at addresses.
    pub fn new(identity: Identity, clock: Clock, url: String) -> Self {
        Self { identity, clock, url }
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn db(&self) -> &Db {
        self.identity.store().db()
    }

    pub fn now(&self) -> Timestamp {
        Timestamp(self.clock.now_ms())
    }

    /// A client of [`seed`].
    pub fn machine(&self, client_id: &str) -> Machine {
        Machine {
            issuer: self.url.clone(),
            client_id: client_id.to_owned(),
            secret: secret_of(client_id),
        }
    }

    /// Registers an application with a redirect URI that is no loopback's: consent is remembered. With a secret it is
    /// confidential, else it rotates.
    pub async fn plant_app(&self, client_id: &str, secret: Option<&str>, scope: &str) -> App {
        let redirect_uri = format!("https://{client_id}.test/cb");
        let proof = match secret {
            Some(secret) => {
                format!("client_secret = \"{secret}\"\nmay_introspect = [\"urn:latchkey:catalog\"]")
            }
            None => "token_endpoint_auth_method = \"none\"".to_owned(),
        };
        let seed = format!(
            "[[clients]]\nclient_id = \"{client_id}\"\n{proof}\n\
             grant_types = [\"authorization_code\", \"refresh_token\"]\n\
             redirect_uris = [\"{redirect_uri}\"]\nscope = \"{scope}\"\n"
        );
        let seed = Seed::parse(&seed).expect("a seed");
        self.identity.seed(seed, "test").await.expect("a client");
        App {
            issuer: self.identity.issuer().to_owned(),
            client_id: client_id.to_owned(),
            secret: secret.map(str::to_owned),
            redirect_uri,
            scope: scope.to_owned(),
        }
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
        self.identity.revoke(cause, revocation, "test").await
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
            "iss": self.identity.issuer(), "sub": "01a1ebbc-0000-7000-8000-000000000001", "aud": CATALOG,
            "client_id": "later", "iat": now.seconds(), "exp": now.seconds() + 300, "jti": "minted",
            "scope": "catalog.read",
        });
        let changes = changes.as_object().expect("claims").clone();
        claims.as_object_mut().expect("claims").extend(changes);
        self.identity
            .signer()
            .sign(Alg::ES256, typ, &claims, now)
            .expect("the issuer signs")
    }

    /// The `sub` of a user.
    pub async fn user_id(&self, username: &str) -> String {
        let found = self.identity.store().user(self.db(), username).await;
        found.expect("the store answers").expect("the person exists").id
    }
}
