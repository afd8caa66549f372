//! Replay: what happened is delivered once more, to one group.

use latchkey_bus::Replay;

use super::{Violation, ensure};
use crate::gate::until;
use crate::shop::{Order, PLACED, SHIPPED};
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
