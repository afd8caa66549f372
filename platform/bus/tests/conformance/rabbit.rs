//! What only a broker has: declaration, rights, a clock of its own, and restarts.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::{FutureExt, StreamExt};
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, BasicRejectOptions, ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ErrorKind};
use latchkey_bus::{BusError, EventBus, Group, HandlerError, Permissions, Replay, Retries};
use latchkey_clock::{Clock, Random};
use serde_json::json;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::broker::{Desk, put, variable};
use crate::cases::producing::waiting;
use crate::gate::{soon, until, within};
use crate::shop::{Order, OrderError, PLACED, SHIPPED, order_of};
use crate::stage::{GROUP, Stage};

/// What runs a node: copied into another folder it runs another one.
const NODE: &str = "TEST_RABBITMQ_NODE";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_not_declared_says_what_to_do() {
    let desk = Desk::undeclared("undeclared", &variable("TEST_RABBITMQ_URL")).await;
    let opened = open(&desk.url).await.err().unwrap();
    assert!(
        matches!(&opened, BusError::NotDeclared(name) if *name == desk.name("events")),
        "{opened:?}"
    );
    assert!(opened.to_string().contains("latchkey bus declare"), "{opened}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_before_a_groups_first_start_waits_for_it() {
    let stage = Stage::at_desk("first_start", Desk::open("first_start").await).await;
    let process = stage.process("one").await;
    for n in 1..=3 {
        process.produce(Order::of("order", n)).await.unwrap();
    }
    process.node.relay(stage.business.clone()).drain().await.unwrap();
    process.relay();
    process.consume(GROUP, process.effect());
    stage.settle(&process).await.unwrap();
    stage.exactly_once().await.unwrap();
    stage.close().await;
}

/// The broker confirms what it has put nowhere, and sends the message back with the confirmation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_no_queue_takes_stays_in_the_outbox() {
    let desk = Desk::open("no_queue").await;
    let stage = Stage::at_desk("no_queue", desk.clone()).await;
    let process = stage.process("one").await;
    for queue in ["log", "unrouted"] {
        desk.delete_queue(queue).await;
    }
    process.produce(Order::new("order").shipped()).await.unwrap();
    let relay = process.node.relay(stage.business.clone());
    let refused = relay.drain().await.unwrap_err();
    assert!(matches!(refused, BusError::NotAccepted(_)), "{refused:?}");
    assert_eq!(waiting(&stage).await, 1);
    desk.declare().await;
    relay.drain().await.unwrap();
    assert_eq!(waiting(&stage).await, 0);
    stage.close().await;
}

/// The delay is that of a real queue; only the consumer's clock is moved by hand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_delivery_returns_by_the_clock_of_the_broker() {
    let stage = Stage::at_desk("own_clock", Desk::open("own_clock").await).await;
    let process = stage.process("one").await;
    let group = Group {
        retries: Retries {
            quick: Vec::new(),
            later: vec![Duration::from_secs(5)],
        },
        ..GROUP
    };
    let (effect, failed) = (process.effect(), Arc::new(tokio::sync::Notify::new()));
    let (fails, once) = (failed.clone(), std::sync::Once::new());
    process.relay();
    process.consume(
        group,
        Arc::new(move |tx, event| {
            let mut first = false;
            once.call_once(|| first = true);
            if first {
                fails.notify_one();
                return async { Err(HandlerError::Retry("not today".to_owned())) }.boxed();
            }
            effect(tx, event)
        }),
    );
    process.produce(Order::new("order")).await.unwrap();
    soon("the failure", failed.notified()).await.unwrap();
    let failed_at = Instant::now();
    // The consumer's clock is ahead in any case, so that the broker's decides.
    until("the effect", async || {
        stage.clock.advance(1_000);
        !stage.effects().await.is_empty()
    })
    .await
    .unwrap();
    let passed = failed_at.elapsed();
    assert!(passed > Duration::from_millis(4_500), "too early: {passed:?}");
    stage.exactly_once().await.unwrap();
    stage.close().await;
}

