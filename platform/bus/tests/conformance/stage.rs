//! The world of one case: a place, a clock that stands still, and processes that can be killed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use latchkey_bus::{Delivery, EventBus, Group, Outbox, Relay, Retries, RevocationLog, Subscription, outbox};
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Options};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::backend::{Backend, Place};
use crate::broker::Desk;
use crate::cases::Violation;
use crate::gate::{Gate, until};
use crate::participant::{Handle, Participant, Rest};
use crate::shop::{self, Effect, Order, OrderError, PLACED, RECALLS, have_effect, order_of};

/// The server has room for so many cases at once.
static ROOM: Semaphore = Semaphore::const_new(3);

/// Whose events they are.
const SHOP: &str = "shop";
/// A source that has never had a heartbeat, and so is always believed.
const NOBODY: &str = "nobody";

/// Longer than a dead instance keeps its group.
pub const LEASE_MS: i64 = 5_001;

/// The group that has the effects.
pub const GROUP: Group = Group {
    name: "till",
    types: &[PLACED],
    retries: Retries {
        quick: Vec::new(),
        later: Vec::new(),
    },
};

/// The world of one case.
pub struct Stage {
    pub backend: Backend,
    pub place: Place,
    pub clock: Clock,
    /// The case's own eyes; processes have handles of their own.
    pub business: Db,
    pub bus: EventBus,
    pub log: RevocationLog,
    participant: Arc<dyn Participant>,
    _room: SemaphorePermit<'static>,
}

/// What one process has open.
#[derive(Clone)]
pub struct Node {
    pub business: Db,
    pub bus: EventBus,
    pub log: RevocationLog,
    pub clock: Clock,
    pub outbox: Outbox,
}

/// A process as far as a crash is concerned: threads, connections and tasks of its own, all gone at once.
pub struct Process {
    pub name: String,
    pub node: Node,
    runtime: Option<Runtime>,
    participant: Arc<dyn Participant>,
    stop: CancellationToken,
}

impl Stage {
    pub async fn open(backend: Backend, name: &str, participant: Arc<dyn Participant>) -> Self {
        let room = ROOM.acquire().await.unwrap();
        let place = backend.place(name).await;
        Self::at(backend, place, room, participant).await
    }

    /// One whose bus is at this desk.
    pub async fn at_desk(name: &str, desk: Desk) -> Self {
        let room = ROOM.acquire().await.unwrap();
        let place = Backend::place_at(name, desk);
        Self::at(Backend::Rabbit, place, room, crate::participant::honest()).await
    }

    async fn at(
        backend: Backend,
        place: Place,
        room: SemaphorePermit<'static>,
        participant: Arc<dyn Participant>,
    ) -> Self {
        // 2026-11-20, a Friday.
        let clock = Clock::manual(1_795_176_000_000);
        let node = Node::open(&place, clock.clone(), None).await;
        Self {
            backend,
            place,
            clock,
            business: node.business,
            bus: node.bus,
            log: node.log,
            participant,
            _room: room,
        }
    }

    pub async fn close(self) {
        self.business.close().await;
        self.bus.close().await;
        self.log.close().await;
        self.backend.leave(&self.place).await;
    }

    /// Lets time pass, for the bus as well.
    pub async fn advance(&self, millis: i64) {
        self.clock.advance(millis);
        self.backend.hurry(&self.place).await;
    }

    /// A new process.
    pub async fn process(&self, name: &str) -> Process {
        self.process_that_polls(name, None).await
    }

    /// A new process that looks every so often without being told.
    pub async fn process_that_polls(&self, name: &str, every: Option<Duration>) -> Process {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (place, clock) = (self.place.clone(), self.clock.clone());
        let node = runtime.spawn(async move { Node::open(&place, clock, every).await });
        Process {
            name: name.to_owned(),
            node: node.await.unwrap(),
            runtime: Some(runtime),
            participant: self.participant.clone(),
            stop: CancellationToken::new(),
        }
    }

