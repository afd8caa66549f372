//! What the catalog tells, and how many seats an instructor sells.

use latchkey_kit::{Caller, Transaction};

use super::seats::{must, save_stock, tell_stock};
use crate::domain::{DomainError, Seats, Stock, Told};
use crate::{Error, store};

/// Applies what the catalog tells about a course, if it is newer than what is known.
pub async fn follow(t: &Transaction, course: Told) -> Result<(), Error> {
    let Some(before) = store::lock_stock_alone(&t.tx, &course.item_id).await? else {
        let stock = Stock::new(course);
        must(store::insert_stock(&t.tx, &stock).await?)?;
        return tell_stock(t, &stock).await;
    };
    let moved = match before.begins_to_count(&course) {
        // Whoever moves uncounted seats shares a lock of the stock, so all that they moved is committed.
        true => store::seats_moved(&t.tx, &before.item_id).await?,
        false => Seats::default(),
    };
    match before.follow(course, moved) {
        Some(after) => save_stock(t, &before, &after).await,
        None => Ok(()),
    }
}

/// Writes the stock of an item that the catalog has not told about yet. `false` if it is there already.
pub async fn announce(t: &Transaction, stock: Stock) -> Result<bool, Error> {
    let is_new = store::insert_stock(&t.tx, &stock).await?;
    if is_new {
        tell_stock(t, &stock).await?;
    }
    Ok(is_new)
}

/// Changes the capacity of an item, of which `read` was read.
pub async fn set_capacity(
    t: &Transaction,
    caller: &Caller,
    item_id: &str,
    read: i64,
    capacity: i64,
) -> Result<Stock, Error> {
    let before = store::lock_stock_alone(&t.tx, item_id)
        .await?
        .filter(|stock| caller.may_act_on(&stock.instructor_id))
        .ok_or(DomainError::Missing)?;
    let after = before.with_capacity(capacity, read)?;
    save_stock(t, &before, &after).await?;
    Ok(after)
}
