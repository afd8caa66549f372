//! Two channels out of one outbox: an event has one of them, and neither waits for the other.

use std::time::Duration;

use super::following::{hear, lives};
use super::{Violation, ensure};
use crate::gate::within;
use crate::shop::Order;
use crate::stage::{GROUP, Stage};

/// They look often, so that a channel that comes back is found at once.
const OFTEN: Option<Duration> = Some(Duration::from_millis(20));

pub async fn each_event_has_one_channel(stage: &Stage) -> Result<(), Violation> {
    let process = stage.working_process("one").await;
    for n in 1..=3 {
        process.produce(Order::of("placed", n)).await?;
        process.produce(Order::of("recalled", n).recalled()).await?;
        process.produce(Order::of("shipped", n).shipped()).await?;
    }
    stage.settle(&process).await?;
    let published = stage.published().await;
    let expected = [
        "placed-1",
        "shipped-1",
        "placed-2",
        "shipped-2",
        "placed-3",
        "shipped-3",
    ];
    ensure(
        published.len() == 7
            && published
                .iter()
                .zip(expected)
                .all(|(order, expected)| order == expected),
        || format!("the bus has {published:?}"),
    )?;
    stage.told_of(3).await?;
    let told = stage.told().await?;
    let expected = [1, 2, 3].map(|n| (n, format!("recalled-{n}")));
    ensure(told == expected, || format!("the log has {told:?}"))
}

pub async fn a_bus_that_is_away_holds_no_revocation_up(stage: &Stage) -> Result<(), Violation> {
    let process = stage.process_that_polls("one", OFTEN).await;
    process.relay();
    process.consume(GROUP, process.effect());
    let mut ear = process.follow_the_shop(0);
    stage.backend.refuse_on_bus(&stage.place).await;
    for n in 1..=3 {
        process.produce(Order::of("placed", n)).await?;
        process.produce(Order::of("recalled", n).recalled()).await?;
    }
    let hearing = hear(&mut ear, 3);
    let heard = within(Duration::from_secs(5), "every revocation", hearing).await??;
    let expected = [1, 2, 3].map(|n| (n, format!("recalled-{n}")));
    ensure(heard == expected, || format!("{heard:?}"))?;
    // The shop's revocations are all told, whatever else of it waits.
    lives(&mut ear, 20).await?;
    let effects = stage.effects().await;
    ensure(effects.is_empty(), || format!("{effects:?}"))?;

    stage.backend.accept_on_bus(&stage.place).await;
    stage.settle(&process).await?;
    let effects: Vec<i64> = stage
        .effects()
        .await
        .iter()
        .map(|effect| effect.sequence)
        .collect();
    ensure(effects == [1, 2, 3, 1], || format!("{effects:?}"))
}

pub async fn a_log_that_is_away_holds_no_event_up(stage: &Stage) -> Result<(), Violation> {
    let process = stage.process_that_polls("one", OFTEN).await;
    process.relay();
    process.consume(GROUP, process.effect());
    let mut ear = process.follow(0);
    stage.backend.refuse_in_log(&stage.place).await;
    for n in 1..=3 {
        process.produce(Order::of("recalled", n).recalled()).await?;
        process.produce(Order::of("placed", n)).await?;
    }
    stage.settle(&process).await?;
    let effects: Vec<i64> = stage
        .effects()
        .await
        .iter()
        .map(|effect| effect.sequence)
        .collect();
    ensure(effects == [1, 2, 3, 1], || format!("{effects:?}"))?;

    stage.backend.accept_in_log(&stage.place).await;
    let heard = hear(&mut ear, 3).await?;
    let expected = [1, 2, 3].map(|n| (n, format!("recalled-{n}")));
    ensure(heard == expected, || format!("{heard:?}"))
}
