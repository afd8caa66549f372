//! The service beside a bus on which a consumer fails until it is mended.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use latchkey_bus::{Cause, Draft, Event, EventBus, Group, HandlerError, Outbox, Relay, Retries};
use latchkey_clock::Random;
use latchkey_db::{Tx, testing};
use latchkey_events::{SPEC, interventions};
use latchkey_testkit::Answer;
use latchkey_testkit::service::{self, person, token};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The type of what is published.
pub const PLACED: &str = "shop.order.placed.v1";

const TILL: Group = Group {
    name: "till.orders",
    types: &[PLACED],
    retries: Retries {
        quick: Vec::new(),
        later: Vec::new(),
    },
};

/// The service, with its task at work.
pub struct World {
    pub service: service::World,
    pub bus: EventBus,
    till: Arc<Till>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

/// A consumer that another service would have.
#[derive(Default)]
struct Till {
    works: AtomicBool,
    handled: AtomicUsize,
}

impl Deref for World {
    type Target = service::World;

    fn deref(&self) -> &service::World {
        &self.service
    }
}

/// Runs a test on fresh databases of each engine.
pub async fn for_each_engine<F, Fut>(name: &str, test: F)
where
    F: Fn(Arc<World>) -> Fut,
    Fut: Future<Output = ()>,
{
    let buses = testing::urls(&format!("events_bus_{name}")).await;
    for ((engine, url), (_, bus)) in testing::urls(&format!("events_{name}"))
        .await
        .into_iter()
        .zip(buses)
    {
        println!("on {engine:?}");
        let stop = CancellationToken::new();
        let clock = latchkey_clock::Clock::manual(service::NOW_MS);
        let bus = EventBus::open(&bus, clock, Random::system(), stop.clone())
            .await
            .unwrap();
        bus.enroll(&[TILL]).await.unwrap();
        let operated = bus.clone();
        let service =
            service::World::open_with(&SPEC, engine, &url, |context| context.operating(operated)).await;
        let world = Arc::new(World::start(service, bus, stop));
        test(world.clone()).await;
        world.stop.cancel();
        let world = Arc::into_inner(world).expect("the test is over");
        for task in world.tasks {
            task.await.unwrap();
        }
        world.bus.close().await;
        world.service.context.db.close().await;
    }
}

impl World {
    fn start(service: service::World, bus: EventBus, stop: CancellationToken) -> Self {
        let till = Arc::new(Till::default());
        let (heard, db) = (till.clone(), service.context.db.clone());
        let handle = move |_: Tx, _: Event| {
            let heard = heard.clone();
            async move {
                if !heard.works.load(Ordering::SeqCst) {
                    return Err(HandlerError::Dead("the till is out of paper".to_owned()));
                }
                heard.handled.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
        };
        let (subscribed, until) = (bus.clone(), stop.clone());
        let tasks = vec![
            tokio::spawn(async move { subscribed.subscribe(TILL, db, handle, until).await }),
            tokio::spawn((interventions::TASK.run)(service.context.clone(), stop.clone())),
        ];
        Self {
            service,
            bus,
            till,
            stop,
            tasks,
        }
    }

    /// Publishes an order that the till cannot handle, and waits until it is a dead letter.
    pub async fn dead(&self, subject: &str) {
        let before = self.bus.parked().await.unwrap().len();
        let context = &self.service.context;
        let outbox = Outbox::new("shop", context.clock.clone(), context.random.clone());
        let draft = Draft {
            r#type: PLACED.to_owned(),
            subject: subject.to_owned(),
            sequence: 1,
            data: json!({"order_id": subject}),
            cause: Cause::default(),
        };
        let put = context.db.write(async move |tx| outbox.put(&tx, draft).await);
        put.await.unwrap();
        let relay = Relay::new(self.bus.clone(), context.db.clone(), context.clock.clone());
        relay.drain().await.unwrap();
        self.until_parked(before + 1).await;
    }

    pub async fn until_parked(&self, count: usize) {
        until("the dead letters", async || {
            self.bus.parked().await.unwrap().len() == count
        })
        .await;
    }

    pub async fn until_handled(&self, count: usize) {
        until("the till has handled", async || {
            self.till.handled.load(Ordering::SeqCst) == count
        })
        .await;
    }

    /// The till can handle orders from now on.
    pub fn mend(&self) {
        self.till.works.store(true, Ordering::SeqCst);
    }

    pub async fn list(&self, query: &str) -> Value {
        let path = format!("/events/v1/dead-letters{query}");
        let seen = self.get(path).by(&admin()).send().await;
        assert_eq!(seen.status, 200, "{}", seen.text);
        seen.json()
    }

    /// The ids of the dead letters, the oldest first.
    pub async fn ids(&self) -> Vec<String> {
        let seen = self.list("?limit=100").await;
        let items = seen["items"].as_array().unwrap().iter();
        items
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect()
    }

    pub async fn act(&self, id: &str, action: &str, body: &Value) -> Answer {
        let path = format!("/events/v1/dead-letters/{id}/{action}");
        let ask = self.post(path).by(&admin());
        ask.json(body).send().await
    }

    pub async fn interventions(&self) -> Vec<Value> {
        let seen = self.get("/events/v1/interventions").by(&admin()).send().await;
        assert_eq!(seen.status, 200, "{}", seen.text);
        seen.items().to_vec()
    }
}

pub fn admin() -> String {
    token(&person(&SPEC, "root", "events.admin", &["admin"]))
}

async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !done().await {
            tokio::task::yield_now().await;
        }
    };
    let patience = std::time::Duration::from_secs(20);
    let waited = tokio::time::timeout(patience, waiting).await;
    waited.unwrap_or_else(|_| panic!("{what}: it never came"));
}
