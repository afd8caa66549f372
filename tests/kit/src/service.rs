//! A service for tests: its real router behind a real guard, with a fresh database of each engine, and actors with real
//! tokens.

mod ask;
pub mod matrices;

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use http::{Method, Request};
use latchkey_bus::{Cause, Event, HandlerError};
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Engine, Options, sql, testing};
use latchkey_guard::{Guard, KeySet, Keys, Signals};
use latchkey_kit::{Consumer, Context, ServiceSpec};
use serde_json::{Value, json};
use tower::ServiceExt;

pub use ask::Ask;

use crate::mint::{Signer, jwks};

/// The issuer that the service trusts.
pub const ISSUER: &str = "https://id.latchkey.test";
/// 2026-11-20, a Friday.
pub const NOW_MS: i64 = 1_795_176_000_000;

/// How often a delivery is made until it succeeds or can never do so.
const ATTEMPTS: usize = 20;

/// Runs a test on a fresh database of each engine.
pub async fn for_each_engine<F, Fut>(spec: &'static ServiceSpec, name: &str, test: F)
where
    F: Fn(World) -> Fut,
    Fut: Future<Output = ()>,
{
    for (engine, url) in testing::urls(&format!("{}_{name}", spec.name())).await {
        println!("on {engine:?}");
        let world = World::open(spec, engine, &url).await;
        let db = world.context.db.clone();
        test(world).await;
        db.close().await;
    }
}

/// A service with an empty database.
#[derive(Clone)]
pub struct World {
    pub spec: &'static ServiceSpec,
    pub engine: Engine,
    pub context: Context,
    pub clock: Clock,
    app: Router,
}

impl World {
    /// A service with the database at `url`.
    pub async fn open(spec: &'static ServiceSpec, engine: Engine, url: &str) -> Self {
        Self::open_with(spec, engine, url, |context| context).await
    }

    /// The same with something more in its context, such as a client of the services that it calls.
    pub async fn open_with(
        spec: &'static ServiceSpec,
        engine: Engine,
        url: &str,
        more: impl FnOnce(Context) -> Context,
    ) -> Self {
        let db = Db::open(url, Options::new(&spec.tables())).await.unwrap();
        let clock = Clock::manual(NOW_MS);
        let context = more(Context::new(
            spec.resource,
            db,
            clock.clone(),
            Random::system(),
            "EUR",
        ));
        let time = clock.clone();
        let keys = Keys::fixed(KeySet::parse(jwks(&[issuer()]).as_bytes()).unwrap());
        let guard = Guard::builder(ISSUER, spec.resource.audience, keys, Signals::none())
            .clock(Arc::new(move || time.now_ms()))
            .build();
        Self {
            spec,
            engine,
            app: spec.router(context.clone(), guard),
            context,
            clock,
        }
    }

    pub fn ask(&self, method: Method, path: impl Into<String>) -> Ask {
        Ask::new(self.app.clone(), method, path.into())
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

    /// The bare status of a request, for responses whose body is not checked.
    pub async fn raw(&self, request: Request<Body>) -> u16 {
        self.app.clone().oneshot(request).await.unwrap().status().as_u16()
    }

    /// Delivers an event to a consumer, as the bus would, without its inbox and without pauses: again while the consumer
    /// wants that, or while its database is only busy, such as with two transactions that wait for each other.
    pub async fn deliver(&self, consumer: &'static Consumer, event: Event) -> Result<(), HandlerError> {
        for _ in 1..ATTEMPTS {
            match self.deliver_once(consumer, event.clone()).await {
                Err(HandlerError::Retry(_)) => {}
                Err(HandlerError::Db(error)) if error.is_transient() => {}
                done => return done,
            }
        }
        self.deliver_once(consumer, event).await
    }

    async fn deliver_once(&self, consumer: &'static Consumer, event: Event) -> Result<(), HandlerError> {
        self.context
            .write(Cause::event(&event), async move |t| {
                (consumer.handle)(t, event).await
            })
            .await
    }

    /// The events in the outbox, in their order.
    pub async fn events(&self) -> Vec<Event> {
        let rows = sql("SELECT envelope FROM outbox ORDER BY seq")
            .fetch_all(&self.context.db)
            .await
            .unwrap();
        rows.iter()
            .map(|row| Event::parse(&row.text("envelope").unwrap()).unwrap())
            .collect()
    }

    /// The column `n` of the only row of a statement.
    pub async fn count(&self, statement: &'static str) -> i64 {
        let row = sql(statement).fetch_one(&self.context.db).await.unwrap();
        row.int("n").unwrap()
    }
}

/// The first version of an event of another service, which its type names.
pub fn event(r#type: &str, subject: &str, data: Value) -> Event {
    let source = r#type.split('.').next().unwrap();
    serde_json::from_value(json!({
        "specversion": "1.0", "id": fresh_key(), "source": format!("/{source}"), "type": r#type, "subject": subject,
        "time": "2026-11-20T12:00:00.000Z", "datacontenttype": "application/json", "sequence": "1",
        "partitionkey": subject, "data": data
    }))
    .unwrap()
}

/// The claims of a user's token for this service, from a client with another name.
pub fn person(spec: &ServiceSpec, sub: &str, scope: &str, roles: &[&str]) -> Value {
    let now = NOW_MS / 1000;
    json!({
        "iss": ISSUER, "sub": sub, "aud": spec.resource.audience, "client_id": "shop-web", "iat": now, "exp": now + 300,
        "jti": fresh_key(), "scope": scope, "roles": roles, "fam": "f1", "auth_time": now, "acr": "1", "amr": ["pwd"]
    })
}

/// The claims of a machine's token: `sub` is the client.
pub fn machine(spec: &ServiceSpec, scope: &str, roles: &[&str]) -> Value {
    let mut claims = person(spec, "batch", scope, roles);
    claims["client_id"] = json!("batch");
    claims
}

/// A token that the service accepts.
pub fn token(claims: &Value) -> String {
    issuer().token(claims)
}

/// A token with our issuer's key id, signed with another key.
pub fn forged(claims: &Value) -> String {
    Signer::ec("k1").token(claims)
}

/// A new idempotency key.
pub fn fresh_key() -> String {
    Random::system().uuid_v7(NOW_MS)
}

fn issuer() -> &'static Signer {
    static ISSUER: OnceLock<Signer> = OnceLock::new();
    ISSUER.get_or_init(|| Signer::ec("k1"))
}
