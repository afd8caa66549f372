//! Real processes, really killed: whatever was acknowledged has exactly one effect, and nothing else has one.

use std::collections::BTreeSet;
use std::process::Stdio;

use latchkey_bus::{EventBus, Outbox, Relay, RevocationLog, outbox};
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, DbError, Options, sql};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::backend::Backend;
use crate::gate::soon;
use crate::participant::honest;
use crate::shop::{self, Order, OrderError, RECALLS, have_effect, orders};
use crate::stage::{GROUP, LEASE_MS, Stage};

/// Tells the child which database is its world, and which of the lives is its own.
const WORLD: &str = "LATCHKEY_TEST_KILLED";
const LIVES: i64 = 30;
const BORN_MS: i64 = 1_795_176_000_000;
/// What the child says when a commit has been acknowledged.
const PLACED: &str = "placed ";

#[tokio::test]
async fn thirty_kills_lose_nothing_and_repeat_nothing_on_sqlite() {
    thirty_kills(Backend::Sqlite).await;
}

#[tokio::test]
async fn thirty_kills_lose_nothing_and_repeat_nothing_on_postgres() {
    thirty_kills(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_kills_lose_nothing_and_repeat_nothing_on_rabbit() {
    thirty_kills(Backend::Rabbit).await;
}

/// A producer, a relay and a consumer, and the hand that kills them. Business, bus and log share one database where
/// they can.
async fn thirty_kills(backend: Backend) {
    let mut stage = Stage::open(backend, "killed", honest()).await;
    let random = Random::seeded(u64::from(std::process::id()));
    let mut acknowledged = BTreeSet::new();
    stage.place.log = stage.place.business.clone();
    if stage.place.desk.is_none() {
        stage.place.bus = stage.place.business.clone();
    }
    let urls = format!("{} {}", stage.place.business, stage.place.bus);
    for life in 0..LIVES {
        let [lines] = random.bytes::<1>();
        acknowledged.append(&mut live_and_die(&urls, life, usize::from(lines) % 40).await);
    }
    assert!(acknowledged.len() > 100, "they did not live");

    stage.clock.advance(LIVES * 2 * LEASE_MS);
    let survivor = stage.working_process("survivor").await;
    stage.settle(&survivor).await.unwrap();
    stage.exactly_once().await.unwrap();
    let committed: BTreeSet<String> = orders(&stage.business).await.into_iter().collect();
    assert!(
        acknowledged.is_subset(&committed),
        "lost: {:?}",
        acknowledged.difference(&committed)
    );
    assert!(committed.iter().all(|order| !order.starts_with("refused")));
    let published = stage.published().await;
    assert_eq!(
        published.len(),
        committed.len(),
        "each is published, and counts once"
    );
    if stage.place.desk.is_none() {
        let log = sql("SELECT COUNT(*) AS events, MAX(position) AS last FROM bus_log");
        let log = log.fetch_one(&stage.business).await.unwrap();
        let [events, last] = ["events", "last"].map(|column| log.int(column).unwrap());
        assert_eq!(events, last, "positions are dense");
        assert_eq!(events, committed.len() as i64, "each is in the log once");
    }
    println!(
        "{} acknowledged, {} committed over {LIVES} kills",
        acknowledged.len(),
        committed.len()
    );
    survivor.kill().await;
    stage.close().await;
}

/// One life, up to so many acknowledgements and then whatever comes; returns the orders that it acknowledged.
async fn live_and_die(urls: &str, life: i64, acknowledgements: usize) -> BTreeSet<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::the_child", "--nocapture"])
        .env(WORLD, format!("{life} {urls}"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = BTreeSet::new();
    while acknowledged.len() <= acknowledgements {
        let line = soon("a sign of life", said.next_line()).await.unwrap().unwrap();
        let line = line.expect("it lives until it is killed");
        acknowledged.extend(line.strip_prefix(PLACED).map(str::to_owned));
    }
    child.start_kill().unwrap();
    // What was said in its last moment counts as well.
    while let Ok(Some(line)) = said.next_line().await {
        acknowledged.extend(line.strip_prefix(PLACED).map(str::to_owned));
    }
    assert!(!child.wait().await.unwrap().success(), "it died of itself");
    acknowledged
}

/// The one who is killed. Called as an ordinary test it has no world and nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_child() {
    #[expect(clippy::disallowed_methods, reason = "how the parent names the world")]
    let Ok(world) = std::env::var(WORLD) else {
        return;
    };
    let (life, urls) = world.split_once(' ').unwrap();
    let (url, bus_url) = urls.split_once(' ').unwrap();
    let life: i64 = life.parse().unwrap();
    // Each life begins when the lease of the last one is over.
    let clock = Clock::manual(BORN_MS + life * 2 * LEASE_MS);
    let db = Db::open(url, Options::new(&[outbox::MIGRATIONS, shop::MIGRATIONS]))
        .await
        .unwrap();
    let bus = EventBus::open(bus_url, clock.clone(), Random::system(), CancellationToken::new())
        .await
        .unwrap();
    let log = RevocationLog::open(url, clock.clone(), Random::system(), CancellationToken::new())
        .await
        .unwrap();
    let outbox = Outbox::new("shop", clock.clone(), Random::system());
    let never = CancellationToken::new();
    let relay = Relay::new(bus.clone(), db.clone(), clock).revocations(log, RECALLS, "shop");
    tokio::spawn(relay.run(never.clone()));
    let (consumer, till) = (bus.clone(), db.clone());
    tokio::spawn(async move {
        let handle = |tx, event| async move { have_effect(&tx, &event, "child").await };
        consumer.subscribe(GROUP, till, handle, never).await;
    });
    let producing = (0..3).map(|producer| produce(db.clone(), outbox.clone(), format!("{life}-{producer}")));
    futures::future::join_all(producing).await;
}

/// Places orders for ever. Every fifth is refused after all, and must not be heard of.
async fn produce(db: Db, outbox: Outbox, subject: String) {
    for n in 1.. {
        let refused = n % 5 == 0;
        let order = if refused {
            Order::of(&format!("refused-{subject}"), n)
        } else {
            Order::of(&subject, n)
        };
        let (outbox, id) = (outbox.clone(), order.id.clone());
        let placed = db
            .write(async move |tx| {
                order.record(&tx).await?;
                outbox.put(&tx, order.draft()).await?;
                if refused {
                    Err(OrderError::ByTheBusiness)
                } else {
                    Ok(())
                }
            })
            .await;
        match placed {
            Ok(()) => println!("{PLACED}{id}"),
            Err(OrderError::ByTheBusiness) => {}
            // The consumer's writer is another one on the same file.
            Err(OrderError::Db(DbError::Busy(_))) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
}
