//! Word of a change: the poll is only the backstop.

use std::time::Duration;

use super::following::hear;
use super::{Violation, ensure};
use crate::shop::Order;
use crate::stage::{GROUP, Stage};

/// Nobody looks by himself within the hour, so whoever hears of an event was told.
const HOURLY: Option<Duration> = Some(Duration::from_secs(3_600));

pub async fn word_of_an_event_comes_without_polling(stage: &Stage) -> Result<(), Violation> {
    let producer = stage.process_that_polls("producer", HOURLY).await;
    let relay = stage.process_that_polls("relay", HOURLY).await;
    let consumer = stage.process_that_polls("consumer", HOURLY).await;
    relay.relay();
    consumer.consume(GROUP, consumer.effect());
    for n in 1..=5 {
        producer.produce(Order::of("order", n)).await?;
        stage.effect_of(&format!("order-{n}")).await?;
    }
    stage.exactly_once().await
}

pub async fn word_of_a_revocation_comes_without_polling(stage: &Stage) -> Result<(), Violation> {
    let producer = stage.process_that_polls("producer", HOURLY).await;
    let relay = stage.process_that_polls("relay", HOURLY).await;
    let listener = stage.process_that_polls("listener", HOURLY).await;
    relay.relay();
    let mut ear = listener.follow(0);
    for n in 1..=5 {
        producer.produce(Order::of("order", n).recalled()).await?;
        let heard = hear(&mut ear, 1).await?;
        ensure(heard[0].0 == n, || format!("{heard:?}"))?;
    }
    Ok(())
}
