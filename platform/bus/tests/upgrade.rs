//! From one channel to two: an outbox that was emptied into the bus alone fills a new revocation log.

use latchkey_bus::{Delivery, Draft, EventBus, Outbox, Relay, RevocationLog, outbox};
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Migrations, Options, sql, testing};
use tokio_util::sync::CancellationToken;

const PLACED: &str = "shop.order.placed.v1";
const RECALLED: &str = "shop.order.recalled.v1";

#[tokio::test]
async fn a_new_revocation_log_has_what_was_revoked_before_there_was_one() {
    for (engine, url) in testing::urls("upgrade").await {
        let (clock, never) = (Clock::manual(1_795_176_000_000), CancellationToken::new());
        let before = Migrations {
            set: outbox::MIGRATIONS.set,
            steps: &outbox::MIGRATIONS.steps[..1],
        };
        let shop = Db::open(&url, Options::new(&[before])).await.unwrap();
        for r#type in [RECALLED, PLACED] {
            let outbox = Outbox::new("shop", clock.clone(), Random::system());
            let put = shop.write(async move |tx| outbox.put(&tx, order(r#type)).await);
            put.await.unwrap();
        }
        let bus_url = testing::sqlite_url("upgrade_bus");
        let bus = EventBus::open(&bus_url, clock.clone(), Random::system(), never.clone());
        let bus = bus.await.unwrap();
        let relay = Relay::new(bus.clone(), shop.clone(), clock.clone());
        relay.drain().await.unwrap();
        shop.close().await;

        let shop = Db::open(&url, Options::new(&[outbox::MIGRATIONS])).await.unwrap();
        let log_url = testing::sqlite_url("upgrade_log");
        let log = RevocationLog::open(&log_url, clock.clone(), Random::system(), never.clone());
        let log = log.await.unwrap();
        let relay = Relay::new(bus.clone(), shop.clone(), clock.clone());
        let relay = relay.revocations(log.clone(), &[RECALLED], "shop");
        relay.drain().await.unwrap();
        let mut followed = log.subscribe("shop", &[RECALLED], 0, never);
        let first = followed.next().await;
        assert!(
            matches!(&first, Some(Delivery::Event { position: 1, event }) if event.r#type == RECALLED),
            "{engine:?}: {first:?}"
        );
        let then = followed.next().await;
        assert!(
            matches!(then, Some(Delivery::Live { position: 1, .. })),
            "{engine:?}: {then:?}"
        );
        let hand = Db::open(&bus_url, Options::new(&[])).await.unwrap();
        let count = sql("SELECT COUNT(*) AS n FROM bus_log")
            .fetch_one(&hand)
            .await
            .unwrap();
        assert_eq!(count.int("n").unwrap(), 2, "{engine:?}: the bus has each once");
        hand.close().await;
        shop.close().await;
        bus.close().await;
        log.close().await;
    }
}

fn order(r#type: &str) -> Draft {
    Draft {
        r#type: r#type.to_owned(),
        subject: "order".to_owned(),
        sequence: 1,
        data: serde_json::Value::Null,
        cause: Default::default(),
    }
}
