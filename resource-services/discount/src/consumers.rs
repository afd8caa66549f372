//! What the service consumes: the commands of orders, where courses stand in the catalog, completed orders, and deleted
//! users.

use futures::FutureExt;
use latchkey_bus::{Event, Group, HandlerError, Retries};
use latchkey_contracts::events::command::DiscountCommand;
use latchkey_contracts::events::course::CourseEvent;
use latchkey_contracts::events::order::{self, OrderSnapshot};
use latchkey_contracts::events::user::{self, UserDeleted};
use latchkey_kit::{Consumer, Transaction, parse, payload};

use crate::commands::redemptions::{self, CommandError};
use crate::commands::{coupons, quotes};
use crate::domain::{CoursePlace, ERASED};
use crate::{Error, store};

/// Commands of orders.
pub const COMMANDS: Consumer = Consumer {
    group: || Group {
        name: "discount.commands",
        types: DiscountCommand::TYPES,
        retries: Retries::default(),
    },
    handle: |t, event| async move { command(&t, &event).await }.boxed(),
};

/// Courses of the catalog.
pub const COURSES: Consumer = Consumer {
    group: || Group {
        name: "discount.courses",
        types: CourseEvent::TYPES,
        retries: Retries::default(),
    },
    handle: |t, event| async move { place(&t, &event).await }.boxed(),
};

/// Completed orders, for coupons of the first order.
pub const ORDERS: Consumer = Consumer {
    group: || Group {
        name: "discount.orders",
        types: &[order::COMPLETED],
        retries: Retries::default(),
    },
    handle: |t, event| async move { remember_order(&t, &event).await }.boxed(),
};

/// Deleted users.
pub const USERS: Consumer = Consumer {
    group: || Group {
        name: "discount.users",
        types: &[user::DELETED],
        retries: Retries::default(),
    },
    handle: |t, event| async move { forget(&t, &event).await }.boxed(),
};

async fn command(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    Ok(redemptions::handle(t, parse(event, DiscountCommand::parse)?).await?)
}

impl From<CommandError> for HandlerError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Malformed(_) => Self::Dead(error.to_string()),
            CommandError::Contradiction | CommandError::Overtaken => Self::Retry(error.to_string()),
            CommandError::Failed(error) => error.into(),
        }
    }
}

/// Remembers category and instructor of a course. An older event changes nothing.
async fn place(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let CourseEvent { snapshot, .. } = payload(event)?;
    let place = CoursePlace {
        category_id: snapshot.category_id,
        instructor_id: snapshot.instructor_id,
    };
    store::remember_course(&t.tx, &snapshot.course_id, &place, snapshot.version).await?;
    Ok(())
}

async fn remember_order(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let order: OrderSnapshot = payload(event)?;
    store::remember_order(&t.tx, &order.buyer_id, &order.order_id).await?;
    Ok(())
}

/// Redemptions stay, under a pseudonym, because orders refer to them; everything else that names the user goes, and
/// nobody can use a coupon that was theirs. The rows are locked in the order in which quotes and commands lock them: who
/// asks about codes, the buyer, the orders, the coupons.
async fn forget(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let user: UserDeleted = payload(event)?;
    let user_id = &user.user_id;
    store::forget_asker(&t.tx, user_id, &quotes::user_subject(user_id), t.now).await?;
    store::erase_buyer(&t.tx, user_id, t.now).await?;
    store::erase_user(&t.tx, user_id, ERASED).await?;
    for coupon in store::coupons_about(&t.tx, user_id).await? {
        let after = coupon.erase(user_id, t.now).map_err(Error::from)?;
        coupons::save(t, &after).await?;
    }
    store::forget_uses(&t.tx, user_id).await?;
    Ok(())
}
