//! What the service hears: who is gone.

use futures::FutureExt;
use latchkey_bus::{Event, Failure, Group, Retries};
use latchkey_contracts::events::user::{self, UserEvent};
use latchkey_kit::{Consumer, Transaction};

use crate::store;

/// People, as identity tells of them.
pub const PEOPLE: Consumer = Consumer {
    group: || Group {
        name: "toy",
        types: &[user::DELETED],
        retries: Retries::default(),
    },
    handle: |t, event| async move { forget(&t, &event).await }.boxed(),
};

/// A person who is gone leaves no notes behind; hearing of it twice changes nothing.
async fn forget(t: &Transaction, event: &Event) -> Result<(), Failure> {
    let told =
        UserEvent::parse(&event.r#type, &event.data).map_err(|error| Failure::Dead(error.to_string()))?;
    if let UserEvent::Deleted(user) = told {
        store::forget(&t.tx, &user.user_id).await?;
    }
    Ok(())
}
