//! What becomes of a library: gifts, progress, use, and its end with the account.

use std::collections::BTreeSet;

use latchkey_contracts::events::inventory::OwnedCause;
use latchkey_kit::Transaction;

use super::seats::{Change, facts, must, save_owned, shift, tell_owned, tell_progress};
use crate::domain::{Acquisition, DomainError, Grant, OwnedItem, Seats, Source, may_grant};
use crate::store::{Entry, Moved};
use crate::{Error, store};

/// Gives an item to a user without an order.
pub async fn grant(t: &Transaction, grant: Grant) -> Result<Entry, Error> {
    if store::lock_owner(&t.tx, &grant.user).await?.is_some() {
        return Err(DomainError::field("user", "has closed their account").into());
    }
    let facts = facts(t, &grant.user, &grant.item_id).await?;
    let stock = may_grant(&grant, facts)?;
    let seats = Seats {
        sold: grant.quantity,
        reserved: 0,
    };
    let change = Change {
        moved: Moved::Granted,
        owner: &grant.user,
        order_id: None,
        quantity: grant.quantity,
        seats,
        reason: Some(grant.reason),
    };
    shift(t, &stock, change).await?;
    let before = store::owned(&t.tx, &grant.user, &grant.item_id).await?;
    let new = Acquisition {
        owner: grant.user,
        item_id: grant.item_id,
        kind: stock.kind,
        quantity: grant.quantity,
        source: Source::Grant,
        order_id: None,
    };
    let after = OwnedItem::receive(before, new, t.now)?;
    save_owned(t, &after, OwnedCause::Grant).await?;
    entry(t, &after).await
}

/// Adds lessons to those that a user has done.
pub async fn learn(
    t: &Transaction,
    owner: &str,
    item_id: &str,
    lessons: BTreeSet<String>,
) -> Result<Entry, Error> {
    let before = owned(t, owner, item_id).await?;
    let after = before.learned(lessons, t.now)?;
    if let Some(after) = &after {
        must(store::save_owned(&t.tx, after).await?)?;
        tell_progress(t, after).await?;
    }
    entry(t, &after.unwrap_or(before)).await
}

/// Uses up some of an item.
pub async fn consume(t: &Transaction, owner: &str, item_id: &str, quantity: i64) -> Result<Entry, Error> {
    let before = owned(t, owner, item_id).await?;
    let after = before.consumed(quantity)?;
    save_owned(t, &after, OwnedCause::Consumed).await?;
    let stock = store::stock(&t.tx, item_id).await?.ok_or(DomainError::Missing)?;
    let change = Change {
        moved: Moved::Consumed,
        owner,
        order_id: None,
        quantity,
        seats: Seats::default(), // what is used up was sold all the same
        reason: None,
    };
    shift(t, &stock, change).await?;
    entry(t, &after).await
}

/// Removes the library of a user whose account is gone. What they hold ends with its order.
pub async fn erase(t: &Transaction, owner: &str) -> Result<(), Error> {
    store::lock_owner(&t.tx, owner).await?;
    if !store::erase(&t.tx, owner, t.now).await? {
        return Ok(());
    }
    let owned = store::entries(&t.tx, owner).await?;
    store::forget(&t.tx, owner).await?;
    for entry in owned {
        tell_owned(t, &entry.item.erased()?).await?;
    }
    Ok(())
}

/// What a user owns of an item, with the user's lock.
async fn owned(t: &Transaction, owner: &str, item_id: &str) -> Result<OwnedItem, Error> {
    // Nobody who owns nothing gets a row by asking.
    if store::entry(&t.tx, owner, item_id).await?.is_none() {
        return Err(DomainError::Missing.into());
    }
    store::lock_owner(&t.tx, owner).await?;
    let entry = store::entry(&t.tx, owner, item_id).await?;
    Ok(entry.ok_or(DomainError::Missing)?.item)
}

/// The item as its owner sees it, also after the last one was used.
async fn entry(t: &Transaction, item: &OwnedItem) -> Result<Entry, Error> {
    let stock = store::stock(&t.tx, &item.item_id)
        .await?
        .ok_or(DomainError::Missing)?;
    Ok(Entry {
        lesson_count: i64::try_from(item.lessons_done.len()).unwrap_or(i64::MAX),
        item: item.clone(),
        title: stock.title,
        slug: stock.slug,
    })
}
