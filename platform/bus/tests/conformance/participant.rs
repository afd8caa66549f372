//! Who takes part: one honest participant, and some who each do one thing wrong.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use latchkey_bus::{Event, Group, HandlerError, Relay, outbox};
use latchkey_clock::Random;
use latchkey_db::{Db, Options, Tx, sql, testing};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::shop::{Order, OrderError};
use crate::stage::Node;

/// What a producer's transaction does at its end: goes on, says no, or stands at a gate.
pub type Rest = Box<dyn FnOnce() -> BoxFuture<'static, Result<(), OrderError>> + Send>;

/// What a consumer does with an event, in a transaction of the business database.
pub type Handle = Arc<dyn Fn(Tx, Event) -> BoxFuture<'static, Result<(), HandlerError>> + Send + Sync>;

/// How events are produced, relayed and consumed. The methods given are the honest way: the product's own.
pub trait Participant: Send + Sync + 'static {
    fn name(&self) -> &'static str;

    /// The business row and its event, or neither.
    fn produce(&self, node: Node, order: Order, rest: Rest) -> BoxFuture<'static, Result<(), OrderError>> {
        async move {
            let outbox = node.outbox.clone();
            node.business
                .write(async move |tx| {
                    order.record(&tx).await?;
                    outbox.put(&tx, order.draft()).await?;
                    rest().await
                })
                .await
        }
        .boxed()
    }

    /// Carries what waits in the outbox to its channels.
    fn relay(&self, node: Node, stop: CancellationToken) -> BoxFuture<'static, ()> {
        node.relay(node.business.clone()).run(stop).boxed()
    }

    /// Handles the events of `group`.
    fn consume(
        &self,
        node: Node,
        group: Group,
        handle: Handle,
        stop: CancellationToken,
    ) -> BoxFuture<'static, ()> {
        async move {
            let handle = move |tx, event| handle(tx, event);
            node.bus.subscribe(group, node.business, handle, stop).await;
        }
        .boxed()
    }
}

pub fn honest() -> Arc<dyn Participant> {
    Arc::new(Honest)
}

/// Does everything as the product does it.
pub struct Honest;

impl Participant for Honest {
    fn name(&self) -> &'static str {
        "honest"
    }
}

/// Tells the channels first and its own database after.
#[derive(Clone, Copy)]
pub struct PublishBeforeCommit;

impl Participant for PublishBeforeCommit {
    fn name(&self) -> &'static str {
        "publish before commit"
    }

    fn produce(&self, node: Node, order: Order, rest: Rest) -> BoxFuture<'static, Result<(), OrderError>> {
        async move {
            let (outbox, draft) = (node.outbox.clone(), order.draft());
            let dock = Dock::open(&node).await;
            dock.load(async move |tx| drop(outbox.put(&tx, draft).await.unwrap()))
                .await;
            node.business
                .write(async move |tx| {
                    order.record(&tx).await?;
                    rest().await
                })
                .await
        }
        .boxed()
    }
}

/// Remembers how far it has read in the outbox and looks only beyond.
#[derive(Clone, Copy)]
pub struct HighWaterMark;

impl Participant for HighWaterMark {
    fn name(&self) -> &'static str {
        "high-water mark"
    }

    fn relay(&self, node: Node, stop: CancellationToken) -> BoxFuture<'static, ()> {
        async move {
            let mut changes = node.business.changes();
            while !stop.is_cancelled() {
                carry_beyond_the_mark(&node).await;
                let _woken = tokio::time::timeout(Duration::from_secs(1), changes.changed()).await;
            }
        }
        .boxed()
    }
}

async fn carry_beyond_the_mark(node: &Node) {
    let waiting = sql("SELECT seq, id, type, partition_key, envelope FROM outbox \
                       WHERE seq > (SELECT COALESCE(MAX(seq), 0) FROM high_water) ORDER BY seq");
    let rows = waiting.fetch_all(&node.business).await.unwrap();
    let Some(last) = rows.last().map(|row| row.int("seq").unwrap()) else {
        return;
    };
    let rows: Vec<[String; 4]> = rows
        .iter()
        .map(|row| ["id", "type", "partition_key", "envelope"].map(|column| row.text(column).unwrap()))
        .collect();
    let dock = Dock::open(node).await;
    dock.load(async move |tx| {
        for [id, r#type, key, envelope] in rows {
            sql("INSERT INTO outbox (id, type, partition_key, envelope, created_at) VALUES ($1, $2, $3, $4, 0)")
                .bind(id)
                .bind(r#type)
                .bind(key)
                .bind(envelope)
                .execute(&tx)
                .await
                .unwrap();
        }
    })
    .await;
    node.business
        .write(async move |tx| {
            sql("INSERT INTO high_water (id, seq) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET seq = $1")
                .bind(last)
                .execute(&tx)
                .await
        })
        .await
        .unwrap();
}

/// Knows one channel only.
#[derive(Clone, Copy)]
pub struct OneChannel;

impl Participant for OneChannel {
    fn name(&self) -> &'static str {
        "one channel"
    }

    fn relay(&self, node: Node, stop: CancellationToken) -> BoxFuture<'static, ()> {
        Relay::new(node.bus, node.business, node.clock).run(stop).boxed()
    }
}