/// No version ever comes that knows it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_that_no_version_knows_ends_as_a_dead_letter() {
    let stage = Stage::at_desk("unknown", Desk::open("unknown").await).await;
    let newer = Group {
        types: &[PLACED, SHIPPED],
        ..GROUP
    };
    stage.backend.declare(&stage.place, newer).await;
    let process = stage.process("one").await;
    let once = Retries {
        quick: Vec::new(),
        later: vec![Duration::from_secs(5)],
    };
    let group = Group {
        retries: once,
        ..GROUP
    };
    process.relay();
    process.consume(group, process.effect());
    process.produce(Order::new("order").shipped()).await.unwrap();
    stage.settle(&process).await.unwrap();
    assert_eq!(stage.bus.parked().await.unwrap(), []);
    stage.advance(5_000).await;
    until("the dead letter", async || {
        !stage.bus.parked().await.unwrap().is_empty()
    })
    .await
    .unwrap();
    let dead = stage.bus.parked().await.unwrap().remove(0);
    assert_eq!((dead.r#type.as_str(), dead.attempts), (SHIPPED, 2));
    assert!(dead.last_error.contains(SHIPPED), "{dead:?}");
    stage.close().await;
}

/// To begin anew with the queue would deliver everything in hand again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_that_is_refused_is_published_again_in_place() {
    let desk = Desk::open("refused").await;
    let stage = Stage::at_desk("refused", desk.clone()).await;
    let process = stage
        .process_that_polls("one", Some(Duration::from_millis(5)))
        .await;
    let (effect, attempts) = (process.effect(), Arc::new(AtomicUsize::new(0)));
    let counted = attempts.clone();
    desk.delete_exchange("dead").await;
    process.relay();
    process.consume(
        GROUP,
        Arc::new(move |tx, event| {
            if order_of(&event) == "bad-1" {
                counted.fetch_add(1, Ordering::SeqCst);
                return async { Err(HandlerError::Dead("never".to_owned())) }.boxed();
            }
            effect(tx, event)
        }),
    );
    process.produce(Order::new("bad")).await.unwrap();
    until("the refusals", async || desk.sent("dead") >= 5)
        .await
        .unwrap();
    desk.declare().await;
    stage.settle(&process).await.unwrap();
    assert_eq!(attempts.load(Ordering::SeqCst), 1);
    let parked = stage.bus.parked().await.unwrap();
    assert_eq!(parked.len(), 1, "{parked:?}");
    stage.close().await;
}

