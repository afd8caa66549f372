//! The commands of an order: reserve, confirm, release.

use latchkey_contracts::events::command::{About, InventoryReserve};
use latchkey_contracts::events::inventory::{ItemQuantity, ItemTotal, OwnedCause, RefusedReason};
use latchkey_kit::Transaction;

use super::answers::{again, first, tell};
use super::seats::{Change, facts, locked, must, save_owned, shift};
use super::stale::STALE_AFTER_MS;
use crate::domain::{
    Acquisition, DomainError, Line, OwnedItem, Reply, Reservation, Seats, Source, State, Step, Verdict, hold,
    merged, room,
};
use crate::store::Moved;
use crate::{Error, store};

/// Holds every line of an order, or none.
pub async fn reserve(t: &Transaction, command: InventoryReserve) -> Result<(), Error> {
    let reservation = store::lock_reservation(&t.tx, &command.order_id).await?;
    let verdict = reservation.state.on(Step::Reserve);
    if verdict != Verdict::Act {
        return without_effect(t, &reservation, verdict, command.command_id).await;
    }
    let buyer = &command.buyer;
    let is_erased = store::lock_owner(&t.tx, buyer).await?.is_some();
    let mut asked = Vec::new();
    for (item_id, quantity) in merged(&command.lines) {
        let facts = facts(t, buyer, &item_id).await?;
        asked.push((item_id, quantity, facts));
    }
    let decision = match is_erased {
        // The account is gone, and with it the wish.
        true => Err(Reply::Refused(RefusedReason::Cancelled, Vec::new())),
        false => hold(&asked),
    };
    let reply = match decision {
        Ok(lines) => {
            let ask_at = t.now.saturating_add(STALE_AFTER_MS);
            must(store::hold(&t.tx, &command.order_id, buyer, t.now, ask_at).await?)?;
            for (line, (_, _, facts)) in lines.iter().zip(&asked) {
                let stock = facts.stock.as_ref().ok_or(DomainError::Missing)?;
                must(store::insert_line(&t.tx, &command.order_id, buyer, line).await?)?;
                let seats = Seats {
                    sold: 0,
                    reserved: line.quantity,
                };
                let change = change(&reservation, buyer, Moved::Held, line.quantity, seats);
                shift(t, stock, change).await?;
            }
            Reply::Reserved(lines.into_iter().map(quantity).collect())
        }
        Err(refused) => {
            must(store::set_state(&t.tx, &command.order_id, State::Empty, State::Refused).await?)?;
            refused
        }
    };
    first(t, &reservation, Step::Reserve.as_str(), command.command_id, reply).await
}

/// Turns what an order holds into what its buyer owns.
pub async fn confirm(t: &Transaction, command: About) -> Result<(), Error> {
    let reservation = store::lock_reservation(&t.tx, &command.order_id).await?;
    let verdict = reservation.state.on(Step::Confirm);
    if verdict != Verdict::Act {
        return without_effect(t, &reservation, verdict, command.command_id).await;
    }
    let buyer = reservation.buyer.clone().ok_or(DomainError::Missing)?;
    let is_erased = store::lock_owner(&t.tx, &buyer).await?.is_some();
    let mut items = Vec::new();
    for line in store::lines(&t.tx, &command.order_id).await? {
        items.push(grant(t, &reservation, &buyer, is_erased, &line).await?);
    }
    must(store::set_state(&t.tx, &command.order_id, State::Held, State::Confirmed).await?)?;
    let reply = Reply::Granted(Some(buyer), items);
    first(t, &reservation, Step::Confirm.as_str(), command.command_id, reply).await
}

