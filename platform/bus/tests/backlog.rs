//! What waits is shown in metrics, is gone from them once it was handled, and stays where it is parked.

use std::time::Duration;

use latchkey_bus::{
    Draft, Event, EventBus, Group, HandlerError, Outbox, Relay, Retries, outbox, sample_outbox,
};
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Options, testing};
use latchkey_metrics::catalog::{BUS_LAG, BUS_LAG_OLDEST, BUS_PARKED, OUTBOX_DEPTH, OUTBOX_OLDEST};
use latchkey_metrics::labels::{self, Role};
use tokio_util::sync::CancellationToken;

const PLACED: &str = "shop.order.placed.v1";
const GROUPS: [&str; 2] = ["order.replies", "billing.orders"];

#[tokio::test]
async fn events_are_counted_where_they_wait_and_where_they_are_parked() {
    for (engine, url) in testing::urls("backlog").await {
        let (clock, stop) = (Clock::manual(1_795_176_000_000), CancellationToken::new());
        let options = Options::new(&[outbox::MIGRATIONS]).role(Role::Order);
        let shop = Db::open(&url, options).await.unwrap();
        let bus_url = match engine {
            latchkey_db::Engine::Sqlite => testing::sqlite_url("backlog_bus"),
            latchkey_db::Engine::Postgres => testing::postgres_url("backlog_bus").await,
        };
        let bus = EventBus::open(&bus_url, clock.clone(), Random::system(), stop.clone());
        let bus = bus.await.unwrap();
        bus.enroll(&GROUPS.map(group)).await.unwrap();
        for n in 0..3 {
            let outbox = Outbox::new("shop", clock.clone(), Random::system());
            let put = shop.write(async move |tx| outbox.put(&tx, order(n)).await);
            put.await.unwrap();
        }
        clock.advance(7_000);
        sample_outbox(&shop, clock.now_ms()).await.unwrap();
        let waiting = (OUTBOX_DEPTH.get(Role::Order), OUTBOX_OLDEST.get(Role::Order));
        assert_eq!(waiting, (Some(3.0), Some(7.0)), "{engine:?}");

        Relay::new(bus.clone(), shop.clone(), clock.clone())
            .drain()
            .await
            .unwrap();
        clock.advance(5_000);
        sample_outbox(&shop, clock.now_ms()).await.unwrap();
        let waiting = (OUTBOX_DEPTH.get(Role::Order), OUTBOX_OLDEST.get(Role::Order));
        assert_eq!(waiting, (Some(0.0), Some(0.0)), "{engine:?}");
        bus.sample(&GROUPS, clock.now_ms()).await.unwrap();
        assert_eq!(shown(GROUPS[0]), (Some(3.0), Some(5.0), Some(0.0)), "{engine:?}");

        // One of the three is never handled; the other group is not running.
        let (consumer, till) = (bus.clone(), shop.clone());
        let consuming = tokio::spawn(async move {
            let handle = |_tx, event: Event| async move {
                match event.version() {
                    1 => Err(HandlerError::Dead("never".to_owned())),
                    _ => Ok(()),
                }
            };
            consumer.subscribe(group(GROUPS[0]), till, handle, stop).await;
        });
        let handled = async {
            loop {
                bus.sample(&GROUPS, clock.now_ms()).await.unwrap();
                if shown(GROUPS[0]) == (Some(0.0), Some(0.0), Some(1.0)) {
                    break;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), handled)
            .await
            .unwrap();
        assert_eq!(shown(GROUPS[1]), (Some(3.0), Some(5.0), Some(0.0)), "{engine:?}");
        consuming.abort();
        bus.close().await;
        shop.close().await;
    }
}

/// Lag, its age, and dead letters.
fn shown(group: &str) -> (Option<f64>, Option<f64>, Option<f64>) {
    let group = labels::Group::of(group);
    (
        BUS_LAG.get(group),
        BUS_LAG_OLDEST.get(group),
        BUS_PARKED.get(group),
    )
}

fn group(name: &'static str) -> Group {
    Group {
        name,
        types: &[PLACED],
        retries: Retries::default(),
    }
}

fn order(n: i64) -> Draft {
    Draft {
        r#type: PLACED.to_owned(),
        subject: format!("order-{n}"),
        sequence: n,
        data: serde_json::Value::Null,
        cause: Default::default(),
    }
}
