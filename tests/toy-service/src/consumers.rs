//! What the service consumes: deleted users.

use futures::FutureExt;
use latchkey_bus::{Event, Group, HandlerError, Retries};
use latchkey_contracts::events::user::{self, UserDeleted};
use latchkey_kit::{Consumer, Transaction, payload};

use crate::store;

/// User events of identity.
pub const USERS: Consumer = Consumer {
    group: || Group {
        name: "toy.users",
        types: &[user::DELETED],
        retries: Retries::default(),
    },
    handle: |t, event| async move { forget(&t, &event).await }.boxed(),
};

/// A deleted user leaves no notes behind; handling the event twice changes nothing.
async fn forget(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let user: UserDeleted = payload(event)?;
    store::forget(&t.tx, &user.user_id).await?;
    Ok(())
}
