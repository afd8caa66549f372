//! Consumer groups, and how a single delivery is handled, whatever the engine: its effect and its inbox row are one
//! commit.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use latchkey_clock::Clock;
use latchkey_db::{Db, DbError, Tx, sql};
use latchkey_metrics::catalog::BUS_PARKED_TOTAL;
use latchkey_metrics::labels;
use latchkey_trace::{Kind, Scope, Span, scoped};
use tokio_util::sync::CancellationToken;

use crate::{BusError, Event};

/// The pauses between attempts that let the queue pass. At a broker each has a queue of its own.
pub(super) const DELAYS: [Duration; 5] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(120),
    Duration::from_secs(600),
    Duration::from_secs(3_600),
];

/// A consumer group.
#[derive(Clone, Debug)]
pub struct Group {
    /// The name of the consumer, `<service>.<subject>`; also its name in the inbox. It stays as it is once a service
    /// runs: a group with a new name has handled nothing yet.
    pub name: &'static str,
    /// The event types that it handles.
    pub types: &'static [&'static str],
    /// When failed deliveries are retried.
    pub retries: Retries,
}

/// The retry schedule of a failed delivery: first attempts that block the queue, then attempts that do not, then none.
#[derive(Clone, Debug)]
pub struct Retries {
    /// The pauses between attempts that block the queue.
    pub quick: Vec<Duration>,
    /// The pauses between attempts that let the queue pass.
    pub later: Vec<Duration>,
}

/// Why a handler failed. Its transaction is rolled back.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// It may succeed later.
    #[error("{0}")]
    Retry(String),
    /// It will never succeed: park it at once.
    #[error("{0}")]
    Dead(String),
    /// A database error; if the database is merely unavailable, the attempt does not count.
    #[error("the database of the consumer failed")]
    Db(#[from] DbError),
}

/// A dead letter: an event that a consumer could not handle.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Parked {
    /// The group that failed to handle it.
    pub consumer: String,
    /// The event's id.
    pub event_id: String,
    /// The event's type.
    pub r#type: String,
    /// The number of attempts.
    pub attempts: i64,
    /// Why the last attempt failed.
    pub last_error: String,
    /// When it first failed, in Unix milliseconds.
    pub first_at: i64,
    /// When it was parked, in Unix milliseconds.
    pub parked_at: i64,
    /// The whole envelope.
    pub envelope: String,
}

/// Events of the past that are delivered to one group once more.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The group.
    pub consumer: String,
    /// The event types, which the group handles.
    pub types: Vec<String>,
    /// Events that were published earlier are left out, in Unix milliseconds.
    pub since: i64,
    /// Counts the events and delivers none.
    pub dry_run: bool,
}

impl Replay {
    /// True for an event of this type that was published then.
    pub(super) fn wants(&self, r#type: &str, at: i64) -> bool {
        at >= self.since && self.types.iter().any(|wanted| wanted == r#type)
    }
}

/// The outcome of one delivery.
pub(super) enum Delivered {
    /// The effect is committed, now or earlier.
    Done,
    /// Handling failed.
    Failed(FailedDelivery),
}

/// A failed delivery.
pub(super) struct FailedDelivery {
    pub attempts: i64,
    pub error: String,
    /// No further attempt can succeed.
    pub for_good: bool,
}

/// An instance of a group: how it handles events, and in which database.
pub(super) struct Handler<H> {
    pub group: Group,
    pub db: Db,
    pub clock: Clock,
    pub handle: Arc<H>,
    /// The name of the engine in spans.
    pub system: &'static str,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            quick: [50, 250, 1_000].map(Duration::from_millis).to_vec(),
            later: DELAYS.to_vec(),
        }
    }
}

impl Retries {
    /// The pause after a round of quick attempts, given the number of attempts before that round.
    fn pause_after(&self, attempts: i64) -> Option<Duration> {
        self.later.get(rounds(attempts, self.quick.len())).copied()
    }
}

