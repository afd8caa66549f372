//! What a relay still does when it is stopped.

use latchkey_bus::{Draft, EventBus, Outbox, Relay, RevocationLog, outbox};
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, DbError, Options, sql, testing};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

const RECALLED: &str = "shop.order.recalled.v1";

/// A round has found the outbox empty and waits for its heartbeat when an event is committed, and then the relay is
/// stopped.
#[tokio::test]
async fn what_is_committed_during_the_last_round_is_published_before_the_end() {
    let (clock, never) = (Clock::manual(1_795_176_000_000), CancellationToken::new());
    let shop_url = testing::sqlite_url("last_round_shop");
    let shop = Db::open(&shop_url, Options::new(&[outbox::MIGRATIONS]))
        .await
        .unwrap();
    let bus_url = testing::sqlite_url("last_round_bus");
    let bus = EventBus::open(&bus_url, clock.clone(), Random::system(), never.clone());
    let bus = bus.await.unwrap();
    let log_url = testing::postgres_url("last_round_log").await;
    let log = RevocationLog::open(&log_url, clock.clone(), Random::system(), never.clone());
    let log = log.await.unwrap();

    let beside = Db::open(&log_url, Options::new(&[])).await.unwrap();
    let (locked, is_locked) = oneshot::channel();
    let (unlock, unlocked) = oneshot::channel::<()>();
    let holder = beside.clone();
    let holding = tokio::spawn(async move {
        let hold = holder.write(async move |tx| {
            sql("LOCK TABLE bus_beat IN ACCESS EXCLUSIVE MODE")
                .execute(&tx)
                .await?;
            locked.send(()).expect("the test goes on");
            unlocked.await.expect("the test lets go");
            Ok::<_, DbError>(())
        });
        hold.await
    });
    is_locked.await.unwrap();

    let stop = CancellationToken::new();
    let relay = Relay::new(bus.clone(), shop.clone(), clock.clone());
    let relay = relay.revocations(log.clone(), &[RECALLED], "shop");
    let running = tokio::spawn(relay.run(stop.clone()));
    testing::somebody_waits(&beside).await;
    let outbox = Outbox::new("shop", clock, Random::system());
    let put = shop.write(async move |tx| outbox.put(&tx, order()).await);
    put.await.unwrap();
    stop.cancel();
    unlock.send(()).unwrap();
    holding.await.unwrap().unwrap();
    running.await.unwrap();

    let waiting = sql("SELECT COUNT(*) AS n FROM outbox WHERE published_at IS NULL")
        .fetch_one(&shop)
        .await
        .unwrap();
    assert_eq!(waiting.int("n").unwrap(), 0, "it is left in the outbox");
    let published = sql("SELECT COUNT(*) AS n FROM bus_log")
        .fetch_one(&beside)
        .await
        .unwrap();
    assert_eq!(published.int("n").unwrap(), 1);
    beside.close().await;
    shop.close().await;
    bus.close().await;
    log.close().await;
}

fn order() -> Draft {
    Draft {
        r#type: RECALLED.to_owned(),
        subject: "order".to_owned(),
        sequence: 1,
        data: serde_json::Value::Null,
        cause: Default::default(),
    }
}