    /// A process that relays and consumes.
    pub async fn working_process(&self, name: &str) -> Process {
        let process = self.process(name).await;
        process.relay();
        process.consume(GROUP, process.effect());
        process
    }

    pub async fn effects(&self) -> Vec<Effect> {
        shop::effects(&self.business).await
    }

    /// Waits for the effect of one order.
    pub async fn effect_of(&self, order: &str) -> Result<(), Violation> {
        let has = async || self.effects().await.iter().any(|effect| effect.order == order);
        until(&format!("the effect of {order}"), has).await
    }

    /// Waits until everything that was produced before has been delivered: an event produced now is behind it all.
    pub async fn settle(&self, process: &Process) -> Result<(), Violation> {
        let last = Order::new(&format!("last-{}", Random::system().uuid_v7(0)));
        process.produce(last.clone()).await?;
        self.effect_of(&last.id).await
    }

    /// Exactly the committed orders have an effect, and each exactly one.
    pub async fn exactly_once(&self) -> Result<(), Violation> {
        let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for order in shop::orders(&self.business).await {
            counts.entry(order).or_default().0 += 1;
        }
        for effect in self.effects().await {
            counts.entry(effect.order).or_default().1 += 1;
        }
        for (order, (placed, had)) in counts {
            match (placed, had) {
                (1, 1) => {}
                (1, 0) => return Err(Violation(format!("{order} was lost"))),
                (0, _) => return Err(Violation(format!("{order} had an effect and never happened"))),
                _ => return Err(Violation(format!("{order} had {had} effects"))),
            }
        }
        Ok(())
    }

    /// The orders that the bus has, in its order.
    pub async fn published(&self) -> Vec<String> {
        self.backend.published(&self.place).await
    }

    /// Waits until the revocation log tells so many events.
    pub async fn told_of(&self, count: usize) -> Result<(), Violation> {
        let told = async || self.told().await.is_ok_and(|told| told.len() == count);
        until(&format!("{count} events in the revocation log"), told).await
    }

    /// What the revocation log tells at once: the events' orders with their positions.
    pub async fn told(&self) -> Result<Vec<(i64, String)>, Violation> {
        let mut ear = self.log.subscribe(NOBODY, RECALLS, 0, CancellationToken::new());
        snapshot(&mut ear).await
    }
}

/// Everything up to the next `Live`.
pub async fn snapshot(ear: &mut Subscription) -> Result<Vec<(i64, String)>, Violation> {
    let mut told = Vec::new();
    loop {
        match crate::gate::soon("word from the log", ear.next()).await? {
            Some(Delivery::Event { position, event }) => told.push((position, order_of(&event))),
            Some(Delivery::Live { .. }) => return Ok(told),
            other => return Err(Violation(format!("{other:?} in a snapshot"))),
        }
    }
}

impl Node {
    async fn open(place: &Place, clock: Clock, poll: Option<Duration>) -> Self {
        let mut options = Options::new(&[outbox::MIGRATIONS, shop::MIGRATIONS]);
        options.connections = 4;
        let (random, never) = (Random::system(), CancellationToken::new());
        let bus = EventBus::open(&place.bus, clock.clone(), random.clone(), never.clone())
            .await
            .unwrap();
        let log = RevocationLog::open(&place.log, clock.clone(), random, never)
            .await
            .unwrap();
        let (bus, log) = match poll {
            Some(every) => (bus.with_poll(every), log.with_poll(every)),
            None => (bus, log),
        };
        Self {
            business: Db::open(&place.business, options).await.unwrap(),
            bus,
            log,
            outbox: Outbox::new("shop", clock.clone(), Random::system()),
            clock,
        }
    }

    /// The product's relay on an outbox: recalls go to the log, everything else to the bus.
    pub fn relay(&self, outbox: Db) -> Relay {
        let relay = Relay::new(self.bus.clone(), outbox, self.clock.clone());
        relay.revocations(self.log.clone(), RECALLS, SHOP)
    }
}

