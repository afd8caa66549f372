//! A consumer of one group: takes messages from the group's queue, one after the other, until it is stopped.

use std::future::Future;
use std::ops::ControlFlow;
use std::time::Duration;

use futures::{StreamExt, TryFutureExt};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use latchkey_db::{Tx, reasons};
use latchkey_metrics::catalog::BUS_UNKNOWN_TYPE;
use latchkey_metrics::labels;
use tokio_util::sync::CancellationToken;

use super::broker::{RabbitEventBus, undeclared};
use super::link::{Outgoing, in_time};
use super::message::Message;
use super::topology::{Names, short};
use crate::event_bus::group::{DELAYS, Delivered, FailedDelivery, Handler, HandlerError};
use crate::outage::Outage;
use crate::{BusError, Event};

/// How many messages a consumer has in hand.
const PREFETCH: u16 = 32;
/// The pauses between attempts to reach the broker.
const RECONNECT_FIRST: Duration = Duration::from_millis(100);
const RECONNECT_LONGEST: Duration = Duration::from_secs(5);

pub(super) struct Consumer<H> {
    pub bus: RabbitEventBus,
    pub handler: Handler<H>,
}

impl<H, Fut> Consumer<H>
where
    H: Fn(Tx, Event) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
{
    /// Consumes until `stop`, over as many connections as it takes.
    pub async fn run(self, stop: CancellationToken) {
        let group = self.handler.group.name;
        let mut outage = Outage::default();
        let mut pause = RECONNECT_FIRST;
        while !stop.is_cancelled() {
            let Err(error) = self.consume(&stop, &mut outage).await else {
                return;
            };
            if !outage.lasts() {
                pause = RECONNECT_FIRST;
            }
            if outage.failed() {
                tracing::warn!(
                    reason = reasons(&error),
                    group,
                    "a consumer is waiting for the broker"
                );
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
            pause = (pause * 2).min(RECONNECT_LONGEST);
        }
    }

    /// Consumes until `stop`, or until the channel fails. What was not acknowledged is delivered again.
    async fn consume(&self, stop: &CancellationToken, outage: &mut Outage) -> Result<(), BusError> {
        let channel = self.bus.consuming.channel().await?;
        let queue = self.bus.names.queue(self.handler.group.name);
        let begin = async {
            channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
            let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
            channel
                .basic_consume(short(&queue)?, "".into(), options, arguments)
                .await
                .map_err(|error| undeclared(error, &queue))
        };
        let mut deliveries = in_time(begin).await?;
        if outage.worked().is_some() {
            tracing::info!(group = self.handler.group.name, "a consumer continues");
        }
        let done = loop {
            let delivery = tokio::select! {
                biased;
                () = stop.cancelled() => break Ok(()),
                next = deliveries.next() => match next {
                    Some(Ok(delivery)) => delivery,
                    Some(Err(error)) => break Err(error.into()),
                    // The queue was deleted.
                    None => break Err(BusError::NotDeclared(queue)),
                },
            };
            match self.handle(&delivery, stop).await {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        // The broker hands the queue to another instance at once.
        let closed = in_time(channel.close(200, "done".into()).err_into()).await;
        if let (Err(error), Ok(())) = (closed, &done) {
            tracing::debug!(reason = reasons(&error), "the channel was gone already");
        }
        done
    }

    /// Handles a delivery and acknowledges it. It breaks when it was stopped before that.
    async fn handle(
        &self,
        delivery: &Delivery,
        stop: &CancellationToken,
    ) -> Result<ControlFlow<()>, BusError> {
        let message = Message::received(delivery);
        let now = self.handler.clock.now_ms();
        if let Some(left) = message.due.and_then(|due| left(due, now)) {
            // Longer than the longest queue, or a clock that went back.
            let outgoing = self.later(message, left)?;
            return self.hand_on(outgoing, delivery, stop).await;
        }
        let event = self.event(delivery, &message);
        if let Ok(event) = &event
            && !self.handler.group.types.contains(&event.r#type.as_str())
        {
            // Bound for a newer version, which takes the queue over when this one stops; or left by an older one.
            BUS_UNKNOWN_TYPE.inc(labels::Group::of(self.handler.group.name));
            let failed = FailedDelivery {
                attempts: 1,
                error: format!("no version that took it handles {}", event.r#type),
                for_good: false,
            };
            return self.put_off(message, failed, delivery, stop).await;
        }
        let Some(delivered) = self.deliver(&message, &event, stop).await else {
            return Ok(ControlFlow::Break(()));
        };
        match delivered {
            Delivered::Done => self.acknowledge(delivery).await,
            Delivered::Failed(failed) => self.put_off(message, failed, delivery, stop).await,
        }
    }

    /// The event of a message. Its publisher was allowed to use the routing key, and nothing else of it is proven.
    fn event(&self, delivery: &Delivery, message: &Message) -> Result<Event, BusError> {
        let event = message.event()?;
        let published = delivery.exchange.as_str() == self.bus.names.events();
        if published && delivery.routing_key.as_str() != event.r#type {
            return Err(BusError::Invalid(
                "the type in the envelope differs from the routing key".to_owned(),
            ));
        }
        Ok(event)
    }

    /// Attempts a delivery, however long the database is away; `None` if it was stopped meanwhile.
    async fn deliver(
        &self,
        message: &Message,
        event: &Result<Event, BusError>,
        stop: &CancellationToken,
    ) -> Option<Delivered> {
        let group = self.handler.group.name;
        let (inbox_id, mut outage) = (message.inbox_id(), Outage::default());
        loop {
            let error = match self.handler.deliver(&inbox_id, event, stop).await {
                Ok(delivered) => {
                    if outage.worked().is_some() {
                        tracing::info!(group, "a consumer continues");
                    }
                    return Some(delivered);
                }
                Err(error) => error,
            };
            if outage.failed() {
                tracing::warn!(
                    reason = reasons(&error),
                    group,
                    "a consumer is waiting for its database"
                );
            }
            tokio::select! {
                () = tokio::time::sleep(self.bus.poll) => {}
                () = stop.cancelled() => return None,
            }
        }
    }

    /// Publishes a failed delivery for its next attempt, or parks it, and acknowledges it.
    async fn put_off(
        &self,
        message: Message,
        failed: FailedDelivery,
        delivery: &Delivery,
        stop: &CancellationToken,
    ) -> Result<ControlFlow<()>, BusError> {
        let (handler, now) = (&self.handler, self.handler.clock.now_ms());
        let next = handler.next_attempt(message.attempts, &failed);
        let failed_message = Message {
            attempts: message.attempts.saturating_add(failed.attempts),
            first_at: message.first_at.or(Some(now)),
            error: Some(shortened(&failed.error)),
            due: next,
            parked_at: next.is_none().then_some(now),
            ..message
        };
        let id = failed_message.inbox_id();
        let outgoing = match next {
            Some(due) => self.later(failed_message, left(due, now).unwrap_or_default())?,
            None => {
                let key = handler.group.name.to_owned();
                failed_message.outgoing(self.bus.names.dead(), key)?
            }
        };
        let done = self.hand_on(outgoing, delivery, stop).await?;
        if next.is_none() && done.is_continue() {
            handler.tell_parked(&id, &failed.error);
        }
        Ok(done)
    }

    /// Publishes what becomes of a delivery, however long the broker refuses it, and acknowledges the delivery. Stored
    /// first: a crash in between delivers again, and the inbox detects it.
    ///
    /// It is retried with the delivery in hand. To begin anew with the queue would return everything in hand as well,
    /// and a return counts towards the limit at which the broker gives up a message by itself.
    async fn hand_on(
        &self,
        outgoing: Outgoing,
        delivery: &Delivery,
        stop: &CancellationToken,
    ) -> Result<ControlFlow<()>, BusError> {
        let (group, mut outage) = (self.handler.group.name, Outage::default());
        while let Err(error) = self.bus.publisher.publish(vec![outgoing.clone()]).await {
            if outage.failed() {
                tracing::warn!(
                    reason = reasons(&error),
                    group,
                    "a consumer cannot hand a failed delivery on"
                );
            }
            tokio::select! {
                () = tokio::time::sleep(self.bus.poll) => {}
                () = stop.cancelled() => return Ok(ControlFlow::Break(())),
            }
        }
        if outage.worked().is_some() {
            tracing::info!(group, "a consumer continues");
        }
        self.acknowledge(delivery).await
    }

    fn later(&self, message: Message, left: Duration) -> Result<Outgoing, BusError> {
        let key = Names::after(step(left), self.handler.group.name);
        message.outgoing(self.bus.names.retry(), key)
    }

    async fn acknowledge(&self, delivery: &Delivery) -> Result<ControlFlow<()>, BusError> {
        delivery.ack(BasicAckOptions::default()).await?;
        Ok(ControlFlow::Continue(()))
    }
}

/// The time that is left until `due`, if any, and at most the longest pause: what is left then is looked at again.
fn left(due: i64, now: i64) -> Option<Duration> {
    let longest = DELAYS.into_iter().max().unwrap_or_default();
    let left = u64::try_from(due.saturating_sub(now))
        .ok()
        .filter(|millis| *millis > 0);
    left.map(|millis| Duration::from_millis(millis).min(longest))
}

/// The longest of the queues for the time that is left; a message goes through several if need be.
fn step(left: Duration) -> Duration {
    let [shortest, ..] = DELAYS;
    let fits = DELAYS.into_iter().filter(|delay| *delay <= left);
    fits.max().unwrap_or(shortest)
}

/// An error as a header, which is not the place for pages of text.
fn shortened(error: &str) -> String {
    error.chars().take(1_000).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_made_of_the_queues_that_there_are() {
        let steps = [1, 5, 29, 30, 119, 120, 599, 600, 3_599, 3_600, 9_999];
        let taken = steps.map(|seconds| step(Duration::from_secs(seconds)).as_secs());
        assert_eq!(taken, [5, 5, 5, 30, 30, 120, 120, 600, 600, 3_600, 3_600]);
    }

    #[test]
    fn a_long_pause_is_taken_an_hour_at_a_time() {
        assert_eq!(left(1_000, 1_000), None);
        assert_eq!(left(0, 1_000), None);
        assert_eq!(left(1_001, 1_000), Some(Duration::from_millis(1)));
        assert_eq!(left(i64::MAX, 1_000), Some(Duration::from_secs(3_600)));
    }
}
