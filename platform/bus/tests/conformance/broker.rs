//! The RabbitMQ of the run, a wire to it that can be held, and what a hand can do there.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, ExchangeDeleteOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use latchkey_bus::EventBus;
use latchkey_clock::Random;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, tcp};
use tokio::sync::watch;

use crate::stage::GROUP;

/// The variable that names the private broker of a test run; `cargo xtask test` starts it.
const BROKER: &str = "TEST_RABBITMQ_URL";
const DELAYS: [&str; 5] = ["5000", "30000", "120000", "600000", "3600000"];

/// A variable of the test run.
pub fn variable(name: &str) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one thing that a test run tells its tests"
    )]
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} names no broker: run the tests with `cargo xtask test`"))
}

/// Exchanges and queues of one case, and the wire to them.
#[derive(Clone)]
pub struct Desk {
    /// How the case's participants reach the broker.
    pub url: String,
    prefix: String,
    /// How a hand reaches it, past the wire.
    pub direct: String,
    wire: Arc<Wire>,
}

impl Desk {
    /// Declares everything at the broker of the run.
    pub async fn open(name: &str) -> Self {
        let desk = Self::undeclared(name, &variable(BROKER)).await;
        desk.declare().await;
        desk
    }

    /// The same at another broker, and nothing is declared.
    pub async fn undeclared(name: &str, broker: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (process, next) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let prefix = format!("{name}-{process}-{next}").to_lowercase();
        let direct = format!("{broker}?prefix={prefix}");
        let (before, rest) = broker.split_once('@').unwrap();
        let (address, vhost) = rest.split_once('/').unwrap();
        let wire = Arc::new(Wire::to(address.to_owned()).await);
        let url = format!("{before}@127.0.0.1:{}/{vhost}?prefix={prefix}", wire.port);
        Self {
            url,
            prefix,
            direct,
            wire,
        }
    }

    /// A name at the broker.
    pub fn name(&self, of: &str) -> String {
        format!("{}.{of}", self.prefix)
    }

    pub async fn declare(&self) {
        EventBus::declare(&self.direct, &[GROUP]).await.unwrap();
    }

    /// From now on nothing reaches the broker; who was connected then is cut off when it is let go.
    pub fn hold(&self, held: bool) {
        self.wire.held.send_replace(held);
    }

    /// How often what the participants sent to the broker named this.
    pub fn sent(&self, of: &str) -> usize {
        let name = self.name(of);
        let sent = self.wire.sent.lock().unwrap();
        let text = String::from_utf8_lossy(&sent);
        text.matches(&name).count()
    }

    /// A connection and a channel past the wire.
    pub async fn hand(&self) -> (Connection, Channel) {
        let connection = Connection::connect(&self.direct, ConnectionProperties::default())
            .await
            .unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .unwrap();
        (connection, channel)
    }

    /// Every event that was published, in its order, as it came.
    pub async fn published(&self) -> Vec<Delivery> {
        let (_connection, channel) = self.hand().await;
        channel.basic_qos(100, BasicQosOptions::default()).await.unwrap();
        let mut first = FieldTable::default();
        first.insert("x-stream-offset".into(), AMQPValue::LongString("first".into()));
        let (log, options) = (self.name("log"), BasicConsumeOptions::default());
        let mut log_reader = channel
            .basic_consume(log.as_str().into(), "".into(), options, first)
            .await
            .unwrap();
        let end = Random::system().uuid_v7(0);
        let properties = BasicProperties::default().with_message_id(end.as_str().into());
        put(&channel, "", &log, properties.with_type("end".into()), b"").await;
        let (mut all, mut seen) = (Vec::new(), HashSet::new());
        loop {
            let delivery = log_reader.next().await.unwrap().unwrap();
            delivery.ack(BasicAckOptions::default()).await.unwrap();
            let id = delivery.properties.message_id().clone().unwrap();
            let is_event = delivery.properties.kind().as_ref().unwrap().as_str() != "end";
            if id.as_str() == end {
                return all;
            }
            // A relay that could not make its mark publishes again.
            if is_event && seen.insert(id) {
                all.push(delivery);
            }
        }
    }

    /// Delivers everything again.
    pub async fn deliver_again(&self) {
        let (_connection, channel) = self.hand().await;
        for delivery in self.published().await {
            let (exchange, key) = (self.name("events"), delivery.routing_key.as_str().to_owned());
            put(&channel, &exchange, &key, delivery.properties, &delivery.data).await;
        }
    }

