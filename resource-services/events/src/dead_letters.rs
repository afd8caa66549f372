//! The dead letters that the bus holds.

use latchkey_bus::{EventBus, Parked};
use latchkey_kit::Context;

use crate::Error;
use crate::domain::{DomainError, Letter};
use crate::error::unavailable;

/// The bus; a service without one is set up wrongly, and says so.
pub fn bus(context: &Context) -> Result<&EventBus, Error> {
    context.bus().ok_or_else(|| {
        tracing::error!("this service was started without the bus");
        DomainError::Unavailable.into()
    })
}

/// The letters of all consumers, at most 1,000, those that were parked first at the beginning.
pub async fn all(context: &Context) -> Result<Vec<Letter>, Error> {
    let parked = bus(context)?.parked().await;
    let parked = parked.map_err(|error| unavailable(&error))?;
    let mut letters: Vec<Letter> = parked.into_iter().map(letter).collect();
    letters.sort_by_key(Letter::place);
    Ok(letters)
}

/// The letter with this id.
pub async fn one(context: &Context, id: &str) -> Result<Letter, Error> {
    let mut all = all(context).await?.into_iter();
    let found = all.find(|letter| letter.id == id);
    found.ok_or_else(|| DomainError::Missing.into())
}

fn letter(parked: Parked) -> Letter {
    Letter {
        id: Letter::id_of(&parked.consumer, &parked.event_id),
        consumer: parked.consumer,
        event_id: parked.event_id,
        event_type: parked.r#type,
        attempts: parked.attempts,
        reason: parked.last_error,
        first_failed_at: parked.first_at,
        parked_at: parked.parked_at,
        envelope: parked.envelope,
    }
}
