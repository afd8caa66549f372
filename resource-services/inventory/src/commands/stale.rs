//! Holds that nobody ends: their orders are asked what to do, and only they decide.

use latchkey_clock::rfc3339;
use latchkey_contracts::events::inventory::{STALE, Stale};
use latchkey_kit::Transaction;

use crate::domain::DomainError;
use crate::{Error, store};

/// The age of a hold at which its order is asked, and the time until it is asked again.
pub const STALE_AFTER_MS: i64 = 30 * 60_000;

/// Asks an order about its hold, if it is still due. `false` if it is not.
pub async fn ask(t: &Transaction, order_id: &str) -> Result<bool, Error> {
    let again = t.now.saturating_add(STALE_AFTER_MS);
    let Some((held_at, version)) = store::asked(&t.tx, order_id, t.now, again).await? else {
        return Ok(false);
    };
    let stale = Stale {
        order_id: order_id.to_owned(),
        held_since: rfc3339(held_at),
    };
    t.emit::<DomainError>(STALE, order_id, version, &stale).await?;
    Ok(true)
}
