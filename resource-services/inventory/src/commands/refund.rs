//! The commands of a refund: revoke, and its undoing.

use std::collections::BTreeMap;

use latchkey_contracts::events::command::InventoryLines;
use latchkey_contracts::events::inventory::{ItemTotal, OwnedCause, RefusedReason, Settled};
use latchkey_db::DbError;
use latchkey_kit::Transaction;

use super::answers::{again, first, tell};
use super::seats::{Change, locked, must, save_owned, shift};
use crate::domain::{
    DomainError, Known, OwnedItem, Refund, Reply, Reservation, Seats, Stock, Taken, merged, restore, take,
};
use crate::store::Moved;
use crate::{Error, store};

/// A refund of an order, with its locks.
struct Open {
    reservation: Reservation,
    refund: Refund,
    /// The keys of its stored answers.
    revoke: String,
    regrant: String,
}

/// Takes lines of an order back from their owner, for a refund.
pub async fn revoke(t: &Transaction, command: InventoryLines) -> Result<(), Error> {
    let open = open(t, &command).await?;
    match open.refund.on_revoke(open.reservation.state) {
        Known::Act => {}
        Known::Repeat => return again(t, &open.reservation, &open.revoke, command.command_id).await,
        Known::Refuse(reason) => {
            let reply = Reply::Refused(reason, Vec::new());
            return tell(t, &open.reservation, command.command_id, reply).await;
        }
    }
    let (buyer, is_erased) = lock_buyer(t, &open.reservation).await?;
    let asked = merged(&command.lines);
    let mut items = Vec::new();
    for line in store::lines(&t.tx, &command.order_id).await? {
        let Some(asked) = asked.get(&line.item_id) else {
            continue;
        };
        let stock = locked(t, &line.item_id).await?;
        let before = owned(t, &buyer, is_erased, &line.item_id).await?;
        let quantity = before.as_ref().map_or(0, |before| before.quantity);
        let taken = take(&line, *asked, quantity);
        let after = match before {
            Some(before) if taken.quantity > 0 => Some(before.revoked(taken.quantity, t.now)?),
            other => other,
        };
        if taken.quantity > 0 {
            must(store::set_line(&t.tx, &command.order_id, &line, taken.granted).await?)?;
            apply(t, &open.reservation, &buyer, &stock, &taken, Moved::Revoked).await?;
            if let Some(after) = &after {
                save_owned(t, after, OwnedCause::Revoked).await?;
            }
        }
        items.push(total(&taken, after.as_ref()));
    }
    let reply = Reply::Revoked(Some(buyer), items);
    first(t, &open.reservation, &open.revoke, command.command_id, reply).await
}

/// Gives again what a refund took; one that took nothing yet never will.
pub async fn regrant(t: &Transaction, command: InventoryLines) -> Result<(), Error> {
    let open = open(t, &command).await?;
    match open.refund.on_regrant(open.reservation.state) {
        Known::Act => {}
        Known::Repeat => return again(t, &open.reservation, &open.regrant, command.command_id).await,
        Known::Refuse(reason) => {
            let reply = Reply::Refused(reason, Vec::new());
            return tell(t, &open.reservation, command.command_id, reply).await;
        }
    }
    let (buyer, is_erased) = lock_buyer(t, &open.reservation).await?;
    let (asked, taken) = (merged(&command.lines), taken(t, &open).await?);
    let mut gifts = Vec::new();
    for line in store::lines(&t.tx, &command.order_id).await? {
        let Some(asked) = asked.get(&line.item_id) else {
            continue;
        };
        let stock = locked(t, &line.item_id).await?;
        let before = owned(t, &buyer, is_erased, &line.item_id).await?;
        let asked = if is_erased { 0 } else { *asked };
        let quantity = before.as_ref().map_or(0, |before| before.quantity);
        let given = restore(&line, asked, &taken, quantity);
        gifts.push((line, stock, before, given));
    }
    // Somebody else may have bought the seats meanwhile. Then nothing is given, and the refund can be asked for again.
    let full = gifts
        .iter()
        .filter(|(_, stock, _, given)| !stock.has(given.quantity));
    let full: Vec<String> = full.map(|(line, ..)| line.item_id.clone()).collect();
    if !full.is_empty() {
        let reply = Reply::Refused(RefusedReason::SoldOut, full);
        return tell(t, &open.reservation, command.command_id, reply).await;
    }
    let mut items = Vec::new();
    for (line, stock, before, given) in gifts {
        let after = match before {
            Some(before) if given.quantity > 0 => Some(before.restored(given.quantity)?),
            other => other,
        };
        if given.quantity > 0 {
            must(store::set_line(&t.tx, &command.order_id, &line, given.granted).await?)?;
            apply(t, &open.reservation, &buyer, &stock, &given, Moved::Regranted).await?;
            if let Some(after) = &after {
                save_owned(t, after, OwnedCause::Order).await?;
            }
        }
        items.push(total(&given, after.as_ref()));
    }
    let reply = Reply::Granted(Some(buyer), items);
    first(t, &open.reservation, &open.regrant, command.command_id, reply).await
}

