//! Replay: what happened is delivered once more, to one group.

use latchkey_bus::Replay;

use super::{Violation, ensure};
use crate::gate::until;
use crate::shop::{Order, OrderError, PLACED, SHIPPED};
use crate::stage::{GROUP, Stage};

pub async fn a_replay_goes_to_one_group_once_more_and_in_order(stage: &Stage) -> Result<(), Violation> {
    let process = stage.working_process("one").await;
    process.produce(Order::new("early")).await?;
    stage.settle(&process).await?;
    stage.clock.advance(1_000);
    let since = stage.clock.now_ms();
    for n in 1..=3 {
        process.produce(Order::of("order", n)).await?;
        process.produce(Order::of("shipped", n).shipped()).await?;
    }
    stage.settle(&process).await?;
    let had = stage.effects().await;
    ensure(had.len() == 6, || format!("{had:?}"))?;

    let replay = |consumer: &str, r#type: &str, dry_run: bool| Replay {
        consumer: consumer.to_owned(),
        types: vec![r#type.to_owned()],
        since,
        dry_run,
    };
    let counted = stage.bus.replay(&replay(GROUP.name, PLACED, true)).await.unwrap();
    ensure(counted == 4, || format!("{counted} would be replayed"))?;
    let none = stage
        .bus
        .replay(&replay(GROUP.name, "shop.order.lost.v1", false))
        .await
        .unwrap();
    let others = stage
        .bus
        .replay(&replay(GROUP.name, SHIPPED, true))
        .await
        .unwrap();
    ensure((none, others) == (0, 3), || format!("{none} and {others}"))?;
    let replayed = stage
        .bus
        .replay(&replay(GROUP.name, PLACED, false))
        .await
        .unwrap();
    ensure(replayed == 4, || format!("{replayed} were replayed"))?;
    until("the replayed effects", async || stage.effects().await.len() >= 10).await?;
    stage.settle(&process).await?;
    let effects = stage.effects().await;
    let orders: Vec<&str> = effects[6..10]
        .iter()
        .map(|effect| effect.order.as_str())
        .collect();
    let first: Vec<&str> = had[2..].iter().map(|effect| effect.order.as_str()).collect();
    ensure(orders == first && effects.len() == 11, || format!("{effects:?}"))
}

pub async fn a_replay_of_many_pages_misses_none_and_repeats_none(stage: &Stage) -> Result<(), Violation> {
    const ALL: i64 = 1_300;
    let process = stage.process("one").await;
    let outbox = process.node.outbox.clone();
    let placed = stage.business.write(async move |tx| {
        for n in 1..=ALL {
            let order = Order::of("order", n);
            outbox.put(&tx, order.draft()).await?;
            outbox.put(&tx, Order::of("shipped", n).shipped().draft()).await?;
        }
        Ok::<_, OrderError>(())
    });
    placed.await.unwrap();
    process.node.relay(stage.business.clone()).drain().await.unwrap();
    let replay = |dry_run: bool| Replay {
        consumer: GROUP.name.to_owned(),
        types: vec![PLACED.to_owned()],
        since: 0,
        dry_run,
    };
    let counted = stage.bus.replay(&replay(true)).await.unwrap();
    let replayed = stage.bus.replay(&replay(false)).await.unwrap();
    ensure((counted, replayed) == (ALL as u64, ALL as u64), || {
        format!("{counted} counted, {replayed} replayed")
    })?;
    process.relay();
    process.consume(GROUP, process.effect());
    for share in (0..2 * ALL as usize).step_by(100) {
        until(&format!("{share} of the effects"), async || {
            stage.effects().await.len() > share
        })
        .await?;
    }
    // Each came anew and once more.
    stage.settle(&process).await?;
    until("the last effect", async || {
        stage.effects().await.len() > 2 * ALL as usize
    })
    .await?;
    let mut had: Vec<i64> = stage
        .effects()
        .await
        .into_iter()
        .filter(|effect| effect.subject == "order")
        .map(|effect| effect.sequence)
        .collect();
    had.sort_unstable();
    ensure(had.into_iter().eq((1..=ALL).flat_map(|n| [n, n])), || {
        "not each of them twice".to_owned()
    })
}
