//! From the log to the effect: at least once delivered, exactly once done, in order per key.

use latchkey_bus::{Event, HandlerError};
use latchkey_db::{DbError, sql};

use super::{Violation, ensure};
use crate::gate::{gate, until};
use crate::shop::{Order, OrderError};
use crate::stage::{GROUP, LEASE_MS, Stage};

pub async fn an_effect_cut_off_before_its_commit_is_made_good(stage: &Stage) -> Result<(), Violation> {
    let first = stage.process("first").await;
    let (inside, held) = gate();
    first.produce(Order::new("order")).await?;
    first.relay();
    first.consume(GROUP, first.effect_held("order-1", inside));
    let _closed = held.reached().await?;
    first.kill().await;
    stage.clock.advance(LEASE_MS);

    let second = stage.working_process("second").await;
    stage.settle(&second).await?;
    stage.exactly_once().await
}

pub async fn an_effect_committed_before_a_crash_is_not_repeated(stage: &Stage) -> Result<(), Violation> {
    let first = stage.process("first").await;
    let (inside, held) = gate();
    first.produce(Order::new("order")).await?;
    first.relay();
    first.consume(GROUP, first.effect_held("order-1", inside));
    let open = held.reached().await?;
    let acknowledgements = stage.backend.hold_acknowledgements(&stage.place).await;
    let accept_again = acknowledgements.reached().await?;
    drop(open);
    stage.effect_of("order-1").await?;
    first.kill().await;
    drop(accept_again);
    stage.clock.advance(LEASE_MS);

    let second = stage.working_process("second").await;
    stage.settle(&second).await?;
    stage.exactly_once().await
}

pub async fn a_duplicate_delivery_is_absorbed(stage: &Stage) -> Result<(), Violation> {
    let first = stage.process("first").await;
    let tasks = [first.relay(), first.consume(GROUP, first.effect())];
    for n in 1..=20 {
        first.produce(Order::of("order", n)).await?;
    }
    stage.settle(&first).await?;
    first.stop(tasks).await?;
    stage.backend.deliver_again(&stage.place).await;

    let second = stage.working_process("second").await;
    stage.settle(&second).await?;
    stage.exactly_once().await
}

pub async fn events_of_one_key_arrive_in_order(stage: &Stage) -> Result<(), Violation> {
    const KEYS: [&str; 3] = ["a", "b", "c"];
    const EACH: i64 = 40;
    let one = stage.working_process("one").await;
    // A second relay on the same outbox, and two who produce at once.
    let two = stage.process("two").await;
    two.relay();
    for sequence in 1..=EACH {
        let (a, b, c) = tokio::join!(
            one.produce(Order::of(KEYS[0], sequence)),
            two.produce(Order::of(KEYS[1], sequence)),
            two.produce(Order::of(KEYS[2], sequence)),
        );
        a.and(b).and(c)?;
    }
    stage.settle(&one).await?;
    stage.exactly_once().await?;
    let effects = stage.effects().await;
    for key in KEYS {
        let order: Vec<i64> = effects
            .iter()
            .filter(|effect| effect.subject == key)
            .map(|effect| effect.sequence)
            .collect();
        ensure(order.iter().copied().eq(1..=EACH), || {
            format!("{key} came as {order:?}")
        })?;
    }
    Ok(())
}

pub async fn a_type_that_nobody_asked_for_disturbs_nobody(stage: &Stage) -> Result<(), Violation> {
    let process = stage.working_process("one").await;
    for n in 1..=3 {
        process.produce(Order::of("placed", n)).await?;
        process.produce(Order::of("shipped", n).shipped()).await?;
    }
    stage.settle(&process).await?;
    let effects = stage.effects().await;
    ensure(effects.iter().all(|effect| effect.subject != "shipped"), || {
        format!("{effects:?}")
    })?;
    ensure(effects.len() == 4, || format!("{effects:?}"))?;
    let parked = stage.bus.parked().await.unwrap();
    ensure(parked.is_empty(), || format!("{parked:?}"))
}

pub async fn a_backlog_of_ten_thousand_drains(stage: &Stage) -> Result<(), Violation> {
    const ALL: i64 = 10_000;
    const AT_ONCE: i64 = 500;
    let process = stage.process("one").await;
    for first in (0..ALL).step_by(AT_ONCE as usize) {
        let outbox = process.node.outbox.clone();
        let placed = stage.business.write(async move |tx| {
            for n in first..first + AT_ONCE {
                outbox.put(&tx, Order::of("backlog", n).draft()).await?;
            }
            Ok::<_, OrderError>(())
        });
        placed.await.unwrap();
    }
    process.relay();
    // The lightest of effects: who comes out of order counts nothing.
    process.consume(
        GROUP,
        std::sync::Arc::new(|tx, event: Event| {
            Box::pin(async move {
                let counted = sql("INSERT INTO tally (id, n) VALUES (1, 1) \
                                   ON CONFLICT (id) DO UPDATE SET n = tally.n + 1 WHERE tally.n = $1")
                .bind(event.version())
                .execute(&tx)
                .await?;
                if counted == 1 {
                    Ok(())
                } else {
                    Err(HandlerError::Dead("out of order".to_owned()))
                }
            })
        }),
    );
    // A slow machine may take its time as long as it gets on.
    for share in (AT_ONCE..=ALL).step_by(AT_ONCE as usize) {
        until(&format!("{share} of the backlog"), async || {
            tally(stage).await.unwrap() >= share
        })
        .await?;
    }
    let parked = stage.bus.parked().await.unwrap();
    ensure(parked.is_empty(), || format!("{parked:?}"))
}

async fn tally(stage: &Stage) -> Result<i64, DbError> {
    let row = sql("SELECT n FROM tally WHERE id = 1")
        .fetch_optional(&stage.business)
        .await?;
    row.map_or(Ok(0), |row| row.int("n"))
}