async fn open(t: &Transaction, command: &InventoryLines) -> Result<Open, Error> {
    let reservation = store::lock_reservation(&t.tx, &command.order_id).await?;
    let (revoke, regrant) = (
        format!("revoke:{}", command.refund_id),
        format!("regrant:{}", command.refund_id),
    );
    let revoked = store::answer(&t.tx, &command.order_id, &revoke).await?.is_some();
    let regranted = store::answer(&t.tx, &command.order_id, &regrant).await?.is_some();
    Ok(Open {
        reservation,
        refund: Refund::of(revoked, regranted),
        revoke,
        regrant,
    })
}

async fn lock_buyer(t: &Transaction, reservation: &Reservation) -> Result<(String, bool), Error> {
    let buyer = reservation.buyer.clone().ok_or(DomainError::Missing)?;
    let is_erased = store::lock_owner(&t.tx, &buyer).await?.is_some();
    Ok((buyer, is_erased))
}

/// What the buyer owns of an item; whose account is gone owns nothing.
async fn owned(
    t: &Transaction,
    buyer: &str,
    is_erased: bool,
    item_id: &str,
) -> Result<Option<OwnedItem>, Error> {
    let owned = store::owned(&t.tx, buyer, item_id).await?;
    Ok(owned.filter(|_| !is_erased))
}

/// What a refund took, by its stored answer: nothing if there is none.
async fn taken(t: &Transaction, open: &Open) -> Result<BTreeMap<String, i64>, Error> {
    let answer = store::answer(&t.tx, &open.reservation.order_id, &open.revoke).await?;
    let Some((_, data)) = answer else {
        return Ok(BTreeMap::new());
    };
    let told: Settled =
        serde_json::from_value(data).map_err(|error| DbError::row("data", error.to_string()))?;
    let items = told.items.into_iter();
    Ok(items.map(|item| (item.item_id, item.quantity)).collect())
}

/// Moves the seats of a line.
async fn apply(
    t: &Transaction,
    reservation: &Reservation,
    buyer: &str,
    stock: &Stock,
    by: &Taken,
    moved: Moved,
) -> Result<(), Error> {
    let sold = if moved == Moved::Revoked {
        -by.quantity
    } else {
        by.quantity
    };
    let change = Change {
        moved,
        owner: buyer,
        order_id: Some(&reservation.order_id),
        quantity: by.quantity,
        seats: Seats { sold, reserved: 0 },
        reason: None,
    };
    shift(t, stock, change).await
}

fn total(by: &Taken, owned: Option<&OwnedItem>) -> ItemTotal {
    ItemTotal {
        item_id: by.item_id.clone(),
        quantity: by.quantity,
        total: owned.map_or(0, |owned| owned.quantity),
    }
}
