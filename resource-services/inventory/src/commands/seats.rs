//! One item and one user: what changes between them, with its movement and its events.

use latchkey_contracts::events::inventory::{
    OWNED_ITEM_CHANGED, OwnedCause, OwnedItemChanged, PROGRESS_CHANGED, STOCK_CHANGED, StockChanged,
};
use latchkey_kit::Transaction;

use crate::domain::{DomainError, HoldFacts, OwnedItem, Seats, Stock};
use crate::store::{Moved, Movement};
use crate::{Error, store};

/// What happens to seats of one item.
pub(super) struct Change<'a> {
    pub moved: Moved,
    pub owner: &'a str,
    pub order_id: Option<&'a str>,
    pub quantity: i64,
    pub seats: Seats,
    pub reason: Option<String>,
}

/// Locks the stock of an item and gathers what is known of it and of a user who is locked.
pub(super) async fn facts(t: &Transaction, owner: &str, item_id: &str) -> Result<HoldFacts, Error> {
    let stock = store::lock_stock(&t.tx, item_id).await?;
    let owned = store::owned(&t.tx, owner, item_id).await?;
    Ok(HoldFacts {
        stock,
        owned: owned.map_or(0, |owned| owned.quantity),
        pending: store::is_pending(&t.tx, owner, item_id).await?,
    })
}

/// The locked stock of an item that is known to exist.
pub(super) async fn locked(t: &Transaction, item_id: &str) -> Result<Stock, Error> {
    Ok(store::lock_stock(&t.tx, item_id)
        .await?
        .ok_or(DomainError::Missing)?)
}

/// Moves seats of a locked stock, where they are counted, and writes the movement.
pub(super) async fn shift(t: &Transaction, stock: &Stock, change: Change<'_>) -> Result<(), Error> {
    if change.seats != Seats::default()
        && let Some(after) = stock.moved(change.seats)?
    {
        save_stock(t, stock, &after).await?;
    }
    let movement = Movement {
        id: t.new_id(),
        item_id: stock.item_id.clone(),
        owner: change.owner.to_owned(),
        order_id: change.order_id.map(str::to_owned),
        moved: change.moved,
        quantity: change.quantity,
        seats: change.seats,
        reason: change.reason,
        actor: t.cause.actor.clone(),
        at: t.now,
    };
    Ok(store::movement(&t.tx, &movement).await?)
}

/// A conditional write that a concurrent transaction has overtaken is decided again.
pub(super) fn must(written: bool) -> Result<(), DomainError> {
    match written {
        true => Ok(()),
        false => Err(DomainError::Stale),
    }
}

/// Replaces a locked stock, and tells of it if its seats changed.
pub(super) async fn save_stock(t: &Transaction, before: &Stock, after: &Stock) -> Result<(), Error> {
    must(store::save_stock(&t.tx, before, after).await?)?;
    match before.version == after.version {
        true => Ok(()),
        false => tell_stock(t, after).await,
    }
}

/// Tells how many seats there are.
pub(super) async fn tell_stock(t: &Transaction, stock: &Stock) -> Result<(), Error> {
    let told: StockChanged = stock.changed();
    t.emit(STOCK_CHANGED, &stock.item_id, stock.version, &told).await
}

/// Writes what a locked user owns, and tells of it.
pub(super) async fn save_owned(t: &Transaction, item: &OwnedItem, cause: OwnedCause) -> Result<(), Error> {
    must(store::save_owned(&t.tx, item).await?)?;
    tell_owned(t, &item.changed(cause)).await
}

/// Tells what somebody owns. The subject is both of them: its sequence is that of the pair.
pub(super) async fn tell_owned(t: &Transaction, told: &OwnedItemChanged) -> Result<(), Error> {
    let subject = format!("{}:{}", told.owner, told.item_id);
    t.emit(OWNED_ITEM_CHANGED, &subject, told.version, told).await
}

/// Publishes how far somebody has come, in the order of what they own.
pub(super) async fn tell_progress(t: &Transaction, item: &OwnedItem) -> Result<(), Error> {
    let told = item.progress();
    let subject = format!("{}:{}", told.owner, told.item_id);
    t.emit(PROGRESS_CHANGED, &subject, told.version, &told).await
}