    /// Lets the time of everything that waits for its next attempt be up.
    pub async fn hurry(&self) {
        let (_connection, channel) = self.hand().await;
        for delay in DELAYS {
            let queue = self.name(&format!("retry.{delay}"));
            while let Some(got) = channel
                .basic_get(queue.as_str().into(), BasicGetOptions::default())
                .await
                .unwrap()
            {
                let (delivery, returns) = (got.delivery, self.name("return"));
                let key = delivery.routing_key.as_str().to_owned();
                put(
                    &channel,
                    &returns,
                    &key,
                    delivery.properties.clone(),
                    &delivery.data,
                )
                .await;
                delivery.ack(BasicAckOptions::default()).await.unwrap();
            }
        }
    }

    /// Takes away where events are published.
    pub async fn refuse(&self) {
        let (_connection, channel) = self.hand().await;
        channel
            .exchange_delete(
                self.name("events").as_str().into(),
                ExchangeDeleteOptions::default(),
            )
            .await
            .unwrap();
    }

    /// Takes an exchange away.
    pub async fn delete_exchange(&self, of: &str) {
        let (_connection, channel) = self.hand().await;
        let (name, options) = (self.name(of), ExchangeDeleteOptions::default());
        channel
            .exchange_delete(name.as_str().into(), options)
            .await
            .unwrap();
    }

    /// Deletes a queue.
    pub async fn delete_queue(&self, of: &str) {
        let (_connection, channel) = self.hand().await;
        channel
            .queue_delete(self.name(of).as_str().into(), QueueDeleteOptions::default())
            .await
            .unwrap();
    }

    /// Leaves nothing at the broker of the run.
    pub async fn leave(&self) {
        let queues = ["log", "unrouted", "dead", "q.till"].map(str::to_owned);
        let retries = DELAYS.map(|delay| format!("retry.{delay}"));
        for queue in queues.iter().chain(&retries) {
            self.delete_queue(queue).await;
        }
        let (_connection, channel) = self.hand().await;
        for exchange in ["events", "all", "routed", "unrouted", "retry", "return", "dead"] {
            channel
                .exchange_delete(
                    self.name(exchange).as_str().into(),
                    ExchangeDeleteOptions::default(),
                )
                .await
                .unwrap();
        }
    }
}

/// Publishes by hand and waits for the confirmation.
pub async fn put(channel: &Channel, exchange: &str, key: &str, properties: BasicProperties, body: &[u8]) {
    let confirmed = channel
        .basic_publish(
            exchange.into(),
            key.into(),
            BasicPublishOptions::default(),
            body,
            properties,
        )
        .await
        .unwrap()
        .await
        .unwrap();
    assert!(confirmed.is_ack());
}

/// A TCP relay whose direction to the broker can be held.
struct Wire {
    port: u16,
    held: watch::Sender<bool>,
    /// Everything that was sent to the broker.
    sent: Arc<Mutex<Vec<u8>>>,
}

impl Wire {
    async fn to(address: String) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (held, watched) = watch::channel(false);
        let sent: Arc<Mutex<Vec<u8>>> = Arc::default();
        let copy = sent.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, address.clone(), watched.clone(), copy.clone()));
            }
        });
        Self { port, held, sent }
    }
}

/// One connection, until one side ends it.
async fn pass(client: TcpStream, address: String, held: watch::Receiver<bool>, sent: Arc<Mutex<Vec<u8>>>) {
    let Ok(server) = TcpStream::connect(address).await else {
        return;
    };
    let ((from_client, mut to_client), (mut from_server, to_server)) =
        (client.into_split(), server.into_split());
    tokio::select! {
        () = forward(from_client, to_server, held, sent) => {}
        _ended = tokio::io::copy(&mut from_server, &mut to_client) => {}
    }
}

async fn forward(
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    mut held: watch::Receiver<bool>,
    sent: Arc<Mutex<Vec<u8>>>,
) {
    let mut chunk = vec![0; 16 * 1024];
    loop {
        if *held.borrow_and_update() {
            let _let_go = held.wait_for(|held| !held).await;
            return;
        }
        tokio::select! {
            biased;
            changed = held.changed() => if changed.is_err() { return },
            read = from.read(&mut chunk) => match read {
                Ok(bytes) if bytes > 0 => {
                    sent.lock().unwrap().extend_from_slice(&chunk[..bytes]);
                    if to.write_all(&chunk[..bytes]).await.is_err() { return }
                }
                _ => return,
            },
        }
    }
}
