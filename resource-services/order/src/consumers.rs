//! What the orders hear: the answers of the saga's participants, the names of courses, used-up items and lessons that are
//! done, erased users.

use futures::FutureExt;
use latchkey_bus::{Event, Group, HandlerError, Retries};
use latchkey_contracts::events::course::CourseEvent;
use latchkey_contracts::events::discount::{self, DiscountReply};
use latchkey_contracts::events::inventory::{
    self, InventoryReply, OwnedCause, OwnedItemChanged, ProgressChanged,
};
use latchkey_contracts::events::payment::{self, PaymentReply};
use latchkey_contracts::events::user::{self, UserDeleted};
use latchkey_kit::{Consumer, Transaction, parse, payload};

use crate::commands::{self, Outcome};
use crate::domain::Input;
use crate::store;

/// The answers of inventory, discount and payment.
pub const REPLIES: Consumer = Consumer {
    group: || Group {
        name: "order.replies",
        types: &[
            inventory::RESERVED,
            inventory::REFUSED,
            inventory::GRANTED,
            inventory::RELEASED,
            inventory::REVOKED,
            inventory::STALE,
            discount::RESERVED,
            discount::REFUSED,
            discount::COMMITTED,
            discount::RELEASED,
            payment::AUTHORIZED,
            payment::ACTION_REQUIRED,
            payment::DECLINED,
            payment::CAPTURED,
            payment::CAPTURE_FAILED,
            payment::VOIDED,
            payment::REFUNDED,
            payment::REFUND_FAILED,
        ],
        retries: Retries::default(),
    },
    handle: |t, event| async move { answer(&t, &event).await }.boxed(),
};

/// Names of courses, for display alone.
pub const COURSES: Consumer = Consumer {
    group: || Group {
        name: "order.courses",
        types: CourseEvent::TYPES,
        retries: Retries::default(),
    },
    handle: |t, event| async move { rename(&t, &event).await }.boxed(),
};

/// Items that their owners have used up, and lessons that they have done.
pub const ITEMS: Consumer = Consumer {
    group: || Group {
        name: "order.items",
        types: &[inventory::OWNED_ITEM_CHANGED, inventory::PROGRESS_CHANGED],
        retries: Retries::default(),
    },
    handle: |t, event| {
        async move {
            match event.r#type.as_str() {
                inventory::PROGRESS_CHANGED => learn(&t, &event).await,
                _ => consume(&t, &event).await,
            }
        }
        .boxed()
    },
};

/// Erased users.
pub const USERS: Consumer = Consumer {
    group: || Group {
        name: "order.users",
        types: &[user::DELETED],
        retries: Retries::default(),
    },
    handle: |t, event| async move { erase(&t, &event).await }.boxed(),
};

/// Applies an answer. One that is not awaited is acknowledged: it was logged and counted.
async fn answer(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let (order_id, input) = input(event)?;
    match commands::happen(t, &order_id, &input).await? {
        Outcome::Stepped(_) | Outcome::Rejected(_) => Ok(()),
        Outcome::Missing => Err(HandlerError::Dead(format!("there is no order {order_id}"))),
    }
}

/// The answer of an event, and the order that it is about.
fn input(event: &Event) -> Result<(String, Input), HandlerError> {
    let name = event.r#type.as_str();
    let input = if InventoryReply::TYPES.contains(&name) {
        parse(event, InventoryReply::parse).map(Input::Inventory)?
    } else if DiscountReply::TYPES.contains(&name) {
        parse(event, DiscountReply::parse).map(Input::Discount)?
    } else {
        parse(event, PaymentReply::parse).map(Input::Payment)?
    };
    // Every answer has it; the subject of the event is the same, but the payload is what was promised.
    let order_id = event.data["order_id"].as_str().unwrap_or_default();
    Ok((order_id.to_owned(), input))
}

async fn rename(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let CourseEvent { snapshot: course, .. } = payload(event)?;
    store::rename(&t.tx, &course.course_id, &course.title, course.version).await?;
    Ok(())
}

async fn consume(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let told: OwnedItemChanged = payload(event)?;
    // What comes late says nothing about somebody who is erased.
    let is_erased = store::pseudonym(&t.tx, &told.owner).await?.is_some();
    if told.cause == OwnedCause::Consumed && !is_erased {
        // When it happened: a replay must not make it later than a purchase that came after it.
        let at = latchkey_clock::from_rfc3339(&event.time).unwrap_or(t.now);
        store::remember_consumed(&t.tx, &told.owner, &told.item_id, told.version, at).await?;
    }
    Ok(())
}

async fn learn(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let told: ProgressChanged = payload(event)?;
    if store::pseudonym(&t.tx, &told.owner).await?.is_none() {
        store::remember_learned(&t.tx, &told.owner, &told.item_id, told.version, told.lessons_done).await?;
    }
    Ok(())
}

async fn erase(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let user: UserDeleted = payload(event)?;
    Ok(commands::erase_buyer(t, &user.user_id).await?)
}
