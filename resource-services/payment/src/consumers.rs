//! What payment consumes: the commands of orders, and users who come and go.

use futures::FutureExt;
use latchkey_bus::{Event, Group, HandlerError, Retries};
use latchkey_contracts::events::command::PaymentCommand;
use latchkey_contracts::events::user::UserEvent;
use latchkey_kit::{Consumer, Transaction, parse};

use crate::commands::{cards, credits, orders};

/// What orders ask.
pub const COMMANDS: Consumer = Consumer {
    group: || Group {
        name: "payment.commands",
        types: PaymentCommand::TYPES,
        retries: Retries::default(),
    },
    handle: |t, event| async move { command(&t, &event).await }.boxed(),
};

/// User events of identity.
pub const USERS: Consumer = Consumer {
    group: || Group {
        name: "payment.users",
        types: UserEvent::TYPES,
        retries: Retries::default(),
    },
    handle: |t, event| async move { greet(&t, &event).await }.boxed(),
};

async fn command(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    Ok(orders::handle(t, parse(event, PaymentCommand::parse)?).await?)
}

/// A new user gets a wallet. An erased one loses theirs for good: it stays closed whatever arrives later, so no version
/// is compared.
async fn greet(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    match parse(event, UserEvent::parse)? {
        UserEvent::Registered(user) | UserEvent::Updated(user) => {
            credits::welcome(t, &user.user_id).await?;
        }
        UserEvent::Deleted(user) => {
            credits::close(t, &user.user_id).await?;
            cards::delete_all(t, &user.user_id).await?;
        }
    }
    Ok(())
}
