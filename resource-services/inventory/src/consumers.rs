//! What inventory consumes: the commands of orders, what the catalog says about courses, and deleted users.

use futures::FutureExt;
use latchkey_bus::{Event, Group, HandlerError, Retries};
use latchkey_contracts::events::command::InventoryCommand;
use latchkey_contracts::events::course::{self, CourseEvent};
use latchkey_contracts::events::user::{self, UserEvent};
use latchkey_kit::{Consumer, Transaction, is_id};

use crate::commands;

/// The commands of orders.
pub const ORDERS: Consumer = Consumer {
    group: || Group {
        name: "inventory.commands",
        types: InventoryCommand::TYPES,
        retries: Retries::default(),
    },
    handle: |t, event| async move { obey(&t, &event).await }.boxed(),
};

/// Courses that are or were for sale.
pub const COURSES: Consumer = Consumer {
    group: || Group {
        name: "inventory.courses",
        types: &[
            course::PUBLISHED,
            course::UPDATED,
            course::UNLISTED,
            course::ARCHIVED,
        ],
        retries: Retries::default(),
    },
    handle: |t, event| async move { follow(&t, event).await }.boxed(),
};

/// Users who are gone.
pub const PEOPLE: Consumer = Consumer {
    group: || Group {
        name: "inventory.users",
        types: &[user::DELETED],
        retries: Retries::default(),
    },
    handle: |t, event| async move { erase(&t, &event).await }.boxed(),
};

/// Every command is answered, whatever the state. One whose order has no id cannot be answered.
async fn obey(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let command = InventoryCommand::parse(&event.r#type, &event.data).map_err(dead)?;
    let order_id = match &command {
        InventoryCommand::Reserve(command) => &command.order_id,
        InventoryCommand::Confirm(command) | InventoryCommand::Release(command) => &command.order_id,
        InventoryCommand::Revoke(command) | InventoryCommand::Regrant(command) => &command.order_id,
    };
    if !is_id(order_id) {
        return Err(dead("the order's id is none"));
    }
    match command {
        InventoryCommand::Reserve(command) => commands::reserve(t, command).await?,
        InventoryCommand::Confirm(command) => commands::confirm(t, command).await?,
        InventoryCommand::Release(command) => commands::release(t, command).await?,
        InventoryCommand::Revoke(command) => commands::revoke(t, command).await?,
        InventoryCommand::Regrant(command) => commands::regrant(t, command).await?,
    }
    Ok(())
}

async fn follow(t: &Transaction, event: Event) -> Result<(), HandlerError> {
    let told: CourseEvent = serde_json::from_value(event.data).map_err(dead)?;
    Ok(commands::follow(t, told.snapshot).await?)
}

/// A deleted user leaves no library behind; handling the event twice changes nothing.
async fn erase(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    match UserEvent::parse(&event.r#type, &event.data).map_err(dead)? {
        UserEvent::Deleted(user) => Ok(commands::erase(t, &user.user_id).await?),
        UserEvent::Registered(_) | UserEvent::Updated(_) => Ok(()),
    }
}

fn dead(reason: impl std::fmt::Display) -> HandlerError {
    HandlerError::Dead(reason.to_string())
}
