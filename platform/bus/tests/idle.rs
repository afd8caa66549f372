//! A bus at rest writes nothing: each commit wakes everybody who shares the file, and whoever answers a commit with a
//! commit never rests again.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

use latchkey_bus::{Draft, Event, EventBus, Group, Outbox, Relay, Retries, outbox};
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Options, testing};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn an_event_costs_the_bus_one_commit_to_publish_and_one_to_acknowledge() {
    const EVENTS: usize = 20;
    let (clock, stop) = (Clock::manual(1_795_176_000_000), CancellationToken::new());
    let url = testing::sqlite_url("idle_bus");
    let bus = EventBus::open(&url, clock.clone(), Random::system(), stop.clone())
        .await
        .unwrap();
    let shop = Db::open(
        &testing::sqlite_url("idle_shop"),
        Options::new(&[outbox::MIGRATIONS]),
    )
    .await
    .unwrap();
    let outbox = Outbox::new("shop", clock.clone(), Random::system());
    let relay = Relay::new(bus.clone(), shop.clone(), clock.clone());
    tokio::spawn(relay.run(stop.clone()));
    let (done, mut handled) = mpsc::unbounded_channel();
    let (consumer, till) = (bus.clone(), shop.clone());
    tokio::spawn(async move {
        let group = Group {
            name: "till",
            types: &["shop.order.placed.v1"],
            retries: Retries::default(),
        };
        let handle = move |_tx, event: Event| {
            done.send(event.version()).unwrap();
            async { Ok(()) }
        };
        consumer.subscribe(group, till, handle, stop).await;
    });
    let mut at_first = 0;
    for n in 0..=EVENTS {
        let (outbox, draft) = (outbox.clone(), order(n));
        shop.write(async move |tx| outbox.put(&tx, draft).await)
            .await
            .unwrap();
        handled.recv().await.unwrap();
        clock.advance(1);
        // The first one brings the group into being.
        if n == 0 {
            at_first = commits(&url);
        }
    }
    let commits = commits(&url) - at_first;
    // The acknowledgement of the first one may have come after the first count.
    assert!(commits <= 2 * EVENTS + 1, "{commits} commits for {EVENTS} events");
    bus.close().await;
}

fn order(n: usize) -> Draft {
    Draft {
        r#type: "shop.order.placed.v1".to_owned(),
        subject: "order".to_owned(),
        sequence: n as i64,
        data: serde_json::Value::Null,
        cause: Default::default(),
    }
}

/// Commits in the write-ahead log: the frames whose database size is not null (sqlite.org/fileformat2.html#walformat).
fn commits(url: &str) -> usize {
    const HEADER: usize = 32;
    const FRAME_HEADER: usize = 24;
    let log = std::fs::read(format!("{}-wal", url.strip_prefix("sqlite:").unwrap())).unwrap();
    let word = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
    let (page, salt) = (word(8) as usize, (word(16), word(20)));
    (HEADER..log.len())
        .step_by(FRAME_HEADER + page)
        .take_while(|at| log.len() >= at + FRAME_HEADER && (word(at + 8), word(at + 12)) == salt)
        .filter(|at| word(at + 4) != 0)
        .count()
}
