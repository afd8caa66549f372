//! What stands at the broker, and who may do what there.
//!
//! ```text
//! publisher ─► P.events ─► P.all ─┬─► P.log                      a stream of everything, for replay
//!                                 └─► P.routed ─┬─► P.q.<group>  one queue for each group
//!                                               └─► P.unrouted   what no group asked for
//! consumer ──► P.retry ──► P.retry.<ms> ─ time is up ─► P.return ─► P.q.<group>
//! consumer, and the broker by itself ──► P.dead ──► P.dead
//! ```

use std::time::Duration;

use lapin::options::{ExchangeBindOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use lapin::{Channel, ExchangeKind};

use crate::BusError;
use crate::event_bus::group::{DELAYS, Group};

/// How long an event can be replayed.
const KEPT: &str = "30D";
/// How many events that nobody asked for are kept for inspection.
const UNROUTED: i32 = 100_000;
/// How often the broker delivers a message before it gives up by itself. The attempts of a handler are counted in a
/// header; this stops a message that kills every process which takes it.
const DELIVERIES: i32 = 100;
/// Dead letters are looked at, which counts as a delivery: no limit that can be reached.
const LOOKS: i32 = i32::MAX;

/// The names at the broker.
#[derive(Clone)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// Where events are published, by their type.
    pub fn events(&self) -> String {
        self.name("events")
    }

    /// From where events go to the log and to the groups.
    fn all(&self) -> String {
        self.name("all")
    }

    /// From where events go to the groups.
    fn routed(&self) -> String {
        self.name("routed")
    }

    /// The stream of all events.
    pub fn log(&self) -> String {
        self.name("log")
    }

    /// Events that no group asked for: an exchange and its queue.
    fn unrouted(&self) -> String {
        self.name("unrouted")
    }

    /// Where failed deliveries are published, by [`Names::after`].
    pub fn retry(&self) -> String {
        self.name("retry")
    }

    /// From where messages go to one group, by [`Names::after`].
    pub fn returns(&self) -> String {
        self.name("return")
    }

    /// Dead letters: an exchange, by the name of the group, and its queue.
    pub fn dead(&self) -> String {
        self.name("dead")
    }

    /// The queue of a group.
    pub fn queue(&self, group: &str) -> String {
        self.name(&format!("q.{group}"))
    }

    /// Held by whoever works on the dead letters.
    pub fn lock(&self) -> String {
        self.name("operator")
    }

    /// The routing key of a message that returns to `group` after `delay`.
    pub fn after(delay: Duration, group: &str) -> String {
        format!("{}.{group}", delay.as_millis())
    }

    fn name(&self, of: &str) -> String {
        format!("{}.{of}", self.prefix)
    }
}