impl Process {
    /// Places an order and waits for the commit.
    pub async fn produce(&self, order: Order) -> Result<(), Violation> {
        let placed = self.produce_then(order, Box::new(|| async { Ok(()) }.boxed()));
        let placed = crate::gate::soon("an order's commit", placed).await?.unwrap();
        placed.map_err(|error| Violation(format!("the order was refused: {error}")))
    }

    /// Places an order whose transaction ends with `rest`.
    pub fn produce_then(&self, order: Order, rest: Rest) -> JoinHandle<Result<(), OrderError>> {
        self.spawn(self.participant.produce(self.node.clone(), order, rest))
    }

    /// Places an order whose transaction stands at a gate before its commit.
    pub fn produce_held(&self, order: Order, gate: Gate) -> JoinHandle<Result<(), OrderError>> {
        let rest = || {
            let stand = async {
                gate.pass().await;
                Ok(())
            };
            stand.boxed()
        };
        self.produce_then(order, Box::new(rest))
    }

    pub fn relay(&self) -> JoinHandle<()> {
        self.spawn(self.participant.relay(self.node.clone(), self.stop.clone()))
    }

    /// Another outbox that this process relays.
    pub fn relay_also(&self, relay: Relay) -> JoinHandle<()> {
        self.spawn(relay.run(self.stop.clone()))
    }

    pub fn consume(&self, group: Group, handle: Handle) -> JoinHandle<()> {
        self.spawn(
            self.participant
                .consume(self.node.clone(), group, handle, self.stop.clone()),
        )
    }

    /// Follows the revocation log with the process's own handle.
    pub fn follow(&self, since: i64) -> Subscription {
        self.follow_of(NOBODY, since)
    }

    /// Follows the shop, and whether it can be heard.
    pub fn follow_the_shop(&self, since: i64) -> Subscription {
        self.follow_of(SHOP, since)
    }

    fn follow_of(&self, source: &'static str, since: i64) -> Subscription {
        let runtime = self.runtime.as_ref().unwrap();
        let _inside = runtime.enter();
        let log = &self.node.log;
        log.subscribe(source, RECALLS, since, self.stop.clone())
    }

    /// Has the effect of an event.
    pub fn effect(&self) -> Handle {
        let name = self.name.clone();
        Arc::new(move |tx, event| {
            let name = name.clone();
            async move { have_effect(&tx, &event, &name).await }.boxed()
        })
    }

    /// Has the effect of an event, but stands at the gate before it commits the one of `order`.
    pub fn effect_held(&self, order: &str, gate: Gate) -> Handle {
        let (name, order) = (self.name.clone(), order.to_owned());
        let gate = Arc::new(std::sync::Mutex::new(Some(gate)));
        Arc::new(move |tx, event| {
            let (name, order, gate) = (name.clone(), order.clone(), gate.clone());
            async move {
                have_effect(&tx, &event, &name).await?;
                let gate = if order_of(&event) == order {
                    gate.lock().unwrap().take()
                } else {
                    None
                };
                if let Some(gate) = gate {
                    gate.pass().await;
                }
                Ok(())
            }
            .boxed()
        })
    }

    fn spawn<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.runtime.as_ref().unwrap().spawn(future)
    }

    /// Ends as on SIGTERM: what is under way is finished.
    pub async fn stop(mut self, tasks: impl IntoIterator<Item = JoinHandle<()>>) -> Result<(), Violation> {
        self.stop.cancel();
        for task in tasks {
            crate::gate::soon("the end of a task", task).await?.unwrap();
        }
        let node = self.node.clone();
        self.spawn(async move {
            node.business.close().await;
            node.bus.close().await;
            node.log.close().await;
        })
        .await
        .unwrap();
        self.end().await;
        Ok(())
    }

    /// Ends as on SIGKILL: between any two awaits, with nothing said to anybody.
    pub async fn kill(mut self) {
        self.end().await;
    }

    async fn end(&mut self) {
        let runtime = self.runtime.take().unwrap();
        let gone = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(10)));
        gone.await.unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
