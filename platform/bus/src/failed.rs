//! Deliveries that failed: tried again later, then parked where a person can see them. Nothing is dropped.

use latchkey_db::{Row, sql};

use crate::lease::Receipt;
use crate::log::{Entry, SqlLog};
use crate::{Bus, BusError};

/// A dead letter: an event that a consumer could not handle.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Parked {
    /// The group that could not handle it.
    pub consumer: String,
    /// The event's id.
    pub event_id: String,
    /// The event's type.
    pub r#type: String,
    /// How often it was tried.
    pub attempts: i64,
    /// Why the last attempt failed.
    pub last_error: String,
    /// When it first failed, Unix milliseconds.
    pub first_at: i64,
    /// When it was parked, Unix milliseconds.
    pub parked_at: i64,
    /// The whole envelope.
    pub envelope: String,
}

/// A delivery that is due again.
pub(crate) struct Due {
    pub entry: Entry,
    pub attempts: i64,
}

impl Bus {
    /// The dead letters of all consumers, oldest first, 1,000 at most.
    pub async fn parked(&self) -> Result<Vec<Parked>, BusError> {
        match self {
            Self::SqlLog(log) => log.parked().await,
        }
    }

    /// Hands a parked event to its consumer again. `false` when there is none.
    pub async fn redrive(&self, consumer: &str, event_id: &str) -> Result<bool, BusError> {
        match self {
            Self::SqlLog(log) => log.redrive(consumer.to_owned(), event_id.to_owned()).await,
        }
    }
}

impl SqlLog {
    /// Writes down that a delivery failed: `next` is when to try again, `None` parks it.
    ///
    /// The receipt is handed in in the same transaction: once the cursor has passed the event, it is the record that
    /// knows how often it was tried. `false` when the group is no longer ours; then nothing is written.
    pub(crate) async fn record_failure(
        &self,
        consumer: &str,
        entry: &Entry,
        attempts: i64,
        error: String,
        next: Option<i64>,
        receipt: Receipt,
    ) -> Result<bool, BusError> {
        let now = self.clock.now_ms();
        let parked = next.is_none().then_some(now);
        let (consumer, event_id) = (consumer.to_owned(), entry.event_id.clone());
        let (r#type, envelope) = (entry.r#type.clone(), entry.envelope.clone());
        self.db()
            .write(move |tx| async move {
                if !receipt.hand_in(&tx).await? {
                    return Ok(false);
                }
                sql("INSERT INTO bus_failed (consumer, event_id, type, envelope, attempts, first_at, last_at, \
                       last_error, next_attempt_at, parked_at) \
                     VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9) \
                     ON CONFLICT (consumer, event_id) DO UPDATE SET attempts = excluded.attempts, \
                       last_at = excluded.last_at, last_error = excluded.last_error, \
                       next_attempt_at = excluded.next_attempt_at, parked_at = excluded.parked_at")
                .bind(consumer)
                .bind(event_id)
                .bind(r#type)
                .bind(envelope)
                .bind(attempts)
                .bind(now)
                .bind(error)
                .bind(next)
                .bind(parked)
                .execute(&tx)
                .await?;
                Ok::<_, BusError>(true)
            })
            .await
    }

    pub(crate) async fn forget_failure(&self, consumer: &str, event_id: &str) -> Result<(), BusError> {
        let (consumer, event_id) = (consumer.to_owned(), event_id.to_owned());
        self.db()
            .write(move |tx| async move {
                sql("DELETE FROM bus_failed WHERE consumer = $1 AND event_id = $2")
                    .bind(consumer)
                    .bind(event_id)
                    .execute(&tx)
                    .await?;
                Ok::<_, BusError>(())
            })
            .await
    }

    /// Failed deliveries whose time has come.
    pub(crate) async fn due(&self, consumer: &str) -> Result<Vec<Due>, BusError> {
        sql("SELECT event_id, type, envelope, attempts FROM bus_failed \
             WHERE consumer = $1 AND parked_at IS NULL AND next_attempt_at <= $2 ORDER BY next_attempt_at LIMIT 32")
        .bind(consumer)
        .bind(self.clock.now_ms())
        .fetch_all(self.db())
        .await?
        .iter()
        .map(|row| {
            let entry = Entry {
                position: 0,
                event_id: row.text("event_id")?,
                r#type: row.text("type")?,
                envelope: row.text("envelope")?,
            };
            Ok(Due { entry, attempts: row.int("attempts")? })
        })
        .collect()
    }

    async fn parked(&self) -> Result<Vec<Parked>, BusError> {
        let read = |row: &Row| {
            Ok(Parked {
                consumer: row.text("consumer")?,
                event_id: row.text("event_id")?,
                r#type: row.text("type")?,
                attempts: row.int("attempts")?,
                last_error: row.text("last_error")?,
                first_at: row.int("first_at")?,
                parked_at: row.int("parked_at")?,
                envelope: row.text("envelope")?,
            })
        };
        sql("SELECT consumer, event_id, type, attempts, last_error, first_at, parked_at, envelope FROM bus_failed \
             WHERE parked_at IS NOT NULL ORDER BY parked_at LIMIT 1000")
        .fetch_all(self.db())
        .await?
        .iter()
        .map(read)
        .collect()
    }

    async fn redrive(&self, consumer: String, event_id: String) -> Result<bool, BusError> {
        let now = self.clock.now_ms();
        self.db()
            .write(move |tx| async move {
                let rows = sql(
                    "UPDATE bus_failed SET parked_at = NULL, next_attempt_at = $3, attempts = 0 \
                                WHERE consumer = $1 AND event_id = $2 AND parked_at IS NOT NULL",
                )
                .bind(consumer)
                .bind(event_id)
                .bind(now)
                .execute(&tx)
                .await?;
                tx.announce();
                Ok::<_, BusError>(rows == 1)
            })
            .await
    }
}