/// Serves one channel after the other, so that who waits for the first waits for both.
#[derive(Clone, Copy)]
pub struct OneAfterTheOther;

impl Participant for OneAfterTheOther {
    fn name(&self) -> &'static str {
        "one after the other"
    }

    fn relay(&self, node: Node, stop: CancellationToken) -> BoxFuture<'static, ()> {
        async move {
            let relay = node.relay(node.business.clone());
            let mut changes = node.business.changes();
            while !stop.is_cancelled() {
                let _waits = relay.drain().await;
                let _woken = tokio::time::timeout(Duration::from_millis(50), changes.changed()).await;
            }
        }
        .boxed()
    }
}

/// Says that nothing waits without having looked.
#[derive(Clone, Copy)]
pub struct BlindHeartbeat;

impl Participant for BlindHeartbeat {
    fn name(&self) -> &'static str {
        "blind heartbeat"
    }

    fn relay(&self, node: Node, stop: CancellationToken) -> BoxFuture<'static, ()> {
        async move {
            let (looking, blind) = (node.relay(node.business.clone()), node.relay(scratch().await));
            tokio::join!(looking.run(stop.clone()), blind.run(stop));
        }
        .boxed()
    }
}

/// Says that it has handled an event, and then handles it.
#[derive(Clone, Copy)]
pub struct AckBeforeCommit;

impl Participant for AckBeforeCommit {
    fn name(&self) -> &'static str {
        "ack before commit"
    }

    fn consume(
        &self,
        node: Node,
        group: Group,
        handle: Handle,
        stop: CancellationToken,
    ) -> BoxFuture<'static, ()> {
        async move {
            let (promise, mut promised) = mpsc::unbounded_channel::<Event>();
            let business = node.business.clone();
            let work = async move {
                while let Some(event) = promised.recv().await {
                    wait_for_receipt(&business, &event.id).await;
                    let handle = handle.clone();
                    let told = business.write(async move |tx| handle(tx, event).await).await;
                    told.unwrap();
                }
            };
            let promise = move |_tx, event| {
                promise.send(event).unwrap();
                async { Ok(()) }
            };
            tokio::join!(work, node.bus.subscribe(group, node.business, promise, stop));
        }
        .boxed()
    }
}

async fn wait_for_receipt(business: &Db, event: &str) {
    let received = || {
        sql("SELECT message_id FROM inbox WHERE message_id = $1")
            .bind(event)
            .fetch_all(business)
    };
    while received().await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Handles each delivery as if it were the first.
#[derive(Clone, Copy)]
pub struct NoInbox;

impl Participant for NoInbox {
    fn name(&self) -> &'static str {
        "no inbox"
    }

    fn consume(
        &self,
        node: Node,
        group: Group,
        handle: Handle,
        stop: CancellationToken,
    ) -> BoxFuture<'static, ()> {
        async move {
            // The inbox that the product keeps is somewhere else, and is emptied at every turn.
            let elsewhere = scratch().await;
            let business = node.business.clone();
            let handle = move |tx: Tx, event| {
                let (business, handle) = (business.clone(), handle.clone());
                async move {
                    sql("DELETE FROM inbox").execute(&tx).await?;
                    business.write(async move |tx| handle(tx, event).await).await
                }
            };
            node.bus.subscribe(group, elsewhere, handle, stop).await;
        }
        .boxed()
    }
}

/// An outbox of its own, to publish what should not be published yet or was read in the wrong way.
struct Dock {
    outbox: Db,
    node: Node,
}

impl Dock {
    async fn open(node: &Node) -> Self {
        Self {
            outbox: scratch().await,
            node: node.clone(),
        }
    }

    async fn load<F, Fut>(self, put: F)
    where
        F: FnOnce(Tx) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let loaded = self.outbox.write(async move |tx| {
            put(tx).await;
            Ok::<_, latchkey_db::DbError>(())
        });
        loaded.await.unwrap();
        self.node.relay(self.outbox.clone()).drain().await.unwrap();
        self.outbox.close().await;
    }
}

async fn scratch() -> Db {
    let name = format!("scratch_{}", Random::system().uuid_v7(0).replace('-', ""));
    let url = testing::sqlite_url(&name);
    Db::open(&url, Options::new(&[outbox::MIGRATIONS])).await.unwrap()
}