/// Declares everything. What is there already stays, with its messages.
pub(super) async fn declare(channel: &Channel, names: &Names, groups: &[Group]) -> Result<(), BusError> {
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..Default::default()
    };
    let internal = ExchangeDeclareOptions {
        internal: true,
        ..durable
    };
    let otherwise = table([("alternate-exchange", text(&names.unrouted()))]);
    let exchanges = [
        (
            names.unrouted(),
            ExchangeKind::Fanout,
            internal,
            FieldTable::default(),
        ),
        (names.routed(), ExchangeKind::Topic, internal, otherwise),
        (names.all(), ExchangeKind::Fanout, internal, FieldTable::default()),
        (
            names.events(),
            ExchangeKind::Topic,
            durable,
            FieldTable::default(),
        ),
        (names.retry(), ExchangeKind::Topic, durable, FieldTable::default()),
        (
            names.returns(),
            ExchangeKind::Topic,
            durable,
            FieldTable::default(),
        ),
        (names.dead(), ExchangeKind::Topic, durable, FieldTable::default()),
    ];
    for (name, kind, options, arguments) in exchanges {
        channel
            .exchange_declare(short(&name)?, kind, options, arguments)
            .await?;
    }
    queue(
        channel,
        &names.log(),
        table([("x-queue-type", text("stream")), ("x-max-age", text(KEPT))]),
    )
    .await?;
    queue(
        channel,
        &names.unrouted(),
        table([
            ("x-queue-type", text("quorum")),
            ("x-max-length", AMQPValue::LongInt(UNROUTED)),
            ("x-overflow", text("drop-head")),
        ]),
    )
    .await?;
    queue(
        channel,
        &names.dead(),
        table([
            ("x-queue-type", text("quorum")),
            ("x-delivery-limit", AMQPValue::LongInt(LOOKS)),
        ]),
    )
    .await?;
    bind(channel, &names.log(), &names.all(), "").await?;
    bind(channel, &names.unrouted(), &names.unrouted(), "").await?;
    bind(channel, &names.dead(), &names.dead(), "#").await?;
    for delay in DELAYS {
        let millis = delay.as_millis();
        let name = format!("{}.{millis}", names.retry());
        let mut arguments = handed_on_safely(&names.returns());
        let ttl = i32::try_from(millis).unwrap_or(i32::MAX);
        arguments.insert("x-message-ttl".into(), AMQPValue::LongInt(ttl));
        queue(channel, &name, arguments).await?;
        bind(channel, &name, &names.retry(), &format!("{millis}.#")).await?;
    }
    for group in groups {
        let name = names.queue(group.name);
        let mut arguments = handed_on_safely(&names.dead());
        arguments.insert("x-dead-letter-routing-key".into(), text(group.name));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(DELIVERIES));
        arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
        queue(channel, &name, arguments).await?;
        for r#type in group.types {
            bind(channel, &name, &names.routed(), r#type).await?;
        }
        bind(channel, &name, &names.returns(), &format!("*.{}", group.name)).await?;
    }
    bind_exchange(channel, &names.routed(), &names.all(), "").await?;
    // The last step opens everything at once. Until then an event is routed nowhere and stays in its outbox.
    bind_exchange(channel, &names.all(), &names.events(), "#").await
}

/// A quorum queue that hands messages on to another exchange and loses none on the way. At-least-once demands
/// reject-publish (rabbitmq.com/docs/quorum-queues#dead-lettering).
fn handed_on_safely(to: &str) -> FieldTable {
    table([
        ("x-queue-type", text("quorum")),
        ("x-dead-letter-exchange", text(to)),
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-overflow", text("reject-publish")),
    ])
}

async fn queue(channel: &Channel, name: &str, arguments: FieldTable) -> Result<(), BusError> {
    let options = QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    channel.queue_declare(short(name)?, options, arguments).await?;
    Ok(())
}

/// Binds an exchange to another one.
async fn bind_exchange(channel: &Channel, to: &str, from: &str, key: &str) -> Result<(), BusError> {
    let (options, arguments) = (ExchangeBindOptions::default(), FieldTable::default());
    channel
        .exchange_bind(short(to)?, short(from)?, short(key)?, options, arguments)
        .await?;
    Ok(())
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> Result<(), BusError> {
    let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
    channel
        .queue_bind(short(queue)?, short(exchange)?, short(key)?, options, arguments)
        .await?;
    Ok(())
}

/// A name as the protocol has it, which is at most 255 bytes long.
pub(super) fn short(name: &str) -> Result<ShortString, BusError> {
    ShortString::try_new(name).map_err(|error| BusError::Invalid(error.to_string()))
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(value))
}

fn table<const N: usize>(entries: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in entries {
        table.insert(name.into(), value);
    }
    table
}

/// What a user of the broker may do, as regular expressions for `rabbitmqctl set_permissions` and
/// `set_topic_permissions`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Permissions {
    /// The virtual host.
    pub vhost: String,
    /// What it may declare.
    pub configure: String,
    /// Where it may publish.
    pub write: String,
    /// What it may read.
    pub read: String,
    /// What it may do with routing keys; on an exchange that is not named, anything.
    pub topics: Vec<TopicPermission>,
}

/// The routing keys of a user at one exchange, as regular expressions.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TopicPermission {
    /// The exchange.
    pub exchange: String,
    /// The routing keys with which it may publish.
    pub write: String,
    /// The routing keys by which it may bind.
    pub read: String,
}