/// Gives back what an order holds; one that holds nothing yet never will.
pub async fn release(t: &Transaction, command: About) -> Result<(), Error> {
    let reservation = store::lock_reservation(&t.tx, &command.order_id).await?;
    let verdict = reservation.state.on(Step::Release);
    if verdict != Verdict::Act {
        return without_effect(t, &reservation, verdict, command.command_id).await;
    }
    let buyer = reservation.buyer.clone().ok_or(DomainError::Missing)?;
    store::lock_owner(&t.tx, &buyer).await?;
    let mut items = Vec::new();
    for line in store::lines(&t.tx, &command.order_id).await? {
        let stock = locked(t, &line.item_id).await?;
        let seats = Seats {
            sold: 0,
            reserved: -line.quantity,
        };
        let change = change(&reservation, &buyer, Moved::Released, line.quantity, seats);
        shift(t, &stock, change).await?;
        must(store::set_line(&t.tx, &command.order_id, &line, 0).await?)?;
        let owned = store::owned(&t.tx, &buyer, &line.item_id).await?;
        items.push(total(
            &line,
            line.quantity,
            owned.map_or(0, |owned| owned.quantity),
        ));
    }
    must(store::set_state(&t.tx, &command.order_id, State::Held, State::Released).await?)?;
    let reply = Reply::Released(Some(buyer), items);
    first(t, &reservation, Step::Release.as_str(), command.command_id, reply).await
}

/// Answers a command that changes nothing, but perhaps what a later one may do.
async fn without_effect(
    t: &Transaction,
    reservation: &Reservation,
    verdict: Verdict,
    command_id: String,
) -> Result<(), Error> {
    let nothing = Reply::Released(None, Vec::new());
    match verdict {
        Verdict::Act => Ok(()),
        Verdict::Repeat(step) => again(t, reservation, step.as_str(), command_id).await,
        Verdict::Bury => {
            must(store::set_state(&t.tx, &reservation.order_id, State::Empty, State::Cancelled).await?)?;
            tell(t, reservation, command_id, nothing).await
        }
        Verdict::Nothing => tell(t, reservation, command_id, nothing).await,
        Verdict::Refuse(reason) => tell(t, reservation, command_id, Reply::Refused(reason, Vec::new())).await,
    }
}

/// Gives one line to its buyer. Whose account is gone gets nothing, and the order is finished all the same.
async fn grant(
    t: &Transaction,
    reservation: &Reservation,
    buyer: &str,
    is_erased: bool,
    line: &Line,
) -> Result<ItemTotal, Error> {
    let stock = locked(t, &line.item_id).await?;
    let before = store::owned(&t.tx, buyer, &line.item_id).await?;
    let owned = before.as_ref().map_or(0, |before| before.quantity);
    let given = room(line.kind, owned, line.quantity);
    let seats = Seats {
        sold: given,
        reserved: -line.quantity,
    };
    let change = change(reservation, buyer, Moved::Confirmed, given, seats);
    shift(t, &stock, change).await?;
    must(store::set_line(&t.tx, &reservation.order_id, line, given).await?)?;
    if is_erased || given == 0 {
        return Ok(total(line, line.quantity, owned));
    }
    let new = Acquisition {
        owner: buyer.to_owned(),
        item_id: line.item_id.clone(),
        kind: line.kind,
        quantity: given,
        source: Source::Order,
        order_id: Some(reservation.order_id.clone()),
    };
    let after = OwnedItem::receive(before, new, t.now)?;
    save_owned(t, &after, OwnedCause::Order).await?;
    Ok(total(line, line.quantity, after.quantity))
}

fn change<'a>(
    reservation: &'a Reservation,
    buyer: &'a str,
    moved: Moved,
    quantity: i64,
    seats: Seats,
) -> Change<'a> {
    Change {
        moved,
        owner: buyer,
        order_id: Some(&reservation.order_id),
        quantity,
        seats,
        reason: None,
    }
}

fn quantity(line: Line) -> ItemQuantity {
    ItemQuantity {
        item_id: line.item_id,
        quantity: line.quantity,
    }
}

fn total(line: &Line, quantity: i64, total: i64) -> ItemTotal {
    ItemTotal {
        item_id: line.item_id.clone(),
        quantity,
        total,
    }
}
