//! Events a second from the commit that puts them into an outbox, over the bus, to the commit of their effect, on each
//! back end, beside the durable commits of the same database.

use std::time::{Duration, Instant};

use latchkey_bus::{BusError, Draft, Event, EventBus, Group, HandlerError, Outbox, Relay, Retries, outbox};
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Migration, Migrations, Options, Tx, sql, testing};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Events of a run.
const EVENTS: i64 = 20_000;
/// Writers that put them, each with a transaction of its own for every event.
const WRITERS: i64 = 16;
/// A run that takes longer has lost something.
const PATIENCE: Duration = Duration::from_secs(300);

const PLACED: &str = "bench.order.placed.v1";
const TABLES: &str = "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY);
    CREATE TABLE effects (id BIGINT NOT NULL PRIMARY KEY);";
const MIGRATIONS: Migrations = Migrations {
    set: "bench",
    steps: &[Migration {
        version: 1,
        name: "orders and effects",
        sqlite: TABLES,
        postgres: TABLES,
    }],
};

/// Outbox, bus and inbox, on each back end.
pub async fn events() {
    let sqlite = testing::sqlite_url("bench_bus");
    back_end(
        "SQLite",
        testing::sqlite_url("bench_a"),
        testing::sqlite_url("bench_b"),
        sqlite,
    )
    .await;
    back_end(
        "PostgreSQL",
        testing::postgres_url("bench_a").await,
        testing::postgres_url("bench_b").await,
        testing::postgres_url("bench_bus").await,
    )
    .await;
    back_end(
        "RabbitMQ, databases in SQLite",
        testing::sqlite_url("bench_c"),
        testing::sqlite_url("bench_d"),
        broker(),
    )
    .await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one thing that the benchmark's runner tells it"
)]
fn broker() -> String {
    let url = std::env::var("TEST_RABBITMQ_URL").expect("a broker: run this with `cargo xtask bench`");
    format!("{url}?prefix=bench")
}

async fn back_end(name: &str, publisher: String, consumer: String, bus: String) {
    let group = Group {
        name: "bench.effects",
        types: &[PLACED],
        retries: Retries::default(),
    };
    let (clock, random) = (Clock::system(), Random::system());
    let open = async |url: &str| {
        let options = Options::new(&[MIGRATIONS, outbox::MIGRATIONS]);
        Db::open(url, options).await.expect("a database")
    };
    let (publisher, consumer) = (open(&publisher).await, open(&consumer).await);
    EventBus::declare(&bus, std::slice::from_ref(&group))
        .await
        .expect("the bus is declared");
    let never = CancellationToken::new();
    let bus = EventBus::open(&bus, clock.clone(), random.clone(), never)
        .await
        .expect("the bus opens");

    let raw = commits(&publisher).await;
    let stop = CancellationToken::new();
    let outbox = Outbox::new("bench", clock.clone(), random);
    let begun = Instant::now();
    let relay = Relay::new(bus.clone(), publisher.clone(), clock);
    let relay = tokio::spawn(relay.run(stop.clone()));
    let subscription = tokio::spawn({
        let (bus, consumer, stop) = (bus.clone(), consumer.clone(), stop.clone());
        async move { bus.subscribe(group, consumer, effect, stop).await }
    });
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write(publisher.clone(), outbox.clone(), writer)))
        .collect();
    for writer in writers {
        writer.await.expect("a writer");
    }
    let put = begun.elapsed();
    let mut changes = consumer.changes();
    while effects(&consumer).await < EVENTS {
        assert!(begun.elapsed() < PATIENCE, "{name}: events are missing");
        // Word of a commit can be lost, the count cannot.
        let _late = tokio::time::timeout(Duration::from_millis(50), changes.changed()).await;
    }
    let took = begun.elapsed();
    stop.cancel();
    relay.await.expect("the relay");
    subscription.await.expect("the consumer");
    let rate = EVENTS as f64 / took.as_secs_f64();
    println!(
        "events, {name}: {rate:.0}/s from the commit that tells them to the commit of their effect, {WRITERS} \
         writers; put at {:.0}/s; {:.2} of {raw:.0} durable commits/s one at a time",
        EVENTS as f64 / put.as_secs_f64(),
        rate / raw
    );
}

/// Durable commits a second, one at a time.
async fn commits(db: &Db) -> f64 {
    let begun = Instant::now();
    let mut done = 0_i64;
    while begun.elapsed() < Duration::from_secs(2) {
        done += 1;
        let id = -done;
        db.write(move |tx| async move {
            sql("INSERT INTO orders (id) VALUES ($1)")
                .bind(id)
                .execute(&tx)
                .await
        })
        .await
        .expect("a commit");
    }
    done as f64 / begun.elapsed().as_secs_f64()
}

async fn write(db: Db, outbox: Outbox, writer: i64) {
    for n in 0..EVENTS / WRITERS {
        let (outbox, id) = (outbox.clone(), n * WRITERS + writer);
        db.write(move |tx| async move {
            sql("INSERT INTO orders (id) VALUES ($1)")
                .bind(id)
                .execute(&tx)
                .await?;
            let draft = Draft {
                r#type: PLACED.to_owned(),
                subject: id.to_string(),
                sequence: 1,
                data: json!({ "order": id }),
                cause: Default::default(),
            };
            outbox.put(&tx, draft).await?;
            Ok::<_, BusError>(())
        })
        .await
        .expect("a commit");
    }
}

async fn effect(tx: Tx, event: Event) -> Result<(), HandlerError> {
    let id = event.data["order"].as_i64().unwrap_or_default();
    sql("INSERT INTO effects (id) VALUES ($1)")
        .bind(id)
        .execute(&tx)
        .await?;
    Ok(())
}

async fn effects(db: &Db) -> i64 {
    let row = sql("SELECT COUNT(*) AS n FROM effects").fetch_one(db).await;
    row.and_then(|row| row.int("n")).expect("the count")
}