impl Permissions {
    /// A service publishes its own facts, reads its own queues, and puts off or gives up its own deliveries.
    pub fn of_service(url: &str, service: &str) -> Result<Self, BusError> {
        let (vhost, names) = at(url)?;
        let prefix = quoted(&names.prefix);
        let own = format!("{}(\\..+)?", quoted(service));
        Ok(Self {
            vhost,
            configure: NOTHING.to_owned(),
            write: format!("^{prefix}\\.(events|retry|dead)$"),
            read: format!("^{prefix}\\.q\\.{own}$"),
            topics: vec![
                TopicPermission::to_publish(names.events(), format!("^{}\\.", quoted(service))),
                TopicPermission::to_publish(names.retry(), format!("^[0-9]+\\.{own}$")),
                TopicPermission::to_publish(names.dead(), format!("^{own}$")),
            ],
        })
    }

    /// Whoever runs `latchkey bus declare` creates everything, and publishes and handles nothing.
    pub fn of_declarer(url: &str) -> Result<Self, BusError> {
        let (vhost, names) = at(url)?;
        let all = format!("^{}\\.", quoted(&names.prefix));
        Ok(Self {
            vhost,
            configure: all.clone(),
            write: all.clone(),
            read: all,
            topics: [names.events(), names.retry(), names.returns(), names.dead()]
                .map(TopicPermission::to_bind)
                .to_vec(),
        })
    }

    /// Whoever runs `latchkey events` reads dead letters and the log, and delivers to any group.
    pub fn of_operator(url: &str) -> Result<Self, BusError> {
        let (vhost, names) = at(url)?;
        let prefix = quoted(&names.prefix);
        Ok(Self {
            vhost,
            configure: format!("^{prefix}\\.operator$"),
            // The end of the log is marked by the exchange that names queues.
            write: format!("^({prefix}\\.(return|operator)|amq\\.default)$"),
            read: format!("^{prefix}\\.(dead|log|operator)$"),
            topics: vec![TopicPermission::to_publish(names.returns(), "^0\\.".to_owned())],
        })
    }

    /// Whoever works on dead letters alone: nothing of the log, and no event of its own.
    pub fn of_dead_letters(url: &str) -> Result<Self, BusError> {
        let (vhost, names) = at(url)?;
        let prefix = quoted(&names.prefix);
        Ok(Self {
            vhost,
            configure: format!("^{prefix}\\.operator$"),
            write: format!("^{prefix}\\.(return|operator)$"),
            read: format!("^{prefix}\\.(dead|operator)$"),
            topics: vec![TopicPermission::to_publish(names.returns(), "^0\\.".to_owned())],
        })
    }
}

impl TopicPermission {
    fn to_publish(exchange: String, write: String) -> Self {
        Self {
            exchange,
            write,
            read: NOTHING.to_owned(),
        }
    }

    fn to_bind(exchange: String) -> Self {
        Self {
            exchange,
            write: NOTHING.to_owned(),
            read: ".*".to_owned(),
        }
    }
}

/// Matches no name.
const NOTHING: &str = "^$";

fn at(url: &str) -> Result<(String, Names), BusError> {
    let address = super::address::Address::parse(url)?;
    Ok((address.uri.vhost, Names::new(&address.prefix)))
}

fn quoted(name: &str) -> String {
    name.replace('.', "\\.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_may_publish_its_own_types_and_read_its_own_queues() {
        let permissions = Permissions::of_service("amqp://broker.test/shop", "order").unwrap();
        assert_eq!(permissions.vhost, "shop");
        assert_eq!(permissions.configure, "^$");
        assert_eq!(permissions.write, r"^lk\.(events|retry|dead)$");
        assert_eq!(permissions.read, r"^lk\.q\.order(\..+)?$");
        assert_eq!(
            permissions.topics,
            [
                ("lk.events", r"^order\."),
                ("lk.retry", r"^[0-9]+\.order(\..+)?$"),
                ("lk.dead", r"^order(\..+)?$"),
            ]
            .map(|(exchange, write)| TopicPermission::to_publish(exchange.to_owned(), write.to_owned()))
        );
    }
}
