//! Word of a change: the poll is only the backstop.

use std::time::Duration;

use super::broadcasting::hear;
use super::{Violation, ensure};
use crate::shop::Order;
use crate::stage::{GROUP, Stage};

/// Nobody looks by himself within the hour, so whoever hears of an event was told.
pub async fn word_of_an_event_comes_without_polling(stage: &Stage) -> Result<(), Violation> {
    let hourly = Some(Duration::from_secs(3_600));
    let producer = stage.process_that_polls("producer", hourly).await;
    let relay = stage.process_that_polls("relay", hourly).await;
    let consumer = stage.process_that_polls("consumer", hourly).await;
    let listener = stage.process_that_polls("listener", hourly).await;
    relay.relay();
    consumer.consume(GROUP, consumer.effect());
    let mut ear = listener.broadcast(0);
    for n in 1..=5 {
        producer.produce(Order::of("order", n)).await?;
        stage.effect_of(&format!("order-{n}")).await?;
        let heard = hear(&mut ear, 1).await?;
        ensure(heard[0].0 == n, || format!("{heard:?}"))?;
    }
    stage.exactly_once().await
}
