//! What inventory consumes: the commands of orders, what the catalog says about courses, and deleted users.

use futures::FutureExt;
use latchkey_bus::{Event, Group, HandlerError, Retries};
use latchkey_contracts::events::command::InventoryCommand;
use latchkey_contracts::events::course::{
    ARCHIVED, CourseDrafted, CourseEvent, DRAFTED, PUBLISHED, UNLISTED, UPDATED,
};
use latchkey_contracts::events::user::{self, UserDeleted};
use latchkey_kit::{Consumer, Transaction, is_id, parse, payload};

use crate::commands;

/// The commands of orders.
pub const COMMANDS: Consumer = Consumer {
    group: || Group {
        name: "inventory.commands",
        types: InventoryCommand::TYPES,
        retries: Retries::default(),
    },
    handle: |t, event| async move { command(&t, &event).await }.boxed(),
};

/// Courses that are or were for sale, and drafts whose seats are counted.
pub const COURSES: Consumer = Consumer {
    group: || Group {
        name: "inventory.courses",
        types: &[PUBLISHED, UPDATED, UNLISTED, ARCHIVED, DRAFTED],
        retries: Retries::default(),
    },
    handle: |t, event| async move { follow(&t, &event).await }.boxed(),
};

/// Users who are gone.
pub const USERS: Consumer = Consumer {
    group: || Group {
        name: "inventory.users",
        types: &[user::DELETED],
        retries: Retries::default(),
    },
    handle: |t, event| async move { erase(&t, &event).await }.boxed(),
};

/// Every command is answered, whatever the state. One whose order has no id cannot be answered.
async fn command(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let command = parse(event, InventoryCommand::parse)?;
    let order_id = match &command {
        InventoryCommand::Reserve(command) => &command.order_id,
        InventoryCommand::Confirm(command) | InventoryCommand::Release(command) => &command.order_id,
        InventoryCommand::Revoke(command) | InventoryCommand::Regrant(command) => &command.order_id,
    };
    if !is_id(order_id) {
        return Err(HandlerError::Dead("the order's id is none".to_owned()));
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

async fn follow(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let told = match event.r#type.as_str() {
        DRAFTED => payload::<CourseDrafted>(event)?.into(),
        _ => payload::<CourseEvent>(event)?.snapshot.into(),
    };
    Ok(commands::follow(t, told).await?)
}

/// A deleted user leaves no library behind; handling the event twice changes nothing.
async fn erase(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let user: UserDeleted = payload(event)?;
    Ok(commands::erase(t, &user.user_id).await?)
}
