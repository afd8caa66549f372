//! What the catalog consumes: the names of instructors, deleted users, seats, who owns what, and
//! which photos are gone.

use futures::FutureExt;
use latchkey_bus::{Event, Group, HandlerError, Retries};
use latchkey_contracts::events::inventory::{
    OWNED_ITEM_CHANGED, OwnedCause, OwnedItemChanged, STOCK_CHANGED, StockChanged,
};
use latchkey_contracts::events::photo::{self, PhotoDeleted};
use latchkey_contracts::events::user::{User, UserEvent};
use latchkey_contracts::resource::{ADMIN, INSTRUCTOR};
use latchkey_kit::{Consumer, Transaction, parse, payload};

use crate::domain::Seats;
use crate::{Error, commands, store};

/// User events of identity.
pub const USERS: Consumer = Consumer {
    group: || Group {
        // It would be `catalog.users`, but installations remember under this name what they have handled.
        name: "catalog",
        types: UserEvent::TYPES,
        retries: Retries::default(),
    },
    handle: |t, event| async move { handle(&t, &event).await }.boxed(),
};

/// Photos that are deleted.
pub const PHOTOS: Consumer = Consumer {
    group: || Group {
        name: "catalog.photos",
        types: &[photo::DELETED],
        retries: Retries::default(),
    },
    handle: |t, event| async move { forget_photo(&t, &event).await }.boxed(),
};

/// A course that names the photo came too late to keep it, or shows somebody else's.
async fn forget_photo(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let PhotoDeleted { photo_id, .. } = payload(event)?;
    for course in store::showing(&t.tx, &photo_id).await? {
        commands::apply(t, &course.without_photo(t.now).map_err(Error::from)?).await?;
    }
    Ok(())
}

/// Seats and owned items of inventory.
pub const STOCK: Consumer = Consumer {
    group: || Group {
        name: "catalog.stock",
        types: &[STOCK_CHANGED, OWNED_ITEM_CHANGED],
        retries: Retries::default(),
    },
    handle: |t, event| async move { remember_stock(&t, &event).await }.boxed(),
};

async fn remember_stock(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    if event.r#type == OWNED_ITEM_CHANGED {
        let owned: OwnedItemChanged = payload(event)?;
        if owned.cause == OwnedCause::Erased {
            // The user is deleted: nothing of theirs is kept, whichever event comes first.
            store::forget_owned(&t.tx, &owned.owner, &owned.item_id).await?;
            return Ok(());
        }
        let quantity = owned.quantity.max(0);
        store::remember_owned(&t.tx, &owned.owner, &owned.item_id, quantity, owned.version).await?;
        return Ok(());
    }
    let stock: StockChanged = payload(event)?;
    let seats = Seats {
        capacity: stock.capacity,
        taken: stock.sold.saturating_add(stock.reserved),
        version: stock.version,
    };
    store::remember_seats(&t.tx, &stock.item_id, seats).await?;
    Ok(())
}

/// Applies one event in the transaction of its inbox row. An older event changes nothing.
pub async fn handle(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let (user_id, name, version) = match parse(event, UserEvent::parse)? {
        UserEvent::Registered(user) | UserEvent::Updated(user) if teaches(&user) => {
            (user.user_id, user.display_name, user.version)
        }
        UserEvent::Registered(_) | UserEvent::Updated(_) => return Ok(()), // names of others are not stored
        UserEvent::Deleted(user) => {
            commands::erase(t, &user.user_id).await?;
            (user.user_id, String::new(), user.version)
        }
    };
    let before = store::instructor_name(&t.tx, &user_id).await?;
    if !store::remember_instructor(&t.tx, &user_id, &name, version).await? || name == before {
        return Ok(());
    }
    Ok(rename(t, &user_id).await?)
}

/// Gives every course of an instructor a new version, so that caches and copies pick up the name.
async fn rename(t: &Transaction, user_id: &str) -> Result<(), Error> {
    for course in store::taught_by(&t.tx, user_id).await? {
        commands::apply(t, &course.renamed(t.now)?).await?;
    }
    Ok(())
}

fn teaches(user: &User) -> bool {
    user.roles.iter().any(|role| role == INSTRUCTOR || role == ADMIN)
}