/// The routing key is what the broker has checked the publisher's right to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_comes_by_the_key_of_another_type_is_parked() {
    let desk = Desk::open("other_key").await;
    let stage = Stage::at_desk("other_key", desk.clone()).await;
    let process = stage.working_process("one").await;
    process.produce(Order::new("order").shipped()).await.unwrap();
    stage.settle(&process).await.unwrap();
    let shipped = desk.published().await.remove(0);
    let (_connection, channel) = desk.hand().await;
    let events = desk.name("events");
    put(&channel, &events, PLACED, shipped.properties, &shipped.data).await;
    stage.settle(&process).await.unwrap();
    let parked = stage.bus.parked().await.unwrap();
    assert!(
        matches!(&parked[..], [dead] if dead.last_error.contains("routing key")),
        "{parked:?}"
    );
    let effects = stage.effects().await;
    assert!(
        effects.iter().all(|effect| effect.order != "order-1"),
        "{effects:?}"
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_broker_gave_up_by_itself_can_be_redriven() {
    let desk = Desk::open("gave_up").await;
    let stage = Stage::at_desk("gave_up", desk.clone()).await;
    let process = stage.process("one").await;
    process.produce(Order::new("order")).await.unwrap();
    process.node.relay(stage.business.clone()).drain().await.unwrap();
    {
        let (_connection, channel) = desk.hand().await;
        let queue = desk.name("q.till");
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let consuming = channel.basic_consume(queue.as_str().into(), "".into(), options, arguments);
        let delivery = consuming.await.unwrap().next().await.unwrap().unwrap();
        delivery.reject(BasicRejectOptions::default()).await.unwrap();
        until("the dead letter", async || {
            !stage.bus.parked().await.unwrap().is_empty()
        })
        .await
        .unwrap();
    }
    let dead = stage.bus.parked().await.unwrap().remove(0);
    assert_eq!((dead.consumer.as_str(), dead.attempts), (GROUP.name, 0));
    assert!(dead.last_error.contains("no process"), "{dead:?}");
    process.relay();
    process.consume(GROUP, process.effect());
    assert!(stage.bus.redrive(GROUP.name, &dead.event_id).await.unwrap());
    stage.effect_of("order-1").await.unwrap();
    assert_eq!(stage.bus.parked().await.unwrap(), []);
    stage.exactly_once().await.unwrap();
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_restarted_in_the_middle_of_a_batch_loses_nothing() {
    const EACH: i64 = 300;
    let mut node = Node::start().await;
    let desk = Desk::undeclared("restarted", &node.url()).await;
    desk.declare().await;
    let stage = Stage::at_desk("restarted", desk).await;
    let process = stage.process("one").await;
    let outbox = process.node.outbox.clone();
    let placed = stage.business.write(async move |tx| {
        for n in 1..=EACH {
            for key in ["a", "b", "c"] {
                let order = Order::of(key, n);
                order.record(&tx).await?;
                outbox.put(&tx, order.draft()).await?;
            }
        }
        Ok::<_, OrderError>(())
    });
    placed.await.unwrap();
    process.relay();
    process.consume(GROUP, process.effect());
    let handled = async || stage.effects().await.len();
    until("the first effects", async || handled().await >= 50)
        .await
        .unwrap();
    node.run("stop").await;
    let before = handled().await;
    assert!(before < 3 * EACH as usize, "the batch was over before");
    process.produce(Order::new("meanwhile")).await.unwrap();
    node.serve().await;
    let patience = Duration::from_secs(60);
    let all = async {
        while handled().await <= 3 * EACH as usize {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within(patience, "every effect", all).await.unwrap();
    stage.settle(&process).await.unwrap();
    stage.exactly_once().await.unwrap();
    assert_eq!(stage.bus.parked().await.unwrap(), []);
    process.kill().await;
    stage.close().await;
    node.run("stop").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_speaks_only_for_itself_and_reads_only_its_own_queues() {
    let desk = Desk::open("rights").await;
    let as_user = |name: &str| desk.url.replace("guest:guest@", &format!("{}:hush@", user(name)));
    let users = [
        ("shop", Permissions::of_service(&desk.url, "shop").unwrap()),
        ("till", Permissions::of_service(&desk.url, "till").unwrap()),
        ("declare", Permissions::of_declarer(&desk.url).unwrap()),
        ("operator", Permissions::of_operator(&desk.url).unwrap()),
        ("letters", Permissions::of_dead_letters(&desk.url).unwrap()),
    ];
    let (mut known, mut permissions, mut topics) = (Vec::new(), Vec::new(), Vec::new());
    for (name, allowed) in users {
        known.push(json!({ "name": user(name), "password": "hush", "tags": "" }));
        permissions.push(json!({
            "user": user(name), "vhost": allowed.vhost,
            "configure": allowed.configure, "write": allowed.write, "read": allowed.read,
        }));
        topics.extend(allowed.topics.into_iter().map(|topic| {
            json!({
                "user": user(name), "vhost": allowed.vhost,
                "exchange": topic.exchange, "write": topic.write, "read": topic.read,
            })
        }));
    }
    let definitions = json!({ "users": known, "permissions": permissions, "topic_permissions": topics });
    let file = std::env::temp_dir().join(format!("{}.json", desk.name("rights")));
    std::fs::write(&file, definitions.to_string()).unwrap();
    let mut import = Command::new(variable(NODE));
    import.args(["ctl", "import_definitions"]).arg(&file);
    let imported = import.output().await.unwrap();
    assert!(imported.status.success(), "{imported:?}");
    let [till, shop, declare, operator, letters] =
        ["till", "shop", "declare", "operator", "letters"].map(as_user);
    // The import goes on when the command has ended; rights to topics come last.
    until("the rights", async || {
        let known = Connection::connect(&operator, ConnectionProperties::default())
            .await
            .is_ok();
        known && !may_publish(&letters, &desk.name("return"), "5000.till").await
    })
    .await
    .unwrap();

    let [events, retry, dead, returns] = ["events", "retry", "dead", "return"].map(|of| desk.name(of));
    let queue = desk.name("q.till");
    for (who, exchange, key, allowed) in [
        (&shop, &events, "shop.order.placed.v1", true),
        (&shop, &events, "till.receipt.printed.v1", false),
        (&shop, &events, "shopping.order.placed.v1", false),
        (&shop, &retry, "5000.till", false),
        (&shop, &dead, "till", false),
        (&shop, &returns, "0.till", false),
        (&shop, &String::new(), queue.as_str(), false),
        (&till, &events, "shop.order.placed.v1", false),
        (&till, &retry, "5000.till", true),
        (&till, &retry, "5000.shop", false),
        (&till, &dead, "till", true),
        (&till, &dead, "shop", false),
        (&declare, &events, "shop.order.placed.v1", false),
        (&declare, &returns, "0.till", false),
        (&operator, &events, "shop.order.placed.v1", false),
        (&operator, &returns, "0.till", true),
        (&letters, &events, "shop.order.placed.v1", false),
        (&letters, &events, "letters.anything.v1", false),
        (&letters, &dead, "till", false),
        (&letters, &retry, "5000.till", false),
        (&letters, &returns, "0.till", true),
        (&letters, &String::new(), queue.as_str(), false),
    ] {
        assert_eq!(
            may_publish(who, exchange, key).await,
            allowed,
            "{exchange} {key} as {who}"
        );
    }
    assert!(!may_consume(&shop, &queue).await, "another's queue");
    assert!(!may_consume(&shop, &desk.name("log")).await, "everybody's events");
    assert!(
        !may_consume(&till, &desk.name("dead")).await,
        "everybody's dead letters"
    );
    assert!(may_consume(&till, &queue).await);
    assert!(!may_declare(&till, &queue).await);
    assert!(!may_declare(&till, &desk.name("q.till.second")).await);
    assert!(!may_consume(&operator, &queue).await);
    assert!(!may_consume(&letters, &queue).await);
    assert!(
        !may_consume(&letters, &desk.name("log")).await,
        "everybody's events"
    );
    assert!(!may_declare(&letters, &desk.name("q.letters")).await);
    open(&till).await.unwrap().close().await;
    EventBus::declare(&declare, &[GROUP]).await.unwrap();
    let bus = open(&operator).await.unwrap();
    bus.parked().await.unwrap();
    let all = Replay {
        consumer: GROUP.name.to_owned(),
        types: vec![PLACED.to_owned()],
        since: 0,
        dry_run: true,
    };
    bus.replay(&all).await.unwrap();
    bus.close().await;
    let bus = open(&letters).await.unwrap();
    // What the till was allowed to park.
    let parked = bus.parked().await.unwrap();
    let parked: Vec<_> = parked.iter().map(|dead| dead.consumer.as_str()).collect();
    assert_eq!(parked, [GROUP.name]);
    assert!(!bus.redrive(GROUP.name, "nothing").await.unwrap());
    bus.replay(&all).await.unwrap_err();
    bus.close().await;
    desk.leave().await;
}

/// A user of this run alone.
fn user(service: &str) -> String {
    format!("{service}-{}", std::process::id())
}

async fn open(url: &str) -> Result<EventBus, BusError> {
    EventBus::open(url, Clock::system(), Random::system(), CancellationToken::new()).await
}

async fn channel(url: &str) -> (Connection, Channel) {
    let connection = Connection::connect(url, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

/// True when it was done, false when the broker refused the right to it.
fn allowed<T>(done: Result<T, lapin::Error>) -> bool {
    const ACCESS_REFUSED: u16 = 403;
    match done {
        Ok(_) => true,
        Err(error) => match error.kind() {
            ErrorKind::ProtocolError(reason) if reason.get_id() == ACCESS_REFUSED => false,
            other => panic!("{other:?}"),
        },
    }
}

async fn may_publish(url: &str, exchange: &str, key: &str) -> bool {
    let (_connection, channel) = channel(url).await;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .unwrap();
    let publish = async {
        let options = BasicPublishOptions::default();
        let properties = BasicProperties::default()
            .with_message_id("1".into())
            .with_type("end".into());
        let sent = channel.basic_publish(exchange.into(), key.into(), options, b"", properties);
        sent.await?.await
    };
    allowed(publish.await)
}

async fn may_consume(url: &str, queue: &str) -> bool {
    let (_connection, channel) = channel(url).await;
    channel.basic_qos(1, Default::default()).await.unwrap();
    let options = BasicConsumeOptions::default();
    allowed(
        channel
            .basic_consume(queue.into(), "".into(), options, FieldTable::default())
            .await,
    )
}

async fn may_declare(url: &str, queue: &str) -> bool {
    let (_connection, channel) = channel(url).await;
    let options = QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    allowed(
        channel
            .queue_declare(queue.into(), options, FieldTable::default())
            .await,
    )
}

/// A broker of one test, which may do with it what it likes.
struct Node {
    program: PathBuf,
    port: u16,
    process: Option<Child>,
}

impl Node {
    async fn start() -> Self {
        let free = || {
            let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
            listener.local_addr().unwrap().port()
        };
        let [port, distribution, epmd] = [free(), free(), free()];
        let folder = std::env::temp_dir().join(format!("rabbitmq-{port}"));
        std::fs::create_dir_all(&folder).unwrap();
        let program = folder.join("node");
        std::fs::copy(variable(NODE), &program).unwrap();
        std::fs::write(folder.join("ports"), format!("{port} {distribution} {epmd}\n")).unwrap();
        let mut node = Self {
            program,
            port,
            process: None,
        };
        node.serve().await;
        node
    }

    fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// Starts it and waits until it answers.
    async fn serve(&mut self) {
        let mut serve = Command::new(&self.program);
        serve
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.process = Some(serve.spawn().unwrap());
        let url = self.url();
        let answers = async {
            while Connection::connect(&url, ConnectionProperties::default())
                .await
                .is_err()
            {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        within(Duration::from_secs(90), "the broker", answers)
            .await
            .unwrap();
    }

    async fn run(&mut self, command: &str) {
        let done = Command::new(&self.program).arg(command).status().await.unwrap();
        assert!(done.success(), "{command}");
        let mut process = self.process.take().unwrap();
        soon("the end of the broker", process.wait())
            .await
            .unwrap()
            .unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.process.is_some() {
            let stopped = std::process::Command::new(&self.program).arg("crash").status();
            println!("the broker of a failed test: {stopped:?}");
        }
    }
}