impl<H, Fut> Handler<H>
where
    H: Fn(Tx, Event) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
{
    /// Attempts one delivery until it succeeds or the quick attempts are used up. An unreadable event fails
    /// permanently; an error is that of the database, in which case nothing is counted or acknowledged.
    ///
    /// `inbox_id` is the event's id, or another one when the event is to be handled although it was handled before.
    pub async fn deliver(
        &self,
        inbox_id: &str,
        event: &Result<Event, BusError>,
        stop: &CancellationToken,
    ) -> Result<Delivered, BusError> {
        let mut span = event.as_ref().ok().and_then(|event| self.span(event));
        let scope = span
            .as_ref()
            .map_or_else(Scope::capture, |span| Some(span.scope()));
        let delivered = scoped(scope, self.attempt(inbox_id, event, stop)).await;
        if let Some(span) = &mut span {
            match &delivered {
                Ok(Delivered::Done) => {}
                Ok(Delivered::Failed(_)) => span.fail("delivery_failed"),
                Err(_) => span.fail("database_unavailable"),
            }
        }
        delivered
    }

    fn span(&self, event: &Event) -> Option<Span> {
        let name = || format!("process {}", event.r#type).into();
        let mut span = Span::continuing(Kind::Consumer, name, event.trace())?;
        span.set("messaging.system", self.system);
        span.set("messaging.operation.type", "process");
        span.set("messaging.operation.name", "process");
        span.set("messaging.destination.name", event.r#type.clone());
        span.set("messaging.consumer.group.name", self.group.name);
        span.set("messaging.message.id", event.id.clone());
        Some(span)
    }

    async fn attempt(
        &self,
        inbox_id: &str,
        event: &Result<Event, BusError>,
        stop: &CancellationToken,
    ) -> Result<Delivered, BusError> {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                return Ok(Delivered::Failed(FailedDelivery {
                    attempts: 1,
                    error: error.to_string(),
                    for_good: true,
                }));
            }
        };
        let mut attempts = 0_i64;
        let mut pauses = self.group.retries.quick.iter();
        loop {
            let error = match self.handle_once(inbox_id, event.clone()).await {
                Ok(()) => return Ok(Delivered::Done),
                // The database is unavailable, which is not the handler's fault.
                Err(HandlerError::Db(error)) if error.is_transient() => return Err(error.into()),
                Err(error) => error,
            };
            attempts += 1;
            let for_good = matches!(error, HandlerError::Dead(_));
            match pauses.next() {
                Some(pause) if !for_good && !stop.is_cancelled() => tokio::time::sleep(*pause).await,
                _ => {
                    return Ok(Delivered::Failed(FailedDelivery {
                        attempts,
                        error: error.to_string(),
                        for_good,
                    }));
                }
            }
        }
    }

    /// Inbox row and effect in one transaction.
    async fn handle_once(&self, inbox_id: &str, event: Event) -> Result<(), HandlerError> {
        let (consumer, now, handle) = (self.group.name, self.clock.now_ms(), self.handle.clone());
        let inbox_id = inbox_id.to_owned();
        self.db
            .write(move |tx| async move {
                let first = sql(
                    "INSERT INTO inbox (consumer, message_id, processed_at) VALUES ($1, $2, $3) \
                                 ON CONFLICT (consumer, message_id) DO NOTHING",
                )
                .bind(consumer)
                .bind(inbox_id)
                .bind(now)
                .execute(&tx)
                .await?;
                if first == 0 {
                    return Ok(());
                }
                handle(tx, event).await
            })
            .await
    }

    /// When to retry a delivery with this many attempts before this round, in Unix milliseconds; `None` parks it.
    pub fn next_attempt(&self, before: i64, failed: &FailedDelivery) -> Option<i64> {
        let pause = self.group.retries.pause_after(before);
        let pause = pause.filter(|_| !failed.for_good)?;
        Some(self.clock.now_ms() + pause.as_millis() as i64)
    }

    /// Reports a parked event in metrics and log.
    pub fn tell_parked(&self, event_id: &str, error: &str) {
        BUS_PARKED_TOTAL.inc(labels::Group::of(self.group.name));
        tracing::error!(
            group = self.group.name,
            event.id = event_id,
            error,
            "an event was parked"
        );
    }
}

/// How many rounds of quick attempts were made before.
fn rounds(attempts: i64, quick: usize) -> usize {
    usize::try_from(attempts).unwrap_or(0).div_ceil(quick + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_of_quick_attempts_moves_one_step_along_the_later_ones() {
        assert_eq!(rounds(0, 3), 0);
        assert_eq!(rounds(4, 3), 1);
        assert_eq!(rounds(8, 3), 2);
        assert_eq!(rounds(1, 0), 1);
    }
}
