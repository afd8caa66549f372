//! What the basket consumes: courses and their prices, seats, who owns what, what was bought, and who is gone.

use futures::FutureExt;
use latchkey_bus::{Event, Group, HandlerError, Retries};
use latchkey_contracts::events::course::{CourseEvent, CourseKind, CourseStatus};
use latchkey_contracts::events::inventory::{self, OwnedCause, OwnedItemChanged, StockChanged};
use latchkey_contracts::events::order::{self, OrderSnapshot};
use latchkey_contracts::events::user::{self, UserDeleted};
use latchkey_kit::{Consumer, Transaction, payload};

use crate::domain::{Course, Holder, Kind};
use crate::{commands, store};

/// Courses of the catalog.
pub const COURSES: Consumer = Consumer {
    group: || Group {
        name: "basket.courses",
        types: CourseEvent::TYPES,
        retries: Retries::default(),
    },
    handle: |t, event| async move { remember_course(&t, &event).await }.boxed(),
};

/// Seats and owned items of inventory.
pub const STOCK: Consumer = Consumer {
    group: || Group {
        name: "basket.stock",
        types: &[inventory::STOCK_CHANGED, inventory::OWNED_ITEM_CHANGED],
        retries: Retries::default(),
    },
    handle: |t, event| async move { remember_stock(&t, &event).await }.boxed(),
};

/// Completed orders.
pub const ORDERS: Consumer = Consumer {
    group: || Group {
        name: "basket.orders",
        types: &[order::COMPLETED],
        retries: Retries::default(),
    },
    handle: |t, event| async move { clear_bought(&t, &event).await }.boxed(),
};

/// Deleted users.
pub const USERS: Consumer = Consumer {
    group: || Group {
        name: "basket.users",
        types: &[user::DELETED],
        retries: Retries::default(),
    },
    handle: |t, event| async move { forget(&t, &event).await }.boxed(),
};

async fn remember_course(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let CourseEvent { snapshot, .. } = payload(event)?;
    let course = Course {
        course_id: snapshot.course_id,
        kind: match snapshot.kind {
            CourseKind::Course => Kind::Course,
            CourseKind::Item => Kind::Item,
        },
        title: snapshot.title,
        slug: snapshot.slug,
        category_id: snapshot.category_id,
        instructor_id: snapshot.instructor_id,
        price: snapshot.price.amount,
        // Unlisted courses are in no list, but whoever has the address may buy them.
        on_sale: match snapshot.status {
            CourseStatus::Published | CourseStatus::Unlisted => true,
            CourseStatus::Archived => false,
        },
        version: snapshot.version,
    };
    store::remember_course(&t.tx, &course).await?;
    Ok(())
}

async fn remember_stock(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    if event.r#type == inventory::OWNED_ITEM_CHANGED {
        let owned: OwnedItemChanged = payload(event)?;
        if owned.cause == OwnedCause::Erased {
            // The user is deleted: nothing of theirs is kept, whichever event comes first.
            store::forget_item(&t.tx, &owned.owner, &owned.item_id).await?;
            return Ok(());
        }
        store::remember_owned(&t.tx, &owned.owner, &owned.item_id, owned.quantity, owned.version).await?;
        return Ok(());
    }
    let stock: StockChanged = payload(event)?;
    let left = stock
        .capacity
        .map(|capacity| (capacity - stock.sold - stock.reserved).max(0));
    store::remember_stock(&t.tx, &stock.item_id, left, stock.version).await?;
    Ok(())
}

/// Nothing is taken away twice: a replay is another message, and finds the order's own row.
async fn clear_bought(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let order: OrderSnapshot = payload(event)?;
    let holder = Holder::user(&order.buyer_id);
    if !store::clear_once(&t.tx, &order.order_id, t.now).await? {
        return Ok(());
    }
    if store::basket(&t.tx, &holder).await?.is_none() {
        return Ok(());
    }
    let bought: Vec<(String, i64)> = order
        .lines
        .into_iter()
        .map(|line| (line.course_id, line.quantity))
        .collect();
    commands::change(t, &holder, move |basket| {
        let mut after = basket.after_order(&bought);
        if after.coupon_code == order.coupon_code {
            after.coupon_code = None;
        }
        Ok(after)
    })
    .await?;
    Ok(())
}

async fn forget(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let user: UserDeleted = payload(event)?;
    store::delete(&t.tx, &Holder::user(&user.user_id)).await?;
    store::forget_owned(&t.tx, &user.user_id).await?;
    Ok(())
}
