//! What the service consumes: deleted users.

use futures::FutureExt;
use latchkey_bus::{Event, Group, HandlerError, Retries};
use latchkey_contracts::events::user::{self, UserEvent};
use latchkey_kit::{Consumer, Transaction};

use crate::store;

/// User events of identity.
pub const PEOPLE: Consumer = Consumer {
    group: || Group {
        name: "toy.users",
        types: &[user::DELETED],
        retries: Retries::default(),
    },
    handle: |t, event| async move { forget(&t, &event).await }.boxed(),
};

/// A deleted user leaves no notes behind; handling the event twice changes nothing.
async fn forget(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let told = UserEvent::parse(&event.r#type, &event.data)
        .map_err(|error| HandlerError::Dead(error.to_string()))?;
    if let UserEvent::Deleted(user) = told {
        store::forget(&t.tx, &user.user_id).await?;
    }
    Ok(())
}
